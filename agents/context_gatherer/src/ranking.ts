/**
 * One order out of several searches. Scores of different searches cannot be compared, ranks can: reciprocal rank fusion (Cormack,
 * Clarke and Büttcher 2009).
 */
import { Hit } from "runloop";

/** The paper's constant: how slowly a lower rank loses weight. */
const K: f64 = 60;

export class Ranked {
  score: f64 = 0;

  constructor(
    readonly hit: Hit,
    /** Order of first sight, which settles ties: the first search is the topic alone. */
    readonly seen: i32,
  ) {}
}

export class Ranking {
  private readonly found: Ranked[] = [];
  private readonly byCitation: Map<string, i32> = new Map<string, i32>();

  add(hits: Hit[]): void {
    for (let rank = 0; rank < hits.length; rank++) {
      const citation = hits[rank].citation;
      if (!this.byCitation.has(citation)) {
        this.byCitation.set(citation, this.found.length);
        this.found.push(new Ranked(hits[rank], this.found.length));
      }
      this.found[this.byCitation.get(citation)].score += 1 / (K + rank + 1);
    }
  }

  best(limit: i32): Ranked[] {
    return this.found
      .sort((a, b) => (a.score != b.score ? (a.score > b.score ? -1 : 1) : a.seen - b.seen))
      .slice(0, limit);
  }
}
