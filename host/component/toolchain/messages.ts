/** What the control process and a toolchain process say to each other: one request, one answer. */
import * as z from "zod";

export interface ToolchainRequest {
  readonly t: "admit";
  readonly bytes: number;
  /** Cap of the linear memory, in pages of 64 KiB. */
  readonly memoryPages: number;
}

const bytes = z.int().nonnegative();

/** Toolchain to control; modules follow as transfers 0, 1, … in their order. */
export const fromToolchain = z.discriminatedUnion("t", [
  z.strictObject({ t: z.literal("ready") }),
  z.strictObject({
    t: z.literal("refused"),
    code: z.enum([
      "ADMIT_TOO_LARGE",
      "ADMIT_MALFORMED",
      "ADMIT_NAME",
      "ADMIT_IMPORT",
      "ADMIT_EXPORT",
      "ADMIT_WASI_IMPORT",
      "ADMIT_LIMIT",
      "ADMIT_METER",
    ]),
    message: z.string().max(4096),
    hint: z.string().max(1024).optional(),
  }),
  z.strictObject({
    t: z.literal("admitted"),
    imports: z.array(z.string().max(128)).max(64),
    exports: z.array(z.string().max(128)).max(16),
    plan: z.string().max(1 << 20),
    large: z.boolean(),
    modules: z.array(z.strictObject({ name: z.string().regex(/^core[0-9]{1,2}$/), bytes })).max(16),
    functions: bytes,
    fuelTable: bytes,
  }),
]);
export type FromToolchain = z.infer<typeof fromToolchain>;
