import { gptJob } from './gpt-job.ts';

/** W3: GPT of 4 layers, 4 heads, width 128, context 64, batch 12. */
export default gptJob({ name: 'w3-gpt', layers: 4, heads: 4, width: 128, context: 64, batch: 12 });
