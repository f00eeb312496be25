/** Which blobs an event refers to, so that what a run or a document needs can be checked and kept. */
import { isDigest, type Digest } from "#core/digest.js";
import { isJsonObject } from "#core/json.js";

type Path = readonly string[];

/** Per kind, where its meta names a blob: a stored value or a digest. `*` stands for the elements of a list. */
const places: Readonly<Record<string, readonly Path[]>> = {
  "run.started": [["opening"]],
  "node.finished": [["outputs", "*", "body"], ["state"]],
  "call.finished": [["response"]],
  "action.proposed": [["summary"], ["args"]],
  "document.ingested": [["digest"]],
};

/** `payload` is the row's, parsed; a shape that does not fit names nothing. */
export function referencedBlobs(kind: string, payload: unknown): readonly Digest[] {
  if (!Object.hasOwn(places, kind) || !isJsonObject(payload)) return [];
  return places[kind]!.flatMap((path) => at(payload["meta"], path)).flatMap((found) => {
    const digest = isJsonObject(found) ? found["blob"] : found;
    return isDigest(digest) ? [digest] : [];
  });
}

function at(value: unknown, [step, ...rest]: Path): readonly unknown[] {
  if (step === undefined) return [value];
  if (step === "*") return Array.isArray(value) ? value.flatMap((element) => at(element, rest)) : [];
  return isJsonObject(value) ? at(value[step], rest) : [];
}
