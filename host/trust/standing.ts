/** Who vouches for an agent in this home, looked at anew each time that it is about to run: keys are revoked and rules change. */
import type { Digest } from "#core/digest.js";
import { TrustError } from "./error.js";
import { listKeys } from "./keys.js";
import { readTrustPolicy, type Rule, type TrustPolicy } from "./policy.js";
import { checkSignature, signedText, type Signed } from "./signature.js";

export type Standing =
  /** It came with rlp. */
  | { readonly kind: "bundled" }
  /** A key that this home trusts has signed it. */
  | { readonly kind: "signed"; readonly key: string; readonly name: string }
  /** Nobody whom this home trusts. `key` has signed it and is unknown here. */
  | { readonly kind: "stranger"; readonly key: string | null };

export interface TrustPlaces {
  readonly keysDir: string;
  readonly policyFile: string;
}

export interface Judged {
  readonly standing: Standing;
  /** What the trust policy says for it; null for bundled agents, which it does not govern. */
  readonly rule: Rule | null;
  readonly policy: TrustPolicy;
}

export interface Judgement {
  /** The bundle's folder. */
  readonly dir: string;
  readonly name: string;
  /** The bytes of the manifest that the agent was read by. */
  readonly manifest: Uint8Array;
  /** Whether it lies in the home's own folder of agents. */
  readonly installed: boolean;
}

/** Throws a `TrustError` where the agent may not run: with code, place and the way out. */
export function judge(agent: Judgement, places: TrustPlaces): Judged {
  const policy = trustPolicy(places);
  const standing = standingOf(checkSignature(agent.dir, places.keysDir, agent.manifest), agent.dir);
  const rule = ruleFor(policy, standing);
  if (!rule.run || (agent.installed && !rule.install)) throw forbidden(agent, standing, policy, rule.run ? "installed" : "run");
  return { standing, rule, policy };
}

/** As {@link judge}, before it is installed. */
export function judgeInstall(agent: Omit<Judgement, "installed">, places: TrustPlaces): Judged {
  return judge({ ...agent, installed: true }, places);
}

export const trustPolicy = ({ keysDir, policyFile }: TrustPlaces): TrustPolicy =>
  readTrustPolicy(
    policyFile,
    listKeys(keysDir).map(({ name }) => name),
  );

/** Of an agent that did not come with rlp. Throws for a signature that does not fit, and for one by a revoked key. */
export function standingOf(signed: Signed, dir: string): Exclude<Standing, { kind: "bundled" }> {
  if (signed.state === "unsigned") return { kind: "stranger", key: null };
  if (signed.state === "invalid")
    throw new TrustError("TRUST_SIGNATURE", signedText(signed), {
      place: { file: dir },
      hint: "its own author builds it again (`rlp agent build`); anybody else gets the bundle again from somebody they trust",
    });
  if (signed.trust === "revoked")
    throw new TrustError("TRUST_REVOKED", `it is ${signedText(signed)}: what a revoked key has signed does not run`, {
      place: { file: dir },
      hint: "get it signed by another key; or take SIGNATURES/ away, and it is a stranger's",
    });
  if (signed.trust === "unknown" || signed.name === null) return { kind: "stranger", key: signed.id };
  return { kind: "signed", key: signed.id, name: signed.name };
}

export function ruleFor(policy: TrustPolicy, standing: Exclude<Standing, { kind: "bundled" }>): Rule {
  return standing.kind === "signed" ? (policy.keys.get(standing.name) ?? policy.default) : policy.strangers;
}

/** Whether a person has said in the trust policy that this agent may run in less than the full cage. */
export function isReducedAccepted(policy: TrustPolicy, name: string, digest: Digest, isOfThisHome: boolean): boolean {
  const accepted = policy.reduced.get(name);
  // A name alone is one that the home gave: beside an opening anybody can lay an agent of that name.
  return accepted === undefined ? false : accepted === null ? isOfThisHome : accepted === digest;
}

function forbidden(
  agent: Pick<Judgement, "name" | "dir">,
  standing: Standing,
  policy: TrustPolicy,
  what: "installed" | "run",
): TrustError {
  const who = standing.kind === "signed" ? `agents signed by \`${standing.name}\`` : "agents that no trusted key has signed";
  const table = standing.kind === "signed" ? (policy.keys.has(standing.name) ? `keys.${standing.name}` : "default") : "strangers";
  return new TrustError("TRUST_FORBIDDEN", `\`${agent.name}\` may not be ${what}: the trust policy forbids ${who}`, {
    place: { ...(policy.file !== null && { file: policy.file }), at: `[${table}] (agent in ${agent.dir})` },
    hint:
      standing.kind === "signed"
        ? `change ${what === "run" ? "`run`" : "`install`"} there`
        : "have it signed by somebody you trust (`rlp keys trust`), or change the rule there",
  });
}

/** In words, for people. */
export function standingText(standing: Standing): string {
  switch (standing.kind) {
    case "bundled":
      return "comes with rlp";
    case "signed":
      return `signed by ${standing.name} (${standing.key})`;
    case "stranger":
      return standing.key === null ? "nobody has signed it" : `signed by a key that this home does not know (${standing.key})`;
  }
}
