/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  // TypeScript's ESM imports name the .js that will be; here it is still .ts.
  moduleNameMapper: {
    '^nestjs-4d-websocket$': '<rootDir>/lib/index.ts',
    '^nestjs-4d-websocket/client$': '<rootDir>/lib/client/node.ts',
    '^nestjs-4d-websocket/(cluster|nats|redis)$': '<rootDir>/lib/backplane/$1.ts',
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
  testTimeout: 20_000,
};
