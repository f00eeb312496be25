/** JSON has escapes for every character: on a terminal what is hidden or acts on it is written as one. The value stays the same. */
const hidden = (): RegExp => /[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

export function jsonLine(value: unknown, forTerminal: boolean): string {
  const text = JSON.stringify(value) ?? "null";
  return forTerminal ? text.replace(hidden(), escapeUnits) : text;
}

/** As {@link jsonLine}, over several lines, for a document that people read and programs load. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(hidden(), (character) =>
    character === "\n" ? character : escapeUnits(character),
  );
}

function escapeUnits(character: string): string {
  return Array.from({ length: character.length }, (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`).join(
    "",
  );
}
