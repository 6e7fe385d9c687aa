/** The codec of the sub-protocol (reference 16.7), by the vectors of docs/protocol.md, which other languages run, too. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { decodeClientHeader } from '../../lib/protocol/client-header.js';
import { encodeFrame, headerEnd, headerLine, type Header } from '../../lib/protocol/frame.js';
import { MAX_IDS, MAX_POSITIONS } from '../../lib/protocol/limits.js';
import { decodeServerHeader } from '../../lib/protocol/server-header.js';
import { applicationProtocol, isV1, offersOf } from '../../lib/protocol/sub-protocol.js';

interface Vector {
  from: 'server' | 'client';
  header: Header | null;
  payload: string;
  frame: string;
  why: string;
}

const text = readFileSync('test/support/protocol-vectors.json', 'utf8');
const vectors = JSON.parse(text) as Record<string, Vector[]>;

const bytes = (hex: string) => Buffer.from(hex, 'hex');

function decode(from: Vector['from'], frame: string | Uint8Array) {
  const end = headerEnd(frame);
  const read = from === 'server' ? decodeServerHeader : decodeClientHeader;
  return { header: end === 0 ? null : read(frame, end), payload: frame.slice(end + 1) };
}

describe('the vectors', () => {
  it.each(vectors.frames!)('$frame', ({ from, header, payload, frame }) => {
    expect(decode(from, frame)).toEqual({ header, payload });
    expect(decode(from, Buffer.from(frame))).toEqual({ header, payload: Buffer.from(payload) });
    expect(encodeFrame(header ?? undefined, payload)).toBe(frame);
    expect(Buffer.from(encodeFrame(header ?? undefined, Buffer.from(payload)))).toEqual(Buffer.from(frame));
  });

  it.each(vectors.binaryFrames!)('binary $frame', ({ from, header, payload, frame }) => {
    expect(decode(from, bytes(frame))).toEqual({ header, payload: bytes(payload) });
    expect(Buffer.from(encodeFrame(header ?? undefined, bytes(payload)))).toEqual(bytes(frame));
  });

  it.each(vectors.ignored!)('of a kind that there is none of: $frame', ({ from, frame }) => {
    expect(decode(from, frame).header).toBeUndefined();
  });

  it.each(vectors.alsoValid!)('also valid, $why: $frame', ({ from, frame }) => {
    expect(decode(from, frame).header).toEqual(JSON.parse(frame));
  });

  it.each(vectors.violations!)('breaks the protocol, $why: $frame', ({ from, frame }) => {
    expect(() => decode(from, frame)).toThrow();
    expect(() => decode(from, Buffer.from(frame))).toThrow();
  });

  it.each(vectors.binaryViolations!)('breaks the protocol, $why: binary $frame', ({ from, frame }) => {
    expect(() => decode(from, bytes(frame))).toThrow();
  });

  it('are those that docs/protocol.md shows', () => {
    const shown = /```json\n(\{\n {2}"frames".*?)```/s.exec(readFileSync('docs/protocol.md', 'utf8'))![1]!;
    expect(JSON.parse(shown)).toEqual(vectors);
  });
});

it('a client brings no more than the bounds allow', () => {
  const line = (ids: number, positions: number) =>
    headerLine([
      'positions',
      Array.from({ length: ids }, (_, id) => id),
      Array.from({ length: positions }, (_, index) => [`t${index}`, 'e', 0]),
    ]);
  expect(decode('client', line(MAX_IDS, MAX_POSITIONS)).header).toHaveLength(3);
  expect(() => decode('client', line(MAX_IDS + 1, 0))).toThrow();
  expect(() => decode('client', line(0, MAX_POSITIONS + 1))).toThrow();
});

it('any topic and any payload come through, as text and as bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.maxSafeNat(), fc.string(), (topic, offset, payload) => {
      const header: Header = ['message', topic, offset];
      expect(decode('server', encodeFrame(header, payload))).toEqual({ header, payload });
      const frame = encodeFrame(header, Buffer.from(payload));
      expect(decode('server', frame).header).toEqual(header);
      expect(Buffer.from(decode('server', frame).payload)).toEqual(Buffer.from(payload));
    }),
  );
});

it('names: what is offered first is what servers choose that know none of it', () => {
  expect(offersOf(['a', 'b'])).toEqual([
    'a',
    'b',
    'nestjs-4d-websocket.plain',
    'nestjs-4d-websocket.v1.a',
    'nestjs-4d-websocket.v1.b',
    'nestjs-4d-websocket.v1',
  ]);
  expect(offersOf(['nestjs-4d-websocket.plain'])).toHaveLength(3);
  expect(offersOf(offersOf([]))).toEqual([...new Set(offersOf(offersOf([])))]);
  for (const [chosen, framed, protocol] of [
    ['', false, ''],
    ['a', false, 'a'],
    ['nestjs-4d-websocket.plain', false, ''],
    ['nestjs-4d-websocket.v1', true, ''],
    ['nestjs-4d-websocket.v1.a', true, 'a'],
    ['nestjs-4d-websocket.v10', false, 'nestjs-4d-websocket.v10'],
  ] as const) {
    expect([chosen, isV1(chosen), applicationProtocol(chosen)]).toEqual([chosen, framed, protocol]);
  }
});
