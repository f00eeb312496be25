/** What a new agent is to be, read from flags or answers. */
import { UsageError } from "#core/errors.js";
import { IDENTIFIER } from "#core/ids.js";
import { nearest } from "#core/nearest.js";
import type { TypeRegistry } from "#openings/agent.js";

export interface PortSpec {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
}
/** One line of `policy.caps`: `true`, or a list. */
export interface CapSpec {
  readonly name: string;
  readonly values: true | readonly string[];
}
/** AssemblyScript, JavaScript, TypeScript, Rust. */
export const LANGUAGES = ["as", "js", "ts", "rust"] as const;
export type AgentLanguage = (typeof LANGUAGES)[number];

export interface AgentSpec {
  readonly name: string;
  readonly lang: AgentLanguage;
  readonly description: string;
  readonly inputs: readonly PortSpec[];
  readonly outputs: readonly PortSpec[];
  readonly caps: readonly CapSpec[];
}

const refuse = (message: string, hint: string): UsageError => new UsageError("USAGE", message, { hint });

export function readName(word: string): string {
  if (IDENTIFIER.test(word)) return word;
  const near = word
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "_")
    .replace(/^[^a-z]+|_+$/g, "")
    .slice(0, 64);
  throw refuse(
    `\`${word.slice(0, 80)}\` is no agent's name`,
    IDENTIFIER.test(near) ? `did you mean \`${near}\`?` : "lower-case letters, digits and `_`, a letter first: note_taker",
  );
}

/** One line without hidden characters: it stands in TOML, in YAML and in a comment of the source. */
export function readDescription(text: string): string {
  const line = text.trim();
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(line) || line.includes("*/") || line.length > 500)
    throw refuse("the description is not one plain line of at most 500 characters", '--description "Takes notes."');
  return line;
}

/** `name:type`; `name?:type` is a port that may stay empty. */
export function readPort(word: string, types: TypeRegistry): PortSpec {
  const parts = /^([^:?]+)(\?)?:(.+)$/.exec(word.trim());
  const [, name = "", optional, type = ""] = parts ?? [];
  if (!IDENTIFIER.test(name))
    throw refuse(
      `\`${word.slice(0, 80)}\` is no port`,
      "a port is name:type, such as text:text.v1; name?:type where it may stay empty",
    );
  if (type !== "any" && !types.get(type)) {
    const near = nearest(type, types.names());
    throw refuse(
      `there is no port type \`${type.slice(0, 80)}\``,
      near ? `did you mean \`${near}\`?` : `there are: ${[...types.names()].sort().join(", ")}`,
    );
  }
  return { name, type, required: optional === undefined };
}

/** What this version of the host links, and whether a list of names can stand for it. */
const KNOWN: Readonly<Record<string, "flag" | "list" | "both">> = {
  kb_read: "both",
  kb_write: "both",
  model: "both",
  actions: "list",
  net: "list",
  time: "flag",
  random: "flag",
};

/** `kb_read,model` or `kb_read=notes+mail,actions=email.send`. */
export function readCaps(word: string): readonly CapSpec[] {
  return word
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const [name = "", list] = part.split("=", 2);
      const kind = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
      if (kind === undefined) {
        const near = nearest(name, Object.keys(KNOWN));
        throw refuse(
          `\`${name.slice(0, 80)}\` is no capability of this version`,
          near ? `did you mean \`${near}\`?` : `there are: ${Object.keys(KNOWN).join(", ")}`,
        );
      }
      const values = list?.split("+").filter((value) => value !== "") ?? [];
      if (kind === "list" && values.length === 0)
        throw refuse(`\`${name}\` needs a list`, name === "net" ? "net=api.example.com" : `${name}=email.send`);
      if (kind === "flag" && list !== undefined) throw refuse(`\`${name}\` takes no list`, `--caps ${name}`);
      if (values.some((value) => !/^[A-Za-z0-9_.*/:-]{1,128}$/.test(value)))
        throw refuse(`\`${part.slice(0, 80)}\` is no capability`, "--caps kb_read=notes+mail");
      return { name, values: values.length > 0 ? values : true };
    });
}

/** Ports and capabilities by name once each. */
export function withoutRepeats<T extends { readonly name: string }>(what: string, items: readonly T[]): readonly T[] {
  const seen = new Set<string>();
  for (const { name } of items) {
    if (seen.has(name)) throw refuse(`the ${what} \`${name}\` is named twice`, "name each once");
    seen.add(name);
  }
  return items;
}

/** A program of the world `command` knows nothing of our interfaces: what it may do, it does through WASI. */
const OF_PROGRAMS: readonly string[] = ["time", "random"];

/** Refuses a capability that the language's template has no use for. */
export function fitting(lang: AgentLanguage, caps: readonly CapSpec[]): readonly CapSpec[] {
  const stray = lang === "rust" ? caps.find(({ name }) => !OF_PROGRAMS.includes(name)) : undefined;
  if (stray)
    throw refuse(
      `an agent in Rust is a program for WASI, which has nothing for \`${stray.name}\``,
      `it may have ${OF_PROGRAMS.join(" and ")}; for the rest: --lang js, or --lang as`,
    );
  return caps;
}
