import { gptJob } from './gpt-job.ts';

/** W6: GPT of 6 layers, 6 heads, width 384, context 256, batch 4. */
export default gptJob({ name: 'w6-gpt-wide', layers: 6, heads: 6, width: 384, context: 256, batch: 4 });
