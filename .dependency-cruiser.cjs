/*
 * The rooms of lib/, and what each may know. A room knows only rooms below it; README.md draws them. A lower room that needs
 * something of a higher one declares the interface that it needs.
 */

/** A connection has its server, a server its connections: the one circle that is inherent, in types only. */
const FACES =
  '^lib/server/(web-socket-(server|connection)|server-publisher|(connection|topic)-collection)\\.ts$';
const NEST = 'node_modules/@nestjs/(core|websockets|platform)';
const BROKERS = 'node_modules/(ioredis|@nats-io)';

/** A room may import these rooms, and nothing else of lib/. */
function room(name, path, mayKnow, comment) {
  return {
    name: `${name}-knows-its-place`,
    severity: 'error',
    comment,
    from: { path },
    to: { path: '^lib/', pathNot: [path, ...mayKnow.map((each) => `^lib/${each}`)] },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'What needs each other, for a type only too, can not be understood one by one.',
      from: { pathNot: FACES },
      to: { circular: true },
    },
    {
      name: 'no-cycles-of-faces',
      severity: 'error',
      comment: 'The faces may know each other, and nothing that knows them; and not at run time.',
      from: { path: FACES },
      to: { circular: true, viaOnly: { pathNot: FACES } },
    },
    {
      name: 'no-runtime-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    room(
      'foundation',
      '^lib/foundation/',
      [],
      'Small helpers that serve the whole house stand at its bottom.',
    ),
    room('interfaces', '^lib/interfaces/', []),
    room(
      'observability',
      '^lib/observability/',
      ['interfaces/', 'foundation/'],
      'What is told to whoever watches; the watchers themselves stand above.',
    ),
    room('contract', '^lib/contract/', [], 'What both ends have agreed upon knows nothing of either.'),
    room('rpc', '^lib/server/rpc/', [
      'server/(replies|message)/',
      'contract/',
      'observability/(channels|events|trace)',
      'errors/',
      'foundation/',
      'interfaces/',
    ]),
    room(
      'remembered',
      '^lib/remembered/',
      ['interfaces/'],
      'What a process remembers is the same for one instance, for the primary of node:cluster and for tests.',
    ),
    room('errors', '^lib/errors/', ['interfaces/', 'foundation/']),
    room('socket', '^lib/server/socket/', [
      'server/message/',
      'observability/(channels|events)',
      'errors/',
      'foundation/',
      'interfaces/',
    ]),
    room('replies', '^lib/server/replies/', ['observability/trace', 'errors/', 'foundation/']),
    room('message', '^lib/server/message/', ['errors/', 'foundation/', 'interfaces/']),
    room(
      'handshake',
      '^lib/server/handshake/',
      [
        'server/socket/connection-socket',
        'server/message/shared-deflate',
        'observability/(channels|events|trace)',
        'protocol/',
        'errors/',
        'foundation/',
        'interfaces/',
      ],
      'It makes sockets of requests, and knows neither who decides about them nor who serves them.',
    ),
    room(
      'server',
      '^lib/server/',
      [
        'contract/',
        'protocol/',
        'observability/(channels|events|trace)',
        'errors/',
        'foundation/',
        'interfaces/',
      ],
      "4D's side knows sockets and messages, and nothing of the rooms above it.",
    ),
    room(
      'history',
      '^lib/history/',
      ['remembered/', 'server/', 'errors/', 'foundation/', 'interfaces/'],
      'It knows how a server delivers, and where messages are remembered only by the interface of a store.',
    ),
    room('resume', '^lib/server/resume/', [
      'server/socket/connection-socket',
      'server/topic-history',
      'protocol/',
      'errors/',
      'interfaces/',
    ]),
    room('instances', '^lib/instances/', [
      'history/history-store',
      'server/',
      'observability/channels',
      'errors/',
      'foundation/',
      'interfaces/',
    ]),
    room(
      'backplane',
      '^lib/backplane/',
      ['remembered/', 'errors/', 'interfaces/'],
      'A backplane is an entry point of its own: it needs nothing but the interface that it fills.',
    ),
    room('decorators', '^lib/decorators/', [
      'server/',
      'client/',
      'contract/',
      'errors/',
      'interfaces/',
      'foundation/',
    ]),
    room('adapters', '^lib/adapters/', [
      'server/',
      'observability/channels',
      'errors/',
      'foundation/',
      'interfaces/',
    ]),
    room('pipeline', '^lib/handlers/pipeline/', [
      'handlers/(hook-methods|provider-explorer)',
      'server/',
      'errors/',
      'foundation/',
      'interfaces/',
    ]),
    room('handlers', '^lib/handlers/', [
      'contract/',
      'decorators/',
      'history/',
      'instances/',
      'server/',
      'errors/',
      'foundation/',
      'interfaces/',
      'module-options',
    ]),
    room(
      'client',
      '^lib/client/',
      ['contract/contract', 'protocol/', 'interfaces/'],
      'The client runs in browsers: it knows nothing of Nest, nor of the server.',
    ),
    room('protocol', '^lib/protocol/', []),
    room(
      'asyncapi',
      '^lib/asyncapi/',
      [
        'handlers/(provider-explorer|web-socket-server.registry|connection-handler-options)',
        'server/handshake/canonical-path',
        'contract/contract',
        'errors/',
        'foundation/',
        'interfaces/',
      ],
      'It describes servers, started or not, and has no part in serving them.',
    ),
    room(
      'clients',
      '^lib/clients/',
      [
        'client/',
        'contract/',
        'handlers/',
        'decorators/',
        'server/(replies|rpc)/',
        'errors/',
        'foundation/',
        'interfaces/',
      ],
      "The client in Nest runs without this package's server: of its room it needs the replies only.",
    ),
    room('testing', '^lib/testing/', [
      'remembered/',
      'adapters/',
      'server/',
      'errors/',
      'foundation/',
      'interfaces/',
    ]),
    room('health', '^lib/health/', ['handlers/web-socket-server.registry', 'server/']),
    room(
      'prometheus',
      '^lib/prometheus/',
      ['handlers/web-socket-server.registry', 'server/', 'observability/', 'errors/'],
      'It watches the diagnostics channels, and nothing knows of it.',
    ),
    room(
      'opentelemetry',
      '^lib/opentelemetry/',
      ['server/', 'observability/', 'errors/'],
      'It watches the diagnostics channels, and nothing knows of it.',
    ),
    room(
      'inspector',
      '^lib/inspector/',
      [
        'handlers/web-socket-server.registry',
        'decorators/(connection-handler|contract-handler|wss-handler)',
        'client/browser',
        'contract/',
        'server/',
        'errors/',
      ],
      'It watches the diagnostics channels, serves its page, and nothing knows of it.',
    ),
    {
      name: 'inspector-page',
      severity: 'error',
      comment: 'What runs in a browser knows the contract, and nothing of the server.',
      from: { path: '^lib/inspector/page/' },
      to: { path: '^lib/', pathNot: '^lib/(inspector/(page/|contract)|client/browser)' },
    },
    {
      name: 'watchers-are-optional',
      severity: 'error',
      comment: 'Who is not watched pays for no watcher.',
      from: { path: '^lib/', pathNot: '^lib/(prometheus|opentelemetry|inspector)/' },
      to: { path: '^lib/(prometheus|opentelemetry|inspector)/|node_modules/(prom-client|@opentelemetry)' },
    },
    {
      name: 'client-without-packages',
      severity: 'error',
      comment: 'Only one file of it is for Node.',
      from: { path: '^lib/(client|contract|protocol)/', pathNot: '^lib/client/node-transport' },
      to: { pathNot: '^lib/|@standard-schema/spec' },
    },
    {
      name: 'client-in-browsers',
      severity: 'error',
      from: { path: '^lib/(client|protocol)/', pathNot: '^lib/client/node' },
      to: { path: '^lib/client/node' },
    },
    {
      name: 'servers-need-no-client',
      severity: 'error',
      comment: 'Who has no client pays for none.',
      from: {
        path: '^lib/',
        pathNot: '^lib/(clients|client|index|web-socket-client\\.module|decorators|inspector/page)',
      },
      to: { path: '^lib/(clients|client)/' },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/testing/' },
      to: { path: '^lib/testing/' },
    },
    {
      name: 'no-container-below-handlers',
      severity: 'error',
      comment: "Nest's container is the affair of handlers/ and adapters/.",
      from: { path: '^lib/(server|history|instances|backplane|remembered|errors|foundation|interfaces)/' },
      to: { path: NEST },
    },
    {
      name: 'nothing-needs-asyncapi',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/(asyncapi/|index)' },
      to: { path: '^lib/asyncapi/' },
    },
    {
      name: 'brokers-are-optional',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/backplane' },
      to: { path: `^lib/backplane|${BROKERS}` },
    },
    {
      name: 'interfaces-are-types',
      severity: 'error',
      from: { path: '^lib/interfaces' },
      to: { dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.build.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
