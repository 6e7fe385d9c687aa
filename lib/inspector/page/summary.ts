import type { Instance, Instances, Second, ServerActivity } from '../contract.js';
import { byId, element, setText } from './dom.js';
import { age, bytes, count } from './format.js';

/** What is shown first: the numbers of all servers together. */
interface Figure {
  of(second: Second): string;
  isBad?(second: Second): boolean;
}

const total = ({ servers }: Second, key: keyof ServerActivity): number =>
  servers.reduce((sum, server) => sum + Number(server[key]), 0);

const FIGURES: Readonly<Record<string, Figure>> = {
  Connections: { of: (second) => count(total(second, 'connections')) },
  'Came and went/s': {
    of: (second) => `${count(total(second, 'opened'))} / ${count(total(second, 'closed'))}`,
  },
  'Refused/s': {
    of: (second) => count(total(second, 'refused')),
    isBad: (second) => total(second, 'refused') > 0,
  },
  'Received/s': { of: (second) => count(total(second, 'received')) },
  'Sent/s': { of: (second) => count(total(second, 'sent')) },
  'Messages waiting': {
    of: (second) => count(total(second, 'queuedMessages')),
    isBad: (second) => total(second, 'queuedMessages') > 1000,
  },
  'Bytes not read': {
    of: (second) => bytes(total(second, 'unreadBytes')),
    isBad: (second) => total(second, 'unreadBytes') > 64 * 2 ** 20,
  },
  'Errors/s': {
    of: (second) => count(total(second, 'errors')),
    isBad: (second) => total(second, 'errors') > 0,
  },
  Processor: { of: ({ cpu }) => `${Math.round(cpu * 100)} %`, isBad: ({ cpu }) => cpu > 0.8 },
  Memory: { of: ({ memory }) => bytes(memory) },
};

/** Of each instance, in the order of the table's columns. */
const INSTANCE_CELLS: readonly ((instance: Instance) => string)[] = [
  ({ connections }) => count(connections),
  ({ queuedMessages }) => count(queuedMessages),
  ({ unreadBytes }) => bytes(unreadBytes),
  ({ memory }) => bytes(memory),
  ({ startedAt }) => age(startedAt),
];

export class Summary {
  readonly #figures = Object.entries(FIGURES).map(([name, figure]) => {
    const value = element('dd', {}, '–');
    const tile = element('div', {}, element('dt', {}, name), value);
    byId('now').append(tile);
    return { figure, tile, value };
  });

  show(second: Second): void {
    for (const { figure, tile, value } of this.#figures) {
      setText(value, figure.of(second));
      tile.dataset.bad = String(figure.isBad?.(second) ?? false);
    }
  }

  showInstances({ own, others }: Instances): void {
    const all = [own, ...others];
    setText(byId('instance'), `${own.name}, Node ${own.node}, up ${age(own.startedAt)}`);
    byId('instances-part').hidden = others.length === 0;
    document.body.dataset.alone = String(others.length === 0);
    byId('instances-body').replaceChildren(
      ...all.map((instance, index) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, index === 0 ? `${instance.name} (this one)` : instance.name),
          ...INSTANCE_CELLS.map((of) => element('td', { className: 'number' }, of(instance))),
        ),
      ),
    );
  }
}
