import type { StandardSchemaV1 } from '@standard-schema/spec';

/** What a call, a stream or an ask was answered with instead of a result (reference 17.3). */
export class RpcError extends Error {
  override readonly name = 'RpcError';

  /**
   * @param code one of JSON-RPC 2.0, section 5.1, or the status of an `HttpException`
   * @param data what the other end added, such as the issues of a schema
   */
  constructor(
    readonly code: number,
    message: string,
    readonly data?: unknown,
  ) {
    super(message);
  }
}

/** The connection was lost before the answer came: whether the call was served can't be known (reference 17.4). */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';

  constructor() {
    super('The connection was lost before the answer came');
  }
}

/** Something does not fit its schema (reference 17.3). */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';

  /**
   * @param what does not fit
   * @param issues what the schema says of it
   */
  constructor(
    what: string,
    readonly issues: readonly StandardSchemaV1.Issue[],
  ) {
    super(`${what} does not fit its schema: ${issues[0]?.message}`);
  }
}
