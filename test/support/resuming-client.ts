import { connect, type TestClient } from './client.js';

/** What the client has of a topic. */
interface Place {
  epoch: string;
  offset: number;
}

/** A header of the sub-protocol, and what came after it. */
export interface Frame {
  header: readonly unknown[];
  payload: string;
}

/** A client by hand that speaks the sub-protocol, and shows each frame. */
export class ResumingClient {
  readonly places = new Map<string, Place>();
  readonly ids: number[] = [];
  /** The messages of topics with history, in order. */
  readonly messages: { topic: string; offset: number; data: string }[] = [];
  client!: TestClient;

  constructor(readonly url: string) {}

  /** Connects, and brings what it knows. */
  async connect(options: object = {}, positions: unknown = this.positions): Promise<this> {
    this.client = await connect(this.url, { ...options, protocols: ['nestjs-4d-websocket.v1'] });
    this.client.send(`${JSON.stringify(positions)}\n`);
    const { header } = await this.next();
    if (header[0] !== 'hello') throw new Error(`not greeted: ${JSON.stringify(header)}`);
    this.ids.push((header[1] as { id: number }).id);
    return this;
  }

  get positions(): unknown {
    const places = Array.from(this.places, ([topic, { epoch, offset }]) => [topic, epoch, offset]);
    return ['positions', this.ids, places];
  }

  /** The next frame; keeps what it says of positions. */
  async next(): Promise<Frame> {
    const text = String(await this.client.next());
    const end = text.indexOf('\n');
    const header = (end === 0 ? ['application'] : JSON.parse(text.slice(0, end))) as unknown[];
    const payload = text.slice(end + 1);
    const [kind, topic, ...rest] = header as [string, string, ...unknown[]];
    if (kind === 'topic') this.places.set(topic, { epoch: rest[0] as string, offset: rest[1] as number });
    if (kind === 'left') this.places.delete(topic);
    if (kind === 'message') {
      this.places.get(topic)!.offset = rest[0] as number;
      this.messages.push({ topic, offset: rest[0] as number, data: payload });
    }
    return { header, payload };
  }

  /** The next frame that is not a heartbeat. */
  async take(kind: string): Promise<Frame> {
    for (;;) {
      const frame = await this.next();
      if (frame.header[0] === 'heartbeat') continue;
      if (frame.header[0] !== kind) throw new Error(`wanted ${kind}, got ${JSON.stringify(frame)}`);
      return frame;
    }
  }

  send(message: string): void {
    this.client.send(`\n${message}`);
  }

  /** Cuts the line. */
  async cut(): Promise<void> {
    this.client.socket.terminate();
    await this.client.closed;
  }
}
