/** Gathers what is wrong with one file. */
import type { Diagnostic, Finding, Hint, OpeningCode, Span } from "./diagnostic.js";
import { openingLimits } from "./limits.js";
import type { Source } from "./source.js";

export class Reporter {
  readonly #findings: Finding[] = [];
  readonly #seen = new Set<string>();
  #errors = 0;

  constructor(readonly source: Source) {}

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** As found elsewhere. */
  add(finding: Finding): void {
    // What stands behind an anchor is read once for each alias, and wrong once.
    const key = `${finding.code}\0${finding.span.start}\0${finding.message}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (finding.severity === "error") this.#errors++;
    this.#findings.push(finding);
  }

  error(code: OpeningCode, span: Span, message: string, hint?: Hint): void {
    this.add({ code, severity: "error", message, span, hint });
  }

  warn(code: OpeningCode, span: Span, message: string, hint?: Hint): void {
    this.add({ code, severity: "warning", message, span, hint });
  }

  /** Everything found, in the order of the file; past the limit only counted. */
  diagnostics(): readonly Diagnostic[] {
    const ordered = this.#findings.sort((a, b) => a.span.start - b.span.start || a.span.end - b.span.end);
    const shown = ordered.slice(0, openingLimits.diagnostics).map((finding) => this.#diagnostic(finding));
    const more = ordered.slice(openingLimits.diagnostics);
    const next = more.find((finding) => finding.severity === "error") ?? more[0];
    if (!next) return shown;
    const message = `${more.length} more problems are not shown`;
    const hint = "mend those above and check again";
    return [
      ...shown,
      this.#diagnostic({ code: "OPENING_TOO_MANY_ERRORS", severity: next.severity, message, span: next.span, hint }),
    ];
  }

  #diagnostic(finding: Finding): Diagnostic {
    const { code, severity, message } = finding;
    const { text, file } = this.source;
    const start = Math.max(0, Math.min(finding.span.start, text.length));
    const span = { start, end: Math.max(start, Math.min(finding.span.end, text.length)) };
    const hint = typeof finding.hint === "function" ? finding.hint() : finding.hint;
    const excerpt = text === "" ? null : this.source.excerpt(span);
    const found = { code, severity, message, file, ...this.source.position(start), span, excerpt };
    return hint === undefined ? found : { ...found, hint };
  }
}
