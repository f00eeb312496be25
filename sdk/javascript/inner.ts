/** Names of what one part of the SDK shows to another, and no program finds by listing members. */
export const LINES = Symbol("lines");
export const CONTENT = Symbol("content");
export const SEARCH = Symbol("search parameters");
export const CHANGED = Symbol("changed");
export const REPLACE = Symbol("replace");
