/**
 * Memories of guests that are gone. The collector that lets go of them looks at JavaScript's heap, where each is a few bytes: left to
 * itself it lets gibibytes of them lie. So it is asked once they add up. A collection takes some milliseconds.
 */
type Collect = (options: { readonly type: "major"; readonly execution: "async" }) => Promise<void>;

/** What may lie about: seldom enough that guests do not notice, little enough that the machine does not. */
const ENOUGH = 256 << 20;

/** Present where the process was started with `--expose-gc`; `seal` takes it away from everybody else. */
const collect = (globalThis as { readonly gc?: Collect }).gc;

let bytes = 0;

/** `memoryBytes`: of a guest that has ended. */
export function leftBehind(memoryBytes: number): void {
  bytes += memoryBytes;
  if (bytes < ENOUGH || !collect) return;
  bytes = 0;
  void collect({ type: "major", execution: "async" });
}
