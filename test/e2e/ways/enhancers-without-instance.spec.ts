import { Catch, Injectable, UseFilters, UseGuards, UseInterceptors, UsePipes } from '@nestjs/common';
import { InvalidHandlerError, type ServerOptions } from 'nestjs-4d-websocket';
import { closeApps, createApp } from '../../support/app.js';
import { deferred } from '../../support/deferred.js';
import { BOUND } from '../../support/ways/forms.js';
import { startWay, wayAppOptions, type WayServer } from '../../support/ways/way-app.js';
import { WAYS, type Way } from '../../support/ways/ways.js';

/** Nest makes instances of these only for the classes that it makes itself. */
@Injectable()
class Refusing {
  canActivate() {
    return false;
  }
  intercept() {
    throw new Error('intercepted');
  }
  transform() {
    throw new Error('piped');
  }
}

@Catch()
class Filter {
  catch() {}
}

const ENHANCERS = [
  ['guard', UseGuards(Refusing)],
  ['interceptor', UseInterceptors(Refusing)],
  ['pipe', UsePipes(Refusing)],
  ['filter', UseFilters(Filter)],
] as const;

const PLACES: [string, (decorator: ClassDecorator & MethodDecorator) => WayServer & ServerOptions, string][] =
  [
    ['the class of a connection handler', (decorator) => ({ onHandlerClass: [decorator] }), 'Handler'],
    ['onMessage', (decorator) => ({ onMessage: [decorator] }), 'Handler'],
    ['the class of a server handler', (decorator) => ({ onServerClass: [decorator] }), 'Server'],
    ['onConnection', (decorator) => ({ onConnection: [decorator] }), 'Server'],
  ];

const isAlone = ({ onClass, onMethod }: Way) => !onClass && !onMethod;
const EVERY = ENHANCERS.flatMap(([kind, decorator]) =>
  PLACES.map(([place, around, name]) => ({ kind, place, name, around: around(decorator) })),
);

describe.each(WAYS.filter((way) => way.madeByNest === false && isAlone(way)))('11.2 $name', (way) => {
  it.each(EVERY)('a $kind that is a class, on $place: the application does not start', async (each) => {
    const { options } = await wayAppOptions({ ...way, form: BOUND }, { '/': each.around });
    const app = await createApp(options);
    try {
      const error: unknown = await app.init().then(
        () => 'the application started',
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(InvalidHandlerError);
      // It says whose it is, which one, and what to do.
      expect((error as Error).message).toMatch(new RegExp(`^${each.name}: .*(Refusing|Filter).*; `));
    } finally {
      await app.close();
    }
  });
});

describe('11.2 never skipped', () => {
  afterEach(closeApps);

  const guards = EVERY.filter(({ kind }) => kind === 'guard');

  it.each(guards)(
    'useClass, a guard on $place: it guards, or the application does not start',
    async (each) => {
      const way = WAYS.find(({ name }) => name === 'useClass')!;
      const messages: string[] = [];
      const refused = deferred<'refused'>();
      const outcome = await startWay(way, { '/': each.around }).then(
        async (app) => {
          const served = app.serve({
            onMessage: (_ws, data) => messages.push(data),
            onError: () => refused.resolve('refused'),
          });
          if (each.name === 'Server') return (await served.refused()).status;
          const client = await served.connect();
          client.send('guarded');
          return Promise.race([refused.promise, client.next()]);
        },
        (error: unknown) => error,
      );
      if (!(outcome instanceof InvalidHandlerError))
        expect(outcome).toBe(each.name === 'Server' ? 403 : 'refused');
      expect(messages).toEqual([]);
    },
  );

  it.each([
    ['the class', { onHandlerClass: [UseGuards(Refusing)] }],
    ['onMessage', { onMessage: [UseGuards(Refusing)] }],
  ] as [string, WayServer][])(
    'an object that onConnection made, with a guard on %s: its clients are refused',
    async (_place, around) => {
      const way = WAYS.find(({ object }) => object)!;
      const app = await startWay(way, { '/': around });
      expect((await app.serve({}).refused()).status).toBe(500);
    },
  );
});
