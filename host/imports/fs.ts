/**
 * `fs`: what the inside of a sandbox asks of the granted directories for a guest, whose own view it keeps (`inside/wasi/filesystem`).
 * Paths come resolved; nothing here follows a link. What is read is journaled like every answer, so that a replay touches no disk.
 * `commit` comes from the executor alone, after the attempt has succeeded.
 */
import * as z from "zod";
import type { RunEventDraft } from "#core/events.js";
import type { Json } from "#core/json.js";
import type { Grant } from "#openings/agent.js";
import { wantedChanges } from "../fs/changes.js";
import { PolicyError } from "../capability/policy.js";
import { FileError } from "../fs/error.js";
import { GrantedDirectory } from "../fs/granted.js";
import { PATH_BYTES, PIECE_BYTES } from "../fs/limits.js";
import { prepareCommit, type FilesHost } from "../fs/prepare.js";
import { carryOut, type ActionDesk } from "./actions.js";
import { base64 } from "./base64.js";
import { CallDenied, CallFailure, type CallContext, type CallResult, type HostFunctions } from "./interface.js";
import { read } from "./kb.js";

const dir = z.string().min(1).max(PATH_BYTES);
const path = z.string().max(PATH_BYTES);
const statArgs = z.tuple([dir, path]);
const listArgs = z.tuple([dir, path, path]);
const readArgs = z.tuple([dir, path, z.string().max(64), z.int().nonnegative(), z.int().min(1).max(PIECE_BYTES)]);
const storeArgs = z.tuple([base64(PIECE_BYTES).min(4)]);

export interface FsOptions extends FilesHost {
  readonly desk: ActionDesk;
}

export function fsFunctions(options: FsOptions): HostFunctions {
  /** By attempt and path: what a granted directory was when the attempt came to it. */
  const attempts = new Map<string, Map<string, GrantedDirectory>>();
  const granted = async (context: CallContext, name: string, how: "read" | "write"): Promise<GrantedDirectory> => {
    refuseUngranted(context.grant, name, how);
    const attempt = `${context.node} ${context.attempt}`;
    const known = attempts.get(attempt) ?? new Map<string, GrantedDirectory>();
    if (!attempts.has(attempt)) {
      attempts.set(attempt, known);
      context.held.whenEnded(() => attempts.delete(attempt));
    }
    const before = known.get(name);
    if (before) return before;
    await options.guard.check(name, context.grant.fs_rw.includes(name)).catch((error: unknown) => {
      if (!(error instanceof PolicyError)) throw error;
      throw new CallDenied({ cap: how === "read" ? "fs_ro" : "fs_rw", target: name, reason: error.message });
    });
    const directory = new GrantedDirectory({
      path: name,
      closed: await options.guard.closed(),
      key: options.key,
      times: context.grant.time !== false,
    });
    known.set(name, directory);
    return directory;
  };

  return new Map([
    [
      "fs.stat",
      async (context: CallContext, args: readonly Json[]): Promise<CallResult> => {
        const [name, at] = read(statArgs, args);
        return answered(name, async () => ({
          steps: (await (await granted(context, name, "read")).stat(at)) as unknown as Json,
        }));
      },
    ],
    [
      "fs.list",
      async (context, args) => {
        const [name, at, after] = read(listArgs, args);
        const events: RunEventDraft[] = [];
        const result = await answered(name, async () => {
          const { entries, more, listing } = await (await granted(context, name, "read")).list(at, after);
          if (after === "" && listing.skipped > 0) events.push(leftOut(`${name}/${at}`, listing.entries.length, listing.skipped));
          return { entries: entries as unknown as Json, more };
        });
        return { ...result, events };
      },
    ],
    [
      "fs.read",
      async (context, args) => {
        const [name, at, version, offset, length] = read(readArgs, args);
        return answered(name, async () => {
          const bytes = await (await granted(context, name, "read")).read(at, version, offset, length);
          return { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64") };
        });
      },
    ],
    [
      "fs.store",
      async (context, args) => {
        if (context.grant.fs_rw.length === 0)
          throw new CallDenied({ cap: "fs_rw", target: "*", reason: "the grant writes no directory" });
        const [text] = read(storeArgs, args);
        return { answer: { ok: options.desk.storeBlob(Buffer.from(text, "base64"), "application/octet-stream") }, labels: [] };
      },
    ],
    [
      "fs.commit",
      async (context, args) => {
        const [wanted, stored] = read(z.tuple([wantedChanges, z.array(z.string().max(64))]), args);
        for (const name of new Set(wanted.map((change) => change.dir))) refuseUngranted(context.grant, name, "write");
        const own = new Set<string>(stored);
        const stray = wanted
          .flatMap(({ after }) => (after?.kind === "file" ? after.pieces : []))
          .find((piece) => !own.has(piece));
        if (stray !== undefined) throw new CallFailure("invalid", `the piece ${stray} is not one that the attempt has stored`);
        const kind = await prepareCommit(options, context, wanted, (name) => granted(context, name, "write"));
        if (kind === null) return { answer: { ok: { tag: "unchanged" } }, labels: [] };
        const done = await carryOut(options.desk, context, { interface: "fs", function: "commit", ...kind });
        return "rejected" in done
          ? { answer: { ok: { tag: "rejected", val: done.rejected } }, labels: [] }
          : { answer: { ok: { tag: "done", val: done.result } }, labels: [], events: done.events };
      },
    ],
  ]);
}

function refuseUngranted(grant: Grant, name: string, how: "read" | "write"): void {
  if (grant.fs_rw.includes(name) || (how === "read" && grant.fs_ro.includes(name))) return;
  const cap = how === "read" ? "fs_ro" : "fs_rw";
  throw new CallDenied({ cap, target: name, reason: `the grant does not ${how} the directory \`${name}\`` });
}

/** An error of the file system is an answer like any other: a guest looks for files that are not there all the time. */
async function answered(name: string, work: () => Promise<Json>): Promise<CallResult> {
  const labels = [labelOf(name)];
  try {
    return { answer: { ok: await work() }, labels };
  } catch (error) {
    if (error instanceof FileError) return { answer: { ok: { error: error.code } }, labels };
    throw error;
  }
}

/** Where it came from. Labels have at most 256 characters; what is longer is told by its end. */
export function labelOf(directory: string): string {
  const label = `file:${directory}`;
  return label.length <= 256 ? label : `file:…${directory.slice(-250)}`.toWellFormed();
}

function leftOut(where: string, kept: number, dropped: number): RunEventDraft {
  return {
    kind: "value.truncated",
    level: "warn",
    message: `${dropped === 1 ? "one name" : `${dropped} names`} in ${where} ${dropped === 1 ? "is" : "are"} not UTF-8 and left out`,
    meta: { where, kept, dropped },
  };
}
