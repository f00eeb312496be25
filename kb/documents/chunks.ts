/**
 * Cutting a document into chunks: along its headings first, then along paragraphs, with an overlap inside a section so that a
 * sentence at a cut is whole in one of the two chunks. The views are made from documents by this code alone: a change of its
 * results must raise the views' schema version.
 */
import { RECORDS_TYPE } from "./media-types.js";
import { frontMatter, type FrontMatter } from "./front-matter.js";

/** Length of a chunk in UTF-16 units: what is aimed at, and what is never passed. */
export const CHUNK_TARGET = 1200;
export const CHUNK_MAX = 1600;
export const CHUNK_OVERLAP = 160;

export interface Chunk {
  /** The headings that it stands under, joined by " › "; empty above the first. */
  readonly heading: string;
  readonly text: string;
}

export interface Document extends FrontMatter {
  /** Of the front matter, else the first heading, else the first line. */
  readonly title: string;
  readonly chunks: readonly Chunk[];
}

interface Section {
  readonly heading: string;
  readonly lines: string[];
}

/**
 * Takes a document apart. In Markdown headings, fences and front matter mean something; in records (`text/x-records`) form feeds
 * part them, and each is a chunk of its own.
 */
export function readDocument(text: string, mediaType: string): Document {
  const markdown = mediaType === "text/markdown";
  const whole = text.replace(/^\ufeff/, "").replaceAll(/\r\n?/g, "\n");
  const { matter, body } = markdown ? frontMatter(whole) : { matter: {}, body: whole };
  const plain = mediaType === RECORDS_TYPE ? body.split("\f") : [body];
  const sections = markdown ? sectionsOf(body) : plain.map((part) => ({ heading: "", lines: part.split("\n") }));
  const chunks = sections.flatMap(({ heading, lines }) => pack(lines).map((chunk) => ({ heading, text: chunk })));
  const first = sections.find(({ heading }) => heading !== "")?.heading.split(" › ")[0];
  return { ...matter, title: (matter.title ?? first ?? firstLine(body)).replaceAll(/\p{Cc}+/gu, " "), chunks };
}

function firstLine(text: string): string {
  const line = text.split("\n").find((candidate) => candidate.trim() !== "") ?? "";
  return line.trim().slice(0, 120);
}

/** ATX headings of CommonMark (https://spec.commonmark.org/0.31.2/#atx-headings); a `#` inside a code fence is none. */
function sectionsOf(body: string): Section[] {
  const path: string[] = [];
  let section: Section = { heading: "", lines: [] };
  const sections = [section];
  let fence = "";
  for (const line of body.split("\n")) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark && fence === "") fence = mark;
    else if (mark && mark.startsWith(fence) && line.trim() === mark) fence = "";
    const heading = fence === "" ? /^ {0,3}(#{1,6})(?:[ \t]+(.*))?$/.exec(line) : null;
    if (!heading) {
      section.lines.push(line);
      continue;
    }
    path.length = Math.min(path.length, heading[1]!.length - 1);
    while (path.length < heading[1]!.length - 1) path.push("");
    path.push(heading[2]?.replace(/[ \t]+#+[ \t]*$/, "").trim() ?? "");
    section = {
      heading: path
        .filter((part) => part !== "")
        .join(" › ")
        .slice(0, 300),
      lines: [],
    };
    sections.push(section);
  }
  // A heading with nothing under it is still something to find.
  return sections.map((each) =>
    each.heading !== "" && each.lines.every((line) => line.trim() === "") ? { ...each, lines: [each.heading] } : each,
  );
}

function pack(lines: readonly string[]): string[] {
  const paragraphs = lines
    .join("\n")
    .split(/\n[ \t]*\n/)
    .map((paragraph) => paragraph.replace(/^\n+|\s+$/g, ""))
    .filter((paragraph) => paragraph.trim() !== "");
  const chunks: string[] = [];
  let current = "";
  for (const piece of paragraphs.flatMap(cut)) {
    if (current !== "" && current.length + 2 + piece.length > CHUNK_TARGET) {
      chunks.push(current);
      current = tail(current, CHUNK_MAX - 2 - piece.length);
    }
    current = current === "" ? piece : `${current}\n\n${piece}`;
  }
  if (current !== "") chunks.push(current);
  return chunks;
}

/** A paragraph that is too long for a chunk, in pieces that end at a sentence, else at a space, else anywhere. */
function cut(paragraph: string): string[] {
  const pieces: string[] = [];
  let rest = paragraph;
  while (rest.length > CHUNK_TARGET) {
    const head = rest.slice(0, CHUNK_TARGET);
    const sentence = Math.max(
      head.lastIndexOf(". "),
      head.lastIndexOf("\n"),
      head.lastIndexOf("! "),
      head.lastIndexOf("? "),
      head.lastIndexOf("。"),
    );
    const end =
      sentence > CHUNK_TARGET / 2
        ? sentence + 1
        : head.lastIndexOf(" ") > CHUNK_TARGET / 2
          ? head.lastIndexOf(" ")
          : whole(rest, CHUNK_TARGET);
    pieces.push(rest.slice(0, end).trimEnd());
    rest = rest.slice(end).trimStart();
  }
  if (rest !== "") pieces.push(rest);
  return pieces;
}

/** The end of a chunk, from a word's beginning on, to open the next one with. */
function tail(chunk: string, room: number): string {
  const length = Math.min(CHUNK_OVERLAP, room);
  if (length < 20 || chunk.length <= length) return "";
  const end = chunk.slice(chunk.length - length);
  const word = end.search(/\s\S/);
  return word < 0 ? "" : end.slice(word + 1);
}

/** `at`, or one less where that would cut a surrogate pair in two. */
function whole(text: string, at: number): number {
  const unit = text.charCodeAt(at - 1);
  return unit >= 0xd800 && unit < 0xdc00 ? at - 1 : at;
}
