import { HttpException } from '@nestjs/common';
import { isObservable } from 'rxjs';
import { RpcError } from '../contract/errors.js';
import { isInstance } from '../foundation/instance.js';
import { lastOf } from '../handlers/pipeline/interceptors.js';
import { InterceptedReply } from '../server/replies/intercepted-reply.js';
import { observableOf } from '../server/replies/reply-stream.js';
import type { MemberServer } from '../server/rpc/contract-hooks.js';
import { errorObject } from '../server/rpc/rpc-error.js';
import type { ClientSubject } from './client-hooks.js';

/**
 * Serves what the server says or asks, through the enhancers of the handler.
 *
 * @returns a promise of the answer; it rejects with an `RpcError` for an exception that the server is told of
 */
export async function serveMember(
  server: MemberServer<ClientSubject>,
  client: ClientSubject,
  data: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    return await answer(await server.serve(client, data, { signal }));
  } catch (error) {
    const { filter, member } = server;
    if (member.kind === 'asks')
      throw filter === undefined ? told(error) : await filtered(filter, client, data, error);
    // A message has no answer: what no filter takes is for `onError`.
    if (filter === undefined) throw error;
    return filter(client, data, error);
  }
}

async function answer(result: unknown): Promise<unknown> {
  if (!(result instanceof InterceptedReply)) return isObservable(result) ? lastOf(result) : result;
  const value = await lastOf(result.values(observableOf));
  // An interceptor that did not wait for the method, a timeout perhaps, has answered; the next message waits all the same.
  await result.end();
  return value;
}

/** @returns what the answer's error is made of when a filter has seen the failure */
async function filtered(
  filter: NonNullable<MemberServer<ClientSubject>['filter']>,
  client: ClientSubject,
  data: unknown,
  error: unknown,
): Promise<unknown> {
  try {
    await filter(client, data, error);
  } catch (left) {
    return told(left);
  }
  return answerOf(error);
}

function told(error: unknown): unknown {
  return isInstance(error, HttpException) ? answerOf(error) : error;
}

function answerOf(failure: unknown): RpcError {
  const { code, message, data } = errorObject(failure);
  return new RpcError(code, message, data);
}
