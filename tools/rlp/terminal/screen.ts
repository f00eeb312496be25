/**
 * A block of lines at the end of the terminal's output that is drawn over and over in place. The terminal is the last step: what
 * comes here are finished lines, at most one write a frame, no more than twenty frames a second.
 */
import type { Output } from "../output.js";
import { cut, rowsOf, width } from "./width.js";

const FRAME_MS = 50;
/** DEC private mode 2026, https://gist.github.com/christianparpart/d8a62cc1ab659194337d73e399004036: terminals that do not know it ignore it. */
const BEGIN = "\u001b[?2026h";
const END = "\u001b[?2026l";
const HIDE = "\u001b[?25l";
const SHOW = "\u001b[?25h";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Screen {
  /** Something has changed: draws now, or when the next frame is due. */
  changed(): void;
  /** Wipes the block and gives the terminal back, for a question; {@link resume} draws it again. */
  pause(): void;
  resume(): void;
  /** Draws the last state and leaves it standing, or wipes it. */
  end(leave: boolean): void;
}

/** Draws what `render` gives. `render` is called for each frame with the terminal's size at that moment. */
export function openScreen(out: Output, render: (size: Size) => readonly string[], now: () => number): Screen {
  let drawn: readonly string[] = [];
  let lastFrame = -Infinity;
  let due: NodeJS.Timeout | undefined;
  let paused = false;
  let ended = false;

  const size = (): Size => ({ columns: out.columns, rows: rowsOf(out.stdout) });
  const write = (text: string): void => {
    if (!out.closed.aborted) out.stdout.write(text);
  };

  /** To the beginning of the block: after the terminal was made narrower, its lines take more rows than they were written in. */
  function wipe(): string {
    if (drawn.length === 0) return "";
    const { columns } = size();
    const rows = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(width(line) / columns)), 0);
    return `\u001b[${rows}F\u001b[0J`;
  }

  function draw(): void {
    due = undefined;
    lastFrame = now();
    const { columns, rows } = size();
    // A block that is as high as the terminal would scroll, and the way back to its beginning would be lost.
    const lines = render({ columns, rows })
      .slice(0, rows - 1)
      .map((line) => cut(line, columns - 1));
    write(`${BEGIN}${HIDE}${wipe()}${lines.map((line) => `${line}\n`).join("")}${END}`);
    drawn = lines;
  }

  function changed(): void {
    if (paused || ended || due) return;
    const wait = lastFrame + FRAME_MS - now();
    if (wait <= 0) draw();
    else due = setTimeout(draw, wait);
  }

  function stop(): void {
    clearTimeout(due);
    due = undefined;
  }

  // Elapsed times move without any event.
  const ticker = setInterval(changed, 200);
  ticker.unref();
  out.stdout.on("resize", changed);
  const restore = (): void => void write(SHOW);
  process.on("exit", restore);

  return {
    changed,
    pause() {
      stop();
      paused = true;
      write(`${wipe()}${SHOW}`);
      drawn = [];
    },
    resume() {
      paused = false;
      changed();
    },
    end(leave) {
      if (ended) return;
      stop();
      clearInterval(ticker);
      out.stdout.off("resize", changed);
      if (leave && !paused) draw();
      else write(wipe());
      ended = true;
      write(SHOW);
      process.off("exit", restore);
    },
  };
}
