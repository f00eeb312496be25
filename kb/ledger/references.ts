/** Which blobs an event refers to, so that what a run or a document needs can be checked and kept. */
import { isDigest, type Digest } from "#core/digest.js";
import { isJsonObject } from "#core/json.js";
import { SEALED_KINDS, sealedPayload } from "./seal.js";

type Path = readonly string[];

/** Per kind, where its meta names a blob by its digest alone. */
const digests: Readonly<Record<string, readonly Path[]>> = {
  "run.started": [["opening"], ["source", "digest"]],
  "run.finished": [["nodes_blob"]],
  "document.ingested": [["digest"]],
};

/** Per kind, where its meta holds a stored value, which may be a blob's. `*` stands for the elements of a list. */
const values: Readonly<Record<string, readonly Path[]>> = {
  "node.finished": [["outputs", "*", "body"], ["state"]],
  "call.finished": [["response"]],
  "action.proposed": [["summary"], ["args"]],
};

/** Rows of these kinds name blobs … */
export const DIGEST_KINDS = [...new Set([...Object.keys(digests), ...SEALED_KINDS])];
/** … and of these those whose payload holds {@link BLOB_MARK}. */
export const VALUE_KINDS = Object.keys(values);
/** A stored value that is a blob, as canonical JSON begins it. */
export const BLOB_MARK = '{"blob":"';

/** `payload` is the row's as it stands in the chain, parsed; a shape that does not fit names nothing. */
export function referencedBlobs(kind: string, payload: unknown): readonly Digest[] {
  const sealed = sealedPayload(payload);
  if (sealed) return [sealed.sealed, ...sealed.uses];
  const places = own(digests, kind) ?? own(values, kind);
  if (!places || !isJsonObject(payload)) return [];
  return places
    .flatMap((path) => at(payload["meta"], path))
    .flatMap((found) => {
      const digest = isJsonObject(found) ? found["blob"] : found;
      return isDigest(digest) ? [digest] : [];
    });
}

const own = (places: Readonly<Record<string, readonly Path[]>>, kind: string): readonly Path[] | undefined =>
  Object.hasOwn(places, kind) ? places[kind] : undefined;

function at(value: unknown, [step, ...rest]: Path): readonly unknown[] {
  if (step === undefined) return [value];
  if (step === "*") return Array.isArray(value) ? value.flatMap((element) => at(element, rest)) : [];
  return isJsonObject(value) ? at(value[step], rest) : [];
}
