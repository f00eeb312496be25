/** Runs one component through a toolchain process and takes its answer, whatever happens to the process. */
import { performance } from "node:perf_hooks";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseJson } from "#core/json.js";
import { FrameReader, FrameWriter } from "../../sandbox/frame.js";
import { isolation } from "../../sandbox/isolation/ladder.js";
import type { Isolation } from "../../sandbox/isolation/rung.js";
import { childCode, childProgram, codeRoot, spawnConfined, type ChildProgram } from "../../sandbox/spawn.js";
import { Transfers } from "../../sandbox/transfer.js";
import { AdmissionError } from "../error.js";
import { fromToolchain, type FromToolchain, type ToolchainRequest } from "./messages.js";

export interface Translated {
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  readonly plan: string;
  readonly large: boolean;
  readonly modules: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  readonly functions: number;
  readonly fuelTable: number;
}
export interface ToolchainOptions {
  /** What stands around the process. Default: the strongest that this machine gives. */
  readonly isolation?: Isolation | Promise<Isolation>;
  /** Wall time for one component, in milliseconds. Default 30,000, and 4,000 more for each MiB of it. */
  readonly timeoutMs?: number;
  /** JavaScript heap of the process, in MiB. Default 512, and 64 more for each MiB of the component. */
  readonly heapMib?: number;
  readonly nodePath?: string;
  /** The process's entry file; tests put a hostile one here. */
  readonly entry?: string;
}

const MESSAGE_BYTES = 2 << 20;
/** All metered modules together. */
const RESULT_BYTES = 96 << 20;

/** Writable memory of the process beside its heap: the component, what is made of it, and Node itself. */
const MEMORY_BYTES = 3 * 2 ** 29;
const MIB = 2 ** 20;

let running = 0;
const waiting: (() => void)[] = [];

/** Throws `AdmissionError`: the refusal that the process came to, or `ADMIT_TOOLCHAIN` when it came to nothing. */
export async function translate(component: Uint8Array, memoryPages: number, options: ToolchainOptions = {}): Promise<Translated> {
  if (running >= availableParallelism()) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    return await once(component, memoryPages, options);
  } finally {
    running--;
    waiting.shift()?.();
  }
}

function single(own?: string): ChildProgram {
  const folder = join(codeRoot().dist, "host", "component");
  const entry = own ?? join(folder, "toolchain", "main.js");
  return { entry, readable: [...childCode(), folder, entry] };
}

async function once(component: Uint8Array, memoryPages: number, options: ToolchainOptions): Promise<Translated> {
  const mib = Math.ceil(component.length / MIB);
  const { timeoutMs = 30_000 + 4_000 * mib, heapMib = 512 + 64 * mib, nodePath } = options;
  const program = childProgram("toolchain", single, options.entry);
  const { pipe, gone, end, lastWords } = spawnConfined({
    isolation: await (options.isolation ?? isolation()),
    memoryBytes: MEMORY_BYTES + heapMib * MIB,
    ...program,
    flags: [`--max-old-space-size=${heapMib}`],
    ...(nodePath !== undefined && { nodePath }),
  });
  const failed = (why: string): AdmissionError =>
    new AdmissionError("ADMIT_TOOLCHAIN", `the component could not be translated: ${why}`, {
      hint: "the process that translates components ended without an answer; a component that does this again and again is not to be trusted",
    });
  const { promise, resolve, reject } = Promise.withResolvers<Translated>();
  const transfers = new Transfers();
  let answered = false;
  const reader = new FrameReader(
    {
      messageBytes: MESSAGE_BYTES,
      chunks: true,
      bytesPerSecond: Infinity,
      framesPerSecond: 100_000,
      now: () => performance.now(),
    },
    {
      message: (text) => {
        const message = fromToolchain.parse(parseJson(text, { bytes: MESSAGE_BYTES, depth: 8, elements: 10_000 }));
        if (message.t === "ready") return;
        if (answered) throw new Error("a second answer");
        answered = true;
        if (message.t === "refused") reject(refused(message));
        else gather(message, transfers).then(resolve, reject); // not `resolve(gather(…))`: a process that dies now must still reject
      },
      chunk: (transfer, bytes) => transfers.chunk(transfer, bytes),
    },
  );
  pipe.on("data", (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      reject(failed(`it broke the rules of the pipe: ${error instanceof Error ? error.message.slice(0, 300) : String(error)}`));
    }
  });
  const timer = setTimeout(() => reject(failed(`it took longer than ${timeoutMs} ms`)), timeoutMs);
  // Fires after the last byte was read: an answer that is complete by then has been taken.
  void gone.then((how) => reject(failed(lastWords(how))));
  const request: ToolchainRequest = { t: "admit", bytes: component.length, memoryPages };
  const writer = new FrameWriter(pipe);
  writer.message(JSON.stringify(request));
  writer.bytes(0, component);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    end();
    await gone;
  }
}

function refused({ code, message, hint }: Extract<FromToolchain, { t: "refused" }>): AdmissionError {
  return new AdmissionError(code, message, hint === undefined ? {} : { hint });
}

async function gather(answer: Extract<FromToolchain, { t: "admitted" }>, transfers: Transfers): Promise<Translated> {
  const total = answer.modules.reduce((sum, { bytes }) => sum + bytes, 0);
  if (total > RESULT_BYTES)
    throw new AdmissionError("ADMIT_LIMIT", `metered it has ${total} bytes, where ${RESULT_BYTES} are the limit`);
  const { imports, exports, plan, large, functions, fuelTable } = answer;
  const contents = await Promise.all(answer.modules.map(({ bytes }, index) => transfers.expect(index, bytes)));
  return {
    imports,
    exports,
    plan,
    large,
    functions,
    fuelTable,
    modules: answer.modules.map(({ name }, index) => ({ name, bytes: contents[index]! })),
  };
}
