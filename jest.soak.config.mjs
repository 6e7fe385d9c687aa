import base from './jest.config.mjs';

/** The slow tests: `npm run test:soak`. @type {import('jest').Config} */
export default {
  ...base,
  testMatch: ['<rootDir>/test/soak/**/*.soak.ts'],
  testTimeout: 180_000,
  reporters: ['default', '<rootDir>/test/soak/reporter.mjs'],
};
