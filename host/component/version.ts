/** Versions of agents: Semantic Versioning 2.0.0 without build metadata, which says nothing about what is newer. */

const NUMBER = "(?:0|[1-9][0-9]{0,8})";
/** An identifier of a pre-release: a number without leading zeros, or a word. */
const IDENTIFIER = `(?:${NUMBER}|[0-9]{0,16}[A-Za-z-][0-9A-Za-z-]{0,31})`;
export const VERSION = new RegExp(`^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${IDENTIFIER}(?:\\.${IDENTIFIER}){0,7})?$`);

/** Below 0 where `a` is older, above where it is newer (semver.org, 11). Both fit {@link VERSION}. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  for (let i = 0; i < 3; i++) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  // Without a pre-release it is the release itself, which comes after all of them.
  if (left.pre.length === 0 || right.pre.length === 0) return right.pre.length - left.pre.length;
  for (let i = 0; i < Math.max(left.pre.length, right.pre.length); i++) {
    const difference = compareIdentifiers(left.pre[i], right.pre[i]);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parts(version: string): { readonly numbers: readonly number[]; readonly pre: readonly string[] } {
  const dash = version.indexOf("-");
  const core = dash < 0 ? version : version.slice(0, dash);
  return { numbers: core.split(".").map(Number), pre: dash < 0 ? [] : version.slice(dash + 1).split(".") };
}

/** Fewer identifiers are older, numbers older than words; words by ASCII. */
function compareIdentifiers(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  const [left, right] = [/^[0-9]+$/.test(a), /^[0-9]+$/.test(b)];
  if (left && right) return Number(a) - Number(b);
  if (left !== right) return left ? -1 : 1;
  return a === b ? 0 : a < b ? -1 : 1;
}
