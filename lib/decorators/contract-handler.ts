import type { Observable } from 'rxjs';
import type {
  CallMethods,
  CallOptions,
  ContractMessage,
  MessageMethods,
  MessageOf,
  StreamTypes,
} from '../contract/contract.js';
import type {
  WSErrorEvent,
  WSOpenEvent,
  WSRefreshEvent,
  WSResumeEvent,
  WSTerminateEvent,
} from '../interfaces/index.js';
import type { WebSocketConnection } from '../server/web-socket-connection.js';

/**
 * A client, as the methods of a handler with a contract see it (reference 17.1).
 *
 * @typeParam C the contract: `ConnectionOf<typeof chat>`
 * @typeParam Data what the application keeps in `ws.data`
 */
export interface ConnectionOf<C, Data extends object = object> extends WebSocketConnection<Data> {
  send(message: MessageOf<C, 'sends'>): void;
  call<Result>(
    message: MessageOf<C, 'asks'> & ContractMessage<'asks', string, Result>,
    options?: CallOptions,
  ): Promise<Result>;
}

/** The methods that serve streams. */
type StreamMethods<C, WS> = {
  [Name in keyof StreamTypes<C>]: (
    ws: WS,
    data: StreamTypes<C>[Name]['data'],
    signal: AbortSignal,
  ) => Streamed<StreamTypes<C>[Name]['item']> | Promise<Streamed<StreamTypes<C>[Name]['item']>>;
};

type Streamed<Item> = Observable<Item> | AsyncIterable<Item>;

/**
 * What a class has to have that serves a contract: `class ChatHandler implements HandlerOf<typeof chat>` (reference 17.1). A class
 * whose parameters are bound by decorators has them in another order, and need not implement this.
 *
 * @typeParam C the contract
 * @typeParam Data what the application keeps in `ws.data`
 */
export type HandlerOf<C, Data extends object = object> = MessageMethods<
  C,
  'receives',
  ConnectionOf<C, Data>
> &
  CallMethods<C, 'calls', ConnectionOf<C, Data>> &
  StreamMethods<C, ConnectionOf<C, Data>> & {
    onOpen?(ws: ConnectionOf<C, Data>, event: WSOpenEvent): unknown;
    onResume?(ws: ConnectionOf<C, Data>, event: WSResumeEvent): unknown;
    onRefresh?(ws: ConnectionOf<C, Data>, event: WSRefreshEvent): unknown;
    onError?(ws: ConnectionOf<C, Data>, event: WSErrorEvent): unknown;
    onTerminate?(ws: ConnectionOf<C, Data>, event: WSTerminateEvent): unknown;
  };
