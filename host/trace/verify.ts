/** What a trace file proves, to somebody who has nothing but a public key. */
import { publicKey } from "../trust/keys.js";
import { TraceError } from "./error.js";
import { readTrace, type Trace } from "./read.js";
import { signerIn, signerOf, type Signer } from "./seal.js";

export interface VerifiedTrace {
  readonly trace: Trace;
  /** null: nobody has signed it. */
  readonly signer: Signer | null;
}

/**
 * Reads it whole (`TRACE_DAMAGED`) and looks who has signed it. A signature that is there and does not fit is damage, too. With `key`,
 * raw in base64, it must be that one's, whatever this home thinks of it.
 */
export async function verifyTrace(file: string, keysDir: string, key?: string): Promise<VerifiedTrace> {
  const expected = key === undefined ? null : publicKey(key).id;
  const trace = await readTrace(file);
  const signature = trace.seal?.signature ?? null;
  if (!trace.seal || !signature) return { trace, signer: unsignedBut(expected, file) };
  const id = signerOf(trace.seal.seal, signature);
  if (id === null)
    throw new TraceError("TRACE_DAMAGED", "the signature is not for this file", {
      place: { file },
      hint: "the seal was changed after it was signed",
    });
  if (expected !== null && id !== expected)
    throw new TraceError("TRACE_UNSIGNED", `it is signed by ${id}, and not by ${expected}`, { place: { file } });
  return { trace, signer: signerIn(keysDir, id, signature.key) };
}

function unsignedBut(expected: string | null, file: string): null {
  if (expected === null) return null;
  throw new TraceError("TRACE_UNSIGNED", `nobody has signed it, and it should be ${expected}`, {
    place: { file },
    hint: "`rlp trace export --sign` signs one",
  });
}
