import { createServer, connect, type Socket } from "node:net";
import { join } from "node:path";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { Watch } from "#host/sandbox/inside/watch.js";

/** Two ends of a pipe as a sandbox process has one; the near one is paused, so that only a watch reads it. */
async function pipe(): Promise<{ near: Socket; far: Socket; descriptor: number }> {
  const dir = mkdtempSync(join(tmpdir(), "rlp-watch-"));
  const server = createServer({ pauseOnConnect: true }).listen(join(dir, "pipe"));
  await once(server, "listening");
  const far = connect(join(dir, "pipe"));
  const [near] = (await once(server, "connection")) as [Socket];
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const { fd } = Reflect.get(near, "_handle") as { readonly fd: number };
  return { near, far, descriptor: fd };
}

const written = (far: Socket, text: string): Promise<void> => new Promise((resolve) => far.write(text, () => resolve()));

test("what is there is taken, as it comes", async () => {
  const { far, descriptor } = await pipe();
  const taken: string[] = [];
  const watch = new Watch(descriptor, (bytes) => taken.push(bytes.toString()));
  await written(far, "one");
  watch.look();
  await written(far, "two");
  watch.look();
  expect(taken).toEqual(["one", "two"]);
});

test("where nothing comes it is given up, looked for more and more seldom, and never lost", async () => {
  const { near, far, descriptor } = await pipe();
  const taken: string[] = [];
  const watch = new Watch(descriptor, (bytes) => taken.push(bytes.toString()));
  watch.look(); // the next one is left out
  watch.look();
  watch.look(); // the next three are left out
  await written(far, "late");
  for (let call = 0; call < 3; call++) watch.look();
  expect(taken).toEqual([]);
  watch.look();
  expect(taken).toEqual(["late"]);
  // It came in time: from now on every call is looked for again.
  await written(far, "soon");
  watch.look();
  expect(taken).toEqual(["late", "soon"]);
  await written(far, "by the stream");
  near.resume();
  expect(String(await once(near, "data").then(([data]) => data as Buffer))).toBe("by the stream");
});

test("a pipe that was closed is left to the stream", async () => {
  const { far, descriptor } = await pipe();
  const watch = new Watch(descriptor, () => expect.unreachable());
  far.destroy();
  await once(far, "close");
  watch.look();
});
