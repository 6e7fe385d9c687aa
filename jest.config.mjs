/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  // Tests of applications, run in them by starters.spec.ts.
  testPathIgnorePatterns: ['<rootDir>/test/package/(starter|with-brokers)/'],
  extensionsToTreatAsEsm: ['.ts'],
  // TypeScript's ESM imports name the .js that will be; here it is still .ts.
  moduleNameMapper: {
    '^nestjs-4d-websocket$': '<rootDir>/lib/index.ts',
    '^nestjs-4d-websocket/client$': '<rootDir>/lib/client/node.ts',
    '^nestjs-4d-websocket/(\\w+)$': ['<rootDir>/lib/backplane/$1.ts', '<rootDir>/lib/$1/index.ts'],
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  testTimeout: 60_000,
  // Most tests wait for other processes, or for a time to pass, for much of their own.
  maxWorkers: '100%',
};
