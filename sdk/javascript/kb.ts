/** The knowledge base, as of the run's watermark. Needs `kb_read`; `propose` needs `kb_write`. */
import host from "runloop:agent/kb@0.1.0";
import { hostCall } from "./errors.js";
import { text, toJson } from "./json.js";

export const kb = {
  async search(query: string, { limit = 8, kind = "", domain = "" }: { limit?: number; kind?: string; domain?: string } = {}) {
    return hostCall("kb.search", () => host.search(text(query), { limit, kind: text(kind), domain: text(domain) }));
  },
  async get(key: string): Promise<unknown> {
    const found = hostCall("kb.get", () => host.get(text(key)));
    return found === null ? null : JSON.parse(found);
  },
  async query(filter: object): Promise<unknown> {
    const written = toJson(filter, "filter");
    return JSON.parse(hostCall("kb.query", () => host.query(written)));
  },
  async propose(delta: object): Promise<number> {
    const written = toJson(delta, "delta");
    return Number(hostCall("kb.propose", () => host.propose(written)));
  },
};
