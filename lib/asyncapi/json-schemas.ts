import { Logger } from '@nestjs/common';
import type { StandardJSONSchemaV1 } from '@standard-schema/spec';
import type { Schema } from '../contract/contract.js';
import { isPromise } from '../foundation/promise.js';
import type { AsyncApiReference, JsonSchema } from './async-api-document.js';
import { reference } from './reference.js';
import { typeOf, type SchemaType } from './schema-type.js';
import { uniqueName } from './unique-name.js';

/** A contract's schema in the document. */
export interface DescribedSchema {
  readonly reference: AsyncApiReference;
  /** What it describes. */
  readonly type: SchemaType;
  /** What the schema says of itself. */
  readonly description: string | undefined;
  /** Whether it takes undefined, which JSON has not, and a JSON Schema does not tell. */
  readonly isOptional: boolean;
}

/** The schemas that the log has told of: once is enough, however often documents are made. */
const told = new WeakSet<Schema>();

/** What may hold whatever a message does, `$ref` among it. */
const VALUES: ReadonlySet<string> = new Set(['const', 'default', 'enum', 'examples']);
/** What holds schemas by names, `$ref` among these. */
const SCHEMAS_BY_NAME: ReadonlySet<string> = new Set([
  'dependencies',
  'dependentSchemas',
  'patternProperties',
  'properties',
]);

/** The JSON Schemas of contracts, as components of a document, each once (reference 17.5). */
export class JsonSchemas {
  readonly components: Record<string, JsonSchema> = {};
  readonly #described = new Map<Schema, DescribedSchema>();
  readonly #logger: Logger;

  /** @param logger hears of the schemas that have no JSON Schema */
  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * Describes what goes over the wire, so what the schema takes.
   *
   * @param wanted the name of the component
   */
  describe(schema: Schema, wanted: string): DescribedSchema {
    const known = this.#described.get(schema);
    if (known !== undefined) return known;
    const name = uniqueName(wanted.replace(/[^\w.-]/g, '_'), this.components);
    const json = this.#convert(schema, wanted);
    const described: DescribedSchema = {
      reference: reference('components', 'schemas', name),
      type: typeOf(json),
      description: typeof json.description === 'string' ? json.description : undefined,
      isOptional: takesUndefined(schema),
    };
    this.#described.set(schema, described);
    this.#add(name, json);
    return described;
  }

  #convert(schema: Schema, name: string): JsonSchema {
    const { vendor, jsonSchema } = schema['~standard'] as Schema['~standard'] &
      Partial<StandardJSONSchemaV1.Props>;
    try {
      if (jsonSchema !== undefined) return jsonSchema.input({ target: 'draft-07' });
      this.#tell(schema, name, `this schema of ${vendor} has no Standard JSON Schema`);
    } catch (error) {
      this.#tell(schema, name, (error as Error).message);
    }
    return { description: `Its schema, of ${vendor}, can not be told as JSON Schema.` };
  }

  #tell(schema: Schema, name: string, why: string): void {
    if (told.has(schema)) return;
    told.add(schema);
    this.#logger.warn(`${name} is in the document as anything: ${why}`);
  }

  /** What a schema defines for itself becomes components too: its references are of its own root, not of the document's. */
  #add(name: string, { $schema: _dialect, definitions, $defs, ...json }: JsonSchema): void {
    // Its place is taken before those of what it defines.
    this.components[name] = json;
    const places = new Map([['#', reference('components', 'schemas', name).$ref]]);
    const defined = Object.entries({ definitions, $defs }).flatMap(([group, schemas]) =>
      Object.entries(Object(schemas) as Record<string, JsonSchema>).map(([key, schema]) => {
        const component = uniqueName(`${name}.${key.replace(/[^\w.-]/g, '_')}`, this.components);
        this.components[component] = schema;
        places.set(
          decodeURIComponent(reference(group, key).$ref),
          reference('components', 'schemas', component).$ref,
        );
        return component;
      }),
    );
    for (const component of [name, ...defined])
      this.components[component] = moved(this.components[component], places) as JsonSchema;
  }
}

/** A schema whose references lead to where what they mean has been moved. */
function moved(schema: unknown, places: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(schema)) return schema.map((each) => moved(each, places));
  if (typeof schema !== 'object' || schema === null) return schema;
  const { $ref } = schema as JsonSchema;
  // The document's parsers heed nothing beside a reference.
  if (typeof $ref === 'string') return { $ref: movedReference($ref, places) };
  return mapValues(schema, (value, key) => {
    if (VALUES.has(key)) return value;
    if (SCHEMAS_BY_NAME.has(key)) return mapValues(Object(value) as object, (each) => moved(each, places));
    return moved(value, places);
  });
}

function movedReference(to: string, places: ReadonlyMap<string, string>): string {
  // Libraries differ in what they encode.
  const pointer = decoded(to);
  const whole = places.get(pointer);
  if (whole !== undefined) return whole;
  for (const [from, place] of places)
    if (pointer.startsWith(`${from}/`)) return place + encodeURI(pointer.slice(from.length));
  return to;
}

function decoded(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}

function mapValues(object: object, change: (value: unknown, key: string) => unknown): JsonSchema {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value, key)]));
}

/** Whether a schema takes undefined; of one that has to be awaited it is not known, and then nothing is asked for. */
function takesUndefined(schema: Schema): boolean {
  try {
    const found = schema['~standard'].validate(undefined);
    if (!isPromise(found)) return found.issues === undefined;
    void Promise.resolve(found).catch(() => undefined);
    return true;
  } catch {
    return true;
  }
}
