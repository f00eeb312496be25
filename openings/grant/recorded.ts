/** Grants as runs record them: JSON that may come from somebody else's file. */
import * as z from "zod";
import { isJsonObject, type Json } from "#core/json.js";
import { noGrant, type Grant } from "../agent.js";

const texts = z.array(z.string());
const flagOrList = z.union([z.boolean(), texts]);
const schema: z.ZodType<Partial<Grant>> = z.strictObject({
  fs_ro: texts.optional(),
  fs_rw: texts.optional(),
  net: z
    .array(
      z.strictObject({
        host: z.string(),
        port: z.int().nullable(),
        scheme: z.enum(["http", "https"]).optional(),
        methods: texts.nullable(),
        paths: texts.nullable(),
      }),
    )
    .optional(),
  time: z.union([z.boolean(), z.literal("real")]).optional(),
  random: z.boolean().optional(),
  kb_read: flagOrList.optional(),
  kb_write: flagOrList.optional(),
  secrets: z.array(z.strictObject({ id: z.string(), hosts: texts })).optional(),
  secrets_raw: texts.optional(),
  model: flagOrList.optional(),
  actions: texts.optional(),
  tools: texts.optional(),
  exec: z.array(z.json()).optional(),
  spawn: texts.optional(),
}) as z.ZodType<Partial<Grant>>;

/** Null for what is no grant. What it does not hold may stand there too, and an older or newer rlp knows other such things. */
export function recordedGrant(recorded: Json | undefined): Grant | null {
  if (recorded === undefined || !isJsonObject(recorded)) return null;
  const held = Object.entries(recorded).filter(([, value]) => value !== false && !(Array.isArray(value) && value.length === 0));
  const read = schema.safeParse(Object.fromEntries(held));
  return read.success ? { ...noGrant, ...read.data } : null;
}
