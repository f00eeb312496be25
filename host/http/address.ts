/**
 * Which addresses are the public internet's. Everything that IANA's registries of special-purpose addresses (RFC 6890) keep for
 * something else is named; forms of IPv6 that carry an IPv4 address are judged by what they carry, or refused as a whole.
 */
import { BlockList, isIP, isIPv4 } from "node:net";

type Range = readonly [name: string, ...subnets: readonly string[]];

const special4: readonly Range[] = [
  ["this network", "0.0.0.0/8"],
  ["private", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"],
  ["carrier-grade NAT", "100.64.0.0/10"],
  ["loopback", "127.0.0.0/8"],
  ["link-local or metadata", "169.254.0.0/16"],
  ["special-purpose", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.175.48.0/24"],
  ["special-purpose", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"],
  // Azure's metadata and health service answers on a public address.
  ["metadata", "168.63.129.16/32"],
  ["multicast", "224.0.0.0/4"],
  ["reserved", "240.0.0.0/4"],
];
const special6: readonly Range[] = [
  ["loopback", "::1/128"],
  ["special-purpose", "2001::/23", "2001:db8::/32", "3fff::/20", "2620:4f:8000::/48"],
  ["6to4", "2002::/16"],
];
/** Global unicast: all that is given out to anybody. */
const global6 = list([["global", "2000::/3"]]);

function list(ranges: readonly Range[]): BlockList {
  const found = new BlockList();
  for (const [, ...subnets] of ranges)
    for (const subnet of subnets) {
      const [net = "", prefix = ""] = subnet.split("/");
      found.addSubnet(net, Number(prefix), isIPv4(net) ? "ipv4" : "ipv6");
    }
  return found;
}
const named4 = special4.map((range) => [range[0], list([range])] as const);
const named6 = special6.map((range) => [range[0], list([range])] as const);

/** Why nobody may be sent to this address unasked, in a word or two; null for an address of the public internet. */
export function specialRange(address: string): string | null {
  if (isIPv4(address)) return named4.find(([, range]) => range.check(address, "ipv4"))?.[0] ?? null;
  // A zone (`fe80::1%eth0`) names a link of this machine.
  if (isIP(address) !== 6 || address.includes("%")) return "not an address";
  const words = hextets(address);
  const inner = `${words[6]! >> 8}.${words[6]! & 255}.${words[7]! >> 8}.${words[7]! & 255}`;
  const begins = (...prefix: readonly number[]): boolean => prefix.every((word, index) => words[index] === word);
  if (begins(0, 0, 0, 0, 0, 0xffff)) return specialRange(inner); // IPv4-mapped
  if (begins(0x64, 0xff9b, 0, 0, 0, 0)) return specialRange(inner); // NAT64, RFC 6052
  const found = named6.find(([, range]) => range.check(address, "ipv6"))?.[0];
  return found ?? (global6.check(address, "ipv6") ? null : "special-purpose");
}

/** The eight 16-bit groups of a valid IPv6 address. */
function hextets(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text = dotted
    ? `${dotted[1]}${((Number(dotted[2]) << 8) | Number(dotted[3])).toString(16)}:${((Number(dotted[4]) << 8) | Number(dotted[5])).toString(16)}`
    : address;
  const [head = "", tail] = text.split("::");
  const groups = (part: string): number[] => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return groups(head);
  const [before, after] = [groups(head), groups(tail)];
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}
