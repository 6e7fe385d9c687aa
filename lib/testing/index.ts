export { connect, type ConnectOptions } from './connect.js';
export { HandshakeRefusedError } from './handshake-refused.error.js';
export { MemoryBackplane, MemoryBroker, type MemoryBrokerMember } from './memory-backplane.js';
export type { ConnectionEnd, TestClient } from './test-client.js';
