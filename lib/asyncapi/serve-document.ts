import { Logger, type HttpServer, type INestApplication } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { checkNames } from '../errors/check-names.js';
import { InvalidOptionError } from '../errors/invalid-option.error.js';
import type { AsyncApiDocument } from './async-api-document.js';
import type { AsyncApiServeOptions } from './async-api-options.js';
import { documentPage } from './document-page.js';
import { toYaml, YamlMissingError } from './yaml.js';

const OPTIONS: Record<keyof AsyncApiServeOptions, true> = {
  useGlobalPrefix: true,
  jsonDocumentUrl: true,
  yamlDocumentUrl: true,
};
const OPTION_NAMES: ReadonlySet<string> = new Set(Object.keys(OPTIONS));

/** What a form of the document is sent as. */
interface Form {
  readonly contentType: string;
  write(document: AsyncApiDocument): string | Promise<string>;
}

/** Serves a document in its forms, on whatever platform the application has (reference 17.5). */
export function serveDocument(
  path: string,
  app: INestApplication,
  owner: string,
  document: () => AsyncApiDocument,
  options: AsyncApiServeOptions,
): void {
  checkNames(options, owner, OPTION_NAMES);
  const { useGlobalPrefix = false, jsonDocumentUrl, yamlDocumentUrl } = options;
  const prefix = useGlobalPrefix ? app.get(ApplicationConfig).getGlobalPrefix() : '';
  const at = (option: string, url: string): string => absolute(prefix, checkUrl(owner, option, url));
  const page = at('path', path);
  const json = jsonDocumentUrl === undefined ? `${page}-json` : at('jsonDocumentUrl', jsonDocumentUrl);
  const yaml = yamlDocumentUrl === undefined ? `${page}-yaml` : at('yamlDocumentUrl', yamlDocumentUrl);
  let made: AsyncApiDocument | undefined;
  const serve = (url: string, form: Form): void =>
    serveForm(app.getHttpAdapter(), url, owner, form, () => (made ??= document()));
  serve(page, { contentType: 'text/html; charset=utf-8', write: (it) => documentPage(it, { json, yaml }) });
  serve(json, { contentType: 'application/json; charset=utf-8', write: (it) => JSON.stringify(it) });
  serve(yaml, { contentType: 'application/yaml; charset=utf-8', write: toYaml });
}

function serveForm(
  http: HttpServer,
  url: string,
  owner: string,
  { contentType, write }: Form,
  document: () => AsyncApiDocument,
): void {
  let text: string | undefined;
  http.get(url, async (_request: unknown, response: unknown) => {
    try {
      text ??= await write(document());
      http.setHeader!(response, 'Content-Type', contentType);
      await http.reply(response, text, 200);
    } catch (error) {
      new Logger(owner).error(error);
      const isMissing = error instanceof YamlMissingError;
      const statusCode = isMissing ? 501 : 500;
      const message = isMissing ? error.message : 'Internal server error';
      await http.reply(response, { statusCode, message }, statusCode);
    }
  });
}

function checkUrl(owner: string, option: string, url: unknown): string {
  if (typeof url === 'string' && url !== '') return url;
  throw new InvalidOptionError(owner, option, url, "a path, such as '/asyncapi'");
}

/** With a slash before each part, and none at the end. */
function absolute(...parts: readonly string[]): string {
  const names = parts.flatMap((part) => part.split('/')).filter((name) => name !== '');
  return `/${names.join('/')}`;
}
