import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { WebSocket } from 'ws';
import { PlainServer } from './plain-server.js';

const V1 = 'nestjs-4d-websocket.v1';

interface ResumingServerOptions {
  port?: number;
  /** How often it says something, in milliseconds; 0 promises nothing. */
  heartbeat?: number;
  /** How many messages of a topic it remembers. */
  remembers?: number;
  /** Refuses a client by a close frame with this code, instead of hello. */
  refuses?: (request: IncomingMessage) => number | undefined;
  /** A client has come, and has brought what it knows. */
  joined?: (client: ResumingPeer) => void;
}

/** What is remembered of each topic. */
type Topics = Map<string, { epoch: string; messages: { payload: string | Buffer; except: number[] }[] }>;

/** A client as the server sees it. */
export class ResumingPeer {
  /** What the frame `positions` brought. */
  ids: number[] = [];
  positions: [topic: string, epoch: string, offset: number][] = [];
  readonly topics = new Set<string>();
  /** The payloads of the messages that it sent. */
  readonly received: (string | Buffer)[] = [];

  constructor(
    readonly id: number,
    readonly socket: WebSocket,
    readonly request: IncomingMessage,
  ) {}

  isSilent = false;

  send(header: unknown[] | undefined, payload: string | Buffer = ''): void {
    if (this.isSilent) return;
    const line = `${header ? JSON.stringify(header) : ''}\n`;
    this.socket.send(
      typeof payload === 'string' ? line + payload : Buffer.concat([Buffer.from(line), payload]),
    );
  }
}

/**
 * A server of the sub-protocol, written after docs/protocol.md and nothing else: it shares no code with lib/. Topics that its clients
 * follow remember.
 */
export class ResumingServer {
  readonly peers = new Set<ResumingPeer>();
  /** All clients that there ever were. */
  readonly everyone: ResumingPeer[] = [];
  plain!: PlainServer;
  readonly #options: ResumingServerOptions;
  readonly #topics: Map<
    string,
    { epoch: string; messages: { payload: string | Buffer; except: number[] }[] }
  >;
  #ids = 0;
  #wake: (() => void)[] = [];

  private constructor(options: ResumingServerOptions, topics: Topics = new Map()) {
    this.#options = options;
    this.#topics = topics;
  }

  /** @param before a server whose memory this one has */
  static async start(options: ResumingServerOptions = {}, before?: ResumingServer): Promise<ResumingServer> {
    const server = new ResumingServer(options, before && before.#topics);
    server.#ids = before ? before.#ids : 0;
    server.plain = await PlainServer.start({
      port: options.port,
      protocol: (offered) =>
        [...offered].find((name) => name.startsWith(`${V1}.`)) ?? (offered.has(V1) ? V1 : false),
      serve: (socket, request) => server.#serve(socket, request),
    });
    return server;
  }

  get url(): string {
    return this.plain.url;
  }

  get port(): number {
    return this.plain.port;
  }

  kill(): Promise<void> {
    return this.plain.kill();
  }

  /** Says nothing more to those who are connected, though their lines hold. */
  silence(): void {
    for (const peer of this.peers) peer.isSilent = true;
  }

  /** Cuts all lines. */
  cut(): void {
    for (const { socket } of this.peers) socket.terminate();
  }

  /** Waits until something of the server is so. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await new Promise<void>((resolve) => this.#wake.push(resolve));
  }

  /** The nth client that came, from 1; waits for it. */
  async peer(count: number): Promise<ResumingPeer> {
    await this.until(() => this.everyone.length >= count);
    return this.everyone[count - 1]!;
  }

  publish(topic: string, payload: string | Buffer, except: number[] = []): void {
    const { messages } = this.#topic(topic);
    const offset = messages.push({ payload, except });
    for (const peer of this.peers) {
      if (peer.topics.has(topic) && !except.includes(peer.id)) peer.send(['message', topic, offset], payload);
    }
  }

  /** Forgets a topic, as a store does that loses its memory, and tells those who follow it. */
  forget(topic: string): void {
    this.#topics.delete(topic);
    const { epoch } = this.#topic(topic);
    for (const peer of this.peers) {
      if (!peer.topics.has(topic)) continue;
      peer.send(['topic', topic, epoch, 0, false, null]);
      peer.send(['resumed', [topic]]);
    }
  }

  /** Subscribes a client, which gets what it missed. */
  subscribe(peer: ResumingPeer, ...topics: string[]): void {
    const resumed = topics.filter((topic) => this.#catchUp(peer, topic));
    if (resumed.length > 0) peer.send(['resumed', resumed]);
  }

  unsubscribe(peer: ResumingPeer, topic: string): void {
    peer.topics.delete(topic);
    peer.send(['left', topic]);
  }

  #topic(topic: string) {
    let found = this.#topics.get(topic);
    if (!found) this.#topics.set(topic, (found = { epoch: randomUUID(), messages: [] }));
    return found;
  }

  #catchUp(peer: ResumingPeer, topic: string): boolean {
    const { epoch, messages } = this.#topic(topic);
    const newest = messages.length;
    const oldest = Math.max(0, newest - (this.#options.remembers ?? Infinity));
    const brought = peer.positions.find(([name]) => name === topic);
    peer.topics.add(topic);
    if (!brought) {
      peer.send(['topic', topic, epoch, newest]);
      return false;
    }
    const [, itsEpoch, offset] = brought;
    const isKnown = itsEpoch === epoch && offset <= newest;
    const from = isKnown ? Math.max(offset, oldest) : newest;
    const lost = isKnown ? from - offset : null;
    peer.send(['topic', topic, epoch, from, lost === 0, lost]);
    for (const [index, { payload, except }] of messages.slice(from).entries()) {
      if (![...peer.ids, peer.id].some((id) => except.includes(id))) {
        peer.send(['message', topic, from + index + 1], payload);
      }
    }
    return true;
  }

  #serve(socket: WebSocket, request: IncomingMessage): void {
    const { heartbeat = 0, refuses, joined } = this.#options;
    const code = refuses?.(request);
    if (code) {
      socket.close(code, 'refused');
      return;
    }
    const peer = new ResumingPeer(++this.#ids, socket, request);
    peer.send(['hello', { id: peer.id, heartbeat }]);
    const beats = heartbeat > 0 ? setInterval(() => peer.send(['heartbeat']), heartbeat) : undefined;
    this.peers.add(peer);
    socket.on('close', () => {
      clearInterval(beats);
      this.peers.delete(peer);
      this.#changed();
    });
    let isFirst = true;
    socket.on('message', (data: Buffer, isBinary) => {
      const end = data.indexOf(10);
      const header = end > 0 ? JSON.parse(data.subarray(0, end).toString()) : undefined;
      if (end < 0 || isFirst !== (header?.[0] === 'positions')) {
        socket.close(1002, 'positions come first, and once');
        return;
      }
      const payload = data.subarray(end + 1);
      if (isFirst) {
        isFirst = false;
        [, peer.ids, peer.positions] = header;
        this.everyone.push(peer);
        joined?.(peer);
      } else if (end === 0) {
        peer.received.push(isBinary ? payload : payload.toString());
      }
      this.#changed();
    });
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
