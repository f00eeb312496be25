/** Judges a drafted mail: by rules always, by a language model where one wrote it. */
import { failed, Invocation, Json, json, kb, list, log, ok, Outcome } from "runloop";
import { Draft } from "./draft";
import { askModel } from "./judge";
import { checkForm, Findings } from "./rules";

export function agent(call: Invocation): Outcome {
  const draft = new Draft(call.input("draft").first());
  const findings = new Findings();
  checkForm(draft, call.options.getInt("max_words", 180), call.input("recipients").all(), findings);

  for (let i = 0; i < draft.citations.length; i++) {
    const found = kb.get(draft.citations[i]);
    if (!found.ok) return failed(found.error, "looking up a citation");
    if (found.value.isNull) findings.add("citations", "the source `" + draft.citations[i] + "` is not in the knowledge base");
  }
  findings.looked("citations");

  // The template filler has nothing that a model could judge, and a broken rule is enough.
  let judge = Json.nothing;
  if (!draft.isLocal && findings.none) {
    const verdict = askModel(draft, call.options.getString("model"));
    if (!verdict.ok) {
      // No model to ask is a fact about the host; a model that cannot be reached now is worth another attempt.
      if (verdict.error.code != "invalid" && verdict.error.code != "denied") return failed(verdict.error, "asking a language model for its verdict");
      log.warn("judged by the rules alone: " + verdict.error.message);
    } else {
      judge = json().set("model", verdict.value.model).set("ok", verdict.value.ok);
      if (!verdict.value.ok) findings.add("judge", verdict.value.text);
      findings.looked("judge");
    }
  }

  const review = json()
    .set("ok", findings.none)
    .set("broken", findings.broken)
    .set("checked", findings.checked)
    .set("words", draft.words)
    .set("judge", judge);
  return ok().send("ok", "bool.v1", findings.none).send("review", "review.v1", review);
}
