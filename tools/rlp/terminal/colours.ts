/** What a terminal shows in colour, or as it is. */
import { styleText } from "node:util";

export interface Colours {
  readonly isColorSupported: boolean;
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}
type Paint = (text: string) => string;

export function coloursOf(isColorSupported: boolean): Colours {
  const paint = (name: "bold" | "dim" | "red" | "green" | "yellow" | "cyan"): Paint =>
    isColorSupported ? (text) => styleText(name, text, { validateStream: false }) : (text) => text;
  return {
    isColorSupported,
    bold: paint("bold"),
    dim: paint("dim"),
    red: paint("red"),
    green: paint("green"),
    yellow: paint("yellow"),
    cyan: paint("cyan"),
  };
}
