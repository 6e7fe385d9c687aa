import type { HandshakeRate, MessageRateOptions, ServerOptions } from '../interfaces/index.js';
import type { HandshakeLimit } from './handshake/handshake-rate.js';
import type { MessageLimit } from './message-rate.js';
import { MAX_BYTES, MAX_TIMEOUT, namesOf, type OptionCheck } from './option-check.js';

/** How many topics a connection may have, unless the option says otherwise. */
export const MAX_TOPICS = 10_000;

const HANDSHAKE_RATE_NAMES = namesOf<HandshakeRate>({ limit: true, window: true, by: true });
const MESSAGE_RATE_NAMES = namesOf<MessageRateOptions>({
  limit: true,
  window: true,
  bytes: true,
  exceeded: true,
});

export function resolveHandshakeRate(
  option: ServerOptions['handshakeRate'],
  check: OptionCheck,
): readonly HandshakeLimit[] {
  if (option === undefined || option === false) return [];
  const several = Array.isArray(option);
  return (several ? (option as readonly HandshakeRate[]) : [option as HandshakeRate]).map((rate, index) => {
    const name = several ? `handshakeRate[${index}]` : 'handshakeRate';
    check.object(name, rate);
    check.names(rate, HANDSHAKE_RATE_NAMES, `${name}.`);
    const { limit, window, by = 'server' } = rate;
    if (by !== 'server' && by !== 'address') throw check.error(`${name}.by`, by, "'server' or 'address'");
    return {
      limit: check.integer(`${name}.limit`, limit, 1, MAX_BYTES),
      window: check.integer(`${name}.window`, window, 1, MAX_TIMEOUT),
      by,
    };
  });
}

export function resolveMessageRate(
  option: ServerOptions['messageRate'],
  check: OptionCheck,
): MessageLimit | undefined {
  if (option === undefined || option === false) return undefined;
  check.object('messageRate', option);
  check.names(option, MESSAGE_RATE_NAMES, 'messageRate.');
  const { limit, window, bytes, exceeded = 'pause' } = option;
  if (!['pause', 'drop', 'close'].includes(exceeded)) {
    throw check.error('messageRate.exceeded', exceeded, "'pause', 'drop' or 'close'");
  }
  return {
    limit: check.integer('messageRate.limit', limit, 1, MAX_BYTES),
    window: check.integer('messageRate.window', window, 1, MAX_TIMEOUT),
    bytes: bytes === undefined ? Infinity : check.integer('messageRate.bytes', bytes, 1, MAX_BYTES),
    exceeded,
  };
}

export function resolveShutdownSpread(
  option: number | undefined,
  shutdownTimeout: number,
  check: OptionCheck,
): number {
  if (option === undefined) return 0;
  const spread = check.integer('shutdownSpread', option, 0, MAX_TIMEOUT);
  if (spread < shutdownTimeout) return spread;
  throw check.error(
    'shutdownSpread',
    option,
    `less than shutdownTimeout, which is ${shutdownTimeout}: the last connections need time to end`,
  );
}

export function resolveMaxTopics(option: number | undefined, check: OptionCheck): number {
  if (option === undefined) return MAX_TOPICS;
  return option === Infinity ? Infinity : check.integer('maxTopics', option, 0, MAX_BYTES);
}
