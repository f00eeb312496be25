/** How well a contact fits a query. */
import { fold, Json, json, words } from "runloop";

/** Points of one word of the query, by what it meets. A whole word counts more than its beginning, a name more than the rest. */
const NAME = 8;
const NAME_BEGINS = 4;
const REST = 3;
const REST_BEGINS = 1;
/** More than any number of words can make up for: the query is the address, or the whole name. */
const EXACT = 1000;

export class Candidate {
  points: i32 = 0;

  constructor(
    readonly name: string,
    readonly email: string,
    readonly org: string,
    readonly trust: f64,
    readonly key: string,
  ) {}

  ties(other: Candidate): bool {
    return this.points == other.points && this.trust == other.trust;
  }

  contact(): Json {
    const contact = json().set("name", this.name).set("email", this.email);
    if (this.org != "") contact.set("org", this.org);
    if (this.trust >= 0) contact.set("trust", this.trust);
    if (this.key != "") contact.set("key", this.key);
    return contact;
  }

  toString(): string {
    return this.name + (this.org == "" ? "" : " (" + this.org + ")") + " <" + this.email + ">";
  }

  /** Points of the query, 0 where a word of it meets nothing: "ann at acme" must not find an Ann of another house. */
  score(query: string): i32 {
    const folded = fold(query);
    if (folded == fold(this.email)) return EXACT;
    const names = words(this.name);
    const rest = words(this.org).concat(words(this.email));
    const asked = words(query);
    let points = asked.join(" ") == names.join(" ") ? EXACT : 0;
    for (let i = 0; i < asked.length; i++) {
      const best = max(meets(asked[i], names, NAME, NAME_BEGINS), meets(asked[i], rest, REST, REST_BEGINS));
      if (best == 0 && !joins(asked[i])) return 0;
      points += best;
    }
    return points;
  }
}

function meets(word: string, among: string[], whole: i32, beginning: i32): i32 {
  let best = 0;
  for (let i = 0; i < among.length; i++) {
    if (among[i] == word) return whole;
    if (among[i].startsWith(word)) best = beginning;
  }
  return best;
}

/** Words that only join others: "ann from acme", "ann at acme". */
function joins(word: string): bool {
  return word == "at" || word == "from" || word == "of" || word == "the" || word == "in";
}

/** Those that fit, best first: by points, then by trust, then by address so that the order never depends on the host's. */
export function rank(rows: Json, query: string): Candidate[] {
  const found: Candidate[] = [];
  for (let i = 0; i < rows.length; i++) {
    const row = rows.at(i);
    const email = row.getString("email");
    if (email == "") continue;
    const candidate = new Candidate(
      row.getString("name", email), email, row.getString("org"), row.getNumber("trust", -1), row.getString("key"),
    );
    candidate.points = candidate.score(query);
    if (candidate.points > 0) found.push(candidate);
  }
  return found.sort((a, b) => {
    if (a.points != b.points) return b.points - a.points;
    if (a.trust != b.trust) return a.trust > b.trust ? -1 : 1;
    return a.email < b.email ? -1 : a.email > b.email ? 1 : 0;
  });
}

/** "Ann (Acme) <ann@…> or Ann (Bolt) <ann@…>": the best three. */
export function theirNames(found: Candidate[]): string {
  const names: string[] = [];
  for (let i = 0; i < found.length && i < 3; i++) names.push(found[i].toString());
  return names.join(" or ") + (found.length > 3 ? " or others" : "");
}
