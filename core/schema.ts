/**
 * How schemas check. On first use the schema library makes code of a schema, which takes one to four milliseconds; from then on a value
 * takes a third of the time that it takes without. The result is the same.
 */
import type * as z from "zod";

type Way = z.core.ParseContext<z.core.$ZodIssue>;

/** For what a process reads once or twice: manifests, configuration. */
export const INTERPRETED: Way = { jitless: true };

const COMPILED: Way = {};
/** So many values take without code about as long as making the code does. */
const FIRST = 200;

/** For what a short run sees a few times and a long one by the thousand: the first ones are interpreted. */
export class Pace {
  private seen = 0;

  /** For the next value. */
  next(): Way {
    if (this.seen >= FIRST) return COMPILED;
    this.seen++;
    return INTERPRETED;
  }
}
