/** A small key-value store of this node within its run, kept from attempt to attempt. Needs no grant. */
import host from "runloop:agent/state@0.1.0";
import { hostCall } from "./errors.js";
import { text, toJson } from "./json.js";

export const state = {
  /** The value, or undefined where the key is not set. */
  get(key: string): unknown {
    const held = hostCall("state.get", () => host.get(text(key)));
    return held === null ? undefined : JSON.parse(held);
  },
  set(key: string, value: unknown): void {
    const written = toJson(value, key);
    hostCall("state.set", () => host.set(text(key), written));
  },
  delete(key: string): void {
    hostCall("state.delete", () => host.delete(text(key)));
  },
  /** Sorted. */
  keys: (): string[] => hostCall("state.keys", () => host.keys()),
};
