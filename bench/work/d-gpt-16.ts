import { gptJob } from './gpt-job.ts';

/** The GPT of W6 with batch 16: what two machines would share. */
export default gptJob({ name: 'd-gpt-16', layers: 6, heads: 6, width: 384, context: 256, batch: 16 });
