/** Where a grant lets an agent go: hosts, ports, methods and paths of `net`, and where a secret may be sent. */
import { isIP } from "node:net";
import type { Grant } from "#openings/agent.js";
import type { Denial } from "./authorize.js";

/** Host of a URL without the brackets of an IPv6 address. */
export const bareHost = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "");

export const portOf = (url: URL): number => (url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port));

/**
 * Whether a grant that admits this URL has named its very host: an IP address, or `localhost`. Patterns match neither, so nothing but
 * the literal name lets one through. A DNS name never counts, since its owner says what it resolves to.
 */
export const isLiteral = (url: URL): boolean => isIP(bareHost(url)) !== 0 || url.hostname === "localhost";

/** `url` as WHATWG parsed it: the one parse that everything else goes by. Without a port a rule means the scheme's own. */
export function mayFetch(grant: Grant, url: URL, method: string): Denial | null {
  const denied = (reason: string): Denial => ({ cap: "net", target: url.host, reason });
  const here = grant.net.filter((rule) => fits(rule, url));
  if (here.length === 0) return denied(`the grant does not name ${url.host} (${url.protocol.slice(0, -1)})`);
  const able = here.filter(({ methods }) => methods === null || methods.includes(method));
  if (able.length === 0) return denied(`the grant does not allow ${method} on ${url.host}`);
  if (able.some(({ paths }) => paths === null || paths.some((prefix) => underPath(url.pathname, prefix)))) return null;
  return denied(`the grant does not reach this path on ${url.host} (${able.flatMap(({ paths }) => paths ?? []).join(", ")})`);
}

/** Whether the value of a secret may leave for this URL. */
export function maySend(grant: Grant, id: string, url: URL): Denial | null {
  const denied = (reason: string): Denial => ({ cap: "secrets", target: id, reason });
  const secret = grant.secrets.find((one) => one.id === id);
  if (!secret) return denied(`the grant does not declare the secret \`${id}\``);
  if (!secret.hosts.some((text) => fits(parseHostPort(text), url)))
    return denied(`the secret \`${id}\` may not be sent to ${url.host} (${secret.hosts.join(", ")})`);
  if (url.protocol !== "https:" && !isLiteral(url)) return denied(`the secret \`${id}\` is sent by https only`);
  return null;
}

function fits(rule: Pick<Grant["net"][number], "host" | "port" | "scheme">, url: URL): boolean {
  if (rule.scheme !== undefined && url.protocol !== `${rule.scheme}:`) return false;
  if (rule.port === null ? url.port !== "" : rule.port !== portOf(url)) return false;
  if (!rule.host.startsWith("*.")) return rule.host === url.hostname;
  const suffix = rule.host.slice(1);
  return !isLiteral(url) && url.hostname.length > suffix.length && url.hostname.endsWith(suffix);
}

function parseHostPort(text: string): { host: string; port: number | null } {
  const cut = /^(.*?)(?::(\d+))?$/.exec(text);
  return { host: cut?.[1] ?? "", port: cut?.[2] === undefined ? null : Number(cut[2]) };
}

/**
 * `/v1` covers `/v1` and `/v1/…`, not `/v10`. Servers differ in what they decode before they walk a path: one that climbs after any
 * number of decodings, or hides a climb behind a path parameter (`..;`), is under no prefix but `/`.
 */
function underPath(path: string, prefix: string): boolean {
  if (prefix === "/") return true;
  if (path !== prefix && !path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`)) return false;
  for (let text = path, round = 0; ; round++) {
    if (text.split(/[/\\]/).some((part) => /^\.{1,2}(?:;|$)/.test(part)) || text.includes("\0")) return false;
    const next = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (next === text) return true;
    if (round === 8) return false;
    text = next;
  }
}
