/** An attempt's standard streams, and how a program that knows nothing else gets its invocation and gives its result. */
import type { StartMessage } from "../messages.js";
import { AttemptFailed } from "./ends.js";
import type { Stdio } from "./wasi/cli.js";
import { Lines, visible, type OutputLine } from "./wasi/lines.js";
import { Gathered, Source } from "./wasi/stdio.js";

/** Of what a program said last, in a failure's message. */
const LAST_WORDS = 1500;
/** Of standard output, where it is not what it must be. */
const SHOWN = 200;

/**
 * The invocation as one line of canonical JSON (RFC 8785). Bodies and `with` come as canonical text and are values here, not text;
 * per port in the order of the edges.
 */
export function invocationText({ node, number, with: given, inputs }: StartMessage): string {
  const ports = new Map<string, string[]>();
  for (const { port, type, body, labels } of inputs) {
    const message = `{"body":${body},"labels":${JSON.stringify(labels)},"type":${JSON.stringify(type)}}`;
    const messages = ports.get(port);
    if (messages) messages.push(message);
    else ports.set(port, [message]);
  }
  const members = [...ports.keys()].sort().map((port) => `${JSON.stringify(port)}:[${ports.get(port)!.join(",")}]`);
  return `{"attempt":${number},"inputs":{${members.join(",")}},"node":${JSON.stringify(node)},"with":${given}}\n`;
}

export class StandardStreams implements Stdio {
  readonly stdin: Source;
  readonly stdout: Gathered | Lines;
  readonly stderr: Lines;
  private readonly command: boolean;

  /** An agent has its invocation and its result elsewhere: nothing is on its standard input, and its standard output is a log. */
  constructor(
    start: StartMessage,
    world: "agent" | "command",
    outputBytes: number,
    { write, pay }: { readonly write: (line: OutputLine) => void; readonly pay: (fuel: number) => void },
  ) {
    const command = world === "command";
    this.command = command;
    this.stdin = new Source(Buffer.from(command ? invocationText(start) : ""));
    this.stdout = command ? new Gathered(outputBytes) : new Lines("stdout", write, pay);
    this.stderr = new Lines("stderr", write, pay);
  }

  /** Hands on lines that have no end yet. */
  finish(): void {
    if (this.stdout instanceof Lines) this.stdout.finish();
    this.stderr.finish();
  }

  /** What was last written to standard error; empty where nothing was. */
  lastWords(): string {
    return this.stderr.lastWords(LAST_WORDS);
  }

  /** The text that a command which succeeded has written. Throws `AttemptFailed`. */
  result(): string {
    const bytes = this.stdout instanceof Gathered ? this.stdout.bytes() : new Uint8Array(0);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      throw new AttemptFailed({
        code: "host.component",
        message: `standard output is not UTF-8: ${bytes.length} bytes that begin with \`${visible(bytes.subarray(0, SHOWN))}\``,
        retryable: false,
      });
    }
  }

  /** How an attempt ends whose program says that it has failed, or that ends itself where a result is awaited from its `run`. */
  failed(status: number): AttemptFailed {
    const words = this.lastWords();
    return new AttemptFailed({
      code: "agent.exit",
      message: `${this.command ? "" : "it left without a result: "}exit status ${status}${words === "" ? ", and nothing on standard error" : `: ${words}`}`,
      // A status says nothing about it. Whoever lets an opening try again does so because it may help.
      retryable: true,
    });
  }
}
