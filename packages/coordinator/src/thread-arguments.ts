/**
 * Node's arguments for our own threads: those of the process, without the ones that only make sense for a script given on the
 * command line (`node --input-type=module -e ...`), which would keep a thread from starting.
 */
export function threadArguments(): string[] {
  const own = process.execArgv;
  const result: string[] = [];
  for (let i = 0; i < own.length; i++) {
    const argument = own[i] as string;
    if (/^(-e|-p|-pe|--eval|--print)$/.test(argument)) i++;
    else if (!/^--(input-type|eval|print)/.test(argument)) result.push(argument);
  }
  return result;
}
