/** What the manifest and the policy say that the built component depends on. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parse, TomlError } from "smol-toml";
import { BuildError } from "../errors.js";
import { readText } from "../layout.js";

export interface Author {
  /** Output ports, each with the type that its values have where the agent says nothing else. */
  readonly types: Readonly<Record<string, string>>;
  /** Capabilities that give globals: `Date.now`, `Math.random`, `fetch`. */
  readonly grants: { readonly time: boolean; readonly random: boolean; readonly net: boolean };
}

/** For a source without a bundle: the bundle's tests build so. */
export const EVERYTHING: Author = { types: { out: "json.v1" }, grants: { time: true, random: true, net: true } };

/** The host reads both files strictly when the agent is used; here only what matters for the build. */
export function readAuthor(folder: string): Author {
  const [manifest, policy] = ["manifest.toml", "policy.caps"].map((name) => table(join(folder, name)));
  const ports = asTable(asTable(manifest?.["ports"])["out"]);
  const { time, random, net } = policy ?? {};
  return {
    types: Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, firstType(asTable(port)["type"])])),
    grants: {
      time: time === true || time === "real",
      random: random === true,
      net: Array.isArray(net) && net.length > 0,
    },
  };
}

const asTable = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** `any` is no type of a value. */
function firstType(type: unknown): string {
  const [first] = Array.isArray(type) ? (type as unknown[]) : [type];
  return typeof first === "string" && first !== "any" ? first : "json.v1";
}

function table(file: string): Readonly<Record<string, unknown>> {
  if (!existsSync(file)) throw new BuildError("BUILD_BUNDLE", "the file is not there", { place: { file } });
  try {
    return parse(readText(file));
  } catch (cause) {
    const at = cause instanceof TomlError ? { line: cause.line, column: cause.column } : {};
    throw new BuildError("BUILD_BUNDLE", cause instanceof Error ? cause.message : String(cause), {
      place: { file, ...at },
      cause,
    });
  }
}
