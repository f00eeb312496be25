/** What ingest and a parser's process say to each other: one file, one answer, and again. */
import * as z from "zod";
import { TEXT_BYTES } from "./limits.js";
import { RECORDS_TYPE } from "#kb/documents/media-types.js";
import type { ParsedFormat } from "#kb/ingest/extract.js";

export interface ExtractRequest {
  /** Also the number of the transfer that brings the file, and of the one that brings its text. */
  readonly id: number;
  readonly format: ParsedFormat;
  readonly bytes: number;
}

export const fromParser = z.discriminatedUnion("t", [
  z.strictObject({ t: z.literal("ready") }),
  z.strictObject({
    t: z.literal("text"),
    id: z.int().nonnegative(),
    bytes: z.int().nonnegative().max(TEXT_BYTES),
    title: z.string().max(300).optional(),
    mediaType: z.enum(["text/plain", "text/markdown", RECORDS_TYPE]),
  }),
  z.strictObject({ t: z.literal("failed"), id: z.int().nonnegative(), message: z.string().max(1000) }),
]);
export type FromParser = z.infer<typeof fromParser>;
