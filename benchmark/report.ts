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

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function ratioOf({ of, against, by }: Target, medians: Medians): number {
  const [one, other] = [medians.get(of)!, medians.get(against)!];
  switch (by) {
    case 'throughput':
      return one.throughput! / other.throughput!;
    case 'cost':
      return one.cost / other.cost;
    case 'work per CPU':
      return other.cost / one.cost;
  }
}

/** Judges the targets whose contenders took part. */
export function judge(scenario: Scenario, medians: Medians): Outcome[] {
  return scenario.targets
    .filter(({ of, against }) => medians.has(of) && medians.has(against))
    .map((target) => {
      const ratio = ratioOf(target, medians);
      return { target, ratio, reached: ratio >= (target.least ?? 0) && ratio <= (target.most ?? Infinity) };
    });
}

function costOf({ unit, name }: Scenario, { cost }: Measurement): string {
  return name === 'idle' ? `${(cost / 1024).toFixed(2)} KB` : `${cost.toFixed(2)} µs per ${unit}`;
}

function latencyOf({ latency }: Measurement): string {
  return latency === undefined ? '' : ` ${latency.median.toFixed(2)} ms | ${latency.p99.toFixed(2)} ms |`;
}

/** The tables of all scenarios, as Markdown. */
export function tables(results: readonly ScenarioResult[]): string {
  return results
    .map(({ scenario, medians, outcomes }) => {
      const base = medians.values().next().value!;
      const rows = Array.from(medians, ([name, measurement]) => {
        const throughput =
          measurement.throughput === undefined ? '' : Math.round(measurement.throughput).toLocaleString('en');
        const against = (measurement.cost / base.cost).toFixed(2);
        return `| ${name} | ${throughput} | ${costOf(scenario, measurement)} | ${against} |${latencyOf(measurement)}`;
      });
      const hasLatency = base.latency !== undefined;
      const goals = outcomes.map(({ target, ratio, reached }) => {
        const goal = target.least === undefined ? `≤ ${target.most}` : `≥ ${target.least}`;
        return `| ${target.what}: ${target.of} against ${target.against} | ${goal} | ${ratio.toFixed(2)} | ${reached ? 'yes' : '**no**'} |`;
      });
      return [
        `### ${scenario.title}`,
        '',
        `| | a second | cost | against ${medians.keys().next().value} |${hasLatency ? ' latency: median | 99 % below |' : ''}`,
        `| --- | ---: | ---: | ---: |${hasLatency ? ' ---: | ---: |' : ''}`,
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
