import { inspectorContract, type Second, type ServerActivity } from '../contract.js';
import { ask } from './ask.js';
import { byId, element, say, setText } from './dom.js';
import { bytes, count } from './format.js';
import type { Talk } from './talk.js';

interface Column {
  readonly title: string;
  readonly isText?: boolean;
  of(server: ServerActivity): string;
  isBad?(server: ServerActivity): boolean;
}

const COLUMNS: readonly Column[] = [
  { title: 'Server', isText: true, of: ({ path, isClosing }) => (isClosing ? `${path} (closing)` : path) },
  { title: 'Handler', isText: true, of: ({ handler }) => handler },
  { title: 'Connections', of: ({ connections }) => count(connections) },
  {
    title: 'Received/s',
    of: ({ received, receivedBytes }) => `${count(received)} · ${bytes(receivedBytes)}`,
  },
  { title: 'Sent/s', of: ({ sent, sentBytes }) => `${count(sent)} · ${bytes(sentBytes)}` },
  {
    title: 'Waiting',
    of: ({ queuedMessages }) => count(queuedMessages),
    isBad: ({ queuedMessages }) => queuedMessages > 1000,
  },
  {
    title: 'Unread',
    of: ({ unreadBytes }) => bytes(unreadBytes),
    isBad: ({ unreadBytes }) => unreadBytes > 64 * 2 ** 20,
  },
  { title: 'Topics', of: ({ topics }) => count(topics) },
  { title: 'Errors/s', of: ({ errors }) => count(errors), isBad: ({ errors }) => errors > 0 },
  {
    title: 'Others',
    isText: true,
    of: ({ backplane }) => (backplane === undefined ? '–' : backplane ? 'reached' : 'away'),
    isBad: ({ backplane }) => backplane === false,
  },
];

/** The servers of the instance. */
export class ServerTable {
  readonly #body = element('tbody');
  readonly #rows = new Map<number, HTMLTableRowElement>();
  readonly #talk: Talk;
  isReadOnly = true;

  constructor(talk: Talk) {
    this.#talk = talk;
    const titles = COLUMNS.map(({ title, isText }) =>
      element('th', { scope: 'col', className: isText === true ? '' : 'number' }, title),
    );
    titles.push(
      element('th', { scope: 'col' }, element('span', { className: 'hidden' }, 'What can be done')),
    );
    byId('servers').append(element('thead', {}, element('tr', {}, ...titles)), this.#body);
  }

  show({ servers }: Second): void {
    const present = new Set(servers.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (present.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    for (const server of servers) {
      let row = this.#rows.get(server.id);
      if (row === undefined) {
        row = this.#rowOf(server);
        this.#rows.set(server.id, row);
        this.#body.append(row);
      }
      for (const [index, column] of COLUMNS.entries()) {
        const cell = row.cells[index]!;
        setText(cell, column.of(server));
        cell.dataset.bad = String(column.isBad?.(server) ?? false);
      }
    }
  }

  /** Nothing of a server that is away is shown as if it were there. */
  clear(): void {
    this.#rows.clear();
    this.#body.replaceChildren();
  }

  #rowOf(server: ServerActivity): HTMLTableRowElement {
    const cells = COLUMNS.map(({ isText }, index) =>
      index === 0
        ? element('th', { scope: 'row' })
        : element('td', { className: isText === true ? '' : 'number' }),
    );
    const publish = element('button', { type: 'button' }, 'Publish…');
    publish.addEventListener('click', () => this.#publish(server));
    const drain = element('button', { type: 'button', className: 'danger' }, 'Drain…');
    drain.addEventListener('click', () => this.#drain(server));
    const actions = this.isReadOnly ? [] : [publish, ' ', drain];
    return element('tr', {}, ...cells, element('td', {}, ...actions));
  }

  #publish({ id, path }: ServerActivity): void {
    ask({
      title: `Publish on ${path}`,
      text: 'To all who are subscribed to the topic, on all instances.',
      fields: [
        { name: 'topic', label: 'Topic', required: true },
        { name: 'text', label: 'Message', isLong: true },
      ],
      does: 'Publish',
      async do({ topic = '', text = '' }) {
        await this.talk.call(inspectorContract.publish({ server: id, topic, text }));
        say(`Published to ${topic}`);
      },
      talk: this.#talk,
    });
  }

  #drain({ id, path }: ServerActivity): void {
    ask({
      title: `Drain ${path}`,
      text: 'Closes each of its connections on this instance with 4503, evenly over a time, so that clients come back elsewhere. New ones are still let in: take the instance off the load balancer first.',
      fields: [{ name: 'seconds', label: 'Seconds', type: 'number', value: '60', required: true }],
      does: 'Drain',
      isDangerous: true,
      async do({ seconds = '' }) {
        const closing = await this.talk.call(
          inspectorContract.drain({ server: id, seconds: Number(seconds) }),
        );
        say(`${count(closing)} connections are being closed`);
      },
      talk: this.#talk,
    });
  }
}
