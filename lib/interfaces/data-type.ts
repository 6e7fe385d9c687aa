/**
 * How a server decodes what its clients send (reference 5.1):
 * `'text'` gives strings, `'blob'` gives Buffers, `'object'` gives parsed JSON.
 */
export type DataType = 'text' | 'blob' | 'object';
