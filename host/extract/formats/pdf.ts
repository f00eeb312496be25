/** The text of a PDF, page after page, by pdf.js. Nothing is drawn, no script in it runs, no font of the machine is read. */
import { getDocumentProxy } from "unpdf";
import type { Extracted } from "#kb/ingest/extract.js";
import { TEXT_BYTES } from "../limits.js";

const PAGES = 5000;

export async function parse(bytes: Uint8Array): Promise<Extracted> {
  const pdf = await getDocumentProxy(bytes, {
    useSystemFonts: false,
    disableFontFace: true,
    stopAtErrors: false,
    verbosity: 0,
  });
  try {
    if (pdf.numPages > PAGES) throw new Error(`it has ${pdf.numPages} pages, ${PAGES} are the most`);
    const pages: string[] = [];
    let length = 0;
    for (let number = 1; number <= pdf.numPages; number++) {
      const page = await pdf.getPage(number);
      const { items } = await page.getTextContent();
      const text = items.map((item) => ("str" in item ? item.str + (item.hasEOL ? "\n" : "") : "")).join("");
      length += text.length;
      if (length > TEXT_BYTES) throw new Error(`its text is longer than ${TEXT_BYTES >> 20} MiB`);
      pages.push(joined(text));
      page.cleanup();
    }
    const text = pages.filter((page) => page !== "").join("\n\n");
    if (text === "") throw new Error("it has no text: it may be a picture of one");
    return { text, title: titleOf(await pdf.getMetadata().catch(() => undefined)), mediaType: "text/plain" };
  } finally {
    await pdf.loadingTask.destroy();
  }
}

/** Words that a line's end has cut in two, made whole. */
const joined = (text: string): string => text.replaceAll(/(\p{L})[-\u00ad]\n(?=\p{Ll})/gu, "$1").trim();

function titleOf(metadata: { readonly info?: object } | undefined): string | undefined {
  const title: unknown = (metadata?.info as { readonly Title?: unknown } | undefined)?.Title;
  return typeof title === "string" && title.trim() !== "" ? title.trim() : undefined;
}
