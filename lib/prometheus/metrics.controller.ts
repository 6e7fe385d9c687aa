import { Controller, Get, Inject, Res, VERSION_NEUTRAL, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { MetricsCollector } from './metrics-collector.js';

/** Makes the controller that serves the metrics at a path. */
export function metricsController(path: string): Type<object> {
  @Controller({ path, version: VERSION_NEUTRAL })
  class WebSocketMetricsController {
    constructor(
      @Inject(MetricsCollector) private readonly collector: MetricsCollector,
      @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    ) {}

    @Get()
    async metrics(@Res() response: unknown): Promise<void> {
      const { registry } = this.collector;
      const text = await registry.metrics();
      const http = this.host.httpAdapter;
      http.setHeader(response, 'Content-Type', registry.contentType);
      // By hand: an interceptor of the application's that wraps all answers has no business with this one.
      await http.reply(response, text, 200);
    }
  }
  return WebSocketMetricsController;
}
