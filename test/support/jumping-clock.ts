// Loaded into a process and its threads (--import): the wall clock jumps between tomorrow and long ago, twice a second.

const dayMs = 86_400_000;
const now = Date.now.bind(Date);
const shiftMs = () => (Math.floor(performance.now() / 500) % 2 === 0 ? dayMs : -10_000 * dayMs);

Date.now = () => now() + shiftMs();
const { now: jumping } = Date;
globalThis.Date = class extends Date {
  constructor(...args: [] | [number | string | Date]) {
    super(args.length === 0 ? jumping() : args[0]);
  }
} as DateConstructor;
