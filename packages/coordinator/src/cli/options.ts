import { InvalidArgumentError, Option } from 'commander';

/** A parser for whole numbers of at least `from`; commander names the option in front of the message. */
export const wholeNumber =
  (from: number) =>
  (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < from) {
      throw new InvalidArgumentError(`It must be a whole number of at least ${from}.`);
    }
    return value;
  };

/** A numeric option that an environment variable can set; the flag wins. */
export const numberOption = (flags: string, description: string, from: number, env?: string): Option => {
  const option = new Option(flags, description).argParser(wholeNumber(from));
  return env ? option.env(env) : option;
};

/** A numeric option with decimals, such as 0.8. */
export const decimalOption = (flags: string, description: string): Option =>
  new Option(flags, description).argParser((text: string): number => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
    return value;
  });

export const onOff = (flags: string, description: string): Option =>
  new Option(flags, description).choices(['on', 'off']).default('on');
