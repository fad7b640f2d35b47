import { train } from '@lockstep/coordinator';
import { type JobName, jobs, steps } from './jobs.ts';

// node print-digest.ts <job> <threads>: the digest of a test job, for other versions of Node and other processors.

const [job, threads] = process.argv.slice(2) as [JobName, string];
const { digest } = await train(jobs[job], { steps, threads: Number(threads) }).done;
console.log(digest);
