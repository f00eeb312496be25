import { render } from "ink-testing-library";
import { afterEach, expect, test, vi } from "vitest";
import { App, type Theme } from "../../tools/agtop/app.js";
import { emptyModel } from "../../tools/agtop/model.js";
import { Store } from "../../tools/agtop/store.js";
import { composeRun, entries } from "./run.js";

// Before chalk, which ink draws with, looks at it: else there would be no sequences to look for.
vi.hoisted(() => {
  process.env["FORCE_COLOR"] = "1";
});

const running: { unmount: () => void }[] = [];
afterEach(() => {
  for (const app of running.splice(0)) app.unmount();
});

function start(theme: Theme = "mono") {
  const store = new Store(emptyModel(), { now: () => performance.now(), after: (ms, run) => void setTimeout(run, ms) });
  const app = render(<App store={store} theme={theme} unicode keys />);
  running.push(app);
  const shows = (text: string | RegExp) => vi.waitFor(() => expect(app.lastFrame()).toMatch(text));
  return { ...app, store, shows };
}

test("shows events as they come, and answers keys", async () => {
  const { store, stdin, shows, lastFrame } = start();
  await shows("waiting for events");
  store.push(entries(composeRun().events));
  await shows(/✓ ok {2}compose_email/);
  expect(lastFrame()).toMatch(/skipped\s+send/);

  stdin.write("\t");
  await shows("▸ Log");
  stdin.write("?");
  await shows("the other pane");
  stdin.write("?");
  await shows("▸ Log");
  stdin.write(".");
  await shows("PAUSED");
  store.push([{ type: "invalid", text: "while paused" }]);
  stdin.write(".");
  await shows("while paused");
});

test("keys that come as one piece are taken one after another", async () => {
  const { store, stdin, shows } = start();
  store.push(entries(composeRun().events));
  await shows("compose_email");
  stdin.write("/review\r");
  await shows(/filter: review \(Esc clears\)/);
  await shows("1 of 5 nodes");
  stdin.write("/\u007f\u007f\u007f");
  await shows(/filter: rev_/);
});

test.each<[Theme, boolean]>([
  ["mono", false],
  ["colour", true],
])("theme %s: sequences beside bold, dim and inverse: %s", async (theme, coloured) => {
  const { store, shows, frames } = start(theme);
  store.push(entries(composeRun().events));
  await shows("compose_email");
  const sequences = frames.join("").match(/\u001b\[[0-9;]*m/g) ?? [];
  expect(sequences).toContain("\u001b[1m");
  expect(sequences.some((sequence) => !/^\u001b\[(0|1|2|7|22|27)m$/.test(sequence))).toBe(coloured);
});
