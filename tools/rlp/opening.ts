/** Compiling an opening for a command, and telling a person what is wrong with it. */
import { UsageError } from "#core/errors.js";
import type { JsonObject } from "#core/json.js";
import type { Compiled } from "#host/run/contract.js";
import type { Opening } from "#openings/ir.js";
import { formatDiagnostic } from "#openings/language/format.js";
import { OpeningError, type Diagnostic } from "#openings/language/diagnostic.js";
import { holdOpening } from "#host/config/limit.js";
import type { Context } from "./context.js";
import { usage } from "./failure.js";
import type { Output } from "./output.js";

/** The argument that names the opening. */
export function openingArgument(args: readonly string[]): string {
  const [file] = args;
  if (file === undefined || file === "") throw usage("no opening is named", "name a file: examples/openings/compose_email.yaml");
  return file;
}

/** Compiles against this home's agents. What is wrong is in `diagnostics`; nothing is thrown for it. */
export async function compileOpening(
  context: Context,
  file: string,
  params: JsonObject,
  purpose: "run" | "check" = "check",
): Promise<Compiled> {
  const host = await context.host();
  try {
    const compiled = await host.compile(file, params, purpose);
    if (compiled.opening) holdOpening((await context.load()).limits, compiled.opening, file);
    return compiled;
  } catch (error) {
    if (error instanceof OpeningError) return { file, opening: null, diagnostics: error.diagnostics, agents: new Map() };
    throw error;
  }
}

/** The opening, after its warnings were told. Throws an {@link OpeningError} with all diagnostics where it has errors. */
export function usable(compiled: Compiled, out: Output): Compiled & { readonly opening: Opening } {
  const { opening, diagnostics } = compiled;
  if (opening === null || diagnostics.some(({ severity }) => severity === "error")) {
    if (diagnostics.length === 0) throw new UsageError("USAGE", `${compiled.file} cannot be used`);
    throw new OpeningError(diagnostics);
  }
  if (!out.json) tellDiagnostics(diagnostics, out);
  return { ...compiled, opening };
}

export function tellDiagnostics(diagnostics: readonly Diagnostic[], out: Output): void {
  for (const diagnostic of diagnostics)
    out.complain(`${formatDiagnostic(diagnostic, { color: out.errColours.isColorSupported })}\n`);
}

/** `2 errors, 1 warning`; empty where there is nothing. */
export function countDiagnostics(diagnostics: readonly Diagnostic[]): string {
  const count = (severity: Diagnostic["severity"]): string => {
    const number = diagnostics.filter((each) => each.severity === severity).length;
    return number === 0 ? "" : `${number} ${severity}${number === 1 ? "" : "s"}`;
  };
  return [count("error"), count("warning")].filter((part) => part !== "").join(", ");
}
