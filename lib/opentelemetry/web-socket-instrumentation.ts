import {
  createNoopMeter,
  metrics,
  trace,
  type Meter,
  type MeterProvider,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import { checkNames } from '../errors/check-names.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';
import type { WebSocketInstrumentationConfig } from './instrumentation-config.js';
import { Measurements } from './measurements.js';
import { Quietly } from './quietly.js';
import { Spans } from './spans.js';
import { Subscriptions } from './subscriptions.js';
import { VERSION } from './version.js';

const NAME = 'nestjs-4d-websocket';

const OPTIONS: Record<keyof WebSocketInstrumentationConfig, true> = {
  enabled: true,
  handshakeHook: true,
  handlerHook: true,
  ignoreHandlerHook: true,
};
const OPTION_NAMES: ReadonlySet<string> = new Set(Object.keys(OPTIONS));

/**
 * Spans and metrics of all WebSocket servers of the process, for `registerInstrumentations` of OpenTelemetry (reference 18.2). It only
 * listens to the diagnostics channels: it may be made before the application or after it.
 */
export class WebSocketInstrumentation {
  readonly instrumentationName: string = NAME;
  readonly instrumentationVersion: string = VERSION;
  readonly #quietly = new Quietly();
  readonly #subscriptions = new Subscriptions(this.#quietly);
  readonly #spans: Spans;
  readonly #measurements = new Measurements();
  #config: WebSocketInstrumentationConfig;
  #tracer: Tracer = trace.getTracer(NAME, VERSION);
  #meter: Meter = metrics.getMeter(NAME, VERSION);
  #isEnabled = false;

  /** @throws {InvalidOptionError} for an option that there is none of, or of a wrong type */
  constructor(config: WebSocketInstrumentationConfig = {}) {
    this.#config = checked(config);
    this.#spans = new Spans(
      () => this.#config,
      () => this.#tracer,
      this.#quietly,
    );
    if (this.#config.enabled) this.enable();
  }

  enable(): void {
    if (this.#isEnabled) return;
    this.#isEnabled = true;
    this.#spans.begin(this.#subscriptions);
    // Where nobody takes metrics, messages are not even counted.
    if (this.#meter === createNoopMeter()) return;
    this.#quietly.run(() => this.#measurements.begin(this.#meter, this.#subscriptions));
  }

  /** Hears nothing any more; spans that are open stay so. */
  disable(): void {
    this.#isEnabled = false;
    this.#subscriptions.end();
  }

  setTracerProvider(provider: TracerProvider): void {
    this.#tracer = provider.getTracer(NAME, VERSION);
  }

  setMeterProvider(provider: MeterProvider): void {
    this.#meter = provider.getMeter(NAME, VERSION);
    if (!this.#isEnabled) return;
    this.disable();
    this.enable();
  }

  /** @throws {InvalidOptionError} for an option that there is none of, or of a wrong type */
  setConfig(config: WebSocketInstrumentationConfig): void {
    this.#config = checked(config);
  }

  getConfig(): WebSocketInstrumentationConfig {
    return this.#config;
  }
}

function checked(config: WebSocketInstrumentationConfig): WebSocketInstrumentationConfig {
  checkNames(config, WebSocketInstrumentation.name, OPTION_NAMES);
  for (const name of ['handshakeHook', 'handlerHook', 'ignoreHandlerHook'] as const) {
    const hook: unknown = config[name];
    if (hook !== undefined && typeof hook !== 'function')
      throw new InvalidOptionError(WebSocketInstrumentation.name, name, hook, 'a function');
  }
  return { enabled: true, ...config };
}
