/** `email.send`: a message to the configured transport, by default a `.eml` file in the outbox. */
import * as z from "zod";
import { canonicalJson, type Json } from "#core/json.js";
import { visibleLine } from "#core/visible.js";
import { composeMessage, type Mail } from "../mail/message.js";
import { writeToOutbox } from "../mail/outbox.js";
import { read } from "../imports/kb.js";
import type { ActionKind } from "./action.js";

// One address, nothing that a header could be continued with. Internationalised local parts and domains are left alone.
const address = z
  .string()
  .max(320)
  .regex(/^[^\s@<>(),;:"\\\u0000-\u001f\u007f]+@[^\s@<>(),;:"\\\u0000-\u001f\u007f]+$/, "not an e-mail address");
const emailArgs = z.strictObject({
  to: z.array(address).min(1).max(50),
  cc: z.array(address).max(50).default([]),
  subject: z
    .string()
    .min(1)
    .max(998)
    .refine((text) => !/[\r\n\0]/.test(text), "a subject is one line"),
  body: z.string().min(1).max(262_144),
});

export interface EmailOptions {
  readonly outbox: string;
  readonly from: string;
}

export function emailAction(options: EmailOptions): ActionKind {
  const typed = (args: Json): Mail => args as unknown as Mail;
  return {
    kind: "email.send",
    afterCrash: "repeat",
    parse: (args) => read(emailArgs, args) as unknown as Json,
    show(args) {
      const mail = typed(args);
      return [
        "Send an e-mail",
        `  From:    ${visibleLine(options.from)}`,
        `  To:      ${mail.to.map((to) => visibleLine(to)).join(", ")}`,
        ...(mail.cc.length > 0 ? [`  Cc:      ${mail.cc.map((cc) => visibleLine(cc)).join(", ")}`] : []),
        `  Subject: ${visibleLine(mail.subject)}`,
        `  By:      a .eml file in ${visibleLine(options.outbox)}`,
        "",
        ...mail.body.split(/\r\n|\r|\n/).map((line) => `  ${visibleLine(line)}`),
      ].join("\n");
    },
    destination: () => ({ transport: "outbox", folder: options.outbox, from: options.from }),
    async perform(args, dispatch, store) {
      const mail = typed(args);
      const artifact = store(Buffer.from(canonicalJson(args)), "application/json");
      const bytes = await composeMessage(mail, {
        from: options.from,
        dateMs: dispatch.firstDispatchMs,
        messageId: `${dispatch.idempotencyKey.slice(0, 32)}@rlp.invalid`,
      });
      const day = new Date(dispatch.firstDispatchMs).toISOString().slice(0, 10);
      const path = await writeToOutbox(options.outbox, `${day}-${dispatch.idempotencyKey.slice(0, 16)}`, bytes);
      return {
        result: { status: "sent", artifact },
        detail: path,
        events: [
          {
            kind: "email.sent",
            level: "info",
            message: `"${mail.subject}" to ${mail.to.join(", ")}`,
            meta: {
              to: [...mail.to],
              subject: mail.subject,
              artifact,
              transport: "outbox",
              path,
              ...(mail.cc.length > 0 && { cc: [...mail.cc] }),
            },
          },
        ],
      };
    },
  };
}
