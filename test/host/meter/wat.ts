import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";

/** Hand-made modules are written as text; the text format's own tool encodes them. */
export async function wat(text: string): Promise<Uint8Array> {
  return new Uint8Array(await parse(text));
}
