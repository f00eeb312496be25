import { expect, test } from "vitest";
import { Held } from "#host/run/held.js";

const fails = (error: Error): never => {
  throw error;
};

test("what a call opens after the attempt has ended is closed at once", async () => {
  const held = new Held(fails);
  await held.end();
  const closed: string[] = [];
  held.add("stream", 1, async () => void closed.push("late"));
  await held.end();
  expect(closed).toEqual(["late"]);
  expect(held.count("stream")).toBe(0);
});

test("a guest lets go of its own, and not of what the host keeps for the attempt", async () => {
  const held = new Held(fails);
  const done: string[] = [];
  held.add("stream", 1, async () => void done.push("stream"));
  held.whenEnded(() => done.push("ended"));
  held.drop("stream", 1);
  held.drop("stream", 1);
  held.drop("ended", null);
  expect(done).toEqual(["stream"]);
  await held.end();
  await held.end();
  expect(done).toEqual(["stream", "ended"]);
  held.whenEnded(() => done.push("late"));
  expect(done.at(-1)).toBe("late");
});

test("what cannot be closed is a fault of the host, told once", async () => {
  const told: string[] = [];
  const held = new Held(({ message }) => void told.push(message));
  held.add("stream", 1, () => Promise.reject(new Error("broken")));
  await held.end();
  await held.end();
  expect(told).toEqual(["broken"]);
});
