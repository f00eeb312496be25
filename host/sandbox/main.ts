/** A sandbox process: holds guests of one trust domain on its main thread and talks to the control process over one pipe. */
import { Transfers } from "./transfer.js";
import type { LinkPlan } from "../component/plan.js";
import { Attempt, type Answer } from "./inside/attempt.js";
import { loaded, type LoadedComponent } from "./inside/loaded.js";
import { Memories } from "./inside/memories.js";
import { openPipe } from "./inside/pipe.js";
import { seal } from "./inside/seal.js";
import { Turns } from "./inside/turns.js";
import { wasm } from "./inside/wasm.js";
import type { ToSandbox } from "./messages.js";

/** C → X is trusted; the limit keeps a mistake of ours from growing without end. */
const MESSAGE_BYTES = 256 << 20;

const [slice, valueBytes] = process.argv.slice(2).map(Number) as [number, number];
const node = process.version;
const turns = new Turns();
const transfers = new Transfers();
const components = new Map<number, Promise<LoadedComponent>>();
const attempts = new Map<number, Attempt>();
const memories = new Memories();

seal();
const pipe = openPipe(
  MESSAGE_BYTES,
  () => ({
    message: (text) => receive(JSON.parse(text) as ToSandbox),
    chunk: (transfer, bytes) => transfers.chunk(transfer, bytes),
  }),
  // A single guest, which has just asked for something.
  () => attempts.size === 1 && attempts.values().next().value!.asks && turns.idle,
);
pipe.send({ t: "ready", node });

function receive(message: ToSandbox): void {
  switch (message.t) {
    case "ping":
      return pipe.send({ t: "pong", n: message.n });
    case "cancel":
      return attempts.get(message.attempt)?.cancel();
    case "answer": {
      const { attempt, seq } = message;
      return turns.add(() => void attempts.get(attempt)?.answer(seq, message as Answer));
    }
    case "load": {
      const loading = load(message);
      // A component that cannot be compiled ends its attempts, not this process.
      loading.catch(() => {});
      components.set(message.component, loading);
      return;
    }
    case "unload":
      components.delete(message.component);
      return;
    case "start": {
      const attempt = new Attempt(message, { send: pipe.send, turns, slice, valueBytes, memories });
      attempts.set(message.attempt, attempt);
      turns.add(() => {
        void components.get(message.component)!.then(
          async (component) => {
            const end = await attempt.run(component);
            attempts.delete(message.attempt);
            pipe.send(end);
          },
          (error: unknown) => {
            const end = attempt.fail(error);
            attempts.delete(message.attempt);
            pipe.send(end);
          },
        );
      });
      return;
    }
  }
}

/** Below this a module is compiled at once: that takes less than the way to another thread and back. */
const COMPILE_AT_ONCE = 128 << 10;

async function load({ plan, modules }: Extract<ToSandbox, { t: "load" }>): Promise<LoadedComponent> {
  const compiled = await Promise.all(modules.map(async (module) => [module.name, await received(module)] as const));
  return loaded(JSON.parse(plan) as LinkPlan, new Map(compiled));
}

/** The engine keeps bytes of its own: those that came are compiled where they lie. */
function received({ transfer, bytes }: { readonly transfer: number; readonly bytes: number }): Promise<object> {
  return new Promise((resolve, reject) => {
    transfers.use(transfer, bytes, (code) => {
      try {
        resolve(code.length <= COMPILE_AT_ONCE ? new wasm.Module(code) : wasm.compile(code));
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}
