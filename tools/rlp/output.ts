/** Where a command writes to. Standard output is for results, standard error for what a person should read. */
import { visibleText } from "#core/visible.js";
import { coloursOf, type Colours } from "./terminal/colours.js";
import { jsonLine } from "./terminal/json.js";
import { columnsOf } from "./terminal/width.js";

/** What {@link Output} needs of a stream; `process.stdout` and `process.stderr` are such. */
export interface Sink {
  readonly isTTY?: boolean;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  write(text: string): boolean;
  on(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
  on(event: "resize", listener: () => void): unknown;
  off(event: "error", listener: (error: NodeJS.ErrnoException) => void): unknown;
  off(event: "resize", listener: () => void): unknown;
}

export interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly color: boolean;
  readonly unicode: boolean;
  /** Text even where standard output is no terminal. */
  readonly readable?: boolean;
}

/** Streams whose failure was told: two outputs may share one. */
const told = new WeakSet<Sink>();

export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** Tables and views on a terminal, JSON otherwise. */
  readonly readable: boolean;
  readonly unicode: boolean;
  readonly colours: Colours;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly #color: boolean;
  #reader: AbortController | undefined;
  #gone = false;
  #errColours: Colours | undefined;
  #lost = false;

  constructor(stdout: Sink, stderr: Sink, options: OutputOptions) {
    this.stdout = stdout;
    this.stderr = stderr;
    this.json = options.json;
    this.quiet = options.quiet;
    this.readable = options.readable ?? (!options.json && stdout.isTTY === true);
    this.unicode = options.unicode;
    this.#color = options.color;
    this.colours = coloursOf(options.color && stdout.isTTY === true);
    // For as long as the process lives: a broken pipe is reported some time after the write.
    stdout.on("error", (error) => this.#broken(error));
    stderr.on("error", () => {}); // nobody is left to tell
  }

  /** Those of standard error, which is looked at only when there is something to tell. */
  get errColours(): Colours {
    return (this.#errColours ??= coloursOf(this.#color && this.stderr.isTTY === true));
  }

  /** Aborts when the reader of standard output has gone (`| head`). */
  get closed(): AbortSignal {
    if (!this.#reader) {
      this.#reader = new AbortController();
      if (this.#gone) this.#reader.abort();
    }
    return this.#reader.signal;
  }

  /** Whether something of the result could not be written, for another reason than that nobody reads it. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Columns to lay text out in. */
  get columns(): number {
    return columnsOf(this.stdout);
  }

  /** A result for a person, already made visible and coloured. */
  print(text: string): void {
    this.#write(text.endsWith("\n") ? text : `${text}\n`);
  }

  /** One JSON value a line. */
  data(value: unknown): void {
    this.#write(`${jsonLine(value, this.stdout.isTTY === true)}\n`);
  }

  /** For people, beside the result; `--quiet` silences it. */
  note(text: string): void {
    if (!this.quiet) this.#tell(text);
  }

  /** A warning: always on standard error. */
  warn(text: string): void {
    this.#tell(`${this.errColours.yellow("warning:")} ${visibleText(text)}`);
  }

  /** A line on a terminal's standard error that the next one overwrites, and empty text takes away; whether there is a terminal. */
  transient(line: string): boolean {
    if (this.quiet || this.json || this.stderr.isTTY !== true) return false;
    const room = columnsOf(this.stderr) - 1;
    this.stderr.write(`\r\u001b[K${visibleText(line).slice(0, room)}`);
    return true;
  }

  /** A last word on standard error, whatever the options say. */
  complain(text: string): void {
    this.#tell(text);
  }

  #tell(text: string): void {
    this.stderr.write(text.endsWith("\n") ? text : `${text}\n`);
  }

  #write(text: string): void {
    if (!this.#gone) this.stdout.write(text);
  }

  #broken(error: NodeJS.ErrnoException): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#reader?.abort(error);
    this.#lost = error.code !== "EPIPE" && error.code !== "ERR_STREAM_DESTROYED";
    if (!this.#lost || told.has(this.stdout)) return;
    told.add(this.stdout);
    this.#tell(`error[OUTPUT]: standard output cannot be written (${error.code ?? error.message})`);
  }
}
