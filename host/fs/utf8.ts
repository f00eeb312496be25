const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text that bytes spell, or null where they spell none. */
export function utf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}
