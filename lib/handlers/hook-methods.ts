import { hookMarks, type HookName } from '../decorators/hook-names.js';
import { InvalidHandlerError } from '../errors/invalid-handler.error.js';

/** The methods of a handler that are its hooks. */
export type HookMethods = Readonly<Partial<Record<HookName, string | symbol>>>;

type Hook = (subject: object, event: object) => unknown;

const HOOK_NAMES: readonly HookName[] = ['onConnection', 'onOpen', 'onMessage', 'onError', 'onTerminate'];

/**
 * Finds a handler's hooks: marked methods, then 4D's names (SPEC 1.3).
 *
 * @param handler an instance, or the prototype of a class
 * @throws {InvalidHandlerError} if two methods are marked as one hook
 */
export function findHookMethods(handler: object, name: string): HookMethods {
  const methods: Partial<Record<HookName, string | symbol>> = {};
  for (const hook of HOOK_NAMES) {
    if (typeof (handler as Record<string, unknown>)[hook] === 'function') methods[hook] = hook;
  }
  const marked = new Map<HookName, string | symbol>();
  for (const { hook, method } of hookMarks(handler.constructor)) {
    const other = marked.get(hook);
    if (other !== undefined && other !== method) {
      throw new InvalidHandlerError(
        name,
        `both ${String(other)}() and ${String(method)}() are marked as ${hook}; mark one of them`,
      );
    }
    marked.set(hook, method);
    methods[hook] = method;
  }
  return methods;
}

/** Calls a hook of a handler by the name of its method, so that a method replaced later (a spy) is the one called. */
export function callHook(handler: object, method: string | symbol, subject: object, event: object): unknown {
  return (handler as Record<string | symbol, Hook>)[method]!(subject, event);
}

/** Calls a hook if the handler has it. */
export function optionalHook<S extends object, A extends unknown[]>(
  method: string | symbol | undefined,
  handlerOf: (subject: S) => object,
  event: (...args: A) => object,
): ((subject: S, ...args: A) => unknown) | undefined {
  if (method === undefined) return undefined;
  return (subject, ...args) => callHook(handlerOf(subject), method, subject, event(...args));
}
