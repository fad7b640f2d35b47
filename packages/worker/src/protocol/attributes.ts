import { create } from '@bufbuild/protobuf';
import {
  type Attribute,
  AttributeSchema,
  AttributesSchema,
  NumbersSchema,
  type Value,
  ValueSchema,
  ValuesSchema,
} from '../gen/lockstep/v1/program_pb.ts';
import { refuse } from './job-refusal.ts';
import { record } from './names.ts';

/** What an op's attributes and a data source's options may hold; numbers keep all their bits. */
export type Plain = null | boolean | number | string | readonly Plain[] | { readonly [name: string]: Plain };
export type PlainRecord = Readonly<Record<string, Plain>>;

const valueWith = (kind: Value['kind']): Value => create(ValueSchema, { kind });

function toValue(plain: Plain): Value {
  if (plain === null) return valueWith({ case: 'null', value: true });
  if (typeof plain === 'boolean') return valueWith({ case: 'boolean', value: plain });
  if (typeof plain === 'number') return valueWith({ case: 'number', value: plain });
  if (typeof plain === 'string') return valueWith({ case: 'text', value: plain });
  if (!Array.isArray(plain))
    return valueWith({ case: 'map', value: create(AttributesSchema, { entries: toAttributes(plain as PlainRecord) }) });
  return (plain as readonly Plain[]).every((value) => typeof value === 'number')
    ? valueWith({ case: 'numbers', value: create(NumbersSchema, { values: [...(plain as number[])] }) })
    : valueWith({ case: 'list', value: create(ValuesSchema, { values: plain.map(toValue) }) });
}

export const toAttributes = (plain: PlainRecord): Attribute[] =>
  Object.entries(plain)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => create(AttributeSchema, { name, value: toValue(value) }));

function fromValue(value: Value | undefined, what: string): Plain {
  const kind = value?.kind;
  switch (kind?.case) {
    case 'null':
      return null;
    case 'boolean':
    case 'number':
    case 'text':
      return kind.value;
    case 'numbers':
      return kind.value.values;
    case 'list':
      return kind.value.values.map((entry) => fromValue(entry, what));
    case 'map':
      return fromAttributes(kind.value.entries, what);
    default:
      return refuse(`${what} has no value`);
  }
}

/** @param what for the message @throws JobRefusal */
export const fromAttributes = (entries: readonly Attribute[], what: string): PlainRecord =>
  record(
    entries.map(({ name, value }) => [name, fromValue(value, `${what} "${name}"`)] as const),
    what,
  );
