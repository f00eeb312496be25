/** A grant in words: one short phrase for each capability that is held. */
import type { Grant } from "../agent.js";

/** `net api.example.com:443 GET /v1/`; everything that is off is left out. Hosts of secrets stand with the secret. */
export function capabilitiesOf(grant: Grant): readonly string[] {
  const list = (name: string, items: readonly string[]): string[] => (items.length > 0 ? [`${name} ${items.join(", ")}`] : []);
  const flag = (name: string, granted: boolean | readonly string[]): string[] =>
    typeof granted === "boolean" ? (granted ? [name] : []) : list(name, granted);
  return [
    ...list("fs_ro", grant.fs_ro),
    ...list("fs_rw", grant.fs_rw),
    ...grant.net.map((rule) =>
      ["net", ...(rule.scheme ? [rule.scheme] : []), hostOf(rule), ...(rule.methods ?? []), ...(rule.paths ?? [])].join(" "),
    ),
    ...(grant.time === "real" ? ["time real"] : flag("time", grant.time)),
    ...flag("random", grant.random),
    ...flag("kb_read", grant.kb_read),
    ...flag("kb_write", grant.kb_write),
    ...list(
      "secrets",
      grant.secrets.map(({ id, hosts }) => `${id} → ${hosts.join(", ")}`),
    ),
    ...list("secrets_raw", grant.secrets_raw),
    ...flag("model", grant.model),
    ...list("actions", grant.actions),
    ...list("tools", grant.tools),
    ...(grant.exec.length > 0 ? [`exec ${grant.exec.length} rules`] : []),
    ...list("spawn", grant.spawn),
  ];
}

export function hostOf({ host, port }: Grant["net"][number]): string {
  return port === null ? host : `${host}:${port}`;
}
