import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import type { DiagnosticsEvents, TracingContexts } from 'nestjs-4d-websocket';

const stops = new Set<() => void>();

/** Hears what is published on a channel, until the test is over. */
export function hear<Name extends keyof DiagnosticsEvents>(
  name: Name,
  listener: (event: DiagnosticsEvents[Name]) => void,
): void {
  const heard = (event: unknown): void => listener(event as DiagnosticsEvents[Name]);
  subscribe(name, heard);
  stops.add(() => unsubscribe(name, heard));
}

/** All that is published on a channel, until the test is over. */
export function heardOn<Name extends keyof DiagnosticsEvents>(name: Name): DiagnosticsEvents[Name][] {
  const events: DiagnosticsEvents[Name][] = [];
  hear(name, (event) => events.push(event));
  return events;
}

type Step = 'start' | 'end' | 'asyncStart' | 'asyncEnd' | 'error';
const STEPS: readonly Step[] = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'];

/** Hears each step on a tracing channel, until the test is over. */
export function trace<Name extends keyof TracingContexts>(
  name: Name,
  listener: (step: Step, context: TracingContexts[Name]) => void,
): void {
  const channel = tracingChannel<unknown, TracingContexts[Name]>(name);
  for (const step of STEPS) {
    const heard = (context: unknown): void => listener(step, context as TracingContexts[Name]);
    channel[step].subscribe(heard);
    stops.add(() => channel[step].unsubscribe(heard));
  }
}

/** Hears no more; for `afterEach`. */
export function stopHearing(): void {
  for (const stop of stops) stop();
  stops.clear();
}
