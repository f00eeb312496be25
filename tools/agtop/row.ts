import type { Shown } from "../rlp/terminal/state.js";

/** One line of the screen. `tone` colours it where the theme has colours; what it means stands in the text as well. */
export interface Row {
  readonly text: string;
  readonly look: "plain" | "title" | "dim" | "selected";
  readonly tone?: Shown | "warn" | "invalid" | undefined;
}
