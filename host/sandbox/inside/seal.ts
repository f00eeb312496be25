/**
 * Takes away what this process does not need before the first guest comes: depth, not the wall. No JavaScript is made from a
 * guest, so there is none to find these; should a guest break out of its memory by a fault of the engine, it finds less.
 *
 * What is loaded stays loaded; nothing further can be: no built-in module (`vm`, `v8` with its flags, `child_process`), no file. What
 * the language brings is frozen.
 */
import { registerHooks } from "node:module";
import { freezeIntrinsics } from "./freeze.js";

const NETWORK = [
  "fetch",
  "WebSocket",
  "EventSource",
  "Request",
  "Response",
  "Headers",
  "FormData",
  "BroadcastChannel",
  "MessageChannel",
  "MessagePort",
  "navigator",
  "localStorage",
  "sessionStorage",
  "Worker",
  "SharedArrayBuffer",
];
/** Of the engine: who asks for collections can stall this process (leftovers.ts has taken it before). */
const ENGINE = ["gc"];
const PROCESS = [
  "kill",
  "_kill",
  "abort",
  "binding",
  "_linkedBinding",
  "dlopen",
  "getBuiltinModule",
  "execve",
  "reallyExit",
  "chdir",
  "setuid",
  "setgid",
  "seteuid",
  "setegid",
  "setgroups",
  "initgroups",
  "umask",
  "_debugProcess",
  "_debugEnd",
  "_startProfilerIdleNotifier",
  "_stopProfilerIdleNotifier",
  "loadEnvFile",
  "setSourceMapsEnabled",
  "report",
  "mainModule",
  "openStdin",
  "_rawDebug",
];

/**
 * Deleted before anything is put in its place. To redefine a property, or only to ask for its descriptor, makes the engine find out its
 * value, and Node makes some of them when they are asked for first: `Response` alone loads a whole client for HTTP, a third of this
 * process's start.
 */
function remove(from: object, name: string): void {
  const gone = Reflect.deleteProperty(from, name);
  try {
    // Where a property cannot be deleted it may still be written, and then made to stay so.
    const hidden = gone ? { enumerable: false, configurable: false } : {};
    Object.defineProperty(from, name, { value: undefined, writable: false, ...hidden });
  } catch {
    // Not configurable in this version of Node: it stays, and the permission model is what holds.
  }
}

/** Gives the names that are still there afterwards. */
export function seal(): string[] {
  // Started without any; bubblewrap puts the folder in.
  for (const name of Object.keys(process.env)) delete process.env[name];
  for (const name of [...NETWORK, ...ENGINE]) if (name in globalThis) remove(globalThis, name);
  for (const name of PROCESS) if (name in process) remove(process, name);
  registerHooks({
    resolve(specifier) {
      throw new Error(`nothing is loaded any more: ${specifier}`);
    },
  });
  freezeIntrinsics();
  return [
    ...[...NETWORK, ...ENGINE].filter((name) => (globalThis as Record<string, unknown>)[name] !== undefined),
    ...PROCESS.filter((name) => (process as unknown as Record<string, unknown>)[name] !== undefined),
  ];
}
