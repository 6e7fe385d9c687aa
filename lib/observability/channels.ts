import { channel, tracingChannel, type Channel, type TracingChannel } from 'node:diagnostics_channel';
import type { ChannelEvents, TracingContexts } from './events.js';

/** A channel whose events have a type; what servers and connections are is the affair of who publishes. */
interface TypedChannel<Event> extends Omit<Channel, 'publish'> {
  publish(event: Event): void;
}

/** Who publishes looks whether anybody listens first: an event that nobody hears is not even made. */
function channelOf<Name extends keyof ChannelEvents<object, object>>(
  name: Name,
): TypedChannel<ChannelEvents<object, object>[Name]> {
  return channel(name);
}

function tracingChannelOf<Name extends keyof TracingContexts<object, object>>(
  name: Name,
): TracingChannel<unknown, TracingContexts<object, object>[Name]> {
  return tracingChannel(name);
}

export const handshakeTrace = tracingChannelOf('nestjs-4d-websocket:handshake');
export const hookTrace = tracingChannelOf('nestjs-4d-websocket:hook');
export const connectionOpen = channelOf('nestjs-4d-websocket:connection:open');
export const connectionClose = channelOf('nestjs-4d-websocket:connection:close');
export const messageReceived = channelOf('nestjs-4d-websocket:message:received');
export const messageSent = channelOf('nestjs-4d-websocket:message:sent');
export const errorChannel = channelOf('nestjs-4d-websocket:error');
export const limitChannel = channelOf('nestjs-4d-websocket:limit');
export const topicSubscribe = channelOf('nestjs-4d-websocket:topic:subscribe');
export const topicUnsubscribe = channelOf('nestjs-4d-websocket:topic:unsubscribe');
export const publishChannel = channelOf('nestjs-4d-websocket:publish');
export const backplaneChannel = channelOf('nestjs-4d-websocket:backplane');
