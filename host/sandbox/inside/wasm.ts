/** The part of the engine's `WebAssembly` that binding touches; the DOM library, which has the types, is not in scope. */
export type Exports = Readonly<Record<string, unknown>>;

interface Engine {
  compile(bytes: Uint8Array): Promise<object>;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Suspending: new (call: (...args: unknown[]) => unknown) => object;
  promising(func: unknown): (...args: unknown[]) => Promise<unknown>;
  readonly RuntimeError: new () => Error;
  readonly LinkError: new () => Error;
  readonly CompileError: new () => Error;
  readonly SuspendError?: new () => Error;
}

export const wasm: Engine = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;
