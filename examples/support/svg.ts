/** Pictures of the examples: a line chart and a heat map, as the text of an SVG file. */

export interface Series {
  readonly name: string;
  /** [x, y], left to right; where y is not finite, or not above 0 on a logarithmic axis, the line has a gap. */
  readonly points: readonly (readonly [number, number])[];
}

export interface LineChart {
  readonly title: string;
  /** Labels of the axes. */
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  readonly logX?: boolean;
  readonly logY?: boolean;
}

export interface HeatMap {
  readonly title?: string;
  /** Labels, top to bottom and left to right. */
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** values[row][column] */
  readonly values: readonly ArrayLike<number>[];
}

const colours = ['#4269d0', '#efb118', '#ff725c', '#6cc5b0', '#3ca951', '#ff8ab7', '#a463f2', '#97bbf5', '#9c6b4e'];
const dashes = ['', '6 3', '2 2'];

/** Several lines over two axes with a legend at the right. */
export function lineChart({ title, x, y, series, logX = false, logY = false }: LineChart): string {
  const [width, height, left, top, plotWidth, plotHeight] = [760, 420, 70, 40, 500, 320];
  const lines = series.map(({ name, points }) => ({
    name,
    points: points.map(([a, b]) => (shown(a, logX) && shown(b, logY) ? ([a, b] as const) : undefined)),
  }));
  const all = lines.flatMap(({ points }) => points.filter((point) => point !== undefined));
  const across = axis(
    all.map(([a]) => a),
    logX,
  );
  const up = axis(
    all.map(([, b]) => b),
    logY,
  );
  const toX = (value: number) => left + across.place(value) * plotWidth;
  const toY = (value: number) => top + (1 - up.place(value)) * plotHeight;
  const parts = [
    ...across.ticks.map((value) => {
      const at = round(toX(value));
      return `${grid(at, top, at, top + plotHeight)}${text(at, top + plotHeight + 16, label(value), 'middle')}`;
    }),
    ...up.ticks.map((value) => {
      const at = round(toY(value));
      return `${grid(left, at, left + plotWidth, at)}${text(left - 6, at + 4, label(value), 'end')}`;
    }),
    text(left + plotWidth / 2, height - 16, x, 'middle'),
    `<g transform="translate(16 ${top + plotHeight / 2}) rotate(-90)">${text(0, 0, y, 'middle')}</g>`,
    ...lines.flatMap(({ name, points }, i) => {
      const stroke = `fill="none" stroke="${colours[i % colours.length]}" stroke-width="1.8" stroke-dasharray="${dashes[Math.floor(i / colours.length) % dashes.length]}"`;
      const path = points
        .map((point, k) => point && `${points[k - 1] ? 'L' : 'M'}${round(toX(point[0]))} ${round(toY(point[1]))}`)
        .join('');
      const at = top + 12 + i * 18;
      const from = left + plotWidth + 14;
      return [
        `<path d="${path}" ${stroke}/>`,
        `<path d="M${from} ${at}h22" ${stroke}/>${text(from + 28, at + 4, name, 'start')}`,
      ];
    }),
  ];
  return svg(width, Math.max(height, top + 24 + lines.length * 18), title, parts);
}

/** A rectangle of cells, white for the smallest value and dark blue for the largest, with the scale below. */
export function heatMap({ title = '', rows, columns, values }: HeatMap): string {
  const cell = Math.max(14, Math.min(40, Math.floor(600 / Math.max(rows.length, columns.length))));
  const longest = (labels: readonly string[]) => 16 + 7 * Math.max(1, ...labels.map(({ length }) => length));
  const [left, top] = [longest(rows), 34 + longest(columns)];
  const finite = values.flatMap((row) => Array.from(row)).filter(Number.isFinite);
  const [low, high] = extent(finite);
  const colour = (value: number) => {
    const part = high > low ? (value - low) / (high - low) : 0;
    return Number.isFinite(value)
      ? `rgb(${[247, 251, 255].map((c, i) => Math.round(c + part * ([8, 48, 107][i]! - c)))})`
      : '#bbb';
  };
  const parts = [
    ...rows.map((name, r) => text(left - 6, top + (r + 0.5) * cell + 4, name, 'end')),
    ...columns.map(
      (name, c) =>
        `<g transform="translate(${left + (c + 0.5) * cell + 4} ${top - 6}) rotate(-90)">${text(0, 0, name, 'start')}</g>`,
    ),
    ...rows.flatMap((row, r) =>
      columns.map((column, c) => {
        const value = values[r]?.[c] ?? Number.NaN;
        return `<rect x="${left + c * cell}" y="${top + r * cell}" width="${cell}" height="${cell}" fill="${colour(value)}"><title>${escaped(`${row}, ${column}: ${value}`)}</title></rect>`;
      }),
    ),
    text(left, top + rows.length * cell + 22, `white ${label(low)}, dark ${label(high)}`, 'start'),
  ];
  const width = Math.max(320, left + columns.length * cell + 16);
  return svg(width, top + rows.length * cell + 36, title, parts);
}

interface Axis {
  /** From 0 at the lower end to 1 at the upper. */
  place(value: number): number;
  readonly ticks: readonly number[];
}

const shown = (value: number, log: boolean) => Number.isFinite(value) && (!log || value > 0);

function extent(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  return values.reduce<[number, number]>(
    ([low, high], v) => [Math.min(low, v), Math.max(high, v)],
    [Infinity, -Infinity],
  );
}

function axis(values: readonly number[], log: boolean): Axis {
  const of = log ? Math.log10 : (value: number) => value;
  const back = log ? (value: number) => 10 ** value : (value: number) => value;
  const [first, last] = extent(values.map(of));
  const [low, high] = first < last ? [first, last] : [first - 0.5, last + 0.5];
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough) as number;
  // A logarithmic axis has whole powers of ten where at least two of them fit.
  const spacing = log && high - low >= 2 ? Math.max(1, Math.ceil(step)) : step;
  const count = Math.floor(high / spacing + 1e-9) - Math.ceil(low / spacing - 1e-9) + 1;
  const ticks = Array.from({ length: count }, (_, i) => back((Math.ceil(low / spacing - 1e-9) + i) * spacing));
  return { place: (value) => (of(value) - low) / (high - low), ticks };
}

const round = (value: number) => Math.round(value * 10) / 10;
const label = (value: number) => String(Number(value.toPrecision(3)));
const escaped = (words: string) => words.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const grid = (x1: number, y1: number, x2: number, y2: number) => `<path d="M${x1} ${y1}L${x2} ${y2}" stroke="#ddd"/>`;
const text = (x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end') =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped(words)}</text>`;

function svg(width: number, height: number, title: string, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="white"/>',
    `<text x="16" y="24" font-size="15" font-weight="bold">${escaped(title)}</text>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}
