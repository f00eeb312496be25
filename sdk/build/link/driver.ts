/**
 * The component's one export, over the four that the JavaScript side has: `start` begins the agent and returns at its first `await`,
 * `pump` runs whatever promises are ready, `turn` says whether to go on (a timer was due), `finish` gives the outcome. QuickJS runs
 * promises only for an asynchronous export, so `pump` is one; nothing outside of the module has to know.
 */
import { Output } from "./bytes.js";
import { Kind, readModule, type CoreModule } from "./module.js";

const I32 = 0x7f;
/** Parameters of `run`, flattened: three strings or lists, and the number of the attempt. */
const INVOCATION = 7;

/** The asynchronous ABI's functions, which a module that never waits can answer for itself. */
export const INTRINSICS: Readonly<Record<string, string>> = {
  "[context-get-0]": "context-get",
  "[context-set-0]": "context-set",
  "[task-return]pump": "nothing",
};

export function driverModule(): CoreModule {
  const type = (params: number, results: number): Output =>
    new Output().byte(0x60).u32(params).raw(Array(params).fill(I32)).u32(results).raw(Array(results).fill(I32));
  const types = [type(INVOCATION, 0), type(0, 1), type(3, 1), type(INVOCATION, 1), type(1, 0), type(0, 0)];
  const [START, GIVES, CALLBACK, RUN, SET, NOTHING] = [0, 1, 2, 3, 4, 5];
  const imports = [
    ["start", START],
    ["[async-lift]pump", GIVES],
    ["[callback][async-lift]pump", CALLBACK],
    ["turn", GIVES],
    ["finish", GIVES],
  ] as const;
  const [start, pump, callback, turn, finish] = [0, 1, 2, 3, 4];
  const run = new Output()
    .byte(1, 1, I32) // one local: the status of the pump
    .raw(Array.from({ length: INVOCATION }, (_, index) => [0x20, index]).flat())
    .byte(0x10, start)
    .byte(0x03, 0x40) // loop: until no turn is left
    .byte(0x10, pump, 0x21, INVOCATION)
    .byte(0x03, 0x40) // loop: while the task yields (status 1 in the lower four bits)
    .byte(0x20, INVOCATION, 0x41, 0x0f, 0x71, 0x41, 1, 0x46, 0x04, 0x40)
    .byte(0x41, 0, 0x41, 0, 0x41, 0, 0x10, callback, 0x21, INVOCATION)
    .byte(0x0c, 1, 0x0b, 0x0b)
    .byte(0x10, turn, 0x0d, 0) // br_if: again
    .byte(0x0b)
    .byte(0x10, finish, 0x0b);
  const bodies = [
    run,
    new Output().byte(0, 0x23, 0, 0x0b),
    new Output().byte(0, 0x20, 0, 0x24, 0, 0x0b),
    new Output().byte(0, 0x0b),
  ];
  const exports = ["run", "context-get", "context-set", "nothing"];

  const out = new Output().raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  const section = (id: number, items: readonly Output[]): void => {
    const content = new Output().u32(items.length);
    for (const item of items) content.raw(item.view());
    out.byte(id).sized(content);
  };
  section(1, types);
  section(
    2,
    imports.map(([name, of]) => new Output().name("bindings").name(name).byte(Kind.func).u32(of)),
  );
  section(
    3,
    [RUN, GIVES, SET, NOTHING].map((of) => new Output().u32(of)),
  );
  section(6, [new Output().byte(I32, 1, 0x41, 0, 0x0b)]);
  section(
    7,
    exports.map((name, index) =>
      new Output()
        .name(name)
        .byte(Kind.func)
        .u32(imports.length + index),
    ),
  );
  section(
    10,
    bodies.map((body) => new Output().sized(body)),
  );
  return readModule(out.view().slice());
}
