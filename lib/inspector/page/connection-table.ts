import { inspectorContract, type ConnectionRow, type ServerActivity, type SortKey } from '../contract.js';
import { byId, element, say, setText } from './dom.js';
import { age, bytes, count } from './format.js';
import type { Talk } from './talk.js';

/** How many rows a page has, and how often it is asked for anew, in milliseconds. */
const ROWS = 25;
const EVERY = 2000;
/** How long somebody may pause in typing. */
const TYPING = 200;

interface Column {
  readonly title: string;
  readonly key: SortKey;
  readonly isText?: boolean;
  /** Shown only if there are other instances. */
  readonly isElsewhere?: boolean;
  of(row: ConnectionRow): string;
}

const COLUMNS: readonly Column[] = [
  { title: 'Id', key: 'id', isText: true, of: ({ id }) => `#${id}` },
  { title: 'Instance', key: 'instance', isText: true, isElsewhere: true, of: ({ instance }) => instance },
  { title: 'Server', key: 'server', isText: true, of: ({ server }) => server },
  { title: 'Address', key: 'address', isText: true, of: ({ address }) => address },
  { title: 'Open for', key: 'openedAt', of: ({ openedAt }) => age(openedAt) },
  { title: 'Topics', key: 'topics', of: ({ topics }) => count(topics) },
  { title: 'Waiting', key: 'queuedMessages', of: ({ queuedMessages }) => count(queuedMessages) },
  { title: 'Unread', key: 'unreadBytes', of: ({ unreadBytes }) => bytes(unreadBytes) },
  { title: 'Bytes in', key: 'bytesIn', of: ({ bytesIn }) => bytes(bytesIn) },
  { title: 'Bytes out', key: 'bytesOut', of: ({ bytesOut }) => bytes(bytesOut) },
];

/** The list of connections, found, sorted and cut up by the server. */
export class ConnectionTable {
  readonly #talk: Talk;
  readonly #open: (id: number) => void;
  readonly #body = element('tbody');
  readonly #heads: HTMLTableCellElement[];
  readonly #form = byId<HTMLFormElement>('search');
  readonly #rows = new Map<number, HTMLTableRowElement>();
  #sort: SortKey = 'id';
  #descending = true;
  #offset = 0;
  #found = 0;
  #isAsking = false;
  #asksAgain = false;
  #current: number | undefined;

  constructor(talk: Talk, open: (id: number) => void) {
    this.#talk = talk;
    this.#open = open;
    this.#heads = COLUMNS.map((column) => this.#headOf(column));
    byId('list').append(element('thead', {}, element('tr', {}, ...this.#heads)), this.#body);
    this.#form.addEventListener('submit', (event) => event.preventDefault());
    let typing: ReturnType<typeof setTimeout> | undefined;
    this.#form.addEventListener('input', () => {
      clearTimeout(typing);
      typing = setTimeout(() => {
        this.#offset = 0;
        void this.refresh();
      }, TYPING);
    });
    for (const button of byId('pages').querySelectorAll('button'))
      button.addEventListener('click', () => {
        this.#offset += Number(button.dataset.step) * ROWS;
        void this.refresh();
      });
    talk.onBegin(() => void this.refresh());
    setInterval(() => {
      if (!document.hidden) void this.refresh();
    }, EVERY);
  }

  /** Offers the servers to choose from. */
  servers(servers: readonly ServerActivity[]): void {
    const select = this.#form.elements.namedItem('server') as HTMLSelectElement;
    const wanted = ['', ...servers.map(({ path }) => path)];
    if ([...select.options].map(({ value }) => value).join() === wanted.join()) return;
    const chosen = select.value;
    select.replaceChildren(
      element('option', { value: '' }, 'All servers'),
      ...servers.map(({ path }) => element('option', { value: path }, path)),
    );
    select.value = wanted.includes(chosen) ? chosen : '';
  }

  focusSearch(): void {
    (this.#form.elements.namedItem('search') as HTMLInputElement).focus();
  }

  /** Marks the row of the connection that is shown. */
  set current(id: number | undefined) {
    this.#current = id;
    for (const [each, row] of this.#rows) row.setAttribute('aria-current', String(each === id));
  }

  focusRow(id: number): void {
    this.#rows.get(id)?.querySelector('button')?.focus();
  }

  async refresh(): Promise<void> {
    if (!this.#talk.isLive) return;
    if (this.#isAsking) {
      this.#asksAgain = true;
      return;
    }
    this.#isAsking = true;
    const values = new FormData(this.#form);
    const server = values.get('server') as string;
    try {
      const page = await this.#talk.call(
        inspectorContract.list({
          search: (values.get('search') as string).slice(0, 1000),
          server: server === '' ? undefined : server,
          sort: this.#sort,
          descending: this.#descending,
          offset: this.#offset,
          limit: ROWS,
        }),
      );
      this.#show(page.rows, page.found, page.total);
    } catch {
      // The line was cut: it is asked again when that is back.
    }
    this.#isAsking = false;
    if (!this.#asksAgain) return;
    this.#asksAgain = false;
    await this.refresh();
  }

  #show(rows: readonly ConnectionRow[], found: number, total: number): void {
    if (rows.length === 0 && found > 0) {
      // Those of this page are gone.
      this.#offset = Math.floor((found - 1) / ROWS) * ROWS;
      this.#asksAgain = true;
      return;
    }
    if (this.#found !== found) say(`${count(found)} connections found`);
    this.#found = found;
    setText(byId('found'), found === total ? `${count(total)} in all` : `${count(found)} of ${count(total)}`);
    this.#showRows(rows);
    const pages = byId('pages');
    const [previous, next] = pages.querySelectorAll('button');
    previous!.disabled = this.#offset === 0;
    next!.disabled = this.#offset + ROWS >= found;
    pages.hidden = found <= ROWS;
    setText(
      pages.querySelector('span')!,
      `${count(this.#offset + 1)} to ${count(Math.min(this.#offset + ROWS, found))} of ${count(found)}`,
    );
  }

  /** Rows that stay are the same elements: whoever stands on one goes on standing there. */
  #showRows(rows: readonly ConnectionRow[]): void {
    const present = new Set(rows.map(({ id }) => id));
    for (const id of this.#rows.keys()) if (!present.has(id)) this.#rows.delete(id);
    const elements = rows.map((row) => {
      const known = this.#rows.get(row.id) ?? this.#rowOf(row);
      this.#rows.set(row.id, known);
      for (const [index, column] of COLUMNS.entries()) {
        const cell = known.cells[index]!;
        setText(cell.querySelector('button') ?? cell, column.of(row));
      }
      return known;
    });
    if (elements.length === 0) {
      const isAll = (this.#form.elements.namedItem('search') as HTMLInputElement).value === '';
      const text = isAll ? 'Nobody is connected.' : 'No connection is like that.';
      const cell = element('td', { colSpan: COLUMNS.length, className: 'empty' }, text);
      this.#body.replaceChildren(element('tr', {}, cell));
      return;
    }
    const shown = [...this.#body.children];
    if (shown.length !== elements.length || shown.some((row, index) => row !== elements[index]))
      this.#body.replaceChildren(...elements);
    this.current = this.#current;
  }

  #rowOf(row: ConnectionRow): HTMLTableRowElement {
    const cells = COLUMNS.map((column, index) => {
      if (index > 0) return element('td', { className: classOf(column) });
      const open = element('button', { type: 'button', className: 'plain' });
      open.addEventListener('click', () => this.#open(row.id));
      return element('th', { scope: 'row' }, open);
    });
    return element('tr', {}, ...cells);
  }

  #headOf(column: Column): HTMLTableCellElement {
    const { title, key, isText } = column;
    const button = element('button', { type: 'button', className: 'plain' }, title);
    const head = element('th', { scope: 'col', className: classOf(column) }, button);
    if (key === this.#sort) head.ariaSort = 'descending';
    button.addEventListener('click', () => {
      this.#descending = this.#sort === key ? !this.#descending : isText !== true;
      this.#sort = key;
      this.#offset = 0;
      for (const each of this.#heads) each.removeAttribute('aria-sort');
      head.ariaSort = this.#descending ? 'descending' : 'ascending';
      void this.refresh();
    });
    return head;
  }
}

function classOf({ isText, isElsewhere }: Column): string {
  return [isText === true ? '' : 'number', isElsewhere === true ? 'elsewhere' : ''].join(' ').trim();
}
