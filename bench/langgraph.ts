/**
 * The same graphs in LangGraph.js with its SQLite checkpointer: bare functions that give a word, in this thread, with nothing around them.
 * Its state is the smallest that parallel nodes can write: one channel that keeps the last word.
 */
import { join } from "node:path";
import { edgesOf, nodeCount, type Shape } from "./graphs.js";

/**
 * How it may save a checkpoint while a graph runs, of its three documented modes: beside the next step (its own default) or before it. The
 * third, `exit`, saves nothing before the end, so a crash loses the run.
 */
export const durable = ["async", "sync"] as const;
export type Durability = (typeof durable)[number];

/** As much of its classes as is used; the real types follow every node's name. */
interface Building {
  addNode(name: string, run: () => { readonly out: string }): unknown;
  addEdge(from: string | readonly string[], to: string): unknown;
  compile(options: { readonly checkpointer: unknown }): {
    invoke(input: object, options: object): Promise<unknown>;
  };
}

export interface LangGraph {
  /** One run from beginning to end, under a thread of its own. */
  run(durability: Durability): Promise<void>;
  close(): void;
}

export async function langGraph(scratch: string, shape: Shape, nodes: number): Promise<LangGraph> {
  const { Annotation, START, StateGraph } = await import("@langchain/langgraph");
  const { SqliteSaver } = await import("@langchain/langgraph-checkpoint-sqlite");
  const state = Annotation.Root({ out: Annotation<string>({ reducer: (_, word) => word, default: () => "" }) });
  const graph = new StateGraph(state) as unknown as Building;
  const count = nodeCount(shape, nodes);
  for (let node = 0; node < count; node++) graph.addNode(`n${node}`, () => ({ out: "done" }));
  graph.addEdge(START, "n0");
  const into = Map.groupBy(edgesOf(shape, nodes), ({ to }) => to);
  for (const [to, edges] of into) {
    const from = edges.map((edge) => `n${edge.from}`);
    // A list means: after all of them.
    graph.addEdge(from.length === 1 ? from[0]! : from, `n${to}`);
  }
  const checkpointer = SqliteSaver.fromConnString(join(scratch, `langgraph-${shape}.sqlite`));
  const app = graph.compile({ checkpointer });
  let thread = 0;
  return {
    run: async (durability) => {
      const given = { configurable: { thread_id: `${thread++}` }, recursionLimit: count + 10, durability };
      const result = (await app.invoke({ out: "" }, given)) as { readonly out: string };
      if (result.out !== "done") throw new Error(`LangGraph.js gave ${JSON.stringify(result)}`);
    },
    close: () => void checkpointer.db.close(),
  };
}
