/** A sandbox process as the control process sees it. Nothing that it says is believed before it has been checked here. */
import { totalmem } from "node:os";
import { performance } from "node:perf_hooks";
import type { Readable, Writable } from "node:stream";
import { join } from "node:path";
import * as z from "zod";
import { parseJson, type Json } from "#core/json.js";
import { Pace } from "#core/schema.js";
import type { Admitted, GuestEnd, GuestHooks, GuestSpec, Sandbox } from "../component/contract.js";
import { limitTable } from "../limits/table.js";
import type { SandboxOptions } from "./options.js";
import { mostInProcess, NO_PLACE, Places } from "./places.js";
import { ENGINE_OPTIONS } from "../component/meter/protocol.js";
import { FrameReader, FrameWriter } from "./frame.js";
import { LoadedComponents } from "./loaded.js";
import { fromSandbox, MESSAGE_BYTES, messageLimits, VALUE_BYTES, type FromSandbox, type ToSandbox } from "./messages.js";
import { isolation } from "./isolation/ladder.js";
import type { Isolation } from "./isolation/rung.js";
import { childCode, childProgram, codeRoot, spawnConfined, type ChildProgram, type Confined } from "./spawn.js";

/** What a child may send: generous for honest work, finite for the rest. */
const RATES = { bytesPerSecond: 512 << 20, framesPerSecond: 400_000 };
/** Lines of its streams that an attempt can make us take beside its log; the child itself keeps to less. */
const STREAM_LINES = 2500;
const { bytes_in, bytes_out, log_lines, log_bytes, handles } = limitTable;
/** Where whoever starts a guest says nothing. */
const USUAL = {
  bytesIn: bytes_in.usual,
  bytesOut: bytes_out.usual,
  logLines: log_lines.usual,
  logUnits: log_bytes.usual,
  handles: handles.usual,
};

/** Writable memory of a sandbox process, all its guests together: half of the machine's, and never so little that honest work ends. */
const MEMORY_BYTES = Math.max(4 * 2 ** 30, Math.floor(totalmem() / 2));

/**
 * What is loaded here was validated by the toolchain, whole; the engine does it again for a function when that is compiled, and not for all
 * of them before the first one runs. Nor need it look whether it has compiled the same bytes before: a component is loaded once.
 */
const LOADING_OPTIONS = ["--wasm-lazy-validation", "--no-wasm-native-module-cache"];

/** The binder runs a few times for each agent and has to be quick then: what it meets is noted from the first call on. */
const BINDING_OPTIONS = ["--no-lazy-feedback-allocation"];

/**
 * An instance is collected with the whole heap only. Left to itself the engine does that every five MiB, which is a hundred and fifty
 * attempts, and takes some milliseconds each time; so, three times as seldom, for some 25 MiB more in a process.
 */
const COLLECTING_OPTIONS = ["--initial-old-space-size=64"];

/** A function that the baseline compiler cannot take ends the process: it does not fall back on the other. */
const BASELINE_OPTIONS = ["--liftoff-only"];

const CLOSED = "the sandbox was closed";

const messagePace = new Pace();
const utf8 = new TextDecoder();

/** How often the watchdog looks within its time. */
const LOOKS = 5;

type Live = {
  readonly id: number;
  readonly hooks: GuestHooks;
  readonly end: (end: GuestEnd) => void;
  nextSeq: number;
  calling: boolean;
  fuel: number;
  lines: number;
  /** Lines that it can make us take: its limit, the line that says how many were dropped, and its streams. */
  readonly mostLines: number;
};

export interface StartedSandbox extends Sandbox {
  /** The child that there is now. */
  readonly pid: number | undefined;
}

/** Starts a child in the background and returns at once; `run` throws what `isolation` is rejected with. When it dies, its attempts end `lost` and the next `run` starts another. */
export function startSandbox(options: SandboxOptions = {}): StartedSandbox {
  return new SandboxHost(options);
}

class SandboxHost implements StartedSandbox {
  private readonly options: SandboxOptions;
  private starting: Promise<Child>;
  private child: Child | null = null;
  private closed = false;
  private readonly places: Places;

  constructor(options: SandboxOptions) {
    this.options = options;
    this.places = new Places(mostInProcess(options.maxLive));
    this.starting = this.first();
    this.starting.catch(() => {}); // whoever runs something meets it
  }

  /** To try a cage takes as long as to start in it: both at once, where there is a cage to presume. */
  private async first(): Promise<Child> {
    const { presumed } = this.options;
    if (!presumed) return this.fresh();
    const early = new Child(this.options, presumed);
    const found = await Promise.resolve(this.options.isolation ?? isolation()).catch(() => null);
    if (found?.name === presumed.name && !early.dead) return (this.child = early);
    await early.kill(CLOSED);
    return this.fresh(); // where none was found, it throws what stood in the way
  }

  async run(spec: GuestSpec, hooks: GuestHooks, signal: AbortSignal): Promise<GuestEnd> {
    const { places } = this;
    const { inAll } = this.options;
    // One's own first: guests of a process that is full must not keep those of others waiting.
    if (!(await places.take(signal))) return { kind: "lost", reason: NO_PLACE };
    if (inAll && !(await inAll.take(signal))) {
      places.free();
      return { kind: "lost", reason: NO_PLACE };
    }
    try {
      const child = this.closed ? null : await this.ready();
      if (!child || this.closed) return { kind: "lost", reason: "the sandbox is closed" };
      return await child.run(spec, hooks, signal);
    } finally {
      inAll?.free();
      places.free();
    }
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  async close(): Promise<void> {
    this.closed = true;
    const child = await this.starting.catch(() => null);
    await child?.kill(CLOSED);
  }

  private async ready(): Promise<Child> {
    const { starting } = this;
    const child = await starting.catch((error: unknown) => {
      // Whoever comes next tries again: what was in the way may be gone by then.
      if (this.starting === starting) {
        this.starting = this.fresh();
        this.starting.catch(() => {});
      }
      throw error;
    });
    if (!child.dead) return child;
    // Of all that find it dead, the first one starts another.
    if (this.starting === starting) this.starting = this.fresh();
    return this.starting;
  }

  private async fresh(): Promise<Child> {
    return (this.child = new Child(this.options, await (this.options.isolation ?? isolation())));
  }
}

/** Its own code, the table of our interfaces, the account of fuel, and the bounds of files and requests. */
function single(own?: string): ChildProgram {
  const { dist } = codeRoot();
  const entry = own ?? join(dist, "host", "sandbox", "main.js");
  const component = ["interfaces.js", "snapshot.js", "wit.js", "type.js", "wasi", "flat.js", "remembered.js", "meter"];
  return {
    entry,
    readable: [
      ...childCode(),
      entry,
      ...component.map((name) => join(dist, "host", "component", name)),
      ...["limits.js", "path.js", "error.js"].map((name) => join(dist, "host", "fs", name)),
      ...["bounds.js", "header.js", "method.js", "too-long.js"].map((name) => join(dist, "host", "http", name)),
    ],
  };
}

class Child {
  dead = false;
  private readonly confined: Confined;
  private readonly attempts = new Map<number, Live>();
  private readonly components: LoadedComponents;
  private readonly writer: FrameWriter;
  private nextAttempt = 0;
  private nextTransfer = 0;
  private readonly watchdogMs: number;
  private watchdog: NodeJS.Timeout | null = null;
  /** Looks of the watchdog since the child last said something. Counted, so that a stall of this process is not held against it. */
  private silent = 0;
  private pings = 0;
  private reason: string | null = null;

  constructor(options: SandboxOptions, cage: Isolation) {
    this.watchdogMs = options.watchdogMs ?? 5000;
    this.components = new LoadedComponents(options.keeping);
    this.confined = spawnConfined({
      isolation: cage,
      ...childProgram("sandbox", single, options.entry),
      flags: [
        ...ENGINE_OPTIONS,
        ...LOADING_OPTIONS,
        ...BINDING_OPTIONS,
        ...COLLECTING_OPTIONS,
        "--expose-gc",
        ...(options.baseline === true ? BASELINE_OPTIONS : []),
        `--max-old-space-size=${options.heapMib ?? 1024}`,
      ],
      memoryBytes: MEMORY_BYTES,
      args: [String(options.slice ?? 1_000_000), String(VALUE_BYTES)],
      ...(options.nodePath !== undefined && { nodePath: options.nodePath }),
    });
    this.writer = new FrameWriter(this.confined.pipe);
    const reader = new FrameReader(
      { messageBytes: MESSAGE_BYTES, chunks: false, ...RATES, now: () => performance.now() },
      { message: (text) => this.receive(read(text)), chunk: () => {} },
    );
    this.confined.pipe.on("data", (chunk: Buffer) => {
      if (this.reason !== null) return;
      this.silent = 0;
      try {
        reader.push(chunk);
      } catch (error) {
        void this.kill(`it broke the rules of the pipe: ${summary(error)}`);
      }
    });
    void this.confined.gone.then((how) => {
      if (this.reason !== CLOSED) options.died?.();
      this.lost(how);
    });
    this.idle();
  }

  get pid(): number | undefined {
    return this.confined.child.pid;
  }

  run(spec: GuestSpec, hooks: GuestHooks, signal: AbortSignal): Promise<GuestEnd> {
    const attempt = this.nextAttempt++;
    const { promise, resolve } = Promise.withResolvers<GuestEnd>();
    const cancel = (): void => this.send({ t: "cancel", attempt });
    const component = this.load(spec.component);
    this.attempts.set(attempt, {
      id: attempt,
      hooks,
      nextSeq: 0,
      calling: false,
      fuel: 0,
      lines: 0,
      mostLines: (spec.limits.logLines ?? USUAL.logLines) + STREAM_LINES,
      end: (end) => {
        signal.removeEventListener("abort", cancel);
        this.attempts.delete(attempt);
        for (const forgotten of this.components.leave(component)) this.send({ t: "unload", component: forgotten });
        if (this.attempts.size === 0) this.idle();
        resolve(end);
      },
    });
    this.busy();
    const { node, attempt: number, with: given, inputs, seed, epochMs, state, linked, stubs = [] } = spec;
    const limits = { ...USUAL, ...spec.limits };
    const { granted = { time: false, random: false }, directories = [] } = spec;
    const world = { seed, epochMs, state, limits, linked, granted, stubs, directories };
    this.send({ t: "start", attempt, component, node, number, with: given, inputs, ...world });
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
    return promise;
  }

  /** Resolves when the process is gone. */
  async kill(reason: string): Promise<void> {
    this.reason ??= reason;
    this.dead = true;
    // An idle child does not keep this process alive; waiting for its end must. What is in a cage ends a moment after the cage.
    this.confined.child.ref();
    for (const stream of this.confined.child.stdio) setRef(stream, "ref");
    this.confined.end();
    await this.confined.gone;
  }

  private load(component: Admitted): number {
    const { id, fresh } = this.components.enter(component);
    if (!fresh) return id;
    const modules = component.modules.map(({ name, bytes }) => ({
      name,
      bytes: bytes.length,
      transfer: this.nextTransfer++,
      content: bytes,
    }));
    this.send({
      t: "load",
      component: id,
      plan: utf8.decode(component.plan),
      modules: modules.map(({ name, bytes, transfer }) => ({ name, bytes, transfer })),
    });
    if (!this.dead) for (const { transfer, content } of modules) this.writer.bytes(transfer, content);
    // It compiles while this process puts together what the guest is given.
    this.writer.flush();
    return id;
  }

  private send(message: ToSandbox): void {
    if (!this.dead) this.writer.message(JSON.stringify(message));
  }

  /** Throws for anything out of order: the caller kills the child. */
  private receive(message: FromSandbox): void {
    switch (message.t) {
      case "ready":
      case "pong":
        return;
      case "call": {
        const live = this.attempt(message.attempt);
        if (live.calling || message.seq !== live.nextSeq || message.fuel < live.fuel)
          throw new Error(`call ${message.seq} of an attempt is out of order`);
        live.nextSeq++;
        live.fuel = message.fuel;
        live.calling = true;
        void this.answer(live, message);
        return;
      }
      case "drop":
        this.attempt(message.attempt).hooks.drop?.(message.resource, message.name);
        return;
      case "log": {
        const live = this.attempt(message.attempt);
        if (++live.lines > live.mostLines) throw new Error("an attempt logs without end");
        live.hooks.log({ level: message.level, message: message.message, fields: message.fields as Record<string, Json> });
        return;
      }
      case "line": {
        const live = this.attempt(message.attempt);
        if (++live.lines > live.mostLines) throw new Error("an attempt writes lines without end");
        const { stream, level, chunk } = message;
        live.hooks.log({ stream, level, chunk });
        return;
      }
      case "end": {
        const live = this.attempt(message.attempt);
        if (message.fuel < live.fuel) throw new Error("an attempt has used less fuel than before");
        const { t: _, attempt: __, ...end } = message;
        live.end(end as GuestEnd);
      }
    }
  }

  private attempt(id: number): Live {
    const live = this.attempts.get(id);
    if (!live) throw new Error(`it speaks of attempt ${id}, which it does not hold`);
    return live;
  }

  private async answer(
    live: Live,
    { seq, interface: name, function: func, args, fuel }: Extract<FromSandbox, { t: "call" }>,
  ): Promise<void> {
    const place = { t: "answer", attempt: live.id, seq } as const;
    let reply: ToSandbox;
    try {
      const answer = await live.hooks.call({ seq, interface: name, function: func, args, fuel });
      reply = { ...place, ...answer };
    } catch (error) {
      reply = { ...place, failed: summary(error) };
    }
    live.calling = false;
    if (this.attempts.get(live.id) === live) this.send(reply);
  }

  private lost(how: string): void {
    this.dead = true;
    if (this.watchdog) clearInterval(this.watchdog);
    this.watchdog = null;
    const reason = this.reason ?? `the sandbox process died: ${this.confined.lastWords(how)}`;
    for (const live of this.attempts.values()) live.end({ kind: "lost", reason });
  }

  /** With guests inside, the child must keep answering and keeps this process alive; without, neither. */
  private busy(): void {
    if (this.watchdog) return;
    this.silent = 0;
    this.watchdog = setInterval(() => {
      if (++this.silent > LOOKS) void this.kill(`it did not answer for ${this.watchdogMs} ms`);
      else this.send({ t: "ping", n: this.pings++ });
    }, this.watchdogMs / LOOKS);
    this.confined.child.ref();
    setRef(this.confined.pipe, "ref");
  }

  private idle(): void {
    if (this.watchdog) clearInterval(this.watchdog);
    this.watchdog = null;
    this.confined.child.unref();
    for (const stream of this.confined.child.stdio) setRef(stream, "unref");
  }
}

/** Pipes are sockets, whose `ref` the stream types do not name. On one that is closed it would wait for a connection for ever. */
function setRef(stream: Readable | Writable | null | undefined, method: "ref" | "unref"): void {
  if (stream && !stream.destroyed) (stream as Partial<Record<"ref" | "unref", () => void>>)[method]?.();
}

/** Its kind stands first, and only once: `messageLimits` went by it. */
function read(text: string): FromSandbox {
  const limits = messageLimits(text);
  const message = fromSandbox.parse(parseJson(text, limits), messagePace.next());
  if (!text.startsWith(`{"t":"${message.t}"`)) throw new Error("a message of two kinds");
  return message;
}

function summary(error: unknown): string {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    return `a message that is none (${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? ""})`;
  }
  const message = error instanceof Error ? error.message : String(error);
  // Half a character that the child says again would be taken for an attack.
  return (message.length > 500 ? `${message.slice(0, 500)}…` : message).toWellFormed();
}
