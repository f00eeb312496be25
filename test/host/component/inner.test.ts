import { expect, test } from "vitest";
import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { inspect } from "#host/component/inspect/inspect.js";
import { Refusal } from "#host/component/inspect/refusal.js";
import { MODULE_LOADER } from "#host/component/snapshot.js";
import { instance, load } from "../sandbox/instance.js";

async function refusal(text: string): Promise<Refusal> {
  const bytes = await parse(text);
  try {
    inspect(bytes);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error("it was admitted");
}

const CORE = `(core module $m (func (export "run") (result i32) (i32.const 0)) (func (export "other") (param i32)))
  (core instance $i (instantiate $m))`;
const RUN = `(type $t (func (result (result))))
  (func $run (type $t) (canon lift (core func $i "run")))`;
const WRAP = `(component $wrap (type $t (func (result (result)))) (import "import-func-run" (func (type $t))) (export "run" (func 0)))`;
const EXPORT = `(export "wasi:cli/run@0.2.0" (instance $wrapped))`;
const wrapped = (inside: string, before = ""): string => `(component ${CORE} ${RUN} ${before} ${inside} ${EXPORT})`;

test("the component that toolchains wrap around an exported interface is seen through", async () => {
  const text = wrapped(`${WRAP} (instance $wrapped (instantiate $wrap (with "import-func-run" (func $run))))`);
  expect(inspect(await parse(text)).plan.run).toMatchObject({ world: "command", core: { name: "run" } });
  // And so is one inside another, and an instance that is made without one.
  const twice = wrapped(`${WRAP}
    (component $again (type $t (func (result (result)))) (import "f" (func $f (type $t)))
      (component $in (type $t (func (result (result)))) (import "g" (func (type $t))) (export "run" (func 0)))
      (instance $made (instantiate $in (with "g" (func $f)))) (alias export $made "run" (func $r)) (export "run" (func $r)))
    (instance $wrapped (instantiate $again (with "f" (func $run))))`);
  expect(inspect(await parse(twice)).plan.instances).toHaveLength(1);
  expect(inspect(await parse(wrapped('(instance $wrapped (export "run" (func $run)))'))).plan.run.world).toBe("command");
});

const nest = (depth: number): string =>
  depth === 0
    ? '(type $t (func (result (result)))) (import "f" (func $f (type $t))) (export "run" (func $f))'
    : `(type $t (func (result (result)))) (import "f" (func $f (type $t))) (component $c ${nest(depth - 1)})
       (instance $d (instantiate $c (with "f" (func $f)))) (alias export $d "run" (func $r)) (export "run" (func $r))`;

test.each<[string, string, string, RegExp]>([
  [
    "a component inside that is given nothing for its import",
    wrapped(`${WRAP} (instance $wrapped (instantiate $wrap (with "import-func-run" (func $run))))`).replace(
      "(component $wrap",
      '(component $wrap (import "more" (func (result (result))))',
    ),
    "ADMIT_MALFORMED",
    /nothing is given for the import "more"/,
  ],
  [
    "components in each other without end",
    wrapped(`(component $w ${nest(4)}) (instance $wrapped (instantiate $w (with "f" (func $run))))`),
    "ADMIT_LIMIT",
    /more than 3 deep/,
  ],
  [
    "instances of components that multiply",
    wrapped(`${WRAP} ${'(instance (instantiate $wrap (with "import-func-run" (func $run))))'.repeat(9)}
      (instance $wrapped (instantiate $wrap (with "import-func-run" (func $run))))`),
    "ADMIT_LIMIT",
    /more than 8 instances/,
  ],
  [
    "a component inside with a resource of its own",
    wrapped(`(component $w (type (resource (rep i32))) (type $t (func (result (result)))) (import "f" (func (type $t))) (export "run" (func 0)))
      (instance $wrapped (instantiate $w (with "f" (func $run))))`),
    "ADMIT_LIMIT",
    /resource of its own/,
  ],
  [
    "a component inside that calls another",
    wrapped(`(component $w (type $t (func (result (result)))) (import "f" (func $f (type $t)))
        (core func $low (canon lower (func $f)))
        (core module $m (import "a" "b" (func $f (result i32))) (func (export "run") (result i32) (call $f)))
        (core instance $i (instantiate $m (with "a" (instance (export "b" (func $low))))))
        (func $r (type $t) (canon lift (core func $i "run"))) (export "run" (func $r)))
      (instance $wrapped (instantiate $w (with "f" (func $run))))`),
    "ADMIT_LIMIT",
    /calls another/,
  ],
  [
    "an alias of what is outside of a component inside",
    wrapped(`(component $w (alias outer 1 $t (type $o)) (import "f" (func $f (type $o))) (export "run" (func $f)))
      (instance $wrapped (instantiate $w (with "f" (func $run))))`),
    "ADMIT_LIMIT",
    /outer component/,
  ],
])("refused: %s", async (_, text, code, message) => {
  expect(await refusal(text)).toMatchObject({ code, message: expect.stringMatching(message) });
});

/** A component that hands interfaces on to one inside. The text parser does not check; the inspection must. */
const handing = (given: string, declared: string): string => `(component
  (type $poll (instance (export "pollable" (type (sub resource)))))
  (import "wasi:io/poll@0.2.0" (instance $poll (type $poll)))
  (type $error (instance (export "error" (type (sub resource))) (type (borrow 0)) (type (func (param "self" 1) (result string)))
    (export "[method]error.to-debug-string" (func (type 2)))))
  (import "wasi:io/error@0.2.0" (instance $error (type $error)))
  ${CORE} ${RUN}
  (component $w ${declared} (type $f (func (result (result)))) (import "f" (func $r (type $f))) (export "run" (func $r)))
  (instance $wrapped (instantiate $w (with "f" (func $run)) ${given}))
  ${EXPORT})`;

const ERROR = (self: string): string => `(type (instance (export "error" (type (sub resource))) (type (${self} 0))
    (type (func (param "self" 1) (result string))) (export "[method]error.to-debug-string" (func (type 2)))))
  (import "given" (instance (type 0)))`;

test.each<[string, string, string]>([
  ["another interface", '(with "given" (instance $poll))', ERROR("borrow")],
  ["a function of another type", '(with "given" (instance $error))', ERROR("own")],
  ["a function where an interface belongs", '(with "given" (func $run))', ERROR("borrow")],
  [
    "two resources where it asks for one",
    '(with "a" (instance $poll)) (with "b" (instance $error))',
    `(type (instance (export "pollable" (type (sub resource))))) (import "a" (instance $a (type 0)))
     (alias export $a "pollable" (type $p))
     (type (instance (alias outer 1 $p (type)) (export "error" (type (eq 0))))) (import "b" (instance (type 2)))`,
  ],
])("what a component inside is given must be what it asks for: %s", async (_, given, declared) => {
  expect(await refusal(handing(given, declared))).toMatchObject({
    code: "ADMIT_MALFORMED",
    message: expect.stringMatching(/is something else/),
  });
});

test("a component inside that asks for what it is given, resources included, is put together", async () => {
  const bytes = await parse(handing('(with "given" (instance $error))', ERROR("borrow")));
  expect(inspect(bytes).imports).toEqual(["wasi:io/error@0.2.0"]);
});

test("two imports cannot have one resource between them, nor an interface another's by the same name", async () => {
  const shared = `(component (type $poll (instance (export "pollable" (type (sub resource)))))
    (import "wasi:io/poll@0.2.0" (instance (type $poll))) (import "wasi:io/poll@0.2.1" (instance (type $poll))))`;
  expect(await refusal(shared)).toMatchObject({ code: "ADMIT_IMPORT", message: expect.stringMatching(/shares its resources/) });
  const other = `(component (type $poll (instance (export "pollable" (type (sub resource)))))
    (import "wasi:clocks/monotonic-clock@0.2.0" (instance (type $poll))))`;
  expect(await refusal(other)).toMatchObject({ code: "ADMIT_IMPORT", message: expect.stringMatching(/resource "pollable"/) });
});

test("the same interface in two versions is one: a resource of either fits both", async () => {
  const both = (name: string, version: string): string => `
    (type $${name} (instance (export "pollable" (type (sub resource))) (type (borrow 0)) (type (func (param "self" 1) (result bool)))
      (export "[method]pollable.ready" (func (type 2)))))
    (import "wasi:io/poll@${version}" (instance $i-${name} (type $${name})))
    (alias export $i-${name} "[method]pollable.ready" (func $f-${name})) (core func $c-${name} (canon lower (func $f-${name})))`;
  const bytes = await parse(`(component ${both("a", "0.2.0")} ${both("b", "0.2.6")}
    (core module $m (import "x" "a" (func (param i32) (result i32))) (import "x" "b" (func (param i32) (result i32)))
      (func (export "run") (result i32) (i32.const 0)))
    (core instance $i (instantiate $m (with "x" (instance (export "a" (func $c-a)) (export "b" (func $c-b))))))
    ${RUN} (instance $wrapped (export "run" (func $run))) ${EXPORT})`);
  expect(inspect(bytes).plan.host.map((one) => one.interface)).toEqual(["wasi:io/poll", "wasi:io/poll"]);
});

test("an export that is said to have another type than it has is refused", async () => {
  const text = `(component ${CORE} ${RUN} (type $u (func (result u32))) (export "run" (func $run) (func (type $u))))`;
  expect(await refusal(text)).toMatchObject({ code: "ADMIT_MALFORMED", message: expect.stringMatching(/another type/) });
});

const LOADER = (
  result: string,
): string => `(type $loader (instance (type (result ${result} (error string))) (type (func (param "path" string) (result 0)))
    (export "load" (func (type 1)))))
  (import "${MODULE_LOADER}" (instance $l (type $loader)))`;
const COMMAND = `${RUN} (instance $wrapped (export "run" (func $run))) ${EXPORT}`;
const INIT = (
  shim: string,
): string => `(type $init (func (param "shim" ${shim}) (param "script" string) (param "entry-path" (option string))
    (param "disable-gc" bool) (result (result (error string)))))
  (core module $n (memory (export "m") 1) (func (export "init") (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32) unreachable)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
  (core instance $j (instantiate $n))
  (alias core export $j "m" (core memory $mem)) (alias core export $j "realloc" (core func $realloc))
  (func $init (type $init) (canon lift (core func $j "init") (memory $mem) (realloc $realloc)))
  (export "init" (func $init))`;

test("what is left of building by a snapshot is allowed in exactly its form, and only where both parts are there", async () => {
  expect(inspect(await parse(`(component ${LOADER("string")} ${CORE} ${INIT("string")} ${COMMAND})`)).exports).toEqual([
    "wasi:cli/run@0.2.0",
  ]);
  expect(await refusal(`(component ${CORE} ${INIT("string")} ${COMMAND})`)).toMatchObject({
    code: "ADMIT_EXPORT",
    message: expect.stringMatching(/"init"/),
  });
  expect(await refusal(`(component ${LOADER("string")} ${CORE} ${INIT("(list u8)")} ${COMMAND})`)).toMatchObject({
    code: "ADMIT_EXPORT",
  });
  expect(await refusal(`(component ${LOADER("u32")} ${CORE} ${COMMAND})`)).toMatchObject({
    code: "ADMIT_IMPORT",
    message: expect.stringContaining(MODULE_LOADER),
  });
});

test("the loader of modules is nobody: whoever calls it traps", async () => {
  const component = load(
    await parse(`(component ${LOADER("string")}
      (core module $memory (memory (export "m") 1) (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
      (core instance $k (instantiate $memory))
      (alias core export $k "m" (core memory $mem)) (alias core export $k "realloc" (core func $realloc))
      (alias export $l "load" (func $load))
      (core func $low (canon lower (func $load) (memory $mem) (realloc $realloc)))
      (core module $m (import "x" "load" (func $load (param i32 i32 i32)))
        (func (export "run") (result i32) (call $load (i32.const 0) (i32.const 0) (i32.const 8)) (i32.const 0)))
      (core instance $i (instantiate $m (with "x" (instance (export "load" (func $low))))))
      ${COMMAND})`),
  );
  await expect(instance(component, new Map()).run([])).rejects.toThrow(/`load` is there only while a component is built/);
});
