import { hookMarks, type HookName } from '../decorators/hook-marks.js';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';

/** The name of a method. */
export type MethodName = string | symbol;

/** The methods of a handler that are its hooks. */
export interface HookMethods extends Readonly<Partial<Record<HookName, MethodName>>> {
  /** The methods that serve one kind of message each. */
  readonly messageKinds: ReadonlyMap<string, MethodName>;
}

type Hook = (subject: object, event: object) => unknown;

/** 4D's names of the hooks. */
export const HOOK_NAMES: readonly HookName[] = [
  'onConnection',
  'onOpen',
  'onMessage',
  'onResume',
  'onRefresh',
  'onError',
  'onDisconnect',
  'onTerminate',
];

/**
 * Finds a handler's hooks: marked methods, then 4D's names (reference 1.3).
 *
 * @param handler an instance, or the prototype of a class
 * @throws {InvalidHandlerError} if two methods are marked as one hook, or for one kind of message
 */
export function findHookMethods(handler: object, name: string): HookMethods {
  const methods: Partial<Record<HookName, MethodName>> = {};
  for (const hook of HOOK_NAMES) {
    if (typeof (handler as Record<string, unknown>)[hook] === 'function') methods[hook] = hook;
  }
  const messageKinds = new Map<string, MethodName>();
  const marked = new Map<HookName, MethodName>();
  // A handler that is an object without a class has no marks.
  for (const { hook, method, kind } of handler.constructor === undefined
    ? []
    : hookMarks(handler.constructor)) {
    if (kind === undefined) {
      mark(marked, hook, method, name, `marked as ${hook}`);
      methods[hook] = method;
    } else {
      mark(messageKinds, kind, method, name, `marked for messages of the kind "${kind}"`);
    }
  }
  return { ...methods, messageKinds };
}

function mark<K>(marked: Map<K, MethodName>, key: K, method: MethodName, name: string, how: string): void {
  const other = marked.get(key);
  if (other !== undefined && other !== method) {
    throw new InvalidHandlerError(
      name,
      `both ${String(other)}() and ${String(method)}() are ${how}; mark one of them`,
    );
  }
  marked.set(key, method);
}

/** Calls a hook of a handler by the name of its method, so that a method replaced later (a spy) is the one called. */
export function callHook(handler: object, method: MethodName, subject: object, event: object): unknown {
  return (handler as Record<MethodName, Hook>)[method]!(subject, event);
}

/** Calls a hook if the handler has it. */
export function optionalHook<S extends object, A extends unknown[]>(
  method: MethodName | undefined,
  handlerOf: (subject: S) => object,
  event: (...args: A) => object,
): ((subject: S, ...args: A) => unknown) | undefined {
  if (method === undefined) return undefined;
  return (subject, ...args) => callHook(handlerOf(subject), method, subject, event(...args));
}
