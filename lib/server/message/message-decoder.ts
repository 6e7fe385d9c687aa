import { isUtf8 } from 'node:buffer';
import type { DataType } from '../../interfaces/index.js';
import { MessageDecodeError } from '../../errors/message-decode.error.js';

/** Turns what `ws` received into what `onMessage` gets. */
export type MessageDecoder = (data: Buffer, isBinary: boolean) => unknown;

function decodeText(data: Buffer, isBinary: boolean): string {
  // ws has checked a text frame already.
  if (isBinary && !isUtf8(data)) {
    throw new MessageDecodeError('A binary message on a text server is not valid UTF-8', 'wsck', true);
  }
  return data.toString();
}

function decodeBlob(data: Buffer): Buffer {
  return data;
}

function decodeObject(data: Buffer, isBinary: boolean): unknown {
  if (isBinary && !isUtf8(data)) {
    throw new MessageDecodeError('A message is not valid UTF-8, so not JSON', 'json', false);
  }
  try {
    return JSON.parse(data.toString());
  } catch (cause) {
    throw new MessageDecodeError(`A message is not JSON: ${(cause as Error).message}`, 'json', false, {
      cause,
    });
  }
}

/** The decoder of each data type (reference 5.1). */
export const MESSAGE_DECODERS: Readonly<Record<DataType, MessageDecoder>> = {
  text: decodeText,
  blob: decodeBlob,
  object: decodeObject,
};
