/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Modules that need each other at run time can not be understood, or loaded, one by one.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'server-knows-no-nest',
      severity: 'error',
      comment:
        'The server room knows sockets and messages, and nothing of the rooms above it or of the container.',
      from: { path: '^lib/server' },
      to: {
        path: '^lib/(handlers|clients|adapters|decorators|cluster|backplane)|node_modules/@nestjs/(core|websockets|platform)',
      },
    },
    {
      name: 'cluster-knows-no-nest-and-no-broker',
      severity: 'error',
      from: { path: '^lib/cluster' },
      to: {
        path: '^lib/(handlers|adapters|decorators|backplane)|node_modules/@nestjs/(core|websockets|platform)',
      },
    },
    {
      name: 'brokers-stand-alone',
      severity: 'error',
      comment: 'A backplane is an entry point of its own: it needs nothing but the interface that it fills.',
      from: { path: '^lib/backplane' },
      to: { path: '^lib/', pathNot: '^lib/(backplane|interfaces|errors)' },
    },
    {
      name: 'brokers-are-optional',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/backplane' },
      to: { path: '^lib/backplane|node_modules/(ioredis|@nats-io)' },
    },
    {
      name: 'testing-is-for-tests',
      severity: 'error',
      comment: 'What tests need is an entry point of its own: an application in production loads none of it.',
      from: { path: '^lib/', pathNot: '^lib/testing' },
      to: { path: '^lib/testing' },
    },
    {
      name: 'handlers-know-no-adapter',
      severity: 'error',
      from: { path: '^lib/handlers' },
      to: { path: '^lib/adapters' },
    },
    {
      name: 'adapters-know-no-handler',
      severity: 'error',
      from: { path: '^lib/adapters' },
      to: { path: '^lib/handlers' },
    },
    {
      name: 'client-stands-alone',
      severity: 'error',
      comment:
        'The client runs in browsers: it knows nothing of Nest, of the server, or, but for one file, of Node.',
      from: { path: '^lib/client/', pathNot: '^lib/client/node-transport' },
      to: { pathNot: '^lib/(client|protocol|interfaces)/' },
    },
    {
      name: 'nest-clients-know-no-server-handler',
      severity: 'error',
      comment:
        "The client in Nest runs without this package's server: of its room it needs the replies only.",
      from: { path: '^lib/clients' },
      to: { path: '^lib/(server|adapters|instances|backplane)', pathNot: '^lib/server/reply-streams' },
    },
    {
      name: 'servers-need-no-client',
      severity: 'error',
      comment: 'Who has no client pays for none.',
      from: { path: '^lib/', pathNot: '^lib/(clients|client|index|web-socket-client\\.module|decorators)' },
      to: { path: '^lib/(clients|client)/' },
    },
    {
      name: 'client-in-browsers',
      severity: 'error',
      from: { path: '^lib/(client|protocol)/', pathNot: '^lib/client/node' },
      to: { path: '^lib/client/(node|heartbeat)' },
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
