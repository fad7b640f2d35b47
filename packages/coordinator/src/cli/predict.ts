import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { DataError, UsageError } from '@lockstep/core';
import { Command } from 'commander';
import { parse } from 'csv-parse';
import { type LoadedModel, loadModel } from '../predict/load-model.ts';
import type { Prediction } from '../predict/messages.ts';

type Row = Readonly<Record<string, unknown>>;

/** Rows that go through the model at a time. */
const batchRows = 64;

export function predictCommand(): Command {
  return new Command('predict')
    .description('apply a trained model to rows of JSON lines or CSV; JSON lines out')
    .argument('<run>', 'a run (its newest checkpoint) or a checkpoint')
    .argument('<input>', 'file of JSON lines or CSV with a header, or - for JSON lines on stdin')
    .option('--debug', 'stacks of errors')
    .action(async (path: string, input: string) => {
      const model = await loadModel(path);
      try {
        let batch: Row[] = [];
        let first = 0;
        for await (const row of rowsOf(input)) {
          batch.push(row);
          if (batch.length < batchRows) continue;
          if (process.stdout.destroyed) return;
          await predictBatch(model, batch, first);
          first += batch.length;
          batch = [];
        }
        if (batch.length > 0) await predictBatch(model, batch, first);
      } finally {
        await model.close();
      }
    });
}

/** @param first - rows of the input before these, for messages that count within the batch */
async function predictBatch(model: LoadedModel, rows: readonly Row[], first: number): Promise<void> {
  const fields = Object.fromEntries(model.fields.map((field) => [field, rows.map((row) => cellOf(row, field))]));
  const options = { rows: rows.length };
  const predicted = await model.predict(fields as Record<string, number[][]>, options).catch((error: Error) => {
    if (!(error instanceof DataError) || first === 0) throw error;
    throw new DataError(`${error.message.replace(/\.$/, '')}; row 0 of these is row ${first} of the input.`);
  });
  const outputs = Object.entries(predicted);
  rows.forEach((_, i) => {
    console.log(
      JSON.stringify(Object.fromEntries(outputs.map(([name, output]) => [name, rowOf(output, i, rows.length)]))),
    );
  });
}

function cellOf(row: Row, field: string): unknown {
  if (row[field] !== undefined) return row[field];
  // CSV: an array field comes as columns field.0, field.1, ...
  const columns = Object.keys(row).filter((name) => name.startsWith(`${field}.`));
  if (columns.length === 0)
    throw new UsageError(
      `A row has no "${field}"; it has ${Object.keys(row)
        .map((k) => `"${k}"`)
        .join(', ')}.`,
    );
  return columns.map((name) => row[name]);
}

/** The i-th of `rows` equal parts, nested as its shape. */
function rowOf({ shape, data }: Prediction, i: number, rows: number): unknown {
  const size = data.length / rows;
  const values = Array.from(data.subarray(i * size, (i + 1) * size));
  const inner = [(shape[0] as number) / rows, ...shape.slice(1)].filter((d, k) => k > 0 || d !== 1);
  return inner.length === 0 ? values[0] : nest(values, inner);
}

function nest(values: number[], shape: readonly number[]): unknown {
  if (shape.length <= 1) return values;
  const size = values.length / (shape[0] as number);
  return Array.from({ length: shape[0] as number }, (_, i) =>
    nest(values.slice(i * size, (i + 1) * size), shape.slice(1)),
  );
}

async function* rowsOf(input: string): AsyncGenerator<Row> {
  if (input.endsWith('.csv')) {
    const numbers = (text: string, { header }: { header: boolean }) =>
      header || text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
    yield* open(input).pipe(
      parse({ columns: true, trim: true, skip_empty_lines: true, cast: numbers }),
    ) as AsyncIterable<Row>;
    return;
  }
  let line = 0;
  for await (const text of createInterface({
    input: input === '-' ? process.stdin : open(input),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    line++;
    if (text.trim()) yield parseLine(text, `${input}:${line}`);
  }
}

function parseLine(text: string, where: string): Row {
  try {
    const row = JSON.parse(text) as unknown;
    if (typeof row === 'object' && row !== null && !Array.isArray(row)) return row as Row;
  } catch {
    // said below
  }
  throw new UsageError(`${where} is not a JSON object: every line must be one, with the model's fields.`);
}

function open(path: string): Readable {
  const stream = createReadStream(path);
  stream.on('error', (error: NodeJS.ErrnoException) => {
    stream.destroy(new UsageError(`${path} cannot be read (${error.code}).`));
  });
  return stream;
}
