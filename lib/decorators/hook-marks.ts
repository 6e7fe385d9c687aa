/** The hooks of 4D, `onResume`, `onRefresh`, and a client's `onDisconnect`, by their names (reference 1.3). */
export type HookName =
  | 'onConnection'
  | 'onOpen'
  | 'onMessage'
  | 'onResume'
  | 'onRefresh'
  | 'onError'
  | 'onDisconnect'
  | 'onTerminate';

/** A method that a decorator made a hook. */
export interface HookMark {
  hook: HookName;
  method: string | symbol;
  /** The kind of message that the method serves; undefined for all, or all other, messages. */
  kind?: string | undefined;
}

const HOOK_MARKS = Symbol('4d-websocket:hooks');

/** Makes the decorator of a hook: it remembers the method on its class. */
export function markHook(hook: HookName, kind?: string): MethodDecorator {
  return (target, method) => {
    const inherited = hookMarks(target.constructor);
    const mark: HookMark = { hook, method, kind };
    Reflect.defineMetadata(HOOK_MARKS, [...inherited, mark], target.constructor);
  };
}

/** The marked methods of a class, those of its base classes first. */
export function hookMarks(target: object): readonly HookMark[] {
  return (Reflect.getMetadata(HOOK_MARKS, target) as readonly HookMark[] | undefined) ?? [];
}
