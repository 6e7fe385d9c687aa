import { FourDWebSocket } from '../../client/browser.js';
import { inspectorContract } from '../contract.js';
import { byId, setText } from './dom.js';

/** The talk with the server: begins anew by itself when it was cut. */
export class Talk {
  readonly #begins: (() => void)[] = [];
  readonly #client: FourDWebSocket<unknown, typeof inspectorContract>;
  isLive = false;

  constructor() {
    const name = document.body.dataset.name!;
    this.#client = new FourDWebSocket(
      new URL(`${name}/socket`, location.href),
      {
        onOpen: () => {
          this.isLive = true;
          show('live', 'Live');
          for (const begin of this.#begins) begin();
        },
        onDisconnect: (_client, { attempt }) => {
          this.isLive = false;
          show('lost', `The server is away, attempt ${attempt}…`);
        },
        onTerminate: (_client, { code, reason }) => {
          this.isLive = false;
          show('lost', `The server refuses (${code} ${reason ?? ''}). Reload the page to try again.`);
        },
        onError: () => undefined,
      },
      { contract: inspectorContract, reconnect: { maxDelay: 3000 } },
    );
  }

  /** Calls back each time the talk begins. */
  onBegin(begin: () => void): void {
    this.#begins.push(begin);
    if (this.isLive) begin();
  }

  get call(): FourDWebSocket<unknown, typeof inspectorContract>['call'] {
    return this.#client.call.bind(this.#client);
  }

  /** Takes the items of a stream, until it ends or is given up. */
  async take<T>(stream: AsyncIterable<T>, item: (item: T) => void): Promise<void> {
    try {
      for await (const each of stream) item(each);
    } catch {
      // The line was cut, or the connection that was watched is gone: both are told elsewhere.
    }
  }

  get stream(): FourDWebSocket<unknown, typeof inspectorContract>['stream'] {
    return this.#client.stream.bind(this.#client);
  }
}

function show(state: string, text: string): void {
  const shown = byId('state');
  shown.dataset.state = state;
  setText(shown, text);
}

/** Why something could not be done, for people. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
