/** A guest of the file system without a component: what the binder would call, called by hand, over the real control side. */
import { blake3, type Digest } from "#core/digest.js";
import type { Json } from "#core/json.js";
import type { RunEventOf } from "#core/events.js";
import type { Grant } from "#openings/agent.js";
import type { RecordedAttempt } from "#openings/engine/world.js";
import { realDisk, type Disk } from "#host/fs/disk.js";
import { commitLock } from "#host/fs/lock.js";
import type { Lease } from "#kb/ledger/ledger.js";
import type { DirectoryGuard } from "#host/fs/guard.js";
import { fsFunctions } from "#host/imports/fs.js";
import type { HostFunctions } from "#host/imports/interface.js";
import type { Decision } from "#host/run/contract.js";
import type { Native, WasiFunctions } from "#host/sandbox/inside/wasi/contract.js";
import { changesOf } from "#host/sandbox/inside/wasi/filesystem/changes.js";
import type { Descriptor } from "#host/sandbox/inside/wasi/filesystem/descriptor.js";
import { filesystemFunctions } from "#host/sandbox/inside/wasi/filesystem/functions.js";
import { View } from "#host/sandbox/inside/wasi/filesystem/view.js";
import { streamFunctions } from "#host/sandbox/inside/wasi/streams.js";
import { agent, attempt, MemoryJournal, says, type Guest } from "../run/world.js";
import { KEY } from "./folder.js";

/** Of the lock only the part within this process; other processes are the ledger's business. */
const NO_LEASE = { release: async () => {} } as Lease;
const FLAGS = { symlink_follow: true };
const NO_FLAGS = {
  read: false,
  write: false,
  file_integrity_sync: false,
  data_integrity_sync: false,
  requested_write_sync: false,
  mutate_directory: false,
};
const NO_OPEN = { create: false, directory: false, exclusive: false, truncate: false };

export type Answer<T extends Native = Native> = { readonly ok: T } | { readonly err: string };

/** `wasi:filesystem` as a program's standard library would use it. */
export class Files {
  private readonly functions: WasiFunctions;
  constructor(view: View) {
    const all = { ...filesystemFunctions(view), "wasi:io/streams": streamFunctions };
    this.functions = new Map(
      Object.entries(all).flatMap(([name, list]) => list.map(([func, f]) => [`${name}#${func}`, f] as const)),
    );
  }

  async call(name: string, ...args: Native[]): Promise<Native> {
    return this.functions.get(name)!(args);
  }
  /** A method of a descriptor. */
  async on(self: Native, method: string, ...args: Native[]): Promise<Answer<never>> {
    return (await this.call(`wasi:filesystem/types#[method]descriptor.${method}`, self, ...args)) as Answer<never>;
  }
  async preopens(): Promise<Record<string, Descriptor>> {
    const list = (await this.call("wasi:filesystem/preopens#get-directories")) as unknown as [Descriptor, string][];
    return Object.fromEntries(list.map(([descriptor, path]) => [path, descriptor]));
  }
  open(dir: Native, path: string, how: Partial<typeof NO_OPEN> = {}, rights: Partial<typeof NO_FLAGS> = { read: true }) {
    return this.on(dir, "open-at", FLAGS, path, { ...NO_OPEN, ...how }, { ...NO_FLAGS, ...rights }) as Promise<
      Answer<Descriptor>
    >;
  }
  /** All of a file as text, or the code of the error. */
  async text(dir: Native, path: string): Promise<string> {
    const file = await this.open(dir, path);
    if ("err" in file) return `! ${file.err}`;
    let out = "";
    for (let at = 0n; ;) {
      const part = (await this.on(file.ok, "read", 1n << 40n, at)) as Answer;
      if ("err" in part) return `! ${part.err}`;
      const [bytes, end] = part.ok as [Uint8Array, boolean];
      out += Buffer.from(bytes).toString("latin1");
      at += BigInt(bytes.length);
      if (end) {
        file.ok.drop();
        return Buffer.from(out, "latin1").toString();
      }
    }
  }
  async write(dir: Native, path: string, text: string | Uint8Array): Promise<Answer> {
    const file = await this.open(dir, path, { create: true, truncate: true }, { write: true });
    if ("err" in file) return file;
    const bytes = typeof text === "string" ? Buffer.from(text) : text;
    const done = (await this.on(file.ok, "write", new Uint8Array(bytes), 0n)) as Answer;
    file.ok.drop();
    return done;
  }
  async names(dir: Native): Promise<string[] | string> {
    const stream = (await this.on(dir, "read-directory")) as Answer;
    if ("err" in stream) return `! ${stream.err}`;
    const names: string[] = [];
    for (;;) {
      const next = (await this.call(
        "wasi:filesystem/types#[method]directory-entry-stream.read-directory-entry",
        stream.ok,
      )) as Answer;
      const entry = (next as { ok: { name: string; type: string } | null }).ok;
      if (!entry) return names;
      names.push(entry.type === "directory" ? `${entry.name}/` : entry.name);
    }
  }
}
export { FLAGS };

/** A guest that works on its files and then succeeds with what `program` gives, or fails where it throws. */
export function fileGuest(
  program: (files: Files) => Promise<Json>,
  options: { now?: bigint; met?: (name: string) => void; pay?: (fuel: number) => void } = {},
): Guest {
  return async (spec, hooks) => {
    let seq = 0;
    const ask = async (name: string, args: readonly Json[]): Promise<Json> => {
      const answer = await hooks.call({ seq: seq++, interface: "fs", function: name, args, fuel: 5 });
      return "ok" in answer ? { ok: answer.ok } : { err: { tag: answer.err.code, val: answer.err.message } };
    };
    const view = new View({
      directories: spec.directories ?? [],
      ask,
      now: () => options.now ?? null,
      met: (name) => options.met?.(name),
      pay: (fuel) => options.pay?.(fuel),
    });
    const body = await program(new Files(view));
    const store = async (piece: Uint8Array): Promise<Digest> =>
      ((await ask("store", [Buffer.from(piece).toString("base64")])) as { ok: Digest }).ok;
    const changes = await changesOf(view, store);
    return { ...says(JSON.stringify(body)), ...(changes.length > 0 && { changes }) };
  };
}

export interface Desk {
  readonly journal: MemoryJournal;
  readonly blobs: Map<Digest, Uint8Array>;
  /** What a person was shown. */
  readonly shown: string[];
}
export const newDesk = (): Desk => ({ journal: new MemoryJournal(), blobs: new Map(), shown: [] });

/** One attempt with the grant, through the executor and the real functions. */
export async function run(
  grant: Partial<Grant>,
  guest: Guest,
  options: {
    desk?: Desk;
    decision?: Decision | null;
    recorded?: RecordedAttempt;
    disk?: Disk;
    guard?: DirectoryGuard;
    signal?: AbortSignal;
    /** In the place of the real ones. */
    functions?: HostFunctions;
    alone?: <T>(work: () => Promise<T>) => Promise<T>;
    /** What happens while a person thinks. */
    onAsk?: () => Promise<unknown>;
  } = {},
) {
  const desk = options.desk ?? newDesk();
  const { journal, blobs, shown } = desk;
  const decision = options.decision === undefined ? ({ decision: "approved", by: "user" } as const) : options.decision;
  const functions = fsFunctions({
    guard: options.guard ?? { check: async () => {}, closed: async () => new Set() },
    key: KEY,
    disk: options.disk ?? realDisk,
    blob: (digest) => blobs.get(digest)!,
    alone: options.alone ?? commitLock({ acquireLease: async () => NO_LEASE }),
    desk: {
      kinds: new Map(),
      decider: {
        ask: async ({ text }) => {
          shown.push(text);
          await options.onAsk?.();
          return decision;
        },
      },
      needsDecision: () => true,
      decided: () => null,
      decide: async (draft) => ((await journal.append([draft]))[0] as RunEventOf<"action.decided">).meta,
      expiryMs: 60_000,
      storeBlob: (bytes) => {
        const digest = blake3(bytes);
        blobs.set(digest, bytes);
        return digest;
      },
    },
  });
  const { end } = await attempt({
    guests: [guest],
    functions: options.functions ?? functions,
    agent: agent(grant),
    journal,
    ...(options.recorded && { recorded: options.recorded }),
    ...(options.signal && { signal: options.signal }),
  });
  return { end, ...desk };
}

/** What a program that only looks comes to. */
export async function look<T extends Json>(grant: Partial<Grant>, program: (files: Files) => Promise<T>): Promise<T> {
  const { end } = await run(grant, fileGuest(program));
  if (end.status !== "ok") throw new Error(JSON.stringify(end));
  return JSON.parse(end.outputs[0]!.body as string) as T;
}
