import { Controller, Get, Inject, Req, Res, UseGuards, VERSION_NEUTRAL, type Type } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { WebSocketInspectorExtras } from './inspector-options.js';
import { PAGE, SCRIPT, STYLE } from './page-files.js';

/** Nothing from anywhere else, nothing inline, and in nobody's frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Makes the controller that serves the page and its files. */
export function inspectorController({ path, guards }: Required<WebSocketInspectorExtras>): Type<object> {
  const name = path.split('/').findLast((part) => part !== '')!;

  @Controller({ path, version: VERSION_NEUTRAL })
  @UseGuards(...guards)
  class WebSocketInspectorController {
    constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost) {}

    @Get()
    async page(@Req() request: unknown, @Res() response: unknown): Promise<void> {
      const url = String(this.host.httpAdapter.getRequestUrl!(request));
      // Its files are named from where it is, whatever stands before it.
      if (url.split('?', 1)[0]!.endsWith('/')) this.host.httpAdapter.redirect(response, 302, `../${name}`);
      else await this.#reply(response, 'text/html', PAGE.replaceAll('{name}', name));
    }

    @Get('page.js')
    async script(@Res() response: unknown): Promise<void> {
      await this.#reply(response, 'text/javascript', SCRIPT);
    }

    @Get('page.css')
    async style(@Res() response: unknown): Promise<void> {
      await this.#reply(response, 'text/css', STYLE);
    }

    async #reply(response: unknown, type: string, text: string): Promise<void> {
      const http = this.host.httpAdapter;
      http.setHeader(response, 'Content-Type', `${type}; charset=utf-8`);
      http.setHeader(response, 'Content-Security-Policy', POLICY);
      http.setHeader(response, 'X-Content-Type-Options', 'nosniff');
      http.setHeader(response, 'Referrer-Policy', 'no-referrer');
      http.setHeader(response, 'Cache-Control', 'no-store');
      await http.reply(response, text, 200);
    }
  }
  return WebSocketInspectorController;
}
