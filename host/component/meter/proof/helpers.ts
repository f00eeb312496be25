/** The four functions that metering adds, byte for byte. */
import { LENGTH_CHARGES } from "../costs.js";
import type { MeterSettings } from "../limits.js";
import { Op } from "./decode.js";
import type { ProvedModule } from "./module.js";
import { prove } from "./unproven.js";

function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}
function signed(value: number): number[] {
  return value >= -0x40 && value < 0x40 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

export function proveHelpers(bytes: Uint8Array, module: ProvedModule, { memoryPages, tableElements }: MeterSettings): void {
  const left = unsigned(module.left);
  const negative = [Op.globalGet, left, Op.i32Const, 0, Op.i32LtS, Op.if, 0x40];
  const again = [Op.globalGet, left, Op.call, unsigned(module.fuel), Op.globalSet, left];
  const pause = [negative, Op.call, unsigned(module.pause), Op.globalSet, left, Op.end].flat();
  const most = { bytes: Math.min(memoryPages * 65_536, 2 ** 31 - 1), pages: memoryPages, elements: tableElements };
  const lengths = LENGTH_CHARGES.map(({ what, shift, units }) => {
    const cap = [Op.i32Const, signed(most[what])].flat();
    const least = [Op.localGet, 0, cap, Op.localGet, 0, cap, 0x49, 0x1b].flat();
    const amount = [Op.i32Const, signed(shift), 0x76, Op.i32Const, signed(units), 0x6c].flat();
    const check = [negative, Op.call, unsigned(module.refuel), Op.end].flat();
    // if (n > cap - memory.size) refused = n
    const beyond = [Op.localGet, 0, cap, 0x3f, 0, Op.i32Sub, Op.i32GtU, Op.if, 0x40].flat();
    const note = [beyond, Op.localGet, 0, Op.globalSet, unsigned(module.refused), Op.end].flat();
    const noted = what === "pages" && module.memory !== null ? note : [];
    // left -= (min(n, cap) >>> shift) * units
    return [0, Op.globalGet, left, least, amount, Op.i32Sub, Op.globalSet, left, check, noted, Op.localGet, 0, Op.end];
  });
  const refuel = [0, again, pause, Op.end];
  [refuel, ...lengths].forEach((expected, index) => {
    const body = module.bodies[module.refuel - module.imported + index];
    const found = body && bytes.subarray(body.from, body.end);
    prove(found?.join() === expected.flat(3).join(), "an added function is not what it should be", body?.from);
  });
}
