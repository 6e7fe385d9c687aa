import type { IncomingMessage } from 'node:http';
import proxyAddr from 'proxy-addr';
import type { ServerDefaults } from '../../interfaces/index.js';

/** Gives the client's IP address of a request. */
export type ClientAddress = (request: IncomingMessage) => string;

const IPV4_IN_IPV6 = /^::ffff:(?=\d+\.)/i;

function plain(address: string | undefined): string {
  return (address ?? '').replace(IPV4_IN_IPV6, '');
}

/** The address at the other end of the socket: one that nobody can claim. */
export function peerAddress(request: IncomingMessage): string {
  return plain(request.socket.remoteAddress);
}

/**
 * How a server finds its clients' addresses (reference 7), with Express's meaning of `trustProxy`: true trusts every
 * proxy, a number that many hops, strings these addresses and subnets, a function decides.
 *
 * @throws {TypeError} for an address that is none
 */
export function clientAddress(trustProxy: ServerDefaults['trustProxy']): ClientAddress {
  if (trustProxy === undefined || trustProxy === false || trustProxy === 0) {
    return peerAddress;
  }
  const trust = compileTrust(trustProxy);
  return (request) => plain(proxyAddr(request, trust));
}

function compileTrust(
  trustProxy: Exclude<ServerDefaults['trustProxy'], undefined | false>,
): (address: string, index: number) => boolean {
  if (typeof trustProxy === 'function') return trustProxy;
  if (trustProxy === true) return () => true;
  if (typeof trustProxy === 'number') return (_address, index) => index < trustProxy;
  const addresses =
    typeof trustProxy === 'string' ? trustProxy.split(',').map((part) => part.trim()) : trustProxy;
  return proxyAddr.compile([...addresses]);
}
