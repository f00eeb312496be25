/** Language models, through the host's broker. Needs `model`. */
import { AREA, error, succeeded, VALUE } from "./abi/call";
import { stringAt } from "./abi/lift";
import { address, placeStrings } from "./abi/lower";
import { release } from "./abi/memory";
import { parse } from "./json/reader";
import { Json } from "./json/value";
import { Result } from "./result";

// @ts-ignore: decorator
@external("runloop:agent/model@0.1.0", "complete")
declare function hostComplete(
  prompt: usize, promptLength: usize,
  model: usize, modelLength: usize, maxTokens: u32, temperature: f64, local: usize, localLength: usize,
  into: usize,
): void;
// @ts-ignore: decorator
@external("runloop:agent/model@0.1.0", "chat")
declare function hostChat(
  messages: usize, messagesLength: usize, tools: usize, toolsLength: usize,
  model: usize, modelLength: usize, maxTokens: u32, temperature: f64, local: usize, localLength: usize,
  into: usize,
): void;
// @ts-ignore: decorator
@external("runloop:agent/model@0.1.0", "embed")
declare function hostEmbed(texts: usize, textsLength: usize, model: usize, modelLength: usize, into: usize): void;

// @ts-ignore: decorator
@external("runloop:agent/model@0.1.0", "stream")
declare function hostStream(
  prompt: usize, promptLength: usize,
  model: usize, modelLength: usize, maxTokens: u32, temperature: f64, local: usize, localLength: usize,
  into: usize,
): void;
// @ts-ignore: decorator
@external("runloop:agent/model@0.1.0", "[method]completion-stream.next")
declare function hostNext(handle: u32, into: usize): void;
// @ts-ignore: decorator
@external("runloop:agent/model@0.1.0", "[resource-drop]completion-stream")
declare function hostDrop(handle: u32): void;

export class CompletionOptions {
  /** A model name or pattern, or empty for the configured default. */
  model: string = "";
  maxTokens: u32 = 1024;
  temperature: f64 = 0;
  /** JSON text for the built-in `local` provider; see {@link local}. */
  localText: string = "";

  /**
   * What the built-in `local` provider writes where no model is configured: `template` with each `{{name}}` replaced by the
   * string `name` of `data`. Real models ignore it.
   */
  local(template: string, data: Json): CompletionOptions {
    this.localText = Json.object().set("template", template).set("data", data).toString();
    return this;
  }
}

export class Completion {
  constructor(
    readonly text: string,
    /** The provider and model that answered. */
    readonly model: string,
    readonly inputTokens: u32,
    readonly outputTokens: u32,
  ) {}

  /** Whether the built-in template filler answered, which is no language model. */
  get isLocal(): bool {
    return this.model.startsWith("local/");
  }
}

/** An answer that arrives in chunks: `while (!stream.ended) { const chunk = stream.next(); … }`. */
export class CompletionStream {
  private over: bool = false;

  constructor(private readonly handle: u32) {}

  /** Whether there is nothing more: it has come to its end, failed, or was closed. */
  get ended(): bool {
    return this.over;
  }

  /** Waits for the next chunk; empty at the end. After an error there is nothing more. */
  next(): Result<string> {
    if (this.over) return Result.of<string>("");
    hostNext(this.handle, AREA);
    if (!succeeded()) {
      const fault = error();
      this.close();
      return Result.failed<string>(fault);
    }
    if (load<u8>(VALUE)) return Result.of<string>(stringAt(VALUE + 4));
    this.close();
    return Result.of<string>("");
  }

  /** Everything up to the end. */
  rest(): Result<string> {
    const chunks: string[] = [];
    while (!this.over) {
      const chunk = this.next();
      if (!chunk.ok) return chunk;
      chunks.push(chunk.value);
    }
    return Result.of<string>(chunks.join(""));
  }

  /** Ends the request, wherever it is. What was asked for is paid for all the same. */
  close(): void {
    if (!this.over) hostDrop(this.handle);
    this.over = true;
  }
}

export namespace model {
  /** One prompt, one answer. */
  export function complete(prompt: string, options: CompletionOptions = new CompletionOptions()): Result<Completion> {
    hostComplete(
      address(prompt), prompt.length,
      address(options.model), options.model.length,
      options.maxTokens,
      options.temperature,
      address(options.localText), options.localText.length,
      AREA,
    );
    if (!succeeded()) return Result.failed<Completion>(error());
    return Result.of<Completion>(
      new Completion(stringAt(VALUE), stringAt(VALUE + 8), load<u32>(VALUE, 16), load<u32>(VALUE, 20)),
    );
  }

  /**
   * A conversation: `messages` is an array of `{role, content}`, `tools` an array of tool descriptions or null. Gives an object
   * `{text, tool_calls, model, usage}`.
   */
  export function chat(
    messages: Json,
    tools: Json = Json.nothing,
    options: CompletionOptions = new CompletionOptions(),
  ): Result<Json> {
    const said = messages.toString();
    const offered = tools.isNull ? "" : tools.toString();
    hostChat(
      address(said), said.length,
      address(offered), offered.length,
      address(options.model), options.model.length,
      options.maxTokens,
      options.temperature,
      address(options.localText), options.localText.length,
      AREA,
    );
    return succeeded() ? parse(stringAt(VALUE)) : Result.failed<Json>(error());
  }

  /** As `complete`, in chunks as they come. */
  export function stream(prompt: string, options: CompletionOptions = new CompletionOptions()): Result<CompletionStream> {
    hostStream(
      address(prompt), prompt.length,
      address(options.model), options.model.length,
      options.maxTokens,
      options.temperature,
      address(options.localText), options.localText.length,
      AREA,
    );
    if (!succeeded()) return Result.failed<CompletionStream>(error());
    return Result.of<CompletionStream>(new CompletionStream(load<u32>(VALUE)));
  }

  /** Vectors of texts, in their order. */
  export function embed(texts: string[], model: string = ""): Result<f32[][]> {
    const placed = placeStrings(texts);
    hostEmbed(placed, texts.length, address(model), model.length, AREA);
    heap.free(placed);
    if (!succeeded()) return Result.failed<f32[][]>(error());
    const block = load<usize>(VALUE);
    const count = load<usize>(VALUE, 4);
    const vectors: f32[][] = [];
    for (let i: usize = 0; i < count; i++) {
      const floats = load<usize>(block + i * 8);
      const length = load<usize>(block + i * 8, 4);
      const vector = new Array<f32>(<i32>length);
      memory.copy(vector.dataStart, floats, length << 2);
      release(floats, length);
      vectors.push(vector);
    }
    release(block, count);
    return Result.of<f32[][]>(vectors);
  }
}
