/** Sentences of the context that say something about the topic, each with the citation it comes from. */
import { Json, words } from "runloop";
import { sentencesOf } from "./sentences";

/** What fits a mail of less than 180 words. */
const MOST = 4;
const MOST_WORDS = 90;
/** Longer ones are lists or tables more often than sentences. */
const LONGEST = 34;
const SHORTEST = 3;

export class Fact {
  points: f64 = 0;

  constructor(
    readonly text: string,
    readonly citation: string,
    readonly title: string,
    /** Where it stands in the context: better hits first, then as in the text. */
    readonly order: i32,
    readonly length: i32,
  ) {}
}

/** The best sentences, in the order of the context. */
export function factsAbout(topic: string, bundles: Json[]): Fact[] {
  const all = collect(bundles);
  const asked = words(topic);
  for (let i = 0; i < all.length; i++) all[i].points = relevance(all[i], asked);
  const ranked = all.slice(0).sort((a, b) => (a.points != b.points ? (a.points > b.points ? -1 : 1) : a.order - b.order));

  const chosen: Fact[] = [];
  let used = 0;
  for (let i = 0; i < ranked.length && chosen.length < MOST; i++) {
    const fact = ranked[i];
    if (used + fact.length > MOST_WORDS || repeats(fact, chosen)) continue;
    used += fact.length;
    chosen.push(fact);
  }
  return chosen.sort((a, b) => a.order - b.order);
}

function collect(bundles: Json[]): Fact[] {
  const facts: Fact[] = [];
  for (let b = 0; b < bundles.length; b++) {
    const hits = bundles[b].get("hits");
    for (let h = 0; h < hits.length; h++) {
      const hit = hits.at(h);
      const sentences = sentencesOf(hit.getString("text"));
      for (let s = 0; s < sentences.length; s++) {
        const length = words(sentences[s]).length;
        if (length < SHORTEST || length > LONGEST) continue;
        facts.push(new Fact(sentences[s], hit.getString("citation"), hit.getString("title"), facts.length, length));
      }
    }
  }
  return facts;
}

/**
 * How many words of the topic a sentence or its title has. The hit was found for the topic as a whole, so that a sentence in it
 * counts a little without any; the further down, the less.
 */
function relevance(fact: Fact, asked: string[]): f64 {
  const own = words(fact.text);
  const title = words(fact.title);
  let points = 1.0 / <f64>(fact.order + 2);
  for (let i = 0; i < asked.length; i++) {
    if (own.includes(asked[i])) points += 1;
    else if (title.includes(asked[i])) points += 0.5;
  }
  // Figures and dates are what a reader wants to know.
  for (let i = 0; i < own.length; i++) {
    const unit = own[i].charCodeAt(0);
    if (unit >= 0x30 && unit <= 0x39) return points + 0.25;
  }
  return points;
}

function repeats(fact: Fact, chosen: Fact[]): bool {
  const text = words(fact.text).join(" ");
  for (let i = 0; i < chosen.length; i++) if (words(chosen[i].text).join(" ") == text) return true;
  return false;
}
