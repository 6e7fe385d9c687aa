import base from './jest.config.mjs';

const [pattern, [transformer, options]] = Object.entries(base.transform)[0];

/** The e2e tests once more, on Nest 11 and as CommonJS: `npm run test:nest11`. @type {import('jest').Config} */
export default {
  ...base,
  testMatch: ['<rootDir>/test/e2e/**/*.spec.ts'],
  // These start programs, or need a package, whose Nest is not the one under test here.
  testPathIgnorePatterns: [
    'chat-sample',
    'cluster-sample',
    'auth-sample',
    'backplane-',
    'backplane\\.',
    'rooms-sample',
    'feed-sample',
    'nginx',
    'python-client',
    'throttler',
    'never-ends',
    'client-storm',
    'contract-calls',
    'contract-bounds',
    'json-rpc',
    'history-chaos',
    'history-stores',
    'history-catch-up',
    'history-redis-operations',
    'terminus',
    'prometheus',
    'opentelemetry',
    'inspector',
    // An ES module of theirs can't be required.
    'asyncapi',
    // What they test is the same on each Nest.
    'client\\.spec',
    'client-browser',
    'client-resume',
    'protocol\\.spec',
    'history\\.spec',
    'back-pressure',
    'drain',
    'heartbeat',
    'ways/resume',
    'write-coalescing',
  ],
  extensionsToTreatAsEsm: [],
  moduleNameMapper: {
    '^@nestjs/(common|core|microservices|platform-[\\w.]+|testing|websockets)(/.*)?$':
      '<rootDir>/test/nest11/node_modules/@nestjs/$1$2',
    '^(rxjs|reflect-metadata)(/.*)?$': '<rootDir>/test/nest11/node_modules/$1$2',
    ...base.moduleNameMapper,
  },
  transform: { [pattern]: [transformer, { ...options, module: { type: 'commonjs' } }] },
};
