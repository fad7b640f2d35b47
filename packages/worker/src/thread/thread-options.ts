/**
 * Threads inherit Node's arguments of the process. One kind must not be inherited: a script given on the command line
 * (`node --input-type=module -e ...`) would keep a thread with a file of its own from starting.
 */
export function threadOptions(): { execArgv?: string[] } {
  const inline = process.execArgv.some((argument) => /^(-e|-p|-pe|--eval|--print|--input-type)(=|$)/.test(argument));
  return inline ? { execArgv: [] } : {};
}
