/** Puts the app on the terminal; apart from `main.ts`, so that a summary does not wait for ink and React to load. */
import type { ReadStream } from "node:tty";
import { render } from "ink";
import { App, type Theme } from "./app.js";
import { FRAME_MS, type Store } from "./store.js";

export interface Display {
  readonly store: Store;
  readonly theme: Theme;
  readonly unicode: boolean;
  readonly keyboard: ReadStream | null;
}

/** Resolves when the person quits, or, without a keyboard, when the input ends. */
export async function display({ store, theme, unicode, keyboard }: Display): Promise<void> {
  const app = render(<App store={store} theme={theme} unicode={unicode} keys={keyboard !== null} />, {
    ...(keyboard && { stdin: keyboard }),
    alternateScreen: true,
    interactive: true,
    incrementalRendering: true,
    maxFps: Math.round(1000 / FRAME_MS),
    patchConsole: false,
  });
  await app.waitUntilExit();
}
