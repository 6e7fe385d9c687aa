import { connect, type Socket } from 'node:net';
import { clientFrame, handshake } from './client.js';
import { TOPIC } from './contenders/contender.js';

/** Where a client stands in the topic. */
export interface Place {
  epoch: string;
  offset: number;
}

const ACCEPTED = /^HTTP\/1\.1 101[^]*\r\n\r\n/;
/** What the server says when a client follows the topic. */
const FOLLOWS = new RegExp(`\\["topic",${JSON.stringify(TOPIC)},"([^"]+)",(\\d+)`);
/** What it says when a client has all that it missed; but for heartbeats nothing comes after it here. */
const RESUMED = `${JSON.stringify(['resumed', [TOPIC]])}\n`;
/** No less than the longest of what is waited for. */
const TAIL_LENGTH = 1024;

/** A connection that speaks the sub-protocol, as far as it takes to come back (docs/protocol.md). */
export class ResumingConnection {
  /** How many bytes the server has sent. */
  received = 0;
  /** The last of them. */
  #tail = '';
  #check: () => void = () => undefined;

  private constructor(readonly socket: Socket) {
    socket.setNoDelay();
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.length;
      const last = chunk.toString('latin1', Math.max(0, chunk.length - TAIL_LENGTH));
      this.#tail = (this.#tail + last).slice(-TAIL_LENGTH);
      this.#check();
    });
  }

  /** @param place where it stood before; undefined if it is new */
  static async open(port: number, path: string, place?: Place): Promise<ResumingConnection> {
    const connection = new ResumingConnection(connect(port, '127.0.0.1'));
    connection.socket.write(handshake(path, 'nestjs-4d-websocket.v1'));
    await connection.#until((tail) => ACCEPTED.test(tail));
    const positions = place === undefined ? [] : [[TOPIC, place.epoch, place.offset]];
    connection.socket.write(clientFrame(`${JSON.stringify(['positions', [], positions])}\n`));
    return connection;
  }

  /** Resolves with where it stands, when it follows the topic. */
  async place(): Promise<Place> {
    const [, epoch, offset] = FOLLOWS.exec(await this.#until((tail) => FOLLOWS.test(tail)))!;
    return { epoch: epoch!, offset: Number(offset) };
  }

  /** Resolves when it has got all that it missed. */
  async resumed(): Promise<void> {
    await this.#until((tail) => tail.includes(RESUMED));
  }

  #until(isSo: (tail: string) => boolean): Promise<string> {
    return new Promise((resolve) => {
      this.#check = () => {
        if (!isSo(this.#tail)) return;
        this.#check = () => undefined;
        resolve(this.#tail);
      };
      this.#check();
    });
  }
}
