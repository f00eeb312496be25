/** Gathers what the knowledge base knows about a topic, with citations. */
import { failed, fail, Hit, Invocation, Json, json, kb, list, log, ok, Outcome, SearchOptions } from "runloop";
import { Ranking } from "./ranking";

export function agent(call: Invocation): Outcome {
  const topic = (call.input("topic").given ? call.input("topic").first() : call.options.get("topic")).asText().trim();
  if (topic == "") return fail("context.no-topic", "`topic` is empty: say what to look for");
  const limit = max(1, call.options.getInt("limit", 5));
  const options = new SearchOptions();
  // More than are wanted: the searches below are fused, and a hit that only one of them ranks high must be in both.
  options.limit = min(100, 4 * limit);
  options.kind = call.options.getString("kind");
  options.domain = call.options.getString("domain");

  const searches = [topic].concat(refinements(topic, call.input("contacts").first()));
  const ranking = new Ranking();
  for (let i = 0; i < searches.length; i++) {
    const hits = kb.search(searches[i], options);
    if (!hits.ok) return failed(hits.error, "searching the knowledge base");
    ranking.add(hits.value);
  }

  const best = ranking.best(limit);
  const maxChars = call.options.getInt("max_chars", 1200);
  const hits = list();
  for (let i = 0; i < best.length; i++) hits.push(hitAsJson(best[i].hit, best[i].score, maxChars));
  log.info("context gathered", json().set("topic", topic).set("hits", best.length));
  return ok().send("out", "context.bundle.v1", json().set("topic", topic).set("hits", hits));
}

/** The topic once more for each person and house that it may be about: what concerns both ranks higher. */
function refinements(topic: string, contacts: Json): string[] {
  const searches: string[] = [];
  for (let i = 0; i < contacts.length && i < 3; i++) {
    const person = contacts.at(i).getString("name") + " " + contacts.at(i).getString("org");
    if (person.trim() != "") searches.push(topic + " " + person.trim());
  }
  return searches;
}

function hitAsJson(hit: Hit, score: f64, maxChars: i32): Json {
  const text = hit.text.length <= maxChars ? hit.text : cut(hit.text, maxChars);
  const value = json().set("citation", hit.citation).set("text", text).set("score", score);
  if (hit.title != "") value.set("title", hit.title);
  if (hit.uri != "") value.set("uri", hit.uri);
  if (hit.domain != "") value.set("domain", hit.domain);
  return value;
}

/** At most `length` units, cut at a space, never within a surrogate pair. */
function cut(text: string, length: i32): string {
  let end = text.lastIndexOf(" ", length);
  if (end < length / 2) end = length;
  const last = text.charCodeAt(end - 1);
  if (last >= 0xd800 && last <= 0xdbff) end--;
  return text.substring(0, end).trimEnd() + " …";
}
