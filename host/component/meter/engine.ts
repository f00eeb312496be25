/**
 * The part of the engine's `WebAssembly` namespace that metering touches. Spelt out here because the DOM library, which has the
 * types, would bring a browser's globals into scope.
 */
export interface WasmGlobal {
  value: number;
}
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}
export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}
export type WasmModule = object;
export type WasmImports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface WasmEngine {
  validate(bytes: Uint8Array): boolean;
  readonly Module: {
    new (bytes: Uint8Array): WasmModule;
    imports(module: WasmModule): readonly { readonly module: string; readonly name: string; readonly kind: string }[];
  };
  readonly Instance: new (module: WasmModule, imports?: WasmImports) => WasmInstance;
  readonly Memory: new (type: { readonly initial: number; readonly maximum: number }) => WasmMemory;
  readonly Global: new (type: { value: "i32"; mutable: true }, value: number) => WasmGlobal;
  /** JSPI: an import that suspends its caller until the promise settles. */
  readonly Suspending: new (call: () => Promise<number>) => object;
}

/** The engine of this process. */
export const engine: WasmEngine = (globalThis as unknown as { readonly WebAssembly: WasmEngine }).WebAssembly;
