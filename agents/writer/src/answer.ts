/** Subject and body out of what was answered. Models wrap what they were asked for in much else; the filler does not. */
import { fold, Text } from "runloop";
import { Fact } from "./facts";

export class Mail {
  constructor(
    readonly subject: string,
    readonly body: string,
    /** `[1]` in the body is the first of these. */
    readonly citations: string[],
  ) {}
}

/** Lines in which a subject is looked for; a model's preamble is shorter. */
const PREAMBLE = 8;

export function readAnswer(answer: string, otherwise: string, facts: Fact[]): Mail {
  const lines = unfenced(answer.replaceAll("\r\n", "\n").split("\n"));
  let subject = otherwise;
  let begin = 0;
  for (let i = 0; i < lines.length && i < PREAMBLE; i++) {
    const found = subjectIn(lines[i]);
    if (found == null) continue;
    if (found != "") subject = found;
    begin = i + 1;
    break;
  }
  const text = lines.slice(begin).join("\n").trim();
  return text == "" ? new Mail(subject, "", []) : cited(subject, text, facts);
}

/** Without the fence of a code block around all of it, and without what stands around the fence. */
function unfenced(lines: string[]): string[] {
  let first = -1;
  let last = -1;
  for (let i = 0; i < lines.length; i++) {
    if (!lines[i].trimStart().startsWith("```")) continue;
    if (first < 0) first = i;
    last = i;
  }
  return first >= 0 && last > first ? lines.slice(first + 1, last) : lines;
}

/** The subject in `Subject: …`, in any dress: `**Subject:** …`, `## Betreff: …`, `subject : "…"`; null where the line is none. */
function subjectIn(line: string): string | null {
  const bare = line.replaceAll("*", "").replaceAll("#", "").replaceAll("_", "").trim();
  const colon = bare.indexOf(":");
  if (colon < 0) return null;
  const label = fold(bare.substring(0, colon)).trim();
  if (label != "subject" && label != "subject line" && label != "betreff" && label != "objet" && label != "asunto") return null;
  let subject = bare.substring(colon + 1).trim();
  if (subject.length > 1 && subject.startsWith('"') && subject.endsWith('"')) subject = subject.substring(1, subject.length - 1);
  return subject;
}

/**
 * The body with its sources below, numbered anew in the order in which they are cited: several facts of one source share a number.
 * A number that stands for no fact is taken out, since it would cite nothing.
 */
function cited(subject: string, text: string, facts: Fact[]): Mail {
  const body = new Text();
  const citations: string[] = [];
  const titles: string[] = [];
  let from = 0;
  for (let open = text.indexOf("["); open >= 0; open = text.indexOf("[", open + 1)) {
    const close = text.indexOf("]", open);
    if (close < 0) break;
    const number = numberIn(text.substring(open + 1, close));
    if (number < 0) continue;
    if (number == 0 || number > facts.length) {
      body.slice(text, from, open > from && text.charCodeAt(open - 1) == 0x20 ? open - 1 : open);
    } else {
      const fact = facts[number - 1];
      let at = citations.indexOf(fact.citation);
      if (at < 0) {
        at = citations.push(fact.citation) - 1;
        titles.push(fact.title);
      }
      body.slice(text, from, open).add("[" + (at + 1).toString() + "]");
    }
    from = close + 1;
  }
  body.slice(text, from, text.length);
  if (citations.length > 0) body.line().line().add("Sources:");
  for (let i = 0; i < citations.length; i++) {
    body.line().add("[" + (i + 1).toString() + "] " + (titles[i] == "" ? citations[i] : titles[i]));
  }
  return new Mail(subject, body.toString(), citations);
}

/** The number that a text consists of, or -1. */
function numberIn(text: string): i32 {
  if (text.length == 0 || text.length > 3) return -1;
  let number = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}
