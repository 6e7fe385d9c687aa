/**
 * A second reading of RFC 6455, to judge ours by: what a server has to make of a stream of client frames. Written for
 * the tests, from the text of the RFC, and shares nothing with `ws`.
 */
export interface Verdict {
  /** The code that the server's close frame must carry; undefined if none is due. */
  code: number | undefined;
  /** Whether the stream ends the connection by a close frame of its own. */
  closedByClient: boolean;
  /** How many whole messages were delivered. */
  messages: number;
}

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function isCloseCode(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

/** @param maxPayload longest message, in bytes */
export function judge(stream: Buffer, maxPayload: number): Verdict {
  let offset = 0;
  let messages = 0;
  let fragments: Buffer[] | undefined;
  let kind = 0;
  const end = (code?: number, closedByClient = false): Verdict => ({ code, closedByClient, messages });

  while (stream.length - offset >= 2) {
    const first = stream[offset]!;
    const second = stream[offset + 1]!;
    const fin = (first & 0x80) !== 0;
    const opcode = first & 0x0f;
    const masked = (second & 0x80) !== 0;
    let length = second & 0x7f;
    // 5.2: reserved bits without an extension, opcodes: "_Fail the WebSocket Connection_".
    if ((first & 0x70) !== 0) return end(1002);
    if (![CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG].includes(opcode)) return end(1002);
    if (opcode === CONTINUATION && fragments === undefined) return end(1002);
    if ((opcode === TEXT || opcode === BINARY) && fragments !== undefined) return end(1002);
    // 5.5: control frames are short and whole.
    if (opcode >= 8 && (!fin || length > 125)) return end(1002);
    if (opcode === CLOSE && length === 1) return end(1002);
    // 5.1: frames from a client are masked.
    if (!masked) {
      // An unmasked frame with an extended length is seen as such before or after its length is.
      return end(1002);
    }
    offset += 2;
    if (length === 126) {
      if (stream.length - offset < 2) return end();
      length = stream.readUInt16BE(offset);
      offset += 2;
    } else if (length === 127) {
      if (stream.length - offset < 8) return end();
      const long = stream.readBigUInt64BE(offset);
      offset += 8;
      if (long > BigInt(maxPayload)) return end(1009);
      length = Number(long);
    }
    const total = (fragments ?? []).reduce((sum, fragment) => sum + fragment.length, 0);
    if (opcode < 8 && total + length > maxPayload) return end(1009);
    if (stream.length - offset < 4 + length) return end();
    const mask = stream.subarray(offset, offset + 4);
    const payload = Buffer.from(
      stream.subarray(offset + 4, offset + 4 + length).map((byte, index) => byte ^ mask[index & 3]!),
    );
    offset += 4 + length;
    if (opcode === CLOSE) {
      if (length === 0) return end(undefined, true);
      const code = payload.readUInt16BE(0);
      if (!isCloseCode(code)) return end(1002);
      if (!isUtf8(payload.subarray(2))) return end(1007);
      return end(code, true);
    }
    if (opcode < 8) {
      if (opcode !== CONTINUATION) {
        kind = opcode;
        fragments = [];
      }
      fragments!.push(payload);
      if (fin) {
        const message = Buffer.concat(fragments!);
        fragments = undefined;
        if (kind === TEXT && !isUtf8(message)) return end(1007);
        messages++;
      }
    }
  }
  return end();
}
