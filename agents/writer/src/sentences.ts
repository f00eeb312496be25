/** Plain sentences out of Markdown: headings, rules, tables and code are left out, marks of emphasis and links are taken off. */
import { fold } from "runloop";

export function sentencesOf(text: string): string[] {
  const sentences: string[] = [];
  let paragraph = "";
  const lines = text.split("\n");
  let code = false;
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i].trim();
    if (line.startsWith("```")) code = !code;
    if (code || line == "" || isFurniture(line)) {
      split(paragraph, sentences);
      paragraph = "";
      continue;
    }
    const item = itemText(line);
    if (item != "") {
      split(paragraph, sentences);
      paragraph = item;
    } else {
      paragraph = paragraph == "" ? line : paragraph + " " + line;
    }
  }
  split(paragraph, sentences);
  return sentences;
}

/** Lines that hold no sentence. */
function isFurniture(line: string): bool {
  return line.startsWith("#") || line.startsWith("|") || line.startsWith("```") || line.startsWith("---") || line.startsWith("===");
}

/** The text of a list item or a quotation, or empty where the line is neither. */
function itemText(line: string): string {
  const mark = line.charCodeAt(0);
  if ((mark == 0x2d || mark == 0x2a || mark == 0x2b || mark == 0x3e) && line.charCodeAt(1) == 0x20) return line.substring(2).trim();
  let digits = 0;
  while (digits < line.length && line.charCodeAt(digits) >= 0x30 && line.charCodeAt(digits) <= 0x39) digits++;
  if (digits > 0 && digits < 3 && line.substring(digits).startsWith(". ")) return line.substring(digits + 2).trim();
  return "";
}

/** Splits behind `.`, `!` or `?` that a space and the beginning of a sentence follow. */
function split(paragraph: string, into: string[]): void {
  const text = plain(paragraph);
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit != 0x2e && unit != 0x21 && unit != 0x3f) continue;
    if (i + 1 < text.length && !(text.charCodeAt(i + 1) == 0x20 && begins(text, i + 2) && !abbreviated(text, i))) continue;
    add(text.substring(start, i + 1), into);
    start = i + 1;
  }
  add(text.substring(start), into);
}

/** A small letter goes on with the sentence. */
function begins(text: string, at: i32): bool {
  const unit = text.charCodeAt(at);
  return !(unit >= 0x61 && unit <= 0x7a);
}

/** "Dr. Byron", "J. Carter", "no. 7": a point behind one or two letters, or a title, ends no sentence. */
function abbreviated(text: string, point: i32): bool {
  let start = point;
  while (start > 0 && text.charCodeAt(start - 1) != 0x20) start--;
  const word = fold(text.substring(start, point));
  if (word.length == 1) return !(word >= "0" && word <= "9");
  return word == "dr" || word == "mr" || word == "ms" || word == "mrs" || word == "prof" || word == "no" || word == "vs" || word == "st";
}

function add(sentence: string, into: string[]): void {
  const text = sentence.trim();
  // What looks like a gap to be filled would look like one in the mail.
  if (text == "" || text.includes("{{") || text.includes("TODO") || text.includes("<") || text.includes("[")) return;
  const last = text.charCodeAt(text.length - 1);
  into.push(last == 0x2e || last == 0x21 || last == 0x3f ? text : text + ".");
}

/** `**bold**`, `_emphasis_`, `` `code` `` and `[text](address)` as their text. */
function plain(markdown: string): string {
  let text = markdown.replaceAll("**", "").replaceAll("__", "").replaceAll("`", "");
  for (let open = text.indexOf("["); open >= 0; open = text.indexOf("[", open + 1)) {
    const close = text.indexOf("](", open);
    const end = close < 0 ? -1 : text.indexOf(")", close);
    if (end < 0) break;
    text = text.substring(0, open) + text.substring(open + 1, close) + text.substring(end + 1);
  }
  return text;
}
