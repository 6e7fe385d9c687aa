import { ConfigurableModuleBuilder, type CanActivate, type ModuleMetadata, type Type } from '@nestjs/common';
import { checkNames } from '../errors/check-names.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';

/** The options of {@link WebSocketInspectorModule} (reference 18.3). */
export interface WebSocketInspectorOptions {
  /** Whether the page only looks: it sends, publishes, closes and drains nothing. @default false */
  readOnly?: boolean;
}

/** What the module's own definition needs, which no factory can tell it. */
export interface WebSocketInspectorExtras {
  /** Where the page is, below the application's global prefix. @default '/inspector' */
  path?: string;
  /**
   * Who may see it: guards as for a controller, which run for the page and for its WebSocket's handshake, in an `http` context.
   * Mandatory, unless it is `insecure`.
   */
  guards?: readonly (Type<CanActivate> | CanActivate)[];
  /** Modules that export what the guards inject. @default none */
  imports?: ModuleMetadata['imports'];
  /** Whether anybody who reaches the page may see every message, and close every connection. For development. @default false */
  insecure?: boolean;
}

const OWNER = 'WebSocketInspectorModule';
const OPTION_NAMES: ReadonlySet<string> = new Set(['readOnly']);
const EXTRAS = {
  path: '/inspector',
  guards: [],
  imports: [],
  insecure: false,
} satisfies WebSocketInspectorExtras;

export const {
  ConfigurableModuleClass: ConfigurableInspectorModuleClass,
  MODULE_OPTIONS_TOKEN: INSPECTOR_OPTIONS,
  OPTIONS_TYPE: INSPECTOR_OPTIONS_TYPE,
  ASYNC_OPTIONS_TYPE: INSPECTOR_ASYNC_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<WebSocketInspectorOptions>({ moduleName: 'WebSocketInspector' })
  .setClassMethodName('forRoot')
  .setExtras<WebSocketInspectorExtras>({ ...EXTRAS })
  .build();

/** @throws {InvalidOptionError} for an option that there is none of, or of a wrong type */
export function checkInspectorOptions(options: WebSocketInspectorOptions): void {
  checkNames(options, OWNER, OPTION_NAMES);
  const { readOnly } = options;
  if (readOnly !== undefined && typeof readOnly !== 'boolean')
    throw new InvalidOptionError(OWNER, 'readOnly', readOnly, 'a boolean');
}

/**
 * Completes and checks what stands beside the options.
 *
 * @throws {InvalidOptionError} if there is no guard, and nobody said that there need be none
 */
export function checkInspectorExtras(extras: WebSocketInspectorExtras): Required<WebSocketInspectorExtras> {
  const { path = EXTRAS.path, guards = [], imports = [], insecure = false } = extras;
  if (typeof path !== 'string' || !/^[\w\-./~]*[\w\-.~][\w\-./~]*$/.test(path))
    throw new InvalidOptionError(OWNER, 'path', path, "a path without parameters, such as '/inspector'");
  if (!Array.isArray(guards) || !guards.every(isGuard))
    throw new InvalidOptionError(
      OWNER,
      'guards',
      guards,
      'an array of guards, each a class or an object with canActivate()',
    );
  if (typeof insecure !== 'boolean') throw new InvalidOptionError(OWNER, 'insecure', insecure, 'a boolean');
  if (guards.length === 0 && !insecure) {
    throw new InvalidOptionError(
      OWNER,
      'guards',
      guards,
      'at least one guard, such as [AdminGuard], since the page shows every message and closes any connection ' +
        '(insecure: true lets everybody in, for development)',
    );
  }
  return { path, guards, imports, insecure };
}

function isGuard(guard: unknown): boolean {
  return (
    typeof guard === 'function' || typeof (guard as Partial<CanActivate> | null)?.canActivate === 'function'
  );
}
