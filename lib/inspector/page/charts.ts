import UPlot from 'uplot';
import type { Second } from '../contract.js';
import { byId } from './dom.js';

/** How many seconds a chart shows. */
const SHOWN = 300;
const HEIGHT = 150;

interface Line {
  readonly color: string;
  of(second: Second): number;
}

const sum = (second: Second, key: 'connections' | 'received' | 'sent'): number =>
  second.servers.reduce((total, server) => total + server[key], 0);

const CHARTS: Readonly<Record<string, readonly Line[]>> = {
  'connections-chart': [{ color: '--accent', of: (second) => sum(second, 'connections') }],
  'messages-chart': [
    { color: '--received', of: (second) => sum(second, 'received') },
    { color: '--sent', of: (second) => sum(second, 'sent') },
  ],
  'process-chart': [
    { color: '--received', of: ({ cpu }) => cpu * 100 },
    { color: '--sent', of: ({ delay }) => delay },
  ],
};

/** The charts of the last minutes. */
export class Charts {
  readonly #charts: { readonly lines: readonly Line[]; readonly holder: HTMLElement; plot: UPlot }[];
  readonly #seconds: Second[] = [];

  constructor() {
    this.#charts = Object.entries(CHARTS).map(([id, lines]) => {
      const holder = byId(id);
      return { lines, holder, plot: plotOf(holder, lines) };
    });
    new ResizeObserver(() => this.#resize()).observe(byId('connections-chart'));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      for (const chart of this.#charts) {
        chart.plot.destroy();
        chart.plot = plotOf(chart.holder, chart.lines);
      }
      this.#draw();
    });
  }

  add(second: Second): void {
    this.#seconds.push(second);
    if (this.#seconds.length > SHOWN) this.#seconds.shift();
    if (!document.hidden) this.#draw();
  }

  #draw(): void {
    const times = this.#seconds.map(({ at }) => at / 1000);
    for (const { plot, lines } of this.#charts)
      plot.setData([times, ...lines.map((line) => this.#seconds.map((second) => line.of(second)))]);
  }

  #resize(): void {
    for (const { plot, holder } of this.#charts) plot.setSize({ width: holder.clientWidth, height: HEIGHT });
  }
}

function plotOf(holder: HTMLElement, lines: readonly Line[]): UPlot {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color('--quiet'),
    grid: { stroke: color('--line'), width: 1 },
    ticks: { show: false },
    font: '12px system-ui',
  };
  return new UPlot(
    {
      width: holder.clientWidth || 300,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { y: { range: (_plot, _least, most) => [0, Math.max(most * 1.1, 1)] } },
      axes: [
        { ...axis, space: 80 },
        { ...axis, size: 46 },
      ],
      series: [
        {},
        ...lines.map((line) => ({ stroke: color(line.color), width: 1.5, points: { show: false } })),
      ],
    },
    [[], ...lines.map(() => [])],
    holder,
  );
}
