/** The two ends of an attempt: the invocation comes in, the outcome goes out. */
import { inside } from "../abort";
import { Invocation, Message } from "../invocation";
import { parse } from "../json/reader";
import { fail, Outcome } from "../outcome";
import { liftString, liftStrings, PAIR, stringAt } from "./lift";
import { placeString } from "./lower";
import { release } from "./memory";

/** An invocation, or the failure that says why it cannot be read. */
export class Received {
  constructor(
    readonly ok: bool,
    readonly value: Invocation,
    readonly outcome: Outcome,
  ) {}
}

/** `input-message`: port, type, body, labels. */
const INPUT: usize = 4 * PAIR;

export function receive(
  node: usize, nodeLength: usize,
  attempt: u32,
  options: usize, optionsLength: usize,
  inputs: usize, inputsLength: usize,
): Received {
  inside.run = true;
  const call = new Invocation(liftString(node, nodeLength), attempt);

  const parsed = parse(liftString(options, optionsLength));
  if (!parsed.ok) return unreadable(call, "`with`", parsed.error.message);
  call.options = parsed.value;

  for (let i: usize = 0; i < inputsLength; i++) {
    const at = inputs + i * INPUT;
    const port = stringAt(at);
    const type = stringAt(at + PAIR);
    const body = parse(stringAt(at + 2 * PAIR));
    const labels = at + 3 * PAIR;
    if (!body.ok) return unreadable(call, "the message on port `" + port + "`", body.error.message);
    call.messages.push(new Message(port, type, body.value, liftStrings(load<usize>(labels), load<usize>(labels, 4))));
  }
  release(inputs, inputsLength);
  return new Received(true, call, new Outcome());
}

function unreadable(call: Invocation, what: string, why: string): Received {
  return new Received(false, call, fail("input.not-json", what + " is not JSON that this agent can read: " + why));
}

/** `result<list<output-message>, failure>`: discriminant at 0, payload at 4. */
const RESULT: usize = memory.data(24, 4);
/** `output-message`: port, type, body. */
const OUTPUT: usize = 3 * PAIR;

/**
 * Places the outcome. Nothing is allocated in the managed heap after the bodies are written, so no collection can take a
 * string away before the host has read it; an instance lives for one attempt, so nothing is freed.
 */
export function answer(outcome: Outcome): usize {
  const failure = outcome.failure;
  store<u8>(RESULT, failure ? 1 : 0);
  if (failure) {
    placeString(RESULT + 4, failure.code);
    placeString(RESULT + 12, failure.message);
    store<u8>(RESULT, failure.retryable ? 1 : 0, 20);
  } else {
    const outputs = outcome.outputs;
    const block = heap.alloc(<usize>outputs.length * OUTPUT);
    for (let i = 0; i < outputs.length; i++) {
      const at = block + <usize>i * OUTPUT;
      placeString(at, outputs[i].port);
      placeString(at + PAIR, outputs[i].type);
      placeString(at + 2 * PAIR, outputs[i].body);
    }
    store<usize>(RESULT, block, 4);
    store<usize>(RESULT, outputs.length, 8);
  }
  inside.run = false;
  return RESULT;
}
