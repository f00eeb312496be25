/** What one opening may hold. Each limit is checked before the work that it bounds. */
export const openingLimits = {
  /** UTF-8 bytes of the file. */
  bytes: 1 << 20,
  /** Lexical tokens of the YAML text (a mapping entry takes four to seven). Bounds the time and memory of everything after the lexer. */
  tokens: 500_000,
  /** Nested maps and lists, also through aliases. */
  depth: 64,
  nodes: 10_000,
  edges: 50_000,
  /** What the file holds once aliases and templates are filled in: one for each value and each UTF-16 unit of text. */
  expanded: 4 << 20,
  /** Diagnostics in full; the rest is counted. */
  diagnostics: 100,
} as const;
