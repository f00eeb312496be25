/** Proposes to send a drafted mail. Whether it is sent is for the host and the person behind it to decide. */
import { actions, fail, failed, Invocation, Json, json, log, ok, Outcome } from "runloop";

export function agent(call: Invocation): Outcome {
  const draft = call.input("draft").first();
  const to = draft.getStrings("to");
  const subject = draft.getString("subject").trim();
  if (to.length == 0) return fail("mail.no-recipient", "the draft goes to nobody");
  if (subject == "") return fail("mail.no-subject", "the draft has no subject");

  const mail = json().set("to", to).set("subject", subject).set("body", draft.getString("body"));
  const cc = draft.getStrings("cc").concat(call.options.getStrings("cc"));
  if (cc.length > 0) mail.set("cc", cc);

  const decision = actions.propose("email.send", mail);
  if (!decision.ok) {
    // A retry would be another mail, so it must be sure that this one has not gone out.
    if (decision.error.code == "timeout") return fail("mail.unknown", "whether the mail was sent is not known: " + decision.error.message);
    return failed(decision.error, "sending the mail");
  }
  if (!decision.value.done) return fail("mail.rejected", "the mail was not sent: " + decision.value.reason);
  log.info("mail sent", json().set("to", to).set("subject", subject));
  return ok().send("out", "email.receipt.v1", receipt(decision.value.detail, to, subject)).send("sent", "bool.v1", true);
}

/** Nothing in it that would differ between two equal runs. */
function receipt(detail: Json, to: string[], subject: string): Json {
  const value = json().set("status", detail.getString("status", "sent")).set("to", to).set("subject", subject);
  if (detail.get("artifact").isText) value.set("artifact", detail.getString("artifact"));
  return value;
}
