/**
 * `wasi:random`. With the grant `random` all of it draws on the attempt's seeded stream, the one that `runloop:agent/random` draws
 * on too. Without it `random` is not linked, and what language libraries ask for unasked (a seed for hash tables) draws on a stream
 * that is the same for every attempt of every agent: it tells nothing, and still no two values in a row are equal, since there is
 * code that asks again until they differ.
 */
import { GuestTrap } from "../ends.js";
import type { Native, WasiFunction } from "./contract.js";
import { SeededRandom } from "./randomness.js";

/** What one call may ask for. WASI has no way to give fewer bytes than were asked for. */
const MOST = 1 << 20;

export function randomFunctions(seeded: SeededRandom): readonly (readonly [string, WasiFunction])[] {
  return [
    ["get-random-bytes", ([length]) => bytes(seeded, length)],
    ["get-random-u64", () => seeded.u64()],
  ];
}

export function insecureFunctions(stream: SeededRandom): readonly (readonly [string, WasiFunction])[] {
  return [
    ["get-insecure-random-bytes", ([length]) => bytes(stream, length)],
    ["get-insecure-random-u64", () => stream.u64()],
  ];
}

export function insecureSeedFunctions(stream: SeededRandom): readonly (readonly [string, WasiFunction])[] {
  return [["insecure-seed", () => [stream.u64(), stream.u64()]]];
}

export const inertRandom = (): SeededRandom => new SeededRandom("0".repeat(64));

function bytes(stream: SeededRandom, length: Native | undefined): Uint8Array {
  if ((length as bigint) > BigInt(MOST))
    throw new GuestTrap(`wasi:random: ${String(length)} bytes at once, where ${MOST} are the limit`);
  return stream.bytes(Number(length));
}
