/** Gaps that a writer left to be filled in: `{{name}}`, `[Name]`, `<date>`, `TODO`, `XXX`, `Lorem ipsum`. */
import { fold } from "runloop";

/** The first gap as it stands in the text, or empty. */
export function placeholderIn(text: string): string {
  if (text.includes("{{")) return excerpt(text, text.indexOf("{{"), "}}");
  if (text.includes("${")) return excerpt(text, text.indexOf("${"), "}");
  const square = bracketed(text, "[", "]");
  if (square != "") return square;
  const angle = bracketed(text, "<", ">");
  if (angle != "") return angle;
  // Case counts here: "todo" is a word of Spanish and Portuguese.
  if (text.includes("TODO")) return "TODO";
  if (text.includes("TBD")) return "TBD";
  if (text.includes("XXX")) return "XXX";
  return fold(text).includes("lorem ipsum") ? "Lorem ipsum" : "";
}

/**
 * Brackets around something that begins with a letter and holds no address: `[Name]`, `<your team>`; `[1]` is a citation,
 * `<ann@example.com>` and `<https://…>` are addresses, `a < b` has no end.
 */
function bracketed(text: string, open: string, close: string): string {
  for (let at = text.indexOf(open); at >= 0; at = text.indexOf(open, at + 1)) {
    const end = text.indexOf(close, at);
    if (end < 0) return "";
    const inner = text.substring(at + 1, end);
    if (inner.length == 0 || inner.length > 60 || inner.includes("\n") || inner.includes("@") || inner.includes("://")) continue;
    const unit = inner.charCodeAt(0);
    if ((unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x7a) return open + inner + close;
  }
  return "";
}

function excerpt(text: string, at: i32, close: string): string {
  const end = text.indexOf(close, at);
  return text.substring(at, end < 0 || end - at > 60 ? min(text.length, at + 20) : end + close.length);
}
