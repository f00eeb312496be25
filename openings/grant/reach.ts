/** Hosts, ports, methods and paths that two rules of `net` have in common. */
import type { Grant } from "../agent.js";

export type NetRule = Grant["net"][number];

/** The rule that allows what both allow; null where that is nothing. */
export function meetRules(a: NetRule, b: NetRule): NetRule | null {
  const host = meetHosts(a.host, b.host);
  const ports = meetPorts(a, b);
  const methods = meetLists(a.methods, b.methods, (x, y) => (x === y ? x : null));
  const paths = meetLists(a.paths, b.paths, meetPrefixes);
  if (host === null || ports === null || methods?.length === 0 || paths?.length === 0) return null;
  return { host, ...ports, methods, paths };
}

/** A pattern `*.name` covers every host under that name, and no address. */
function meetHosts(a: string, b: string): string | null {
  if (a === b) return a;
  if (under(a, b)) return a;
  return under(b, a) ? b : null;
}

function under(host: string, pattern: string): boolean {
  if (!pattern.startsWith("*.")) return false;
  const suffix = pattern.slice(1);
  return (host.startsWith("*.") || !isLiteral(host)) && host.endsWith(suffix) && host.length > suffix.length;
}

/** An address as URLs spell it, or this machine's name: patterns match neither. */
const isLiteral = (host: string): boolean => host === "localhost" || host.startsWith("[") || /^[0-9]+(?:\.[0-9]+){3}$/.test(host);

const SCHEMES: Readonly<Record<number, "http" | "https">> = { 80: "http", 443: "https" };

/** No port means the scheme's own: with a rule for 443 it shares https there, and not http on 443. */
function meetPorts(a: NetRule, b: NetRule): Pick<NetRule, "port" | "scheme"> | null {
  if (a.scheme !== undefined && b.scheme !== undefined && a.scheme !== b.scheme) return null;
  const given = a.scheme ?? b.scheme;
  if (a.port === b.port) return { port: a.port, ...(given && { scheme: given }) };
  if (a.port !== null && b.port !== null) return null;
  const port = a.port ?? b.port ?? 0;
  const scheme = SCHEMES[port];
  if (scheme === undefined || (given !== undefined && given !== scheme)) return null;
  return { port, scheme };
}

/** `/v1` covers itself and what is under `/v1/`. */
function meetPrefixes(a: string, b: string): string | null {
  if (covers(a, b)) return b;
  return covers(b, a) ? a : null;
}

const covers = (prefix: string, path: string): boolean =>
  path === prefix || path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);

/** null is everything. */
function meetLists(
  a: readonly string[] | null,
  b: readonly string[] | null,
  meet: (x: string, y: string) => string | null,
): readonly string[] | null {
  if (a === null || b === null) return a ?? b;
  return [...new Set(a.flatMap((x) => b.flatMap((y) => meet(x, y) ?? [])))].sort();
}

/** `host[:port]` where both lead to; a secret goes by https, so no port and 443 are one, but for addresses. */
export function meetTargets(a: string, b: string): string | null {
  const [left, right] = [target(a), target(b)];
  const host = meetHosts(left.host, right.host);
  if (host === null) return null;
  if (left.port === right.port) return left.port === "" ? host : `${host}:${left.port}`;
  const ports = [left.port, right.port];
  return !isLiteral(host) && ports.includes("") && ports.includes("443") ? `${host}:443` : null;
}

function target(text: string): { readonly host: string; readonly port: string } {
  const [, host = "", port = ""] = /^(.*?)(?::([0-9]+))?$/.exec(text) ?? [];
  return { host, port };
}
