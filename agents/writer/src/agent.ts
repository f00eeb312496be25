/**
 * Drafts a mail from people and context. A language model writes it where the host has one; the same request carries a template
 * for the host's built-in filler, so that a mail comes out, and says what wrote it, where there is none.
 */
import { CompletionOptions, fail, failed, Invocation, json, Json, list, log, model, ok, Outcome } from "runloop";
import { Letter, subjectOf } from "./letter";
import { promptFor } from "./prompt";
import { Recipients } from "./recipients";
import { readAnswer } from "./answer";
import { factsAbout } from "./facts";

export function agent(call: Invocation): Outcome {
  const people = new Recipients(call.input("recipients").all());
  if (people.count == 0) return fail("writer.no-recipient", "`recipients` holds nobody with an address");
  const bundles = call.input("context").all();
  const topic = topicOf(call.options, bundles);
  if (topic == "") return fail("writer.no-topic", "there is nothing to write about: give `topic`, or a context that has one");

  const facts = factsAbout(topic, bundles);
  const letter = new Letter(topic, people, facts, call.options.getString("tone", "neutral"), call.options.getString("sender"));
  const options = new CompletionOptions().local(letter.template(), letter.data());
  options.model = call.options.getString("model");
  options.temperature = call.options.getNumber("temperature", 0);

  const answer = model.complete(promptFor(letter, call.options.getString("instructions")), options);
  if (!answer.ok) return failed(answer.error, "asking a language model for the draft");
  const mail = readAnswer(answer.value.text, subjectOf(topic), facts);
  if (mail.body == "") return fail("writer.unusable-answer", answer.value.model + " gave no text for a mail", true);
  log.info("draft written", json().set("model", answer.value.model).set("facts", facts.length));

  const metadata = json()
    .set("model", answer.value.model)
    .set("topic", topic)
    .set("recipients", people.asJson());
  if (answer.value.isLocal) metadata.set("note", "filled in from a template; no language model wrote this");
  const citations = list();
  for (let i = 0; i < mail.citations.length; i++) citations.push(mail.citations[i]);
  return ok().send(
    "out",
    "artifact.draft.email.v1",
    json()
      .set("to", people.addresses())
      .set("subject", mail.subject)
      .set("body", mail.body)
      .set("citations", citations)
      .set("metadata", metadata),
  );
}

function topicOf(options: Json, bundles: Json[]): string {
  const given = options.getString("topic").trim();
  if (given != "") return given;
  for (let i = 0; i < bundles.length; i++) {
    const topic = bundles[i].getString("topic").trim();
    if (topic != "") return topic;
  }
  return "";
}
