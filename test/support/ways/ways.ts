import {
  Scope,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type INestApplication,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import {
  AsyncGuard,
  AsyncInterceptor,
  AsyncPipe,
  DelayingInterceptor,
  ENHANCERS,
  MappingInterceptor,
  ScopedGuard,
  ScopedInterceptor,
  type EnhancerKind,
} from './enhancers.js';
import { BOUND, CUSTOM_BOUND, REQUEST_SCOPED, type Form } from './forms.js';

/** What a message or a handshake passes on its way to its handler. */
export interface Passage {
  /** How the classes are written. @default 4D's two arguments */
  form?: Form;
  /** Decorates both classes. */
  onClass?: ClassDecorator;
  /** Decorates onConnection and onMessage. */
  onMethod?: MethodDecorator;
  /** More providers of the application: APP_GUARD and the like. */
  providers?: Provider[];
  configure?: (app: INestApplication) => unknown;
  /** How a module provides the classes. @default the class itself */
  provide?: (type: Type<object>) => Provider;
  /** Whether Nest makes the instances, and so those of enhancers that are classes. @default true */
  madeByNest?: boolean;
  /** onConnection returns an object that it made itself. */
  object?: boolean;
  scope?: Scope;
  /** There is no server handler in front of the connection handler. */
  shorthand?: boolean;
  platform?: 'express' | 'fastify';
  https?: boolean;
  /** A port of the server's own. */
  ownPort?: boolean;
  compressed?: boolean;
}

export interface Way extends Passage {
  name: string;
}

/** Ways of a kind, by name; the tests go through each of them alone and with every enhancer. */
type Passages = Record<string, Passage>;

const TRANSPORTS: Passages = {
  Fastify: { platform: 'fastify' },
  HTTPS: { https: true },
  'HTTPS on Fastify': { https: true, platform: 'fastify' },
  "a port of the server's own": { ownPort: true },
  compression: { compressed: true },
};

const PROVISIONS: Passages = {
  useClass: { provide: (type) => ({ provide: type, useClass: class Replacement extends type {} }) },
  useFactory: { provide: (type) => ({ provide: type, useFactory: () => new type() }), madeByNest: false },
  'an async useFactory': {
    provide: (type) => ({ provide: type, useFactory: async () => new type() }),
    madeByNest: false,
  },
  useValue: { provide: (type) => ({ provide: type, useValue: new type() }), madeByNest: false },
};

const KINDS_OF_HANDLER: Passages = {
  'the shorthand': { shorthand: true },
  'a shared instance': { scope: Scope.DEFAULT },
  'bound parameters': { form: BOUND },
  'parameter decorators of the application': { form: CUSTOM_BOUND },
  'a request-scoped dependency': { form: REQUEST_SCOPED },
};

/** Enhancers that do more than nothing, or live shorter. */
const FURTHER_ENHANCERS: Passages = {
  'an async guard': { onClass: UseGuards(AsyncGuard) },
  'an async interceptor': { onClass: UseInterceptors(AsyncInterceptor) },
  'an interceptor that delays': { onClass: UseInterceptors(DelayingInterceptor) },
  'an interceptor that maps': { onMethod: UseInterceptors(MappingInterceptor) },
  'an async pipe': { onClass: UsePipes(AsyncPipe), form: BOUND },
  'a request-scoped guard': { onClass: UseGuards(ScopedGuard) },
  'a request-scoped interceptor': { onMethod: UseInterceptors(ScopedInterceptor) },
  'a request-scoped APP_GUARD': { providers: [{ provide: APP_GUARD, useClass: ScopedGuard }] },
  'a request-scoped APP_INTERCEPTOR': {
    providers: [{ provide: APP_INTERCEPTOR, useClass: ScopedInterceptor }],
  },
  'all kinds of enhancers at once': {
    form: BOUND,
    onClass: (type) => ENHANCERS.forEach(({ use, Type }) => use(Type)(type)),
    onMethod: (...method) => ENHANCERS.forEach(({ use, Type }) => use(Type)(...method)),
    configure: (app) => ENHANCERS.forEach(({ useGlobal }) => useGlobal(app)),
  },
};

/** One way for each kind of enhancer. A pipe needs a parameter to work on. */
function enhanced(name: string, passage: (kind: EnhancerKind) => Passage): Way[] {
  return ENHANCERS.map((kind) => ({
    name: `${kind.name} ${name}`,
    ...(kind.name === 'pipe' && { form: BOUND }),
    ...passage(kind),
  }));
}

/** Each passage alone, and with each kind of enhancer as an instance on the class, which works whoever made the handler. */
function aloneAndEnhanced(passages: Passages): Way[] {
  return Object.entries(passages).flatMap(([name, passage]) => [
    { name, ...passage },
    ...enhanced(`on the class, ${name}`, ({ use, Type }) => ({ onClass: use(new Type()), ...passage })),
  ]);
}

/** The ways in which a handshake or a message can reach a handler. Every promise is tested in each of them. */
export const WAYS: readonly Way[] = [
  { name: 'plain' },
  { name: 'an object that onConnection returned', object: true },
  ...enhanced('on the class', ({ use, Type }) => ({ onClass: use(Type) })),
  ...enhanced('on the method', ({ use, Type }) => ({ onMethod: use(Type) })),
  ...enhanced('by app.useGlobal...()', ({ useGlobal }) => ({ configure: useGlobal })),
  ...enhanced('by APP_...', ({ token, Type }) => ({ providers: [{ provide: token, useClass: Type }] })),
  ...Object.entries(FURTHER_ENHANCERS).map(([name, passage]) => ({ name, ...passage })),
  ...aloneAndEnhanced(KINDS_OF_HANDLER),
  ...aloneAndEnhanced(PROVISIONS),
  ...aloneAndEnhanced(TRANSPORTS),
];

/** Those of them on which a client is asked about by onConnection. */
export const WAYS_WITH_SERVER_HANDLER = WAYS.filter(({ shorthand }) => !shorthand);
