import type { Measurement, Scenario, Target } from './scenarios/measurement.js';

/** The medians of a scenario's contenders, by name. */
export type Medians = ReadonlyMap<string, Measurement>;

/** A target, and what came of it. */
export interface Outcome {
  target: Target;
  ratio: number;
  reached: boolean;
}

export interface ScenarioResult {
  scenario: Scenario;
  medians: Medians;
  outcomes: readonly Outcome[];
}

function ratioOf({ of, against, by }: Target, medians: Medians): number {
  const [one, other] = [medians.get(of)!, medians.get(against)!];
  switch (by) {
    case 'throughput':
      return one.throughput! / other.throughput!;
    case 'cost':
      return one.cost! / other.cost!;
    case 'work per CPU':
      return other.cost! / one.cost!;
    case 'latency added':
      return one.latency!.median - other.latency!.median;
  }
}

/** Judges the targets whose contenders took part. */
export function judge(scenario: Scenario, medians: Medians): Outcome[] {
  return scenario.targets
    .filter(({ of, against }) => medians.has(of) && medians.has(against))
    .map((target) => {
      const ratio = ratioOf(target, medians);
      return {
        target,
        ratio,
        reached: ratio >= (target.least ?? -Infinity) && ratio <= (target.most ?? Infinity),
      };
    });
}

function costOf({ unit, name }: Scenario, cost: number): string {
  return name === 'idle' ? `${(cost / 1024).toFixed(2)} KB` : `${cost.toFixed(2)} µs per ${unit}`;
}

/** The titles of a table, but for the first, which has none. */
function titlesOf({ columns = {} }: Scenario, first: string, base: Measurement): string[] {
  return [
    ...(base.cost === undefined ? [] : ['a second', 'cost', `against ${first}`]),
    ...(base.latency === undefined ? [] : ['latency: median', '99 % below']),
    ...Object.keys(columns),
  ];
}

function cellsOf(scenario: Scenario, base: Measurement, measurement: Measurement): string[] {
  const { throughput, cost, latency, figures = {} } = measurement;
  const speed = throughput === undefined ? '' : Math.round(throughput).toLocaleString('en');
  return [
    ...(cost === undefined ? [] : [speed, costOf(scenario, cost), (cost / base.cost!).toFixed(2)]),
    ...(latency === undefined ? [] : [`${latency.median.toFixed(2)} ms`, `${latency.p99.toFixed(2)} ms`]),
    ...Object.entries(scenario.columns ?? {}).map(([title, { show }]) => show(figures[title]!)),
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** The tables of all scenarios, as Markdown. */
export function tables(results: readonly ScenarioResult[]): string {
  return results
    .map(({ scenario, medians, outcomes }) => {
      const [first, base] = medians.entries().next().value!;
      const titles = titlesOf(scenario, first, base);
      const rows = Array.from(medians, ([name, measurement]) =>
        row([name, ...cellsOf(scenario, base, measurement)]),
      );
      const goals = outcomes.map(({ target, ratio, reached }) => {
        const goal = target.least === undefined ? `≤ ${target.most}` : `≥ ${target.least}`;
        const what = `${target.what}: ${target.of} against ${target.against}`;
        return row([what, goal, ratio.toFixed(2), reached ? 'yes' : '**no**']);
      });
      return [
        `### ${scenario.title}`,
        '',
        row(['', ...titles]),
        row(['---', ...titles.map(() => '---:')]),
        ...rows,
        ...(goals.length === 0
          ? []
          : ['', '| target | goal | measured | reached |', '| --- | --- | ---: | --- |', ...goals]),
      ].join('\n');
    })
    .join('\n\n');
}

/** A bar chart of the throughput of the echo scenarios. */
export function chart(results: readonly ScenarioResult[]): string {
  const shown = results.filter(({ scenario }) => ['echo', 'pipelined'].includes(scenario.name));
  const width = 720;
  const label = 210;
  let y = 10;
  const parts: string[] = [];
  for (const { scenario, medians } of shown) {
    const most = Math.max(...Array.from(medians.values(), ({ throughput }) => throughput ?? 0));
    parts.push(`<text x="0" y="${y + 14}" font-weight="600">${scenario.title}: messages a second</text>`);
    y += 26;
    for (const [name, { throughput = 0 }] of medians) {
      const length = Math.round((throughput / most) * (width - label - 90));
      const colour = name === 'this package' ? '#5b3df5' : '#9a96a8';
      parts.push(
        `<text x="${label - 8}" y="${y + 14}" text-anchor="end">${name}</text>`,
        `<rect x="${label}" y="${y}" width="${length}" height="18" rx="3" fill="${colour}"/>`,
        `<text x="${label + length + 6}" y="${y + 14}">${Math.round(throughput).toLocaleString('en')}</text>`,
      );
      y += 24;
    }
    y += 16;
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" font-family="system-ui, sans-serif" font-size="13">`,
    `<rect width="${width}" height="${y}" fill="#ffffff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}
