import { describeType } from '../foundation/describe-type.js';
import type { HistoryQuery, SubscribeOptions, TopicPosition } from '../interfaces/index.js';

/**
 * Checks what of the past is asked for (reference 16.3).
 *
 * @param caller the method that was called, for the error
 * @throws {TypeError} that names the option
 */
export function checkSubscribeOptions(caller: string, options: SubscribeOptions): void {
  checkNames(caller, options, ['last', 'since']);
  const { last, since } = options;
  if (last !== undefined) checkCount(caller, 'last', last);
  if (since !== undefined) checkPosition(caller, 'since', since);
  if (last !== undefined && since !== undefined) {
    throw new TypeError(`${caller}: "last" and "since" exclude each other; give it one of them`);
  }
}

/**
 * Checks which part of a history is asked for (reference 16.6).
 *
 * @throws {TypeError} that names the option
 */
export function checkHistoryQuery(caller: string, query: HistoryQuery): void {
  checkNames(caller, query, ['last', 'since', 'until', 'limit']);
  const { last, since, until, limit } = query;
  if (last !== undefined) checkCount(caller, 'last', last);
  if (limit !== undefined) checkCount(caller, 'limit', limit);
  if (since !== undefined) checkPosition(caller, 'since', since);
  if (until !== undefined) checkPosition(caller, 'until', until);
}

function checkNames(caller: string, options: object, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`${caller}: the options must be an object, got ${describeType(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) {
      throw new TypeError(`${caller}: there is no option "${name}"; there are ${names.join(', ')}`);
    }
  }
}

function checkCount(caller: string, name: string, value: unknown): void {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return;
  throw new TypeError(`${caller}: "${name}" must be a number of messages, 0 or more, got ${tell(value)}`);
}

function checkPosition(caller: string, name: string, value: unknown): void {
  const { epoch, offset } = Object(value) as Partial<TopicPosition>;
  if (typeof epoch === 'string' && Number.isSafeInteger(offset) && offset! >= 0) return;
  throw new TypeError(
    `${caller}: "${name}" must be a position, as publish() and subscribe() resolve with: { epoch: string, offset: number }; ` +
      `got ${tell(value)}`,
  );
}

function tell(value: unknown): string {
  return typeof value === 'number' ? String(value) : describeType(value);
}
