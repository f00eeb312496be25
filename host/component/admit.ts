/**
 * Admission: digest, then the cache, then a toolchain process that inspects and meters. The control process reads and hashes
 * bytes; it parses no component and runs nothing of one.
 */
import { constants } from "node:fs";
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { blake3, type Digest } from "#core/digest.js";
import { AdmissionCache } from "./cache.js";
import type { Admitted } from "./contract.js";
import { AdmissionError } from "./error.js";
import { limits } from "./inspect/limits.js";
import { codeRoot } from "../sandbox/spawn.js";
import { translate, type ToolchainOptions } from "./toolchain/run.js";

export interface AdmitOptions {
  /** What the manifest says. Nothing whose digest differs gets any further. */
  readonly expectedDigest?: Digest;
  /** For messages, where `source` is bytes. */
  readonly path?: string;
  /** Both, or every admission is a cold one. */
  readonly cacheDir?: string;
  readonly homeKey?: Uint8Array;
  /** Cap of the guest's linear memory. Default 64. */
  readonly memoryMib?: number;
  readonly toolchain?: ToolchainOptions;
  /** Told what went wrong and was got round: an unreadable or unwritable cache. */
  readonly notice?: (text: string) => void;
}

export const DEFAULT_MEMORY_MIB = 64;
const PAGES_PER_MIB = 16;

/** Gives the component's bytes to whoever cannot do without them. */
type Reading = () => Promise<Uint8Array>;

/** Throws `AdmissionError`. `source` is the component's bytes or the path of its file. */
export async function admit(source: Uint8Array | string, options: AdmitOptions = {}): Promise<Admitted> {
  const path = typeof source === "string" ? source : options.path;
  const bytes = typeof source === "string" ? await readComponent(source) : source;
  return placed(path, async () => {
    if (bytes.length > limits.bytes) throw tooLarge(bytes.length);
    return admitDigest(expected(blake3(bytes), options.expectedDigest), () => Promise.resolve(bytes), options);
  });
}

/** As {@link admit}, of what somebody has read, held against this digest and not kept: `read` does all of that again. */
export const admitHeld = (digest: Digest, read: Reading, options: AdmitOptions): Promise<Admitted> =>
  placed(options.path, () => admitDigest(digest, read, options));

/** Whatever goes wrong, it is with this file. */
async function placed(path: string | undefined, work: () => Promise<Admitted>): Promise<Admitted> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AdmissionError) || path === undefined || error.place?.file !== undefined) throw error;
    throw new AdmissionError(error.code, error.message, {
      place: { file: path },
      ...(error.hint !== undefined && { hint: error.hint }),
      cause: error,
    });
  }
}

function expected(digest: Digest, wanted: Digest | undefined): Digest {
  if (wanted === undefined || wanted === digest) return digest;
  throw new AdmissionError("ADMIT_DIGEST", `the component's digest is ${digest}, and the manifest names ${wanted}`, {
    hint: "the file was changed after the manifest was written: rebuild the agent (`rlp agent build`), or install the bundle again",
  });
}

async function admitDigest(digest: Digest, read: Reading, options: AdmitOptions): Promise<Admitted> {
  const memoryPages = (options.memoryMib ?? DEFAULT_MEMORY_MIB) * PAGES_PER_MIB;
  const cache =
    options.cacheDir !== undefined && options.homeKey ? new AdmissionCache(options.cacheDir, options.homeKey) : undefined;
  const name = await admissionName(digest, memoryPages / PAGES_PER_MIB);
  const known = await cache?.load(name, digest);
  if (known) return known;

  const bytes = await read();
  const { imports, exports, plan, large, modules, functions, fuelTable } = await translate(bytes, memoryPages, options.toolchain);
  const admitted: Admitted = {
    digest,
    admission: name,
    imports,
    exports,
    plan: Buffer.from(plan, "utf8"),
    large,
    modules,
    stats: {
      bytes: bytes.length,
      meteredBytes: modules.reduce((sum, module) => sum + module.bytes.length, 0),
      functions,
      fuelTable,
    },
  };
  await cache?.store(name, admitted).catch((error: unknown) => {
    options.notice?.(`the cache of components cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  });
  return admitted;
}

const tooLarge = (bytes: number): AdmissionError =>
  new AdmissionError("ADMIT_TOO_LARGE", `the component has ${bytes} bytes, where ${limits.bytes} are the limit`, {
    hint: "strip debug sections, and leave out what the agent does not need",
  });

/** Only a regular file, and never more of it than the limit. */
async function readComponent(path: string): Promise<Uint8Array> {
  const unreadable = (why: string): AdmissionError =>
    new AdmissionError("ADMIT_UNREADABLE", `the component cannot be read: ${why}`, { place: { file: path } });
  // Without O_NONBLOCK, opening a named pipe would wait for somebody to write into it.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(error.code === "ENOENT" ? "there is no such file" : error.message);
  });
  try {
    const status = await file.stat();
    if (!status.isFile()) throw unreadable(status.isDirectory() ? "it is a directory" : "it is not a regular file");
    if (status.size > limits.bytes)
      throw new AdmissionError("ADMIT_TOO_LARGE", `the component has ${status.size} bytes, where ${limits.bytes} are the limit`, {
        place: { file: path },
      });
    const bytes = new Uint8Array(status.size);
    const { bytesRead } = await file.read(bytes, 0, status.size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** What an admitted component is called in the cache. */
export async function admissionName(component: Digest, memoryMib: number): Promise<Digest> {
  return blake3(`${component}\n${await toolchainVersion()}\n${memoryMib * PAGES_PER_MIB}\n`);
}

let version: Promise<Digest> | undefined;

/** Digest of the code that inspects and meters: what another version of it made is not found in the cache. */
export function toolchainVersion(): Promise<Digest> {
  version ??= (async () => {
    const root = join(codeRoot().dist, "host", "component");
    const parts: (Uint8Array | string)[] = [];
    for (const folder of ["", "inspect", "meter", "meter/proof", "toolchain", "wasi"])
      for (const name of (await readdir(join(root, folder))).filter((file) => file.endsWith(".js")).sort())
        parts.push(`${folder}/${name}\n`, await readFile(join(root, folder, name)));
    return blake3(...parts);
  })();
  return version;
}
