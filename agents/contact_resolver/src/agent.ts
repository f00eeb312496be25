/** Finds the people that a few words name, in the knowledge base. */
import { fail, failed, Invocation, Json, json, kb, list, log, ok, Outcome, Result, words } from "runloop";
import { Candidate, rank, theirNames } from "./candidate";

/** Contacts that a search looks at. More would fit a query that says too little. */
const POOL = 50;

export function agent(call: Invocation): Outcome {
  const queries = call.input("query").all();
  if (queries.length == 0) queries.push(call.options.get("query"));
  const limit = max(1, call.options.getInt("limit", 1));

  const people = list();
  const seen = new Set<string>();
  for (let i = 0; i < queries.length; i++) {
    const query = queries[i].asText().trim();
    if (query == "") return fail("contact.no-query", "`query` is empty: give a name, an address or an organisation");

    const searched = search(query);
    if (!searched.ok) return failed(searched.error, "looking for contacts");
    const found = searched.value;
    if (found.length == 0) return fail("contact.not-found", 'no contact in the knowledge base matches "' + query + '"');
    // One person is wanted and two fit equally well: a guess would write to a stranger.
    if (limit == 1 && found.length > 1 && found[0].ties(found[1]))
      return fail("contact.ambiguous", '"' + query + '" fits ' + theirNames(found) + ": add the organisation or the address");

    log.info("contact found", json().set("query", query).set("candidates", found.length));
    for (let c = 0; c < found.length && c < limit; c++) {
      const email = found[c].email;
      if (seen.has(email)) continue;
      seen.add(email);
      people.push(found[c].contact());
    }
  }
  return ok().send("out", "contact.list.v1", people);
}

/**
 * Those who fit, best first. The knowledge base compares the query with one name, address or organisation at a time; "mara at
 * fernweh" names two of them, so where the whole finds nobody each word is asked for, and the ranking wants all of them again.
 */
function search(query: string): Result<Candidate[]> {
  const whole = matches(query);
  if (!whole.ok) return Result.failed<Candidate[]>(whole.error);
  const found = rank(whole.value, query);
  const parts = words(query);
  if (found.length > 0 || parts.length < 2) return Result.of<Candidate[]>(found);

  const rows = list();
  const seen = new Set<string>();
  for (let i = 0; i < parts.length; i++) {
    const some = matches(parts[i]);
    if (!some.ok) return Result.failed<Candidate[]>(some.error);
    for (let r = 0; r < some.value.length; r++) {
      const email = some.value.at(r).getString("email");
      if (!seen.has(email)) rows.push(some.value.at(r));
      seen.add(email);
    }
  }
  return Result.of<Candidate[]>(rank(rows, query));
}

function matches(text: string): Result<Json> {
  return kb.query(json().set("kind", "contact").set("match", text).set("limit", POOL));
}
