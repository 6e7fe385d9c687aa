import { ServerResponse, type OutgoingHttpHeader } from 'node:http';

/** Headers that say how an answer is framed, or that make it the answer to a handshake: ours alone. */
const OWN_HEADERS =
  /^(connection|keep-alive|content-length|transfer-encoding|trailer|upgrade|sec-websocket-.*)$/i;

/**
 * The response that guards, interceptors, filters and middleware see while a handshake is decided. It never
 * touches the socket: headers go out with the 101 or the refusal, and a body ends the handshake with a refusal.
 * `status`, `json`, `send` and their like mean what they mean in Express and Fastify, so filters written for
 * controllers work here.
 */
export class HandshakeResponse extends ServerResponse {
  #body: Buffer[] = [];
  #answered = false;
  /** Called when somebody answers the request. */
  onAnswered: () => void = () => undefined;

  /** Whether somebody answered the request, and so refused the handshake. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Fastify's way to Node's response, which this is. */
  get raw(): this {
    return this;
  }

  /** Fastify's name of {@link answered}. */
  get sent(): boolean {
    return this.#answered;
  }

  /** What was answered. */
  get body(): Buffer {
    return Buffer.concat(this.#body);
  }

  /**
   * The headers set so far, as lines of an HTTP head; those that are ours to set are left out.
   *
   * @param status the status that they go out with
   */
  headerLines(status: number): string[] {
    // Middleware such as express-session sets its headers at the last moment, which it takes writeHead for.
    if (!this.#answered) this.writeHead(status);
    return this.getHeaderNames().flatMap((name) => {
      if (OWN_HEADERS.test(name)) return [];
      const value = this.getHeader(name) as OutgoingHttpHeader;
      return Array.isArray(value) ? value.map((each) => `${name}: ${each}`) : [`${name}: ${value}`];
    });
  }

  status(code: number): this {
    this.statusCode = code;
    return this;
  }

  code(code: number): this {
    return this.status(code);
  }

  set(name: string, value: OutgoingHttpHeader): this {
    return this.setHeader(name, value);
  }

  header(name: string, value: OutgoingHttpHeader): this {
    return this.setHeader(name, value);
  }

  type(value: string): this {
    return this.setHeader('content-type', value);
  }

  json(body: unknown): this {
    if (!this.hasHeader('content-type')) this.setHeader('content-type', 'application/json; charset=utf-8');
    return this.end(JSON.stringify(body));
  }

  send(body?: unknown): this {
    if (typeof body === 'object' && body !== null && !Buffer.isBuffer(body)) return this.json(body);
    return this.end(body);
  }

  override writeHead(statusCode: number, ...rest: unknown[]): this {
    this.statusCode = statusCode;
    const headers = rest.at(-1);
    if (typeof headers === 'object' && headers !== null && !Array.isArray(headers)) {
      for (const [name, value] of Object.entries(headers as Record<string, OutgoingHttpHeader>)) {
        this.setHeader(name, value);
      }
    }
    return this;
  }

  override write(chunk: unknown, ...rest: unknown[]): boolean {
    const [encoding] = rest;
    if (ArrayBuffer.isView(chunk))
      this.#body.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    else
      this.#body.push(
        Buffer.from(String(chunk), typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'),
      );
    callLast(rest);
    return true;
  }

  override end(...args: unknown[]): this {
    const [chunk, encoding] = args;
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function') {
      this.write(chunk, typeof encoding === 'string' ? encoding : undefined);
    }
    if (!this.#answered) this.writeHead(this.statusCode);
    this.#answered = true;
    this.onAnswered();
    callLast(args);
    return this;
  }
}

// Whether it is too late for headers, which filters ask before they answer. Node has a getter here, its types a property.
Object.defineProperty(HandshakeResponse.prototype, 'headersSent', {
  get(this: HandshakeResponse) {
    return this.answered;
  },
});

function callLast(args: unknown[]): void {
  const callback = args.at(-1);
  if (typeof callback === 'function') process.nextTick(callback as () => void);
}
