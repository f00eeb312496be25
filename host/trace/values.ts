/** The blobs that a run's events name. */
import type { Digest } from "#core/digest.js";
import type { RunEvent } from "#core/events.js";
import type { StoredValue } from "#core/values.js";

/** Only stored values count: an agent's own JSON may look like one and is not. */
export function blobsOf(events: Iterable<RunEvent>): Set<Digest> {
  const found = new Set<Digest>();
  for (const event of events) {
    for (const stored of storedValues(event)) if ("blob" in stored) found.add(stored.blob);
    if (event.kind === "run.started") found.add(event.meta.opening);
    if (event.kind === "run.started" && event.meta.source) found.add(event.meta.source.digest);
    if (event.kind === "run.finished")
      for (const blob of [event.meta.nodes_blob, event.meta.outputs_blob]) if (blob) found.add(blob);
    if (event.kind === "artifact.created") found.add(event.meta.digest);
    if (event.kind === "email.sent") found.add(event.meta.artifact);
  }
  return found;
}

function storedValues(event: RunEvent): readonly StoredValue[] {
  switch (event.kind) {
    case "node.finished":
      return [...event.meta.outputs.map((output) => output.body), ...(event.meta.state ? [event.meta.state] : [])];
    case "call.finished":
      return [event.meta.response];
    case "action.proposed":
      return [event.meta.summary, event.meta.args];
    case "run.started":
      return (event.meta.inputs ?? []).map(({ body }) => body);
    case "run.finished":
      return (event.meta.outputs ?? []).map(({ body }) => body);
    default:
      return [];
  }
}
