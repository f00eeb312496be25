/** A bundle's folder, read and held against the digests in its manifest. Nothing in it is run, parsed as a component or followed. */
import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, read, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod";
import { blake3, isDigest, type Digest } from "#core/digest.js";
import { parseJson, type JsonObject, isJsonObject } from "#core/json.js";
import type { RlpError } from "#core/errors.js";
import { IDENTIFIER } from "#core/ids.js";
import type { AgentInterface, Port } from "#openings/agent.js";
import { parsePolicy } from "../capability/policy.js";
import { limitsOf } from "../limits/effective.js";
import { limitNames, limitTable, type LimitName } from "../limits/table.js";
import { VERSION } from "./version.js";
import { readDeclaredTools, ToolsProblem } from "../toolbox/declared.js";
import { AdmissionError } from "./error.js";
import { limits as componentLimits } from "./inspect/limits.js";
import { glanceAt } from "./read-at-once.js";
import { readToml, TomlProblem } from "./toml.js";

export interface Bundle {
  readonly dir: string;
  /** The bytes that everything else was read by: a signature is over these. */
  readonly manifest: Uint8Array;
  /** All of the agent's face but what its component imports, which admission finds out. */
  readonly face: Omit<AgentInterface, "imports">;
  readonly world: "agent" | "command";
  /** `read` gives its bytes, held against the digest once more: who finds it in the cache has no use for them. */
  readonly component: { readonly path: string; readonly read: () => Promise<Uint8Array> };
  /** What it asks for, as it stands in the file; `path` as the manifest has it. */
  readonly policy: { readonly path: string; readonly bytes: Uint8Array };
  /** The other files that the manifest names, by the names of their tables. */
  readonly artifacts: ReadonlyMap<string, { readonly path: string; readonly bytes: Uint8Array }>;
}

const MANIFEST = "manifest.toml";
const FILE_BYTES = 1 << 20;
const SCHEMAS = "schemas/";

const digest = z.custom<Digest>(isDigest, "must be a BLAKE3 digest of 64 hexadecimal digits (`rlp agent build` writes it)");
const relative = z.string().min(1).max(512);
const typeName = z
  .string()
  .regex(/^(?:any|[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*\.v[1-9][0-9]*)$/, "must be a type such as `text.v1`, or `any`");
const description = z.string().max(4096);
const portName = z.string().regex(IDENTIFIER, "a port's name is lower-case letters, digits and `_`, a letter first");
const inPort = z.strictObject({
  type: z.union([typeName, z.array(typeName).min(1).max(32)]),
  required: z.boolean().default(false),
  description: description.optional(),
});
const outPort = z.strictObject({ type: typeName, required: z.boolean().default(false), description: description.optional() });
const schema = z.custom<JsonObject>((value) => isJsonObject(value), "must be a JSON Schema");

/** Each within what any manifest may ask for; the operator's ceilings come later, and are told. */
const limits = z.strictObject(
  Object.fromEntries(limitNames.map((name) => [name, z.int().min(1).max(limitTable[name].most).optional()])) as Record<
    LimitName,
    z.ZodOptional<z.ZodInt>
  >,
);

const manifest = z.strictObject({
  agent: z.strictObject({
    name: z.string().regex(IDENTIFIER, "must be lower-case letters, digits and `_`, beginning with a letter"),
    version: z.string().regex(VERSION, "must be a version such as `0.1.0`"),
    description: description.default(""),
    world: z.enum(["agent", "command"]),
    entry: z.strictObject({ path: relative, blake3: digest }),
  }),
  ports: z
    .strictObject({
      in: z.record(portName, inPort).optional(),
      out: z.record(portName, outPort).optional(),
    })
    .optional(),
  schemas: z.strictObject({ with: schema.optional() }).optional(),
  imports: z.strictObject({ optional: z.array(z.string().max(64)).max(32).default([]) }).optional(),
  caps: z.strictObject({ file: relative, blake3: digest }),
  artifacts: z.record(z.string().max(128), z.strictObject({ path: relative, blake3: digest })).optional(),
  limits: limits.optional(),
  /** For who builds it: what it says is part of the component by now. */
  build: z
    .strictObject({
      arguments: z
        .array(z.union([z.string(), z.strictObject({ file: relative })]))
        .max(1000)
        .optional(),
    })
    .optional(),
});

/** Throws `AdmissionError` (`ADMIT_BUNDLE`, `ADMIT_DIGEST`, `ADMIT_UNREADABLE`) or the policy's own `PolicyError`. */
export async function readBundle(dir: string): Promise<Bundle> {
  const manifestFile = join(dir, MANIFEST);
  const manifestBytes = await readPlain(dir, MANIFEST, FILE_BYTES, copied);
  const given = parseManifest(manifestBytes, manifestFile);
  const { agent, caps } = given;

  const artifacts = new Map<string, { path: string; bytes: Uint8Array }>();
  for (const [name, file] of Object.entries(given.artifacts ?? {}))
    artifacts.set(name, {
      path: file.path,
      bytes: await held({ dir, path: file.path, expected: file.blake3, most: FILE_BYTES }, copied),
    });
  const policy = await held({ dir, path: caps.file, expected: caps.blake3, most: FILE_BYTES }, copied);
  const entry = { dir, path: agent.entry.path, expected: agent.entry.blake3, most: componentLimits.bytes };
  await held(entry, () => {});

  return {
    dir,
    manifest: manifestBytes,
    world: agent.world,
    face: {
      name: agent.name,
      version: agent.version,
      description: agent.description,
      digest: agent.entry.blake3,
      inputs: ports(given.ports?.in ?? {}),
      outputs: ports(given.ports?.out ?? {}),
      withSchema: given.schemas?.with ?? null,
      grant: parsePolicy(policy, join(dir, caps.file)),
      optionalImports: given.imports?.optional ?? [],
      limits: limitsOf(given.limits ?? {}),
      schemas: portSchemas(dir, artifacts),
      ...toolsOf(dir, artifacts),
    },
    component: { path: join(dir, agent.entry.path), read: () => held(entry, copied) },
    policy: { path: caps.file, bytes: policy },
    artifacts,
  };
}

function parseManifest(bytes: Uint8Array, file: string): z.infer<typeof manifest> {
  try {
    return readToml(bytes, file, manifest);
  } catch (error) {
    if (!(error instanceof TomlProblem)) throw error;
    throw new AdmissionError("ADMIT_BUNDLE", error.message, {
      place: error.place,
      ...(error.hint !== undefined && { hint: error.hint }),
    });
  }
}

function ports(given: Readonly<Record<string, z.infer<typeof inPort>>>): Record<string, Port> {
  return Object.fromEntries(
    Object.entries(given).map(([name, { type, required, description }]) => [
      name,
      { types: typeof type === "string" ? [type] : type, required, ...(description !== undefined && { description }) },
    ]),
  );
}

/** What `[artifacts.tools]` names. */
function toolsOf(dir: string, artifacts: Bundle["artifacts"]): Pick<AgentInterface, "tools"> {
  const file = artifacts.get("tools");
  if (!file) return {};
  try {
    return { tools: readDeclaredTools(file.bytes) };
  } catch (error) {
    if (!(error instanceof ToolsProblem)) throw error;
    throw new AdmissionError("ADMIT_BUNDLE", `not a list of tools: ${error.message}`, {
      place: { file: join(dir, file.path) },
      hint: '`[{"id": "git_log", "description": "…", "input_schema": {…}}]`',
    });
  }
}

/** `schemas/<type>.json`. A schema that lies there and is not named in the manifest could be anybody's. */
function portSchemas(dir: string, artifacts: Bundle["artifacts"]): Record<string, JsonObject> {
  const schemas: Record<string, JsonObject> = {};
  const named = new Set<string>();
  for (const { path, bytes } of artifacts.values()) {
    if (!path.startsWith(SCHEMAS) || !path.endsWith(".json")) continue;
    named.add(path);
    const name = path.slice(SCHEMAS.length, -".json".length);
    const bad = (what: string): AdmissionError => new AdmissionError("ADMIT_BUNDLE", what, { place: { file: join(dir, path) } });
    if (!typeName.safeParse(name).success || name === "any")
      throw bad(`\`${name}\` is not the name of a port type (\`name.v1\`)`);
    let value: unknown;
    try {
      value = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch (error) {
      throw bad(`not a JSON Schema: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (!isJsonObject(value)) throw bad("not a JSON Schema: it is no object");
    schemas[name] = value;
  }
  const stray = filesIn(join(dir, SCHEMAS)).find((file) => file.endsWith(".json") && !named.has(`${SCHEMAS}${file}`));
  if (stray !== undefined)
    throw new AdmissionError("ADMIT_BUNDLE", `\`${SCHEMAS}${stray}\` is not named in the manifest`, {
      place: { file: join(dir, SCHEMAS, stray) },
      hint: "`rlp agent build` names every file that matters, with its digest",
    });
  return schemas;
}

/** None where there is no such folder, which is most of the time: an error that is thrown and caught costs more than a look. */
function filesIn(dir: string): readonly string[] {
  try {
    return existsSync(dir) ? readdirSync(dir) : [];
  } catch {
    return [];
  }
}

/** A file of a bundle with the digest that its manifest names. */
interface NamedFile {
  readonly dir: string;
  readonly path: string;
  readonly expected: Digest;
  readonly most: number;
}

/** What is made of the bytes of a file, which are valid until something else is read. */
type Take<T> = (bytes: Uint8Array) => T;
const copied: Take<Uint8Array> = (bytes) => Buffer.from(bytes);

/** Throws `ADMIT_DIGEST` where the file is not the one that the manifest names. */
function held<T>({ dir, path, expected, most }: NamedFile, take: Take<T>): Promise<T> {
  return readPlain(dir, path, most, (bytes) => {
    const found = blake3(bytes);
    if (found === expected) return take(bytes);
    throw new AdmissionError("ADMIT_DIGEST", `the file's digest is ${found}, and the manifest names ${expected}`, {
      place: { file: join(dir, path) },
      hint: "it was changed after the manifest was written: rebuild the agent (`rlp agent build`), or install the bundle again",
    });
  });
}

/** Up to here a file is read at once. What is larger could keep the event loop waiting for a slow disk. */
const READ_AT_ONCE = 256 << 10;

const readLater = promisify(read);

/** Parts at the end of a path that nobody has to look at before it is opened: a system that can be told so opens no link there. */
const UNSEEN = constants.O_NOFOLLOW === undefined ? 0 : 1;

/** A regular file inside the bundle, reached through no link and no `..`. */
async function readPlain<T>(dir: string, path: string, most: number, take: Take<T>): Promise<T> {
  const file = join(dir, path);
  const refuse = (code: "ADMIT_BUNDLE" | "ADMIT_UNREADABLE", what: string): RlpError =>
    new AdmissionError(code, what, { place: { file } });
  const linked = (): RlpError => refuse("ADMIT_BUNDLE", "a bundle may hold no links");
  const unreadable = (cause: unknown): RlpError => {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ELOOP") return linked();
    return refuse("ADMIT_UNREADABLE", code === "ENOENT" || code === "ENOTDIR" ? "there is no such file" : message);
  };
  const parts = path.split("/");
  if (
    path.includes("\\") ||
    path.includes("\0") ||
    path.includes(":") ||
    parts.some((part) => part === "" || part === "." || part === "..")
  )
    throw new AdmissionError("ADMIT_BUNDLE", `\`${path.slice(0, 120)}\` does not name a file inside the bundle`, {
      place: { file: join(dir, MANIFEST) },
      hint: "paths in a manifest are relative, with `/` between their parts and without `..`",
    });
  let descriptor;
  try {
    for (let depth = 1; depth <= parts.length - UNSEEN; depth++)
      if (lstatSync(join(dir, ...parts.slice(0, depth))).isSymbolicLink()) throw linked();
    // Without O_NONBLOCK, opening a named pipe that took the file's place meanwhile would wait for somebody to write into it.
    descriptor = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw error instanceof AdmissionError ? error : unreadable(error);
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) throw refuse("ADMIT_UNREADABLE", "it is not a regular file");
    if (status.size > most) throw refuse("ADMIT_BUNDLE", `it has ${status.size} bytes, where ${most} are the limit`);
    if (status.size <= READ_AT_ONCE) return take(glanceAt(descriptor, status.size));
    const bytes = new Uint8Array(status.size);
    return take(bytes.subarray(0, (await readLater(descriptor, bytes, 0, status.size, 0)).bytesRead));
  } finally {
    closeSync(descriptor);
  }
}
