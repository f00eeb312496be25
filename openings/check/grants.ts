/** A component imports nothing that its policy does not grant: what is not granted is not linked, so it could not even start. */
import type { AgentInterface, Grant } from "../agent.js";
import { nodeGrant } from "../grant/narrow.js";
import { quoted } from "../language/diagnostic.js";
import type { CheckContext } from "./context.js";

export interface MissingGrant {
  /** As the component names it, e.g. `runloop:agent/http@0.1.0`. */
  readonly import: string;
  /** What `policy.caps` would have to grant; null where no grant helps. */
  readonly capability: string | null;
  readonly reason: string;
}

/** What an interface needs of a grant. */
export interface Need {
  /** As `policy.caps` spells it. */
  readonly capability: string;
  granted(grant: Grant): boolean;
}

const PACKAGE = "runloop:agent/";
const VERSION = "0.1.0";

const some = (granted: boolean | readonly unknown[]): boolean => (typeof granted === "boolean" ? granted : granted.length > 0);

const net: Need = { capability: "net", granted: (grant) => some(grant.net) };
const random: Need = { capability: "random", granted: (grant) => grant.random };

/** Interfaces of the contract by short name; null needs nothing. */
const needs: ReadonlyMap<string, Need | null> = new Map([
  ["types", null],
  ["log", null],
  ["state", null],
  ["kb", { capability: "kb_read or kb_write", granted: (grant: Grant) => some(grant.kb_read) || some(grant.kb_write) }],
  ["model", { capability: "model", granted: (grant: Grant) => some(grant.model) }],
  ["http", net],
  ["tools", { capability: "tools", granted: (grant: Grant) => some(grant.tools) }],
  ["actions", { capability: "actions", granted: (grant: Grant) => some(grant.actions) }],
  ["clock", { capability: "time", granted: (grant: Grant) => grant.time !== false }],
  ["random", random],
]);

/**
 * WASI 0.2. What the standard library of a language asks for unasked is there for everybody, and inert where its capability is
 * missing: a clock that stands still, seeds that are the same for all, no folder. Whoever asks for
 * randomness or the network by name means it.
 */
const wasi: ReadonlyMap<string, Need | null> = new Map<string, Need | null>([
  ...["io/error", "io/poll", "io/streams"].map((name) => [name, null] as const),
  ...["clocks/monotonic-clock", "clocks/wall-clock"].map((name) => [name, null] as const),
  ...["random/insecure", "random/insecure-seed"].map((name) => [name, null] as const),
  ["random/random", random],
  ...["http/types", "http/outgoing-handler"].map((name) => [name, net] as const),
  ...["filesystem/types", "filesystem/preopens"].map((name) => [name, null] as const),
  ...["environment", "exit", "stdin", "stdout", "stderr"].map((name) => [`cli/${name}`, null] as const),
  ...["input", "output", "stdin", "stdout", "stderr"].map((name) => [`cli/terminal-${name}`, null] as const),
]);
const WASI = "wasi:";
const WASI_VERSION = /^0\.2\.[0-9]{1,3}$/;

/** Where an import leads: the host's key for the interface (`kb`, `wasi:io/streams`) and what it needs; else why it leads nowhere. */
export type KnownImport = { readonly key: string; readonly need: Need | null } | { readonly unknown: string };

/** `name` as a component imports it; the version may be left out. */
export function knownImport(name: string): KnownImport {
  const [bare = "", version] = name.split("@");
  const ours = bare.startsWith(PACKAGE);
  const key = ours ? bare.slice(PACKAGE.length) : bare;
  const need = ours ? needs.get(key) : bare.startsWith(WASI) ? wasi.get(bare.slice(WASI.length)) : undefined;
  if (need === undefined) return { unknown: "the host has no such interface" };
  if (version !== undefined && !(ours ? version === VERSION : WASI_VERSION.test(version)))
    return { unknown: `the host links version ${ours ? VERSION : "0.2"}` };
  return { key, need };
}

/** Whether the manifest calls the import optional, by its whole name, without the version, or by the host's key. */
export function isOptional(name: string, key: string, agent: Pick<AgentInterface, "optionalImports">): boolean {
  const bare = name.split("@")[0];
  return agent.optionalImports.some((each) => each === name || each === key || each === bare);
}

/** The imports of a component that its grant does not cover, in the component's order. */
export function missingGrants(agent: AgentInterface): readonly MissingGrant[] {
  return agent.imports.flatMap((name) => {
    const missing = missingFor(name, agent);
    return missing ? [missing] : [];
  });
}

function missingFor(name: string, agent: AgentInterface): MissingGrant | null {
  const known = knownImport(name);
  if ("unknown" in known) return { import: name, capability: null, reason: known.unknown };
  const { key, need } = known;
  // Optional: linked as a stub that refuses every call. Only an interface that the host knows can be one.
  if (need === null || isOptional(name, key, agent) || need.granted(agent.grant)) return null;
  return { import: name, capability: need.capability, reason: `the policy does not grant ${need.capability}` };
}

export function checkGrants({ report, agentOf, innerOf }: CheckContext): void {
  for (const [node, { agents }] of innerOf)
    for (const { path, agent } of node.caps ? agents : []) {
      const left = { ...agent, grant: nodeGrant(agent, { caps: node.caps?.value ?? null }) };
      const [missing] = missingGrants(left).filter(({ import: name }) => isGranted(name, agent));
      if (missing && node.caps)
        report.error(
          "OPENING_GRANT",
          node.caps.tree.span,
          `\`caps\` leaves ${quoted(agent.name)} in ${quoted(path)} without ${missing.capability}, and it imports ${quoted(missing.import)}`,
          hintFor(agent.name, missing.capability, "node"),
        );
    }
  const seen = new Set<AgentInterface>();
  for (const [node, agent] of agentOf) {
    const caps = node.caps?.value;
    if ((seen.has(agent) && !caps) || !node.use) continue;
    seen.add(agent);
    const before = new Set(missingGrants(agent).map((one) => one.import));
    const narrowed = caps ? { ...agent, grant: nodeGrant(agent, { caps }) } : agent;
    for (const { import: name, capability, reason } of missingGrants(narrowed)) {
      const byNode = !before.has(name);
      const byHost = !byNode && agent.policy !== undefined && isGranted(name, { ...agent, grant: agent.policy });
      report.error(
        "OPENING_GRANT",
        byNode ? (node.caps?.tree.span ?? node.use.span) : node.use.span,
        byNode
          ? `\`caps\` leaves ${quoted(agent.name)} without ${capability}, and it imports ${quoted(name)}`
          : `the agent ${quoted(agent.name)} imports ${quoted(name)}: ${byHost ? `this host takes ${capability} from it` : reason}`,
        hintFor(agent.name, capability, byNode ? "node" : byHost ? "host" : "policy"),
      );
    }
  }
}

const isGranted = (name: string, agent: AgentInterface): boolean => !missingGrants(agent).some((one) => one.import === name);

function hintFor(agent: string, capability: string | null, by: "node" | "host" | "policy"): string | undefined {
  if (capability === null) return undefined;
  if (by === "node") return `leave ${capability} to it, or use an agent that does without`;
  if (by === "host") return `\`rlp caps show ${agent}\` shows which layer takes it`;
  return `grant ${capability} in the policy.caps of ${agent}, or list the import under [imports] optional`;
}
