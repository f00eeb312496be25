/** An e-mail as RFC 5322 wants it: encoded headers, UTF-8 body, CRLF, a date and a message id that the host decides. */
import { createRequire } from "node:module";
import type MailComposer from "nodemailer/lib/mail-composer";

/** For the runs that send. Imported instead, what it requires of Node would be loaded as modules, the web client included: 20 ms more. */
const require = createRequire(import.meta.url);

export interface Mail {
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly subject: string;
  readonly body: string;
}

export interface Envelope {
  readonly from: string;
  /** Milliseconds; stamped once, at the first dispatch, and journaled, so that a repeated dispatch writes the same bytes. */
  readonly dateMs: number;
  /** Without the angle brackets. */
  readonly messageId: string;
}

/** The whole message as bytes; the same mail and envelope give the same bytes. */
export async function composeMessage(mail: Mail, envelope: Envelope): Promise<Uint8Array> {
  const Composer = require("nodemailer/lib/mail-composer") as typeof MailComposer;
  const composer = new Composer({
    from: envelope.from,
    to: [...mail.to],
    ...(mail.cc.length > 0 && { cc: [...mail.cc] }),
    subject: mail.subject,
    text: mail.body,
    date: new Date(envelope.dateMs),
    messageId: `<${envelope.messageId}>`,
    textEncoding: "quoted-printable",
    newline: "\r\n",
    // The body is text, never a reference to a file or an address.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}
