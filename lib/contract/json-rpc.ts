/** The errors of JSON-RPC 2.0, section 5.1, and one of ours. */
export const ErrorCode = {
  PARSE_ERROR: -32700,
  INVALID_REQUEST: -32600,
  METHOD_NOT_FOUND: -32601,
  INVALID_PARAMS: -32602,
  INTERNAL_ERROR: -32603,
  /** What was asked for was cancelled. */
  CANCELLED: -32800,
} as const;

/** What a request is known by. */
export type RequestId = string | number | null;

/** An error, as it goes over the wire. */
export interface ErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** What a message may have; what comes over the wire is anything. */
export interface JsonRpcMessage {
  readonly jsonrpc?: unknown;
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
  /** Ours, of a stream's request: how many items may come before `rpc.pull` asks for more. */
  readonly items?: unknown;
}

/** Whether a value can be what a request is known by. */
export function isRequestId(id: unknown): id is RequestId {
  return id === null || typeof id === 'string' || typeof id === 'number';
}

/**
 * The parameters of a message with this data: by name if it is an object, else by position, as the only one (JSON-RPC 2.0,
 * section 4.2).
 */
export function paramsOf(data: unknown): object | undefined {
  if (data === undefined) return undefined;
  const isNamed =
    typeof data === 'object' &&
    data !== null &&
    !Array.isArray(data) &&
    typeof (data as { toJSON?: unknown }).toJSON !== 'function';
  return isNamed ? data : [data];
}

/** A notification. */
export function notification(method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params });
}

/**
 * An answer with a result.
 *
 * @throws {TypeError} for one that JSON can't carry
 */
export function resultText(id: unknown, result: unknown): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${JSON.stringify(result) ?? 'null'}}`;
}

/** An answer with an error; without its data, if JSON can't carry that. */
export function errorText(id: unknown, error: ErrorObject): string {
  try {
    return JSON.stringify({ jsonrpc: '2.0', id, error });
  } catch {
    const { code, message } = error;
    return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } });
  }
}
