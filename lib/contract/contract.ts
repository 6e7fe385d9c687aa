import type { StandardSchemaV1 } from '@standard-schema/spec';

/** A schema of whatever library: zod, valibot, arktype, ... (https://standardschema.dev). */
export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

/** What a call takes and what it is answered with. */
export interface CallDefinition {
  readonly request: Schema;
  /** @default the call is answered with nothing */
  readonly response?: Schema;
  /** Whether it may be made twice: if the connection is lost meanwhile, it is made again on the next one. @default false */
  readonly idempotent?: boolean;
}

/** What a stream takes, and what each of its items is. */
export interface StreamDefinition {
  readonly request: Schema;
  readonly item: Schema;
}

/** What the server asks a client, and is answered with. */
export interface AskDefinition {
  readonly request: Schema;
  /** @default it is answered with nothing */
  readonly response?: Schema;
}

/** What the two ends say to each other, by names that are different in all of it (reference 17). */
export interface ContractDefinition {
  /** Messages from clients to the server. */
  readonly receives?: Readonly<Record<string, Schema>>;
  /** Messages from the server to clients. */
  readonly sends?: Readonly<Record<string, Schema>>;
  /** What clients call. */
  readonly calls?: Readonly<Record<string, CallDefinition>>;
  /** What clients read, item by item. */
  readonly streams?: Readonly<Record<string, StreamDefinition>>;
  /** What the server calls, of a client. */
  readonly asks?: Readonly<Record<string, AskDefinition>>;
}

/** What a contract's member is. */
export type MemberKind = keyof ContractDefinition;

/** A member of a contract, as both ends know it. */
export interface Member {
  readonly kind: MemberKind;
  readonly name: string;
  /** What it is made with: a message's data, a call's request. */
  readonly request: Schema;
  /** A response, or an item; undefined for a message, and for what is answered with nothing. */
  readonly response: Schema | undefined;
  readonly idempotent: boolean;
}

/** Where a contract keeps what it was defined with: names are its members'. Of whichever copy of this module. */
export const CONTRACT: unique symbol = Symbol.for('nestjs-4d-websocket:contract') as never;

/** What stands behind a contract. */
export interface ContractBehind<D extends ContractDefinition = ContractDefinition> {
  readonly definition: D;
  readonly members: ReadonlyMap<string, Member>;
  /** How long a call may take, and a schema, in milliseconds. */
  readonly timeout: number;
  readonly validateOutgoing: boolean;
  /** What a client needs: only who has a contract loads it. */
  readonly connect: (host: ContractClientHost) => ContractClient;
}

/** Any contract. */
export interface AnyContract {
  readonly [CONTRACT]: ContractBehind;
}

/** What stands behind a contract; undefined for what is none. */
export function contractBehind(contract: unknown): ContractBehind | undefined {
  return (Object(contract) as Partial<AnyContract>)[CONTRACT];
}

/** What a client's part of a contract needs of the client. */
export interface ContractClientHost {
  /**
   * Sends a text, or keeps it for the next connection.
   *
   * @param leaves asked when it leaves; if it says no, it does not
   * @returns whether it was taken
   */
  send(text: string, leaves?: () => boolean): boolean;
  /** Runs a step when the hooks before it are done. */
  run(step: () => PromiseLike<void> | void): void;
  /**
   * Calls a method of the handler.
   *
   * @param failed is told what it throws or rejects with
   */
  call(method: string, data: unknown, signal: AbortSignal): unknown;
  /** Tells `onError`, as a step. */
  fail(error: unknown, errCode?: number): PromiseLike<void> | void;
}

/** A client's part of a contract. */
export interface ContractClient {
  /** Whether it waits for answers of the server's; a hook may be. */
  readonly isAsking: boolean;
  received(message: unknown): void;
  call(message: unknown, options?: CallOptions): Promise<unknown>;
  stream(message: unknown, options?: StreamOptions): AsyncIterableIterator<unknown>;
  /** The connection is lost. */
  lost(isLast: boolean): void;
}

/** How long to wait for an answer. */
export interface CallOptions {
  /** Milliseconds. @default the contract's, 10000 */
  readonly timeout?: number;
  /** Gives the call up when it is aborted; the other end is told. @default none */
  readonly signal?: AbortSignal;
}

/** How long to read. */
export interface StreamOptions {
  /** Ends the stream when it is aborted; the other end is told. @default none */
  readonly signal?: AbortSignal;
}

type Input<S> = S extends Schema ? StandardSchemaV1.InferInput<S> : never;
type Output<S> = S extends Schema ? StandardSchemaV1.InferOutput<S> : never;

/** What only the compiler knows of a message. */
declare const TYPES: unique symbol;

/** A message of a contract, for `send`, `broadcast`, `publish` and `sendTo`; for `call` or `stream` if it is one of these. */
export interface ContractMessage<
  Kind extends MemberKind = MemberKind,
  Name extends string = string,
  Result = unknown,
> {
  readonly jsonrpc: '2.0';
  readonly method: Name;
  readonly params?: object;
  readonly [TYPES]?: readonly [Kind, Result];
}

type Maker<Kind extends MemberKind, Name extends string, Data, Result = void> = (
  ...data: undefined extends Data ? [data?: Data] : [data: Data]
) => ContractMessage<Kind, Name, Result>;

/** The members of one kind. */
export type MembersOf<D, Kind extends MemberKind> = D extends { readonly [K in Kind]: infer Members }
  ? Members
  : {};

type Names<D, Kind extends MemberKind> = keyof MembersOf<D, Kind> & string;

type MessageMakers<D, Kind extends 'receives' | 'sends'> = {
  readonly [Name in Names<D, Kind>]: Maker<Kind, Name, Input<MembersOf<D, Kind>[Name]>>;
};

type CallMakers<D, Kind extends 'calls' | 'asks'> = {
  readonly [Name in Names<D, Kind>]: Maker<
    Kind,
    Name,
    RequestOf<MembersOf<D, Kind>[Name]>,
    ResponseOf<MembersOf<D, Kind>[Name]>
  >;
};

type StreamMakers<D> = {
  readonly [Name in Names<D, 'streams'>]: Maker<
    'streams',
    Name,
    RequestOf<MembersOf<D, 'streams'>[Name]>,
    ItemOf<MembersOf<D, 'streams'>[Name]>
  >;
};

type RequestOf<M> = M extends { readonly request: infer S } ? Input<S> : never;
type ResponseOf<M> = M extends { readonly response: infer S } ? Output<S> : void;
type ItemOf<M> = M extends { readonly item: infer S } ? Output<S> : never;

/**
 * What both ends have agreed upon (reference 17.1): each member, called, makes its message.
 *
 * @typeParam D the definition
 */
export type Contract<D extends ContractDefinition = ContractDefinition> = {
  readonly [CONTRACT]: ContractBehind<D>;
} & MessageMakers<D, 'receives'> &
  MessageMakers<D, 'sends'> &
  CallMakers<D, 'calls'> &
  CallMakers<D, 'asks'> &
  StreamMakers<D>;

/** What a contract was defined with. */
export type DefinitionOf<C> = C extends { readonly [CONTRACT]: ContractBehind<infer D> } ? D : never;

/** The messages of one kind of a contract's members. */
export type MessageOf<C, Kind extends MemberKind> = {
  [Name in Names<DefinitionOf<C>, Kind>]: ContractMessage<Kind, Name>;
}[Names<DefinitionOf<C>, Kind>];

type Awaitable<T> = T | PromiseLike<T>;

/** The methods that serve messages. */
export type MessageMethods<C, Kind extends 'receives' | 'sends', WS> = {
  [Name in Names<DefinitionOf<C>, Kind>]: (
    ws: WS,
    data: Output<MembersOf<DefinitionOf<C>, Kind>[Name]>,
    signal: AbortSignal,
  ) => Awaitable<void>;
};

/** The methods that answer. */
export type CallMethods<C, Kind extends 'calls' | 'asks', WS> = {
  [Name in Names<DefinitionOf<C>, Kind>]: (
    ws: WS,
    data: Received<MembersOf<DefinitionOf<C>, Kind>[Name]>,
    signal: AbortSignal,
  ) => Awaitable<Answer<MembersOf<DefinitionOf<C>, Kind>[Name]>>;
};

type Received<M> = M extends { readonly request: infer S } ? Output<S> : never;
type Answer<M> = M extends { readonly response: infer S } ? Input<S> : void;

/** What a stream's method takes, and gives. */
export type StreamTypes<C> = {
  [Name in Names<DefinitionOf<C>, 'streams'>]: {
    data: Received<MembersOf<DefinitionOf<C>, 'streams'>[Name]>;
    item: MembersOf<DefinitionOf<C>, 'streams'>[Name] extends { readonly item: infer S } ? Input<S> : never;
  };
};
