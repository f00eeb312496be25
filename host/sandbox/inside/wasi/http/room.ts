/** Bytes of bodies that lie in the sandbox process for one attempt, on their way out or in. */
import { REQUEST_BODY_BYTES, RESPONSE_BODY_BYTES } from "../../../../http/bounds.js";

/** A few of the largest at once; a program that keeps more of them open gets none until it has let go of some. */
export const ROOM_BYTES = 4 * (REQUEST_BODY_BYTES + RESPONSE_BODY_BYTES);

export class Room {
  private taken = 0;

  get free(): number {
    return ROOM_BYTES - this.taken;
  }
  take(bytes: number): void {
    this.taken += bytes;
  }
  give(bytes: number): void {
    this.taken -= bytes;
  }
}
