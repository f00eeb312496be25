/** Finds the people that a few words name, in the knowledge base. */
import { fail, failed, Invocation, json, kb, list, log, ok, Outcome } from "runloop";
import { Candidate, rank, theirNames } from "./candidate";

/** Contacts that a search looks at. More would fit a query that says too little. */
const POOL = 50;

export function agent(call: Invocation): Outcome {
  const queries = call.input("query").all();
  if (queries.length == 0) queries.push(call.with.get("query"));
  const limit = max(1, call.with.getInt("limit", 1));

  const people = list();
  const seen = new Set<string>();
  for (let i = 0; i < queries.length; i++) {
    const query = queries[i].asText().trim();
    if (query == "") return fail("contact.no-query", "`query` is empty: give a name, an address or an organisation");

    const rows = kb.query(json().set("kind", "contact").set("match", query).set("limit", POOL));
    if (!rows.ok) return failed(rows.error, "looking for contacts");
    const found = rank(rows.value, query);
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
