import type { JsonSchema } from './async-api-document.js';

/** What a schema describes, as far as JSON-RPC cares: what goes by name, what does not, and what may be either. */
export type SchemaType = 'object' | 'other' | 'either';

/** What a JSON Schema describes. */
export function typeOf(root: JsonSchema): SchemaType {
  return typeIn(root, root, new Set());
}

function typeIn(schema: unknown, root: JsonSchema, seen: Set<unknown>): SchemaType {
  // What refers to itself and nothing else, or is `true`, says nothing.
  if (typeof schema !== 'object' || schema === null || seen.has(schema)) return 'either';
  const way = new Set(seen).add(schema);
  const { $ref, type, const: only, enum: values, anyOf, oneOf, allOf } = schema as JsonSchema;
  if (typeof $ref === 'string') return typeIn(resolve($ref, root), root, way);
  if (type !== undefined)
    return common([type].flat().map((each) => (each === 'object' ? 'object' : 'other')));
  if (only !== undefined) return typeOfValue(only);
  if (Array.isArray(values)) return common(values.map(typeOfValue));
  const options = anyOf ?? oneOf;
  if (Array.isArray(options)) return common(options.map((option) => typeIn(option, root, way)));
  if (!Array.isArray(allOf)) return 'either';
  return allOf.map((part) => typeIn(part, root, way)).find((each) => each !== 'either') ?? 'either';
}

function typeOfValue(value: unknown): SchemaType {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? 'object' : 'other';
}

function common(types: readonly SchemaType[]): SchemaType {
  const [first = 'either', ...rest] = types;
  return rest.every((type) => type === first) ? first : 'either';
}

/** What a reference in a schema to a part of it means. */
function resolve($ref: string, root: JsonSchema): unknown {
  if ($ref !== '#' && !$ref.startsWith('#/')) return undefined;
  const names = $ref.split('/').slice(1);
  return names.reduce<unknown>((part, name) => {
    const key = decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~');
    return (Object(part) as JsonSchema)[key];
  }, root);
}
