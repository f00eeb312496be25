import * as fc from "fast-check";
import { expect, test } from "vitest";
import { specialRange } from "#host/http/address.js";

test.each([
  ["127.0.0.1", "loopback"],
  ["127.255.255.254", "loopback"],
  ["10.1.2.3", "private"],
  ["172.16.0.1", "private"],
  ["172.31.255.255", "private"],
  ["192.168.1.1", "private"],
  ["169.254.169.254", "link-local or metadata"],
  ["168.63.129.16", "metadata"],
  ["100.64.0.1", "carrier-grade NAT"],
  ["100.100.100.200", "carrier-grade NAT"],
  ["0.0.0.0", "this network"],
  ["192.0.0.192", "special-purpose"],
  ["198.18.0.1", "special-purpose"],
  ["224.0.0.1", "multicast"],
  ["239.255.255.255", "multicast"],
  ["240.0.0.1", "reserved"],
  ["255.255.255.255", "reserved"],
  ["::1", "loopback"],
  ["::", "special-purpose"],
  ["::127.0.0.1", "special-purpose"],
  ["::ffff:127.0.0.1", "loopback"],
  ["::ffff:7f00:1", "loopback"],
  ["0:0:0:0:0:ffff:a00:1", "private"],
  ["::ffff:169.254.169.254", "link-local or metadata"],
  ["64:ff9b::7f00:1", "loopback"],
  ["64:ff9b::10.0.0.1", "private"],
  ["64:ff9b:1::1", "special-purpose"],
  ["2002:7f00:1::", "6to4"],
  ["2002:c0a8:101::1", "6to4"],
  ["2001::1", "special-purpose"],
  ["2001:db8::1", "special-purpose"],
  ["fe80::1", "special-purpose"],
  ["fe80::1%eth0", "not an address"],
  ["fec0::1", "special-purpose"],
  ["fc00::1", "special-purpose"],
  ["fd00:ec2::254", "special-purpose"],
  ["ff02::1", "special-purpose"],
  ["100::1", "special-purpose"],
  ["example.com", "not an address"],
  ["127.1", "not an address"],
  ["", "not an address"],
])("%s: %s", (address, range) => {
  expect(specialRange(address)).toBe(range);
});

test.each([
  "93.184.215.14",
  "8.8.8.8",
  "172.15.255.255",
  "172.32.0.1",
  "100.63.255.255",
  "100.128.0.1",
  "2606:4700::1111",
  "::ffff:8.8.8.8",
  "64:ff9b::808:808",
])("%s is of the public internet", (address) => {
  expect(specialRange(address)).toBeNull();
});

test("an IPv4 address is the same thing however IPv6 carries it", () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      const [a, b, c, d] = address.split(".").map(Number) as [number, number, number, number];
      const low = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      for (const form of [
        `::ffff:${address}`,
        `::ffff:${low}`,
        `0:0:0:0:0:ffff:${low}`,
        `64:ff9b::${low}`,
        `64:ff9b:0:0:0:0:${address}`,
      ])
        expect(specialRange(form)).toBe(specialRange(address));
    }),
  );
});
