import {
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import type { DeclaredClient } from '../decorators/web-socket-client.decorator.js';
import { checkNames } from '../errors/check-names.js';
import { ProviderExplorer, type DecoratedProvider } from '../handlers/provider-explorer.js';
import { ClientFactory } from './client-factory.js';
import type { BoundClientHandler } from './client-hooks.js';
import { OPTION_NAMES, servedBy, type ClientSettings } from './client-settings.js';
import { settingsOf, WebSocketClients } from './web-socket-clients.js';

/** A client that connects when the application has started. */
interface Prepared {
  readonly type: Type<object>;
  readonly bound: BoundClientHandler;
  readonly settings: ClientSettings;
}

/** Connects the decorated clients with the application, and ends all clients before anything they use. */
@Injectable()
export class ClientLauncher implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger('WebSocketClientModule');
  #prepared: Prepared[] = [];

  constructor(
    private readonly explorer: ProviderExplorer,
    private readonly factory: ClientFactory,
    private readonly clients: WebSocketClients,
  ) {}

  async onModuleInit(): Promise<void> {
    const declared = this.explorer.clients();
    this.factory.checkModuleOptions(new Set(declared.map(({ type }) => type.name)));
    for (const provider of declared) {
      const prepared = await this.#prepare(provider);
      if (prepared !== undefined) this.#prepared.push(prepared);
    }
  }

  onApplicationBootstrap(): void {
    for (const { bound, settings, type } of this.#prepared.splice(0)) {
      this.clients.connect(bound, settings, type);
    }
  }

  async onModuleDestroy(): Promise<void> {
    const { shutdownTimeout } = this.factory;
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), shutdownTimeout);
    });
    const isExpired = await Promise.race([this.clients.close().then(() => false), expired]);
    clearTimeout(timer);
    if (!isExpired) return;
    const late = Array.from(this.clients, ({ handler }) => handler.constructor.name).join(', ');
    this.#logger.warn(`Hooks of ${late} still run after shutdownTimeout, ${shutdownTimeout} ms`);
  }

  async #prepare(provider: DecoratedProvider<DeclaredClient>): Promise<Prepared | undefined> {
    const { type, wrapper, options: declared } = provider;
    const options = await this.factory.optionsOf(type, declared, wrapper);
    checkNames(options, type.name, OPTION_NAMES);
    const bound = await this.factory.provided(provider, servedBy(options));
    return options.connect === false ? undefined : { type, bound, settings: settingsOf(options, bound) };
  }
}
