import { Box, Text, useApp, useInput, useWindowSize, type Key as InkKey } from "ink";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore, type ReactNode } from "react";
import { firstControls, press, type Key } from "./controls.js";
import type { Row } from "./row.js";
import { drawScreen } from "./screen.js";
import type { Store } from "./store.js";

export type Theme = "mono" | "colour";

export interface AppProps {
  readonly store: Store;
  readonly theme: Theme;
  readonly unicode: boolean;
  /** Whether there is a keyboard. Without one the app ends with its input. */
  readonly keys: boolean;
}

export function App({ store, theme, unicode, keys }: AppProps): ReactNode {
  const { exit } = useApp();
  const size = useWindowSize();
  const snapshot = useSyncExternalStore(store.subscribe, store.snapshot);
  const [controls, setControls] = useState(firstControls);
  // A full last line would make the terminal scroll.
  const screen = useMemo(
    () => drawScreen(snapshot, controls, { columns: size.columns, rows: Math.max(2, size.rows - 1) }, unicode),
    [snapshot, controls, size.columns, size.rows, unicode],
  );

  // Several keys can come between two renders, each of which builds on the one before.
  const latest = useRef(controls);
  useInput(
    (input, inkKey) => {
      for (const key of keysOf(input, inkKey)) {
        const [next, effect] = press(latest.current, key, screen.shown);
        latest.current = next;
        if (effect === "quit") exit();
        if (effect === "pause") store.togglePause();
      }
      setControls(latest.current);
    },
    { isActive: keys },
  );
  useEffect(() => {
    if (!keys && snapshot.ended) exit();
  }, [keys, snapshot.ended, exit]);

  return (
    <Box flexDirection="column">
      {screen.rows.map((row, index) => (
        // Rows have no identity but their place on the screen.
        // eslint-disable-next-line react/no-array-index-key
        <Line key={index} row={row} theme={theme} />
      ))}
    </Box>
  );
}

function Line({ row, theme }: { readonly row: Row; readonly theme: Theme }): ReactNode {
  const colour = theme === "colour" ? colourOf(row.tone) : undefined;
  return (
    <Text
      wrap="truncate"
      bold={row.look === "title"}
      dimColor={row.look === "dim"}
      inverse={row.look === "selected"}
      {...(colour && { color: colour })}
    >
      {row.text === "" ? " " : row.text}
    </Text>
  );
}

function colourOf(tone: Row["tone"]): string | undefined {
  switch (tone) {
    case "ok":
      return "green";
    case "error":
    case "cancelled":
    case "invalid":
      return "red";
    case "running":
      return "cyan";
    case "waiting":
    case "retrying":
    case "parked":
    case "interrupted":
    case "warn":
      return "yellow";
    default:
      return undefined;
  }
}

function keysOf(input: string, key: InkKey): readonly Key[] {
  if (key.tab) return [key.shift ? "shift-tab" : "tab"];
  if (key.upArrow) return ["up"];
  if (key.downArrow) return ["down"];
  if (key.leftArrow) return ["left"];
  if (key.rightArrow) return ["right"];
  if (key.pageUp) return ["page-up"];
  if (key.pageDown) return ["page-down"];
  if (key.return) return ["enter"];
  if (key.escape) return ["escape"];
  if (key.backspace || key.delete) return ["backspace"];
  if (key.ctrl || key.meta) return [];
  // What is typed fast or pasted comes as one piece.
  return [...input].flatMap((character) => named[character] ?? (/\p{Cc}/u.test(character) ? [] : { text: character }));
}

const named: Readonly<Record<string, Key>> = { "\r": "enter", "\n": "enter", "\t": "tab", "\u007f": "backspace" };
