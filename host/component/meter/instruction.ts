/** Decodes one instruction after another. Nothing is kept: the fields hold until the next call of `next`. */
import { featureOf, opcodeAt, OPCODES, PREFIXES, type Opcode } from "./opcodes.js";
import { MeterError } from "./refusal.js";
import type { Reader } from "./reader.js";
import { EMPTY_BLOCK, readRefType, readValueType } from "./types.js";

export class Instructions {
  readonly reader: Reader;
  opcode: Opcode = OPCODES[0] as Opcode;
  /** Offset of the opcode, and of its immediates. */
  start = 0;
  immediate = 0;
  /** First and second index of the immediates: label, function, local, type and table, … */
  a = 0;
  b = 0;
  /** Block type: `null` without results, a value type, or a type index as a negative number less one. */
  blockType: number | null = null;
  /** Labels of a branch table, its default last. */
  labels: number[] = [];
  readonly #maxLabels: number;

  constructor(reader: Reader, maxLabels: number) {
    this.reader = reader;
    this.#maxLabels = maxLabels;
  }

  get end(): number {
    return this.reader.at;
  }

  next(): Opcode {
    const { reader } = this;
    this.start = reader.at;
    const first = reader.byte();
    const prefix = PREFIXES.has(first) ? first : 0;
    const code = prefix === 0 ? first : reader.u32();
    const opcode = opcodeAt(prefix, code);
    if (!opcode) {
      const shown = prefix === 0 ? `0x${code.toString(16)}` : `0x${prefix.toString(16)} 0x${code.toString(16)}`;
      throw new MeterError("METER_UNSUPPORTED", `opcode ${shown}: ${featureOf(prefix, code)}`, this.start);
    }
    this.opcode = opcode;
    this.immediate = reader.at;
    this.#immediates(opcode);
    return opcode;
  }

  #immediates(opcode: Opcode): void {
    const { reader } = this;
    switch (opcode.immediate) {
      case "none":
        return;
      case "block":
        return this.#block();
      case "label":
      case "func":
      case "local":
      case "global":
      case "table":
      case "elem":
      case "data":
        this.a = reader.u32();
        return;
      case "type table":
      case "table table":
      case "elem table":
        this.a = reader.u32();
        this.b = reader.u32();
        return;
      case "labels": {
        const count = reader.count("branch-table targets", this.#maxLabels);
        this.labels = [];
        for (let index = 0; index <= count; index++) this.labels.push(reader.u32());
        return;
      }
      case "memory":
        return this.#memory();
      case "memory memory":
        this.#memory();
        return this.#memory();
      case "data memory":
        this.a = reader.u32();
        return this.#memory();
      case "memarg":
        return this.#memoryArgument();
      case "memarg lane":
        this.#memoryArgument();
        reader.skip(1);
        return;
      case "lane":
        reader.skip(1);
        return;
      case "i32":
        return reader.skipSigned(32);
      case "i64":
        return reader.skipSigned(64);
      case "4 bytes":
        reader.skip(4);
        return;
      case "8 bytes":
        reader.skip(8);
        return;
      case "16 bytes":
        reader.skip(16);
        return;
      case "ref type":
        this.a = readRefType(reader);
        return;
      case "value types": {
        if (reader.count("types of a select", 1) !== 1) reader.fail("a select with no type");
        this.a = readValueType(reader);
        return;
      }
      default:
        opcode.immediate satisfies never;
    }
  }

  /** A block type is empty, one value type, or a type index; a typed reference here (two bytes and more) is refused by its first. */
  #block(): void {
    const { reader } = this;
    const at = reader.at;
    const first = reader.byte();
    if (first === EMPTY_BLOCK) {
      this.blockType = null;
      return;
    }
    reader.at = at;
    if ((first & 0xc0) === 0x40) {
      this.blockType = readValueType(reader);
      return;
    }
    const index = reader.s33();
    if (index < 0) throw new MeterError("METER_UNSUPPORTED", "a block type that is neither a value type nor an index", at);
    this.blockType = -1 - index;
  }

  /** Memory 0 is the only one, and the byte must say so. */
  #memory(): void {
    const at = this.reader.at;
    if (this.reader.byte() !== 0) throw new MeterError("METER_UNSUPPORTED", "multiple memories", at);
  }

  /** Alignment and offset. Bit 6 of the alignment announces a memory index: multiple memories. */
  #memoryArgument(): void {
    const at = this.reader.at;
    if (this.reader.u32() >= 0x40)
      throw new MeterError("METER_UNSUPPORTED", "a memory argument with an index: multiple memories", at);
    this.reader.u32();
  }
}
