import { expect, test } from 'vitest';
import { heatMap, lineChart } from './svg.ts';

const count = (text: string, part: string) => text.split(part).length - 1;
/** The curves, without the legend's strokes: those are relative. */
const curves = (svg: string) => [...svg.matchAll(/<path d="(M[^"h]*)" fill="none"/g)].map(([, path]) => path as string);

test('a line for each series, ends of the data at the ends of the axes', () => {
  const svg = lineChart({
    title: 'Loss & <more>',
    x: 'step',
    y: 'loss',
    series: [
      {
        name: 'sgd',
        points: [
          [0, 2],
          [50, 1],
          [100, 0],
        ],
      },
      {
        name: 'adam',
        points: [
          [0, 1],
          [100, 1],
        ],
      },
    ],
  });
  expect(curves(svg)).toEqual(['M70 40L320 200L570 360', 'M70 200L570 200']);
  expect(svg).toContain('Loss &#38; &#60;more&#62;');
  for (const words of ['step', 'loss', 'sgd', 'adam']) expect(svg).toContain(`>${words}</text>`);
});

test('a logarithmic axis has powers of ten; what it cannot show is a gap', () => {
  const svg = lineChart({
    title: '',
    x: 'step',
    y: 'loss',
    logY: true,
    series: [
      {
        name: 'a',
        points: [
          [0, 1],
          [1, 0.1],
          [2, 0],
          [3, Number.NaN],
          [4, 0.01],
          [5, 0.001],
        ],
      },
    ],
  });
  expect(curves(svg)).toEqual([`M70 40L170 146.7M470 253.3L570 360`]);
  for (const tick of ['1', '0.1', '0.01', '0.001']) expect(svg).toContain(`>${tick}</text>`);
});

test('one point, or none, is a chart as well', () => {
  expect(curves(lineChart({ title: '', x: '', y: '', series: [{ name: 'a', points: [[3, 4]] }] }))).toEqual([
    'M320 200',
  ]);
  expect(lineChart({ title: 'empty', x: '', y: '', series: [] })).not.toMatch(/NaN|Infinity|undefined/);
});

test('a heat map: a cell for each value, white to dark', () => {
  const svg = heatMap({
    title: 'attention',
    rows: ['a', 'b'],
    columns: ['x', 'y', 'z'],
    values: [
      [0, 0.5, 1],
      [1, Number.NaN, 0],
    ],
  });
  expect(count(svg, '<rect x=')).toBe(6);
  expect(count(svg, 'rgb(247,251,255)')).toBe(2);
  expect(count(svg, 'rgb(8,48,107)')).toBe(2);
  expect(count(svg, '#bbb')).toBe(1);
  expect(svg).toContain('<title>a, y: 0.5</title>');
});
