/** The table of figures to hold, as data: what each part measures, what neighbours say of theirs, and our goal. */

export type Unit = "ms" | "/s" | "×" | "MiB" | "%";

export interface Goal {
  readonly is: "at most" | "at least";
  readonly value: number;
}

export interface Figure {
  readonly what: string;
  /** What Runloop and others say of theirs; empty where nobody says anything. Not measured here. */
  readonly neighbours: string;
  readonly unit: Unit;
  /** None for a neighbour that is measured for comparison. */
  readonly goal: Goal | null;
}

const atMost = (value: number): Goal => ({ is: "at most", value });
const atLeast = (value: number): Goal => ({ is: "at least", value });

const compared = (what: string): Figure => ({
  what: `neighbour, measured here: ${what}`,
  neighbours: "",
  unit: "ms",
  goal: null,
});

const against = (what: string, ratio: number): Figure => ({
  what: `against LangGraph.js, a node: ${what}`,
  neighbours: "",
  unit: "×",
  goal: atMost(ratio),
});

/** By part, in the order in which they are shown. */
export const table = {
  start: {
    start: {
      what: "agent start, cached admission, warm sandbox process, p50",
      neighbours: "25 ms",
      unit: "ms",
      goal: atMost(2),
    },
  },
  instance: {
    p50: { what: "fresh instance of a loaded agent, p50", neighbours: "5 ms", unit: "ms", goal: atMost(0.8) },
    p99: { what: "fresh instance of a loaded agent, p99", neighbours: "15 ms", unit: "ms", goal: atMost(5) },
  },
  calls: {
    inside: {
      what: "host call answered in the sandbox process, 200 B, p50",
      neighbours: "0.5 ms",
      unit: "ms",
      goal: atMost(0.03),
    },
    control: {
      what: "host call answered by the control process, 200 B, p50",
      neighbours: "0.5 ms",
      unit: "ms",
      goal: atMost(0.15),
    },
  },
  neighbours: {
    process: compared("a bare Node process per call"),
    worker: compared("a worker per call"),
    extismWorkerCreate: compared("Extism (JavaScript) in a worker, a plugin made"),
    extismWorkerCall: compared("Extism (JavaScript) in a worker, a call"),
    extismThreadCreate: compared("Extism (JavaScript) in the caller's thread, a plugin made"),
    extismThreadCall: compared("Extism (JavaScript) in the caller's thread, a call"),
  },
  engine: {
    chain: { what: "node overhead, durable, engine alone: chain of 100", neighbours: "0.83 ms", unit: "ms", goal: atMost(0.1) },
    fan: { what: "node overhead, durable, engine alone: fan-out of 100", neighbours: "0.25 ms", unit: "ms", goal: atMost(0.1) },
    simulated: {
      what: "10,000 nodes, 50,000 edges planned and run, simulated world",
      neighbours: "",
      unit: "/s",
      goal: atLeast(20_000),
    },
  },
  nodes: {
    chain: { what: "node overhead, durable, sandboxed: chain of 100", neighbours: "", unit: "ms", goal: atMost(0.5) },
    fan: { what: "node overhead, durable, sandboxed: fan-out of 100", neighbours: "", unit: "ms", goal: atMost(0.5) },
  },
  langgraph: {
    chain: compared("LangGraph.js with SQLite, bare functions, a node: chain of 100"),
    fan: compared("LangGraph.js with SQLite, bare functions, a node: fan-out of 100"),
    dag: compared("LangGraph.js with SQLite, bare functions, a node: random DAG of 1,000"),
    chainEngine: against("engine alone, chain of 100", 0.2),
    fanEngine: against("engine alone, fan-out of 100", 0.2),
    dagEngine: against("engine alone, random DAG of 1,000", 0.2),
    chainSandboxed: against("sandboxed components, chain of 100", 1),
    fanSandboxed: against("sandboxed components, fan-out of 100", 1),
    dagSandboxed: against("sandboxed components, random DAG of 1,000", 1),
  },
  suspended: {
    memory: {
      what: "10,000 agents suspended at once, all sandbox processes",
      neighbours: "100 at 800 MB",
      unit: "MiB",
      goal: atMost(1024),
    },
  },
  crowd: {
    identical: {
      what: "500 computing, 2,000 waiting, their process killed: journals the same",
      neighbours: "",
      unit: "%",
      goal: atLeast(100),
    },
  },
  metering: {
    ratio: { what: "metering slowdown, geometric mean of the bench guests", neighbours: "", unit: "×", goal: atMost(1.35) },
  },
  lag: {
    sandbox: { what: "lag of a sandbox process with two spinning guests, p99", neighbours: "", unit: "ms", goal: atMost(10) },
    control: { what: "lag of the control process meanwhile, p99", neighbours: "", unit: "ms", goal: atMost(5) },
  },
  cancel: {
    interrupted: {
      what: "Ctrl-C until the last of six computing guests has stopped, longest",
      neighbours: "",
      unit: "ms",
      goal: atMost(100),
    },
    cancelled: {
      what: "the same, asked for by another process (`rlp cancel`), longest",
      neighbours: "",
      unit: "ms",
      goal: atMost(100),
    },
  },
  ledger: {
    batched: { what: "ledger, durable appends, batched", neighbours: "", unit: "/s", goal: atLeast(100_000) },
    concurrent: { what: "ledger, durable appends from 16 concurrent writers", neighbours: "", unit: "/s", goal: atLeast(20_000) },
    verified: { what: "ledger, rows verified", neighbours: "", unit: "/s", goal: atLeast(300_000) },
  },
  search: {
    p50: { what: "hybrid search in 100k documents, p50", neighbours: "150 ms", unit: "ms", goal: atMost(15) },
    words: { what: "the same by words alone, p50", neighbours: "", unit: "ms", goal: null },
    recall: { what: "the same by vectors: recall@10 against exact", neighbours: "", unit: "%", goal: atLeast(95) },
    process: { what: "`rlp kb search` as a process, 100k documents", neighbours: "", unit: "ms", goal: atMost(200) },
    ingest: { what: "ingest with the built-in embedder, parts", neighbours: "", unit: "/s", goal: atLeast(2000) },
    why: { what: "`why` of a document among 100k", neighbours: "", unit: "ms", goal: atMost(20) },
  },
  million: {
    p50: { what: "vectors, 1M × 384, p50", neighbours: "100 ms", unit: "ms", goal: atMost(40) },
    recall: { what: "the same: recall@10 against exact", neighbours: "", unit: "%", goal: atLeast(95) },
  },
  quality: {
    words: { what: "nDCG@10, judged questions: words", neighbours: "", unit: "%", goal: null },
    vectors: { what: "nDCG@10: vectors (built in, lexical)", neighbours: "", unit: "%", goal: null },
    hybrid: { what: "nDCG@10: hybrid", neighbours: "", unit: "%", goal: null },
    wordsRecall: { what: "recall@10, judged questions: words", neighbours: "", unit: "%", goal: null },
    vectorsRecall: { what: "recall@10: vectors (built in, lexical)", neighbours: "", unit: "%", goal: null },
    hybridRecall: { what: "recall@10: hybrid", neighbours: "", unit: "%", goal: null },
  },
  run: {
    whole: {
      what: "`rlp run compose_email`, second time, all processes",
      neighbours: "",
      unit: "ms",
      goal: atMost(500),
    },
  },
  replay: {
    identical: { what: "replay: runs found identical", neighbours: "≥ 99 %", unit: "%", goal: atLeast(100) },
    ratio: { what: "replay: time against the guests' own compute time", neighbours: "", unit: "×", goal: atMost(1.2) },
  },
  agtop: {
    events: { what: "agtop, events in", neighbours: "", unit: "/s", goal: atLeast(50_000) },
  },
} as const satisfies Record<string, Record<string, Figure>>;

export type Part = keyof typeof table;
export const parts = Object.keys(table) as readonly Part[];
/** Parts that take minutes: measured only where they are named. */
export const onDemand: ReadonlySet<Part> = new Set<Part>(["million"]);

/** What a part has measured: a value for each of its figures, and lines to read beside them (baselines, what was done). */
export interface Measured<P extends Part = Part> {
  readonly values: Readonly<Record<keyof (typeof table)[P] & string, number>>;
  readonly beside: readonly string[];
}

/** Measures one part. Whatever it writes goes under `scratch`, which is empty and is removed afterwards. */
export type Measure<P extends Part> = (scratch: string) => Promise<Measured<P>>;

/** Rows of the table that cannot be measured, and why. */
export const unmeasured: readonly { readonly what: string; readonly why: string }[] = [
  { what: "bus over the socket", why: "there is no bus yet" },
  { what: "route decision and `rlp route`", why: "there is no router yet" },
  { what: "agtop's frames a second", why: "nothing here looks at a terminal's pictures; its input is measured without one" },
];

export function met({ is, value: limit }: Goal, value: number): boolean {
  return is === "at most" ? value <= limit : value >= limit;
}
