import type { INestApplication } from '@nestjs/common';
import type { AsyncApiDocument } from './async-api-document.js';
import type { AsyncApiOptions, AsyncApiServeOptions } from './async-api-options.js';
import { createDocument } from './create-document.js';
import { serveDocument } from './serve-document.js';

/**
 * Describes the application's WebSocket servers and their contracts as AsyncAPI 3, as `SwaggerModule` describes controllers as
 * OpenAPI (reference 17.5).
 */
export class AsyncApiModule {
  /**
   * Makes the document: a channel for each server, with its path; an operation and its messages for each member of its
   * contract, as they go over the wire.
   *
   * @param app before or after it listens
   * @throws {InvalidOptionError} for an option that there is none of, a path that is no pattern, and a contract that is none
   * @throws {Error} if the application does not import `FourDWebSocketModule`
   */
  static createDocument(app: INestApplication, options: AsyncApiOptions = {}): AsyncApiDocument {
    return createDocument(app, AsyncApiModule.name, options);
  }

  /**
   * Serves the document: a page at the path, JSON at `<path>-json` and YAML at `<path>-yaml`. Call it before the application
   * listens. Guards and middleware of modules do not apply: what is not for everybody is not to be set up, or put behind
   * middleware of the platform.
   *
   * @param document or what makes it, at the first request @default the document of the application without options
   * @throws {InvalidOptionError} for an option that there is none of, and a path that is none
   */
  static setup(
    path: string,
    app: INestApplication,
    document: AsyncApiDocument | (() => AsyncApiDocument) = () => AsyncApiModule.createDocument(app),
    options: AsyncApiServeOptions = {},
  ): void {
    const make = typeof document === 'function' ? document : () => document;
    serveDocument(path, app, AsyncApiModule.name, make, options);
  }
}
