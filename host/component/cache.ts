/**
 * Admitted components on disk, one file each: `magic | MAC | header | plan | modules`. The MAC is HMAC-SHA-256 with the home's
 * key over the file's name and everything behind the MAC, so a file that was changed, cut, moved or written by somebody else is
 * not there. The bytes that were checked are the bytes that are used: nothing is read twice.
 */
import { createHmac, createSecretKey, randomBytes, timingSafeEqual } from "node:crypto";
import { makeFolder } from "#core/folder.js";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Digest } from "#core/digest.js";
import type { Admitted } from "./contract.js";
import { readFileAtOnce } from "./read-at-once.js";
import { remembered } from "./remembered.js";

const MAGIC = Buffer.from("rlp admitted 2\n");
const MAC_BYTES = 32;
const FILE_BYTES = 128 << 20;

/** What stands before the plan and the modules; these by their lengths. */
type Header = Pick<Admitted, "imports" | "exports" | "large" | "stats"> & {
  readonly plan: number;
  readonly modules: readonly { readonly name: string; readonly bytes: number }[];
};

const prepared = remembered((key: Uint8Array) => createSecretKey(key));

export class AdmissionCache {
  private readonly dir: string;
  private readonly key: Uint8Array;
  /** `key`: 32 bytes that nobody but this home's owner can read. */
  constructor(dir: string, key: Uint8Array) {
    this.dir = join(dir, "components");
    this.key = key;
  }

  /** What was admitted under `name` before; undefined where there is nothing that can be believed. */
  async load(name: Digest, digest: Digest): Promise<Admitted | undefined> {
    const file = await this.read(name);
    if (!file) return undefined;
    const body = file.subarray(MAGIC.length + MAC_BYTES);
    if (body.length < 4 || !file.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
    if (!timingSafeEqual(file.subarray(MAGIC.length, MAGIC.length + MAC_BYTES), this.mac(name, body))) return undefined;
    return decode(body, { admission: name, digest });
  }

  /** Whole or not at all; whoever comes last wins, with the same bytes. Throws where the directory cannot be written. */
  async store(name: Digest, admitted: Admitted): Promise<void> {
    makeFolder(this.dir);
    const body = encode(admitted);
    const temporary = `${this.file(name)}.${randomBytes(8).toString("hex")}.tmp`;
    try {
      await writeFile(temporary, Buffer.concat([MAGIC, this.mac(name, body), body]), { mode: 0o600, flag: "wx" });
      await rename(temporary, this.file(name));
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
  }

  private async read(name: Digest): Promise<Buffer | undefined> {
    const file = this.file(name);
    try {
      const small = readFileAtOnce(file);
      if (small) return small;
      return (await stat(file)).size <= FILE_BYTES ? await readFile(file) : undefined;
    } catch {
      return undefined;
    }
  }

  private file(name: Digest): string {
    return join(this.dir, `${name}.rlp`);
  }

  /** Not BLAKE3, as digests are: processors have instructions for this one, and Node the code that uses them. */
  private mac(name: Digest, body: Uint8Array): Uint8Array {
    return createHmac("sha256", prepared(this.key)).update(`${name}\n`).update(body).digest();
  }
}

function encode({ imports, exports, plan, large, modules, stats }: Admitted): Buffer {
  const head = Buffer.from(
    JSON.stringify({
      imports,
      exports,
      large,
      stats,
      plan: plan.length,
      modules: modules.map(({ name, bytes }) => ({ name, bytes: bytes.length })),
    }),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(head.length);
  return Buffer.concat([length, head, plan, ...modules.map(({ bytes }) => bytes)]);
}

/** The body is authentic, and by the name of its file it was written by this very version: it is believed. Else it counts as nothing. */
function decode(body: Buffer, names: Pick<Admitted, "admission" | "digest">): Admitted | undefined {
  let at = 0;
  const take = (length: number): Buffer => {
    if (length > body.length - at) throw new RangeError("short");
    at += length;
    return body.subarray(at - length, at);
  };
  try {
    const head = JSON.parse(take(take(4).readUInt32BE(0)).toString("utf8")) as Header;
    const plan = take(head.plan);
    const modules = head.modules.map(({ name, bytes }) => ({ name, bytes: take(bytes) }));
    if (at !== body.length) return undefined;
    const { imports, exports, large, stats } = head;
    return { ...names, imports, exports, plan, large, modules, stats };
  } catch {
    return undefined;
  }
}
