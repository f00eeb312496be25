/** What is wrong with a policy, or more than its agent needs, before anybody is asked to accept it. */
import type { AgentInterface, Grant } from "#openings/agent.js";
import { missingGrants } from "#openings/check/grants.js";
import { RAW_CONTACTS } from "#openings/grant/meet.js";
import { granted } from "../fs/directories.js";
import type { DirectoryGuard } from "../fs/guard.js";
import { PolicyError } from "./policy.js";

export interface Finding {
  readonly severity: "error" | "warning";
  /** As it is written in `policy.caps`. */
  readonly cap: string;
  readonly message: string;
  readonly hint: string;
}

type Lists = "secrets_raw" | "exec" | "spawn";
/** Read, and linked by nothing yet. */
const WITHOUT_EFFECT: readonly Lists[] = ["secrets_raw", "exec", "spawn"];

const warning = (cap: string, message: string, hint: string): Finding => ({ severity: "warning", cap, message, hint });

/** Findings that follow from the policy alone. `actions`: the kinds that this host can do; `tools`: those that it offers. */
export function lintGrant(
  grant: Grant,
  actions: ReadonlySet<string>,
  tools: ReadonlySet<string> = new Set(),
): readonly Finding[] {
  const found: Finding[] = WITHOUT_EFFECT.filter((cap) => grant[cap].length > 0).map((cap) =>
    warning(
      cap,
      "this version links nothing for it",
      "take it out until it has an effect: later versions would grant it unasked",
    ),
  );
  for (const path of grant.fs_ro.filter((each) => grant.fs_rw.includes(each)))
    found.push(warning("fs_ro", `${path} stands in \`fs_rw\` too, which reads as well`, "take it out of one of them"));
  for (const { host } of grant.net)
    if (host.startsWith("*."))
      found.push(warning("net", `\`${host}\` is every host under that name, also those of others`, "name the hosts one by one"));
  if (grant.kb_write === true)
    found.push(warning("kb_write", "it may write every domain, contacts too", 'name the domains: kb_write = ["notes"]'));
  if (Array.isArray(grant.kb_read) && grant.kb_read.includes(RAW_CONTACTS))
    found.push(warning("kb_read", `\`${RAW_CONTACTS}\` shows it e-mail addresses unmasked`, "leave it out where masked ones do"));
  for (const kind of grant.actions.filter((each) => !actions.has(each)))
    found.push(warning("actions", `this host has no action \`${kind}\``, `there are: ${[...actions].sort().join(", ")}`));
  for (const id of grant.tools.filter((each) => !tools.has(each)))
    found.push(
      warning(
        "tools",
        `this host offers no tool \`${id}\``,
        tools.size === 0 ? "`tools.commands` in config.yaml offers tools" : `there are: ${[...tools].sort().join(", ")}`,
      ),
    );
  for (const { id, hosts } of grant.secrets)
    for (const host of hosts.filter((each) => !reachable(grant, each)))
      found.push(
        warning("secrets", `\`${id}\` is bound to ${host}, which \`net\` does not reach`, `net = ["${host}"], or take it out`),
      );
  return found;
}

/** Findings on the directories of a policy, as this machine has them. */
export async function lintDirectories(grant: Grant, guard: DirectoryGuard): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  for (const { path, writable } of granted(grant))
    await guard.check(path, writable).catch((error: unknown) => {
      if (!(error instanceof PolicyError)) throw error;
      found.push({ severity: "error", cap: writable ? "fs_rw" : "fs_ro", message: error.message, hint: error.hint ?? "" });
    });
  return found;
}

/** Whether a `net` rule names the host (and the port, where the secret does). */
function reachable({ net }: Grant, target: string): boolean {
  const [, host = "", port] = /^(.*?)(?::([0-9]{1,5}))?$/.exec(target) ?? [];
  return net.some((rule) => rule.host === host && (port === undefined || rule.port === null || rule.port === Number(port)));
}

const FILES = "wasi:filesystem/preopens";

/** Interface → the capabilities that link it, and whether a grant holds one of them. `or`: the same under another name. */
const LINKS: readonly {
  readonly name: string;
  readonly or?: string;
  readonly cap: string;
  readonly held: (grant: Grant) => boolean;
}[] = [
  { name: FILES, cap: "fs_ro and fs_rw", held: ({ fs_ro, fs_rw }) => fs_ro.length > 0 || fs_rw.length > 0 },
  { name: "kb", cap: "kb_read and kb_write", held: ({ kb_read, kb_write }) => kb_read !== false || kb_write !== false },
  { name: "model", cap: "model", held: ({ model }) => model !== false },
  { name: "http", or: "wasi:http/outgoing-handler", cap: "net", held: ({ net }) => net.length > 0 },
  { name: "tools", cap: "tools", held: ({ tools }) => tools.length > 0 },
  { name: "clock", cap: "time", held: ({ time }) => time !== false },
  { name: "random", cap: "random", held: ({ random }) => random },
];

/** Findings that follow from what the component imports: what is missing, and what it asks for and never uses. */
export function lintImports(face: AgentInterface): readonly Finding[] {
  const missing = missingGrants(face).map(({ import: name, capability, reason }): Finding => ({
    severity: "error",
    cap: capability ?? "imports",
    message: `the component imports ${name}: ${reason}`,
    hint: capability === null ? "no policy helps: the agent has to do without it" : `grant ${capability}`,
  }));
  const imported = (name: string): boolean =>
    face.imports.some((each) => each.startsWith(name.startsWith("wasi:") ? `${name}@` : `runloop:agent/${name}@`));
  const idle = LINKS.filter(({ name, or = name, held }) => held(face.grant) && !imported(name) && !imported(or)).map(
    ({ name, cap }) =>
      warning(
        cap,
        `granted, and the component never imports \`${name}\``,
        "take it out: an agent should hold no more than it uses",
      ),
  );
  const unused = face.grant.actions.length > 0 && !imported("actions");
  const named = new Set((face.tools ?? []).map(({ id }) => id));
  const nameless = face.grant.tools
    .filter((id) => imported("tools") && !named.has(id))
    .map((id) =>
      warning("tools", `\`${id}\` is granted, and the bundle's tools.json does not name it`, "name it there, or take it out"),
    );
  return [
    ...missing,
    ...nameless,
    ...idle,
    ...(unused
      ? [
          warning(
            "actions",
            "granted, and the component never imports `actions`",
            "take it out: an agent should hold no more than it uses",
          ),
        ]
      : []),
  ];
}
