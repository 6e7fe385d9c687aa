import { encode, isText } from '../protocol/frame.js';
import { BEARER_PREFIX, PLAIN_PROTOCOL } from '../protocol/sub-protocol.js';
import type { Transport, TransportSocket } from './transport.js';

/** A browser tells nobody when something was sent: those who wait for that look so often, in milliseconds. */
const LOOK_EVERY = 20;

/** What is used of a page, or of a worker, which has no document. */
interface Page extends Partial<Listenable> {
  readonly document?: Listenable & { readonly visibilityState: string };
}

interface Listenable {
  addEventListener(type: string, listener: () => void, options: { signal: AbortSignal }): void;
}

/** A token as a sub-protocol (reference 15.6): base64url without padding. */
function bearer(token: string): string {
  const base64 = btoa(String.fromCharCode(...encode(token)));
  return BEARER_PREFIX + base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The global WebSocket: browsers, workers, Deno, Bun. */
export const browserTransport: Transport = {
  open({ url, protocols, token }, observer) {
    // The token comes last: there are servers that choose what is offered first, and would send it back.
    const offered = new Set(protocols);
    if (token) offered.add(PLAIN_PROTOCOL).add(bearer(token));
    const websocket = new WebSocket(url, [...offered]);
    let error: Error | undefined;
    websocket.binaryType = 'arraybuffer';
    websocket.onopen = () => observer.opened(websocket.protocol);
    websocket.onmessage = ({ data }) => {
      const isBinary = !isText(data);
      observer.received(isBinary ? new Uint8Array(data as ArrayBuffer) : data, isBinary);
    };
    websocket.onerror = () => (error = new Error('The connection failed'));
    websocket.onclose = ({ code, reason }) => observer.closed({ code, reason: reason || undefined, error });
    return Object.assign(websocket, {
      destroy() {
        websocket.onopen = websocket.onmessage = websocket.onerror = websocket.onclose = null;
        websocket.close();
      },
      whenSent(callback: () => void) {
        setTimeout(callback, LOOK_EVERY);
      },
    }) as TransportSocket;
  },
  checkHeaders() {
    throw new TypeError('FourDWebSocket: browsers send no "headers"; use "token", a cookie or the query');
  },
  watchPage({ back, lost, left }) {
    const page = globalThis as Page;
    // As the options of the listeners: it has their signal.
    const end = new AbortController();
    page.addEventListener?.('online', back, end);
    page.addEventListener?.('offline', lost, end);
    page.addEventListener?.('pagehide', left, end);
    page.document?.addEventListener(
      'visibilitychange',
      () => {
        if (page.document!.visibilityState === 'visible') back();
      },
      end,
    );
    return () => end.abort();
  },
};
