import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSync } from 'esbuild';
import type { Browser, Page } from 'playwright-core';

/** What the page runs: it makes clients and writes down what they tell. */
const PAGE_SCRIPT = `
import { FourDWebSocket } from './client.js';
window.FourDWebSocket = FourDWebSocket;
window.open4d = (url, { dataType, tokens, protocols, resume, heartbeat, reconnect = { minDelay: 1, maxDelay: 20 }, headers } = {}) => {
  const log = [];
  const write = (_ws, event) => log.push({ ...event, data: event.data instanceof Uint8Array ? ['bytes', ...event.data] : event.data, errors: event.errors?.map(({ errCode, message }) => ({ errCode, message })) });
  const hooks = { onOpen: write, onMessage: write, onError: write, onDisconnect: write, onResume: write, onTerminate: write };
  const token = tokens && (() => (tokens.length > 1 ? tokens.shift() : tokens[0]));
  if (resume === 'session') resume = { storage: sessionStorage };
  const ws = new FourDWebSocket(url, { ...hooks, dataType, headers }, { reconnect, protocols, token, resume, heartbeat });
  return Object.assign(window, { ws, log });
};
`;

/** The client, bundled for browsers. */
export const CLIENT = buildSync({
  entryPoints: ['lib/client/browser.ts'],
  bundle: true,
  format: 'esm',
  minify: true,
  platform: 'browser',
  target: 'es2022',
  write: false,
}).outputFiles[0]!.text;

/** Serves a page that imports the client, under a strict Content-Security-Policy. */
export class ClientSite {
  readonly #http: Server;

  private constructor(http: Server) {
    this.#http = http;
  }

  static async start(): Promise<ClientSite> {
    const http = createServer((request, response) => {
      response.setHeader(
        'Content-Security-Policy',
        "default-src 'none'; script-src 'self'; connect-src ws://127.0.0.1:*; require-trusted-types-for 'script'",
      );
      const scripts: Record<string, string> = { '/client.js': CLIENT, '/page.js': PAGE_SCRIPT };
      const script = scripts[request.url!];
      response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
      response.end(script ?? '<!doctype html><script type="module" src="/page.js"></script>');
    }).listen(0, '127.0.0.1');
    await once(http, 'listening');
    return new ClientSite(http);
  }

  close(): void {
    this.#http.close();
    this.#http.closeAllConnections();
  }

  /** Opens the page, in a window of its own. */
  async open(browser: Browser): Promise<ClientPage> {
    const page = await (await browser.newContext()).newPage();
    const clientPage = new ClientPage(page);
    await page.goto(`http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/`);
    await clientPage.until('!!window.open4d');
    return clientPage;
  }
}

/** The page, with a client in it. */
export class ClientPage {
  /** What broke the Content-Security-Policy. */
  readonly violations: string[] = [];

  constructor(readonly page: Page) {
    page.on('console', (message) => {
      if (/Content Security Policy/i.test(message.text())) this.violations.push(message.text());
    });
  }

  /** Loads it anew: the client of before is gone. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.until('!!window.open4d');
  }

  /**
   * Makes a client. Of `tokens` each attempt gets the next, and those after the last get the last. With `resume: 'session'` the
   * positions are in the session's storage.
   */
  async connect(url: string, options: object = {}): Promise<void> {
    await this.page.evaluate(`void open4d(${JSON.stringify(url)}, ${JSON.stringify(options)})`);
  }

  evaluate(code: string): Promise<unknown> {
    return this.page.evaluate(code);
  }

  // Not page.waitForFunction: it evaluates in the page, which the policy forbids.
  async until(condition: string): Promise<void> {
    while (!(await this.page.evaluate(condition))) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** What the client has told. */
  log(): Promise<any[]> {
    return this.page.evaluate('log');
  }

  async types(): Promise<string[]> {
    return (await this.log()).map(({ type }) => type as string);
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}
