import type { AsyncApiReference } from './async-api-document.js';

/** Refers to a part of the document, by the names that lead to it. */
export function reference(...names: readonly string[]): AsyncApiReference {
  const pointer = names.map((name) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1')));
  return { $ref: `#/${pointer.join('/')}` };
}
