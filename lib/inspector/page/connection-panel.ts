import { inspectorContract, type ConnectionFacts, type LiveMessage } from '../contract.js';
import { byId, element, say, setText } from './dom.js';
import { age, bytes, clock, count, MESSAGE_FORMATS, messageText, type MessageFormat } from './format.js';
import { reasonOf, type Talk } from './talk.js';

/** How often facts are asked for anew, in milliseconds. */
const EVERY = 2000;
/** How many messages are kept. */
const MOST_MESSAGES = 500;

const FACTS: Readonly<Record<string, (facts: ConnectionFacts) => string>> = {
  Status: ({ status }) => status,
  Instance: ({ instance }) => instance,
  Server: ({ server }) => server,
  Address: ({ address }) => address,
  URL: ({ url }) => url,
  'Sub-protocol': ({ protocol }) => protocol || 'none',
  'Open for': ({ openedAt }) => `${age(openedAt)}, since ${clock(openedAt)}`,
  Expires: ({ expiresAt }) => (expiresAt === undefined ? 'never' : clock(expiresAt)),
  'Messages that wait': ({ queuedMessages }) => count(queuedMessages),
  'Bytes not read': ({ unreadBytes }) => bytes(unreadBytes),
  'Bytes in and out': ({ bytesIn, bytesOut }) => `${bytes(bytesIn)} in, ${bytes(bytesOut)} out`,
};

/** One connection in full. */
export class ConnectionPanel {
  readonly #talk: Talk;
  readonly #panel = byId('connection');
  readonly #closed: (id: number) => void;
  #shown: Shown | undefined;
  isReadOnly = true;
  /** The instance that answers. */
  instance = '';

  /** @param closed is told when the panel is closed, and which connection it showed */
  constructor(talk: Talk, closed: (id: number) => void) {
    this.#talk = talk;
    this.#closed = closed;
    talk.onBegin(() => this.#shown?.begin());
  }

  get id(): number | undefined {
    return this.#shown?.id;
  }

  open(id: number): void {
    this.#shown?.end();
    this.#shown = new Shown(id, this.#talk, this.#panel, this, () => this.close());
    this.#panel.hidden = false;
    this.#shown.begin();
    this.#panel.querySelector('h2')!.focus();
  }

  close(): void {
    if (this.#shown === undefined) return;
    const { id } = this.#shown;
    this.#shown.end();
    this.#shown = undefined;
    this.#panel.hidden = true;
    this.#panel.replaceChildren();
    this.#closed(id);
  }
}

/** A connection that is shown. */
class Shown {
  readonly id: number;
  readonly #talk: Talk;
  readonly #facts = element('dl', { className: 'facts' });
  readonly #headers = element('dl', { className: 'facts' });
  readonly #topics = element('ul', { className: 'topics' });
  readonly #list = element('ol', {
    className: 'messages',
    tabIndex: 0,
    attributes: { 'aria-label': 'Messages, the newest last' },
  });
  readonly #note = element('p', { attributes: { role: 'status' }, className: 'quiet' });
  readonly #format = element(
    'select',
    {},
    ...MESSAGE_FORMATS.map((format) => element('option', { value: format }, format.toUpperCase())),
  );
  readonly #filter = element('input', {
    type: 'search',
    placeholder: 'Only with this text',
    spellcheck: false,
  });
  readonly #pause = element('button', { type: 'button' }, 'Pause');
  readonly #messages: { readonly message: LiveMessage; readonly item: HTMLLIElement }[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #watching = new AbortController();
  readonly #instance: string;
  /** The path of its server. */
  #server = '';
  #isPaused = false;
  #leftOut = 0;

  constructor(
    id: number,
    talk: Talk,
    panel: HTMLElement,
    { isReadOnly, instance }: Pick<ConnectionPanel, 'isReadOnly' | 'instance'>,
    close: () => void,
  ) {
    this.id = id;
    this.#instance = instance;
    this.#talk = talk;
    const closes = element('button', { type: 'button' }, 'Close');
    closes.setAttribute('aria-label', 'Close what is shown of the connection');
    closes.addEventListener('click', close);
    this.#pause.addEventListener('click', () => this.#togglePause());
    this.#format.addEventListener('change', () => this.#showAll());
    this.#filter.addEventListener('input', () => this.#showAll());
    panel.replaceChildren(
      element(
        'div',
        { className: 'title' },
        element('h2', { id: 'connection-title', tabIndex: -1 }, `Connection #${id}`),
        closes,
      ),
      this.#note,
      element(
        'div',
        { className: 'columns' },
        element(
          'div',
          {},
          this.#facts,
          element('h3', {}, 'Topics'),
          this.#topics,
          element('h3', {}, 'Request'),
          this.#headers,
        ),
        element(
          'div',
          {},
          element('h3', {}, 'Messages'),
          element(
            'form',
            { attributes: { 'aria-label': 'How messages are shown' } },
            element('label', {}, element('span', { className: 'hidden' }, 'Format'), this.#format),
            element('label', {}, element('span', { className: 'hidden' }, 'Filter'), this.#filter),
            this.#pause,
          ),
          this.#list,
          ...(isReadOnly ? [] : [this.#sendForm(), this.#closeForm()]),
        ),
      ),
    );
    for (const form of panel.querySelectorAll('form'))
      form.addEventListener('submit', (event) => event.preventDefault());
    this.#timer = setInterval(() => {
      if (!document.hidden) void this.#askFacts();
    }, EVERY);
  }

  /** Asks, now that the server is there, or is there again. */
  begin(): void {
    if (!this.#talk.isLive) return;
    void this.#askFacts();
    this.#watching.abort();
    this.#watching = new AbortController();
    const stream = this.#talk.stream(inspectorContract.messages({ id: this.id }), {
      signal: this.#watching.signal,
    });
    void this.#talk.take(stream, (message) => this.#add(message));
  }

  end(): void {
    clearInterval(this.#timer);
    this.#watching.abort();
  }

  async #askFacts(): Promise<void> {
    if (!this.#talk.isLive) return;
    try {
      const facts = await this.#talk.call(inspectorContract.facts({ id: this.id }));
      if (facts === null) setText(this.#note, 'The connection is gone.');
      else this.#showFacts(facts);
    } catch {
      // The line was cut: it is asked again when that is back.
    }
  }

  #showFacts(facts: ConnectionFacts): void {
    this.#server = facts.server;
    if (facts.instance !== this.#instance && this.#note.textContent === '')
      setText(this.#note, `It is on ${facts.instance}: its messages are shown by the inspector there.`);
    const values = Object.entries(FACTS).map(([name, of]) => [name, of(facts)] as const);
    fill(this.#facts, values);
    fill(this.#headers, facts.headers);
    const topics = facts.topicNames.length === 0 ? ['none'] : facts.topicNames;
    if (Array.from(this.#topics.children, ({ textContent }) => textContent).join('\n') !== topics.join('\n'))
      this.#topics.replaceChildren(...topics.map((topic) => element('li', {}, topic)));
  }

  #add(message: LiveMessage): void {
    if (this.#isPaused) {
      this.#leftOut++;
      setText(this.#pause, `Go on (${count(this.#leftOut)} left out)`);
      return;
    }
    const isAtEnd = this.#list.scrollTop + this.#list.clientHeight > this.#list.scrollHeight - 30;
    const arrow = message.direction === 'received' ? '→ received' : '← sent';
    const item = element(
      'li',
      {},
      element('time', {}, clock(message.at)),
      element('span', { className: message.direction }, `${arrow} ${bytes(message.bytes)}`),
      element('span'),
    );
    this.#messages.push({ message, item });
    this.#show(message, item);
    this.#list.append(item);
    if (this.#messages.length > MOST_MESSAGES) this.#messages.shift()!.item.remove();
    if (isAtEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #show({ data, bytes: length, left, isBinary }: LiveMessage, item: HTMLLIElement): void {
    const text = messageText(data, length, this.#format.value as MessageFormat);
    const shown = data === '' && length > 0 ? 'not kept in memory' : text;
    const missed = left > 0 ? `(${count(left)} messages before this one are not shown) ` : '';
    setText(item.lastElementChild!, `${missed}${isBinary ? '[binary] ' : ''}${shown}`);
    item.hidden = !text.toLowerCase().includes(this.#filter.value.toLowerCase());
  }

  #showAll(): void {
    for (const { message, item } of this.#messages) this.#show(message, item);
  }

  #togglePause(): void {
    this.#isPaused = !this.#isPaused;
    this.#leftOut = 0;
    setText(this.#pause, this.#isPaused ? 'Go on' : 'Pause');
  }

  #sendForm(): HTMLFormElement {
    const text = element('textarea', { required: true });
    const form = element(
      'form',
      {},
      element('label', {}, element('span', {}, 'Send a text to this client'), text),
      element('button', {}, 'Send'),
    );
    form.addEventListener('submit', () =>
      this.#do(
        this.#talk.call(inspectorContract.send({ id: this.id, server: this.#server, text: text.value })),
        'Sent.',
      ).then((done) => {
        if (done) text.value = '';
      }),
    );
    return form;
  }

  #closeForm(): HTMLFormElement {
    const code = element('input', {
      type: 'number',
      min: '3001',
      max: '4999',
      value: '4000',
      required: true,
    });
    const reason = element('input', { maxLength: 123 });
    const form = element(
      'form',
      {},
      element('label', {}, 'Code ', code),
      element('label', {}, 'Reason ', reason),
      element('button', { className: 'danger' }, 'Close the connection'),
    );
    form.addEventListener('submit', () =>
      this.#do(
        this.#talk.call(
          inspectorContract.close({
            id: this.id,
            server: this.#server,
            code: Number(code.value),
            reason: reason.value,
          }),
        ),
        'The connection is being closed.',
      ),
    );
    return form;
  }

  async #do(asked: Promise<unknown>, done: string): Promise<boolean> {
    try {
      await asked;
      setText(this.#note, done);
      say(done);
      return true;
    } catch (error) {
      setText(this.#note, reasonOf(error));
      return false;
    }
  }
}

/** Shows names and values; those that are the same stay as they are. */
function fill(list: HTMLElement, values: readonly (readonly [name: string, value: string])[]): void {
  if (list.children.length !== values.length * 2) {
    list.replaceChildren(...values.flatMap(([name]) => [element('dt', {}, name), element('dd')]));
  }
  for (const [index, [name, value]] of values.entries()) {
    setText(list.children[index * 2]!, name);
    setText(list.children[index * 2 + 1]!, value);
  }
}
