/** The knowledge base, as of the run's watermark. Needs `kb_read`; `propose` needs `kb_write`. */
import { AREA, error, succeeded, VALUE } from "./abi/call";
import { stringAt } from "./abi/lift";
import { address } from "./abi/lower";
import { release } from "./abi/memory";
import { parse } from "./json/reader";
import { Json } from "./json/value";
import { Result } from "./result";

// @ts-ignore: decorator
@external("runloop:agent/kb@0.1.0", "search")
declare function hostSearch(
  query: usize, queryLength: usize, limit: u32, kind: usize, kindLength: usize, domain: usize, domainLength: usize, into: usize,
): void;
// @ts-ignore: decorator
@external("runloop:agent/kb@0.1.0", "get")
declare function hostGet(key: usize, keyLength: usize, into: usize): void;
// @ts-ignore: decorator
@external("runloop:agent/kb@0.1.0", "query")
declare function hostQuery(filter: usize, filterLength: usize, into: usize): void;
// @ts-ignore: decorator
@external("runloop:agent/kb@0.1.0", "propose")
declare function hostPropose(delta: usize, deltaLength: usize, into: usize): void;

export class SearchOptions {
  /** 1 to 100. */
  limit: u32 = 8;
  /** Only this kind of document, or empty for all. */
  kind: string = "";
  /** Only this domain, or empty for all that the grant holds. */
  domain: string = "";
}

export class Hit {
  constructor(
    /** `digest#chunk`: what a citation names. */
    readonly citation: string,
    readonly title: string,
    readonly text: string,
    readonly uri: string,
    readonly domain: string,
    /** Higher is better; comparable within one search only. */
    readonly score: f64,
  ) {}
}

/** `hit`: five strings and a double. */
const HIT: usize = 48;

export namespace kb {
  /** Full-text search with a person's words. */
  export function search(query: string, options: SearchOptions = new SearchOptions()): Result<Hit[]> {
    hostSearch(
      address(query), query.length,
      options.limit,
      address(options.kind), options.kind.length,
      address(options.domain), options.domain.length,
      AREA,
    );
    if (!succeeded()) return Result.failed<Hit[]>(error());
    const block = load<usize>(VALUE);
    const count = load<usize>(VALUE, 4);
    const hits: Hit[] = [];
    for (let i: usize = 0; i < count; i++) {
      const at = block + i * HIT;
      hits.push(
        new Hit(stringAt(at), stringAt(at + 8), stringAt(at + 16), stringAt(at + 24), stringAt(at + 32), load<f64>(at, 40)),
      );
    }
    release(block, count);
    return Result.of<Hit[]>(hits);
  }

  /** One entity by its key or citation; JSON null where there is none. */
  export function get(key: string): Result<Json> {
    hostGet(address(key), key.length, AREA);
    if (!succeeded()) return Result.failed<Json>(error());
    return load<u8>(VALUE) ? parse(stringAt(VALUE + 4)) : Result.of<Json>(Json.nothing);
  }

  /** Rows of a typed query as an array: `json().set("kind", "contact").set("match", "jo").set("limit", 20)`. */
  export function query(filter: Json): Result<Json> {
    const text = filter.toString();
    hostQuery(address(text), text.length, AREA);
    return succeeded() ? parse(stringAt(VALUE)) : Result.failed<Json>(error());
  }

  /** Proposes a change: an object with `kind`, `payload`, `rationale`, `citations`. Gives the event's id. */
  export function propose(delta: Json): Result<u64> {
    const text = delta.toString();
    hostPropose(address(text), text.length, AREA);
    return succeeded() ? Result.of<u64>(load<u64>(VALUE)) : Result.failed<u64>(error());
  }
}
