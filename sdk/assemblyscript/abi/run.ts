/** The two ends of an attempt: the invocation comes in, the outcome goes out. */
import { inside } from "../abort";
import { Invocation, Message } from "../invocation";
import { parse } from "../json/reader";
import { Json } from "../json/value";
import { fail, Outcome } from "../outcome";
import { liftString, liftStrings, PAIR, stringAt } from "./lift";
import { placeString } from "./lower";
import { release } from "./memory";

/** `input-message`: port, type, body, labels. */
const INPUT: usize = 4 * PAIR;
/** `{}` in UTF-16. */
const EMPTY_OBJECT: u32 = 0x007d_007b;

/** What an attempt ends with whose invocation could not be read. */
let refusal: Outcome | null = null;

export function refused(): Outcome {
  return refusal!;
}

/** Null where it cannot be read: `refused` says why. */
export function receive(
  node: usize, nodeLength: usize,
  attempt: u32,
  options: usize, optionsLength: usize,
  inputs: usize, inputsLength: usize,
): Invocation | null {
  inside.run = true;
  const given = optionsOf(options, optionsLength);
  if (!given) return null;
  const call = new Invocation(liftString(node, nodeLength), attempt, given);
  for (let i: usize = 0; i < inputsLength; i++) {
    const message = messageAt(inputs + i * INPUT);
    if (!message) return null;
    call.messages.push(message);
  }
  release(inputs, inputsLength);
  return call;
}

/** A node without options has an empty object: for that alone the reader is not woken. */
function optionsOf(address: usize, length: usize): Json | null {
  if (length == 2 && load<u32>(address) == EMPTY_OBJECT) {
    release(address, length);
    return Json.object();
  }
  return read(address, length, null);
}

function messageAt(at: usize): Message | null {
  const port = stringAt(at);
  const type = stringAt(at + PAIR);
  const body = read(load<usize>(at + 2 * PAIR), load<usize>(at + 2 * PAIR, 4), port);
  const labels = at + 3 * PAIR;
  return body ? new Message(port, type, body, liftStrings(load<usize>(labels), load<usize>(labels, 4))) : null;
}

/** The JSON of a message on `port`, or without a port that of `with`. */
function read(address: usize, length: usize, port: string | null): Json | null {
  const parsed = parse(liftString(address, length));
  if (parsed.ok) return parsed.value;
  const what = port == null ? "`with`" : "the message on port `" + port + "`";
  refusal = fail("input.not-json", what + " is not JSON that this agent can read: " + parsed.error.message);
  return null;
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
      const output = unchecked(outputs[i]);
      const at = block + <usize>i * OUTPUT;
      placeString(at, output.port);
      placeString(at + PAIR, output.type);
      placeString(at + 2 * PAIR, output.body);
    }
    store<usize>(RESULT, block, 4);
    store<usize>(RESULT, outputs.length, 8);
  }
  inside.run = false;
  return RESULT;
}
