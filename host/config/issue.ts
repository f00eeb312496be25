import { formatPlace, UsageError, type Place } from "#core/errors.js";

/** One thing that is wrong with one key. */
export interface ConfigIssue {
  readonly message: string;
  readonly place: Place;
  readonly hint?: string;
}

/** Everything that is wrong with the configuration, in one go (`USAGE_CONFIG`). Place and hint are those of the first issue. */
export class ConfigError extends UsageError {
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly [ConfigIssue, ...ConfigIssue[]]) {
    const [first] = issues;
    super("USAGE_CONFIG", first.message, { place: first.place, ...(first.hint !== undefined && { hint: first.hint }) });
    this.issues = issues;
  }

  override toJSON(): ReturnType<UsageError["toJSON"]> & { issues?: readonly ConfigIssue[] } {
    return { ...super.toJSON(), ...(this.issues.length > 1 && { issues: this.issues }) };
  }
}

/** `key, where` for a warning. */
export function formatIssue(issue: ConfigIssue): string {
  const place = formatPlace(issue.place);
  return place === "" ? issue.message : `${issue.message}, ${place}`;
}
