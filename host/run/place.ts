/** Where in a run something is, for people: `node draft, attempt 1, call 2`, as far down as it is known. */
export function placeInRun(node: string | null, attempt?: number | null, call?: number | null): string {
  return [
    node === null ? "the run" : `node ${node}`,
    ...(attempt == null ? [] : [`attempt ${attempt}`]),
    ...(call == null ? [] : [`call ${call}`]),
  ].join(", ");
}
