/** What the compiler starts from: the author's `agent` behind the exports that the canonical ABI asks for. Stands beside `agent.ts` during the build. */
import { agent } from "./agent";
import { answer, receive, refused } from "runloop/abi/run";

export { cabi_realloc } from "runloop/abi/memory";

/** The flat form of `run: func(invocation) -> result<list<output-message>, failure>`; gives the address of the result. */
export function run(
  node: usize, nodeLength: usize,
  attempt: u32,
  options: usize, optionsLength: usize,
  inputs: usize, inputsLength: usize,
): usize {
  const call = receive(node, nodeLength, attempt, options, optionsLength, inputs, inputsLength);
  return answer(call ? agent(call) : refused());
}
