export { connect, type ConnectOptions } from './connect.js';
export { HandshakeRefusedError } from './handshake-refused.error.js';
export { MemoryBackplane, MemoryBroker, type MemoryBrokerMember } from './memory-backplane.js';
export { TestClient, type ConnectionEnd } from './test-client.js';
