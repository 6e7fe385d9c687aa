/**
 * Where Nest looks whether a provider is an entry point, as a GraphQL resolver is: then request-scoped global enhancers
 * (`APP_GUARD` and the like) apply to it. Nest exports no decorator for it; the key is the same in all its versions.
 */
export const ENTRY_PROVIDER = '__entryProvider__';
