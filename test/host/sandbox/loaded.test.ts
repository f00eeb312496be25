import * as fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { blake3 } from "#core/digest.js";
import type { Admitted } from "#host/component/contract.js";
import { LoadedComponents } from "#host/sandbox/loaded.js";
import { startSandbox } from "#host/sandbox/process.js";
import { COMPLETE, imports, ok, type Guest } from "../component/guest.js";
import { admitted, run, spec } from "./run.js";

const component = (name: string, bytes = 10): Pick<Admitted, "admission" | "modules"> => ({
  admission: blake3(name),
  modules: [{ name: "core0", bytes: new Uint8Array(bytes) }],
});

test("a component with guests stays, however many others come and go", () => {
  const loaded = new LoadedComponents({ idle: 1, idleBytes: 1000 });
  const busy = loaded.enter(component("busy"));
  expect(loaded.enter(component("busy"))).toEqual({ id: busy.id, fresh: false });
  expect(loaded.leave(busy.id)).toEqual([]);
  for (let index = 0; index < 10; index++) loaded.leave(loaded.enter(component(`other ${index}`)).id);
  expect(loaded.enter(component("busy"))).toEqual({ id: busy.id, fresh: false });
});

test("what was left first is forgotten first, by number and by bytes; it comes back under another id", () => {
  const loaded = new LoadedComponents({ idle: 2, idleBytes: 100 });
  const visit = (name: string, bytes?: number) => loaded.leave(loaded.enter(component(name, bytes)).id);
  const a = loaded.enter(component("a")).id;
  expect(loaded.leave(a)).toEqual([]);
  expect(visit("b")).toEqual([]);
  expect(visit("c")).toEqual([a]);
  expect(loaded.enter(component("a"))).toMatchObject({ fresh: true });
  expect(visit("large", 500)).toHaveLength(3); // b, c and itself
});

test("whatever comes and goes: no component with a guest is forgotten, and those without stay within the limits", () => {
  const keeping = { idle: 3, idleBytes: 60 };
  const step = fc.record({ enters: fc.boolean(), which: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const loaded = new LoadedComponents(keeping);
      const inside: { readonly id: number; readonly which: number }[] = [];
      const held = new Set<number>();
      for (const { enters, which } of steps) {
        if (enters) {
          const { id, fresh } = loaded.enter(component(String(which), 7 * which));
          expect(held.has(id)).toBe(!fresh);
          held.add(id);
          inside.push({ id, which });
          continue;
        }
        const [guest] = inside.splice(which % Math.max(1, inside.length), 1);
        if (!guest) continue;
        for (const forgotten of loaded.leave(guest.id)) {
          expect(held.delete(forgotten)).toBe(true);
          expect(inside.some(({ id }) => id === forgotten)).toBe(false);
        }
        expect(loaded.size).toBe(held.size);
        const busy = new Set(inside.map(({ id }) => id));
        expect(held.size - busy.size).toBeLessThanOrEqual(keeping.idle);
      }
    }),
  );
});

/** Asks a model, then says its own name. */
const named = (name: string): Guest => ({
  imports: [imports.complete],
  fields: `(data (i32.const 700) "\\"${name}\\"")`,
  run: `${COMPLETE} ${ok("(i32.const 700)", `(i32.const ${name.length + 2})`)}`,
});

test("in a real process: agents that are forgotten while others run are there again when they are asked for", async () => {
  const sandbox = startSandbox({ keeping: { idle: 1, idleBytes: 1 << 20 } });
  onTestFinished(() => sandbox.close());
  const names = ["one", "two", "three"];
  const guests = await Promise.all(names.map((name) => admitted(named(name))));
  const said = async (guest: Admitted): Promise<string> => {
    const { end } = await run(sandbox, guest);
    return end.kind === "ok" ? end.outputs[0]!.body : JSON.stringify(end);
  };
  for (let round = 0; round < 3; round++) {
    expect(await Promise.all([...guests, ...guests].map(said))).toEqual([...names, ...names].map((name) => `"${name}"`));
    for (const [index, guest] of guests.entries()) expect(await said(guest)).toBe(`"${names[index]}"`);
  }
});

/** Says how many pages of memory it got, one at a time, up to 255. */
const greedy: Guest = {
  fields: '(data (i32.const 700) "000")',
  run: `(local $got i32)
    (block $full (loop $more
      (br_if $full (i32.eq (memory.grow (i32.const 1)) (i32.const -1)))
      (br_if $more (i32.lt_u (local.tee $got (i32.add (local.get $got) (i32.const 1))) (i32.const 255)))))
    (i32.store8 (i32.const 700) (i32.add (i32.const 48) (i32.div_u (local.get $got) (i32.const 100))))
    (i32.store8 (i32.const 701) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (local.get $got) (i32.const 10)) (i32.const 10))))
    (i32.store8 (i32.const 702) (i32.add (i32.const 48) (i32.rem_u (local.get $got) (i32.const 10))))
    ${ok("(i32.const 700)", "(i32.const 3)")}`,
};

test("one component under two caps of memory, in one process: each guest has its own", async () => {
  const sandbox = startSandbox();
  onTestFinished(() => sandbox.close());
  const pages = async (memoryMib: number): Promise<number> => {
    const guest = await admitted({ ...greedy, memoryMib });
    const { end } = await run(sandbox, guest, { domain: "one", limits: { ...spec(guest).limits, memoryMib } });
    return end.kind === "ok" ? Number(end.outputs[0]!.body) : Number.NaN;
  };
  const small = await pages(2);
  const large = await pages(8);
  expect(small).toBeLessThan(2 * 16);
  expect(large - small).toBe(6 * 16);
  expect(await pages(2)).toBe(small);
});
