/**
 * The language of capabilities: what `policy.caps`, an operator's override, a rule of the trust policy and `caps` of a node say. Every
 * value is normalised, so that two that mean the same are the same.
 */
import * as z from "zod";
import type { Json } from "#core/json.js";
import { noGrant, type Grant } from "../agent.js";
import type { Narrowing } from "./narrow.js";

const few = <T extends z.ZodType>(item: T) => z.array(item).max(256);
const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/-]{0,127}$/, "must be a name: letters, digits and `. _ / -`");
const domain = z.string().regex(/^[a-z][a-z0-9_-]{0,63}$/, "must be a domain: lower-case letters, digits, `_` and `-`");
const directory = z
  .string()
  .max(4096)
  .refine((path) => /^(?:\/|[A-Za-z]:[\\/])/.test(path) && !path.includes("\0"), "must be an absolute directory")
  .refine((path) => !path.split(/[\\/]/).includes(".."), "must not hold `..`")
  // Without `/./`, repeated slashes and one at the end: folders are compared as text.
  .transform((path) =>
    path
      .replace(/[\\/](?:\.?[\\/])+/g, "/")
      .replace(/[\\/]\.$/, "/")
      .replace(/(?<=.)[\\/]+$/, ""),
  );
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const hostName = new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$|^\\[[0-9a-f:.]{2,45}\\]$`);
const hostPort = z.string().transform((text, context) => {
  const cut = /^(.*?)(?::([0-9]{1,5}))?$/.exec(text.toLowerCase());
  const [host = "", port] = [cut?.[1], cut?.[2]];
  const refused = (message: string): never => {
    context.issues.push({ code: "custom", message, input: text });
    return z.NEVER;
  };
  if (!hostName.test(host) || (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)))
    return refused(`\`${text.slice(0, 80)}\` is not \`host\` or \`host:port\` (no scheme, no path)`);
  // As URLs spell it, since that is what requests are compared with: `127.1` would look like a name and be an address.
  const name = host.replace(/^\*\./, "");
  const canonical = URL.parse(`http://${name}/`)?.hostname;
  if (canonical === undefined) return refused(`\`${host.slice(0, 80)}\` is not a host`);
  if (host !== name && /^(?:\[|[0-9.]+$)/.test(canonical)) return refused("a pattern of hosts cannot be one of addresses");
  if (host.startsWith("[")) return { host: canonical, port: port === undefined ? null : Number(port) };
  if (canonical !== name) return refused(`\`${host.slice(0, 80)}\` is spelled \`${canonical}\``);
  return { host, port: port === undefined ? null : Number(port) };
});
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
const netRule = z.strictObject({
  host: hostPort,
  methods: z.array(z.enum(METHODS)).min(1).optional(),
  paths: z
    .array(
      z
        .string()
        .max(1024)
        .regex(/^\/[^\s?#]*$/, "must be a path prefix that begins with `/`")
        // As URLs spell it: `/ü` is `/%C3%BC`, and a climb is gone.
        .transform((prefix) => new URL(prefix.replace(/^\/+/, "/"), "http://host").pathname),
    )
    .min(1)
    .optional(),
});
/** `host[:port]`, or a table. Not a union: that would hide what is wrong behind what could have been. */
const netEntry = z.unknown().transform((rule, context): z.infer<typeof netRule> => {
  const read = typeof rule === "string" ? hostPort.transform((host) => ({ host })).safeParse(rule) : netRule.safeParse(rule);
  if (read.success) return read.data;
  for (const { message, path } of read.error.issues) context.issues.push({ code: "custom", message, path, input: rule });
  return z.NEVER;
});
const domains = z.union([z.boolean(), few(domain)], { error: "must be `true`, `false` or a list of domains" });
const pattern = z.string().regex(/^[^\s]{1,256}$/, "must be a model name or a pattern with `*`");

/** Closed keys, each of which may be missing. Values are normalised by {@link narrowingOf} and {@link grantOf}. */
export const capsSchema = z.strictObject({
  fs: few(directory).optional(),
  fs_ro: few(directory).optional(),
  fs_rw: few(directory).optional(),
  net: few(netEntry).optional(),
  time: z.union([z.boolean(), z.literal("real")], { error: 'must be `true`, `false` or `"real"`' }).optional(),
  random: z.boolean().optional(),
  kb_read: domains.optional(),
  kb_write: domains.optional(),
  secrets: few(
    z.strictObject({ id, hosts: z.array(hostPort).min(1, "must name the hosts that the secret may be sent to").max(64) }),
  ).optional(),
  secrets_raw: few(id).optional(),
  model: z.union([z.boolean(), few(pattern)], { error: "must be `true`, `false` or a list of model patterns" }).optional(),
  actions: few(
    z.string().regex(/^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*$/, "must be a kind of action, such as `email.send`"),
  ).optional(),
  tools: few(id).optional(),
  exec: few(
    z.custom<Json>((rule) => typeof rule === "string" || (typeof rule === "object" && rule !== null), "must be a command rule"),
  ).optional(),
  spawn: few(id).optional(),
});

type Given = z.infer<typeof capsSchema>;

/** A whole grant: what is not named is off. */
export const grantOf = (given: Given): Grant => ({ ...noGrant, ...narrowingOf(given) });

/** The capabilities that are named, and no others. */
export function narrowingOf(given: Given): Narrowing {
  const { fs, fs_ro, net, secrets, time, random, kb_read, kb_write, model, exec, ...lists } = given;
  return {
    ...((fs ?? fs_ro) && { fs_ro: sorted([...(fs ?? []), ...(fs_ro ?? [])]) }),
    ...(lists.fs_rw && { fs_rw: sorted(lists.fs_rw) }),
    ...(net && {
      net: net.map((rule) => ({
        ...rule.host,
        methods: rule.methods ? sorted(rule.methods) : null,
        paths: rule.paths ? sorted(rule.paths) : null,
      })),
    }),
    ...(time !== undefined && { time }),
    ...(random !== undefined && { random }),
    ...(kb_read !== undefined && { kb_read: some(kb_read) }),
    ...(kb_write !== undefined && { kb_write: some(kb_write) }),
    ...(secrets && {
      secrets: secrets.map((secret) => ({
        id: secret.id,
        hosts: secret.hosts.map(({ host, port }) => (port === null ? host : `${host}:${port}`)),
      })),
    }),
    ...(lists.secrets_raw && { secrets_raw: sorted(lists.secrets_raw) }),
    ...(model !== undefined && { model: some(model) }),
    ...(lists.actions && { actions: sorted(lists.actions) }),
    ...(lists.tools && { tools: sorted(lists.tools) }),
    ...(exec && { exec }),
    ...(lists.spawn && { spawn: sorted(lists.spawn) }),
  };
}

const sorted = (list: readonly string[]): readonly string[] => [...new Set(list)].sort();

/** An empty list grants nothing. */
const some = (value: boolean | readonly string[]): boolean | readonly string[] =>
  typeof value === "boolean" ? value : value.length > 0 ? sorted(value) : false;
