/**
 * The way to a host: its name is resolved once, every address is checked, and the connection goes to an address, never to a name. So
 * nothing that is asked again can give another answer (DNS rebinding).
 */
import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { bareHost, isLiteral, portOf } from "../capability/net.js";
import { CallDenied, CallFailure } from "../imports/interface.js";
import { specialRange } from "./address.js";

export type Resolve = (host: string) => Promise<readonly string[]>;
/** Opens a connection to an IP address. Rejects with a `NodeJS.ErrnoException`, or the signal's reason. */
export type Dial = (address: string, port: number, signal: AbortSignal) => Promise<Socket>;

export interface Road {
  readonly resolve: Resolve;
  readonly dial: Dial;
  /** Certificates to trust in place of the system's. */
  readonly ca?: string;
}

/** Of the four threads that files and compression use too; a name server that takes its time must not have them all. */
const LOOKUPS = 2;

/** As every program on this machine resolves names: `/etc/hosts`, then DNS. */
export function systemResolver(): Resolve {
  const waiting: (() => void)[] = [];
  let under = 0;
  return async (host) => {
    if (under >= LOOKUPS) await new Promise<void>((turn) => waiting.push(turn));
    else under++;
    try {
      return (await lookup(host, { all: true })).map(({ address }) => address);
    } finally {
      const next = waiting.shift();
      if (next) next();
      else under--;
    }
  };
}

export const dialTcp: Dial = (address, port, signal) =>
  new Promise((resolve, reject) => {
    if (isIP(address) === 0) throw new TypeError("an address, not a name");
    signal.throwIfAborted();
    const socket = connectTcp({ host: address, port, noDelay: true });
    // Until it stands only: afterwards the connection is the caller's, whose patience is another.
    const stop = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    socket.once("close", () => signal.removeEventListener("abort", stop));
    socket.once("error", reject);
    socket.once("connect", () => {
      signal.removeEventListener("abort", stop);
      socket.off("error", reject);
      socket.on("error", () => {}); // whoever reads or writes meets it
      // The system was given an address; if it went elsewhere all the same, then not into another kind of network.
      if (specialRange(socket.remoteAddress ?? "") === specialRange(address)) return resolve(socket);
      socket.destroy();
      reject(new CallFailure("failed", "the connection reached another address than the one that was checked"));
    });
  });

export const systemRoad = (): Road => ({ resolve: systemResolver(), dial: dialTcp });

/** More addresses than these are not tried. */
const ADDRESSES = 8;
/** Milliseconds for one address while another is left to try. */
const NEXT_ADDRESS_MS = 3000;

/** A connection to the URL's host, with TLS where its scheme asks for it. Throws `CallDenied` and `CallFailure`. */
export async function openRoad(url: URL, road: Road, signal: AbortSignal): Promise<Duplex> {
  const addresses = await addressesOf(url, road.resolve, signal);
  const socket = await dialFirst(addresses, portOf(url), road.dial, signal);
  return url.protocol === "https:" ? encrypt(socket, url, road.ca, signal) : socket;
}

async function addressesOf(url: URL, resolve: Resolve, signal: AbortSignal): Promise<readonly string[]> {
  const host = bareHost(url);
  // The grant names the address itself, and the URL's parser has reduced every spelling of it to one.
  if (isIP(host) !== 0) return [host];
  const found = await until(signal, resolve(host));
  if (found.length === 0) throw new CallFailure("unavailable", `${host} has no address`);
  for (const address of found) {
    const range = specialRange(address);
    if (range === null || (isLiteral(url) && range === "loopback")) continue;
    throw new CallDenied({
      cap: "net",
      target: url.host,
      reason: `${host} resolves to an address that is not public (${range}); a policy reaches such an address by naming it`,
    });
  }
  // IPv4 first: where IPv6 leads nowhere it does so silently.
  return [...found].sort((a, b) => isIP(a) - isIP(b)).slice(0, ADDRESSES);
}

async function dialFirst(addresses: readonly string[], port: number, dial: Dial, signal: AbortSignal): Promise<Socket> {
  let failure: unknown;
  for (const [index, address] of addresses.entries()) {
    const patience = index < addresses.length - 1 ? AbortSignal.any([signal, AbortSignal.timeout(NEXT_ADDRESS_MS)]) : signal;
    try {
      return await dial(address, port, patience);
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}

function encrypt(socket: Socket, url: URL, ca: string | undefined, signal: AbortSignal): Promise<Duplex> {
  const host = bareHost(url);
  return new Promise((resolve, reject) => {
    const secure = connectTls({
      socket,
      host,
      // An address has no place in SNI; the certificate is held against `host` all the same.
      ...(isIP(host) === 0 && { servername: host }),
      ALPNProtocols: ["http/1.1"],
      minVersion: "TLSv1.2",
      // Said here so that no environment variable can say otherwise.
      rejectUnauthorized: true,
      ...(ca !== undefined && { ca }),
    });
    const stop = (): void => void secure.destroy(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    secure.once("error", reject);
    secure.once("close", () => socket.destroy());
    secure.once("secureConnect", () => {
      signal.removeEventListener("abort", stop);
      secure.off("error", reject);
      secure.on("error", () => {});
      resolve(secure);
    });
    if (signal.aborted) stop();
  });
}

/** The promise's value, unless the signal comes first: name resolution cannot be called back. */
function until<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
    if (signal.aborted) stop();
  });
}
