/** A message of RFC 5322 with MIME, its text and what stands at its head. Attachments are named, not opened. */
import PostalMime, { type Address } from "postal-mime";
import type { Extracted } from "#kb/ingest/extract.js";
import { htmlText } from "./html.js";

export async function parse(bytes: Uint8Array): Promise<Extracted> {
  const mail = await PostalMime.parse(bytes, { maxNestingDepth: 32, maxHeadersSize: 1 << 20 });
  const body = mail.text?.trim() ? mail.text : mail.html ? htmlText(mail.html).text : "";
  const names = mail.attachments.flatMap(({ filename }) => (filename ? [filename] : []));
  const head = [
    line("From", mail.from ? [mail.from] : []),
    line("To", mail.to ?? []),
    line("Cc", mail.cc ?? []),
    mail.date ? `Date: ${mail.date}` : "",
    names.length > 0 ? `Attachments: ${names.slice(0, 100).join(", ")}` : "",
  ].filter((each) => each !== "");
  if (head.length === 0 && !mail.subject) throw new Error("it has no sender, no date and no subject: it is no message");
  return { text: `${head.join("\n")}\n\n${body}`, title: mail.subject || undefined, mediaType: "text/plain" };
}

function line(name: string, addresses: readonly Address[]): string {
  const all = addresses
    .flatMap((one) => one.group ?? [one])
    .map(({ name: person, address }) => [person, address && `<${address}>`].filter(Boolean).join(" "));
  return all.length > 0 ? `${name}: ${all.slice(0, 100).join(", ")}` : "";
}
