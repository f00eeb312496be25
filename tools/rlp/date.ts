import { usage } from "./failure.js";

/** Reads an option's value as a day or a full ISO 8601 time, to milliseconds since the epoch. */
export const date =
  (flag: string) =>
  (text: string): number => {
    const time = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2})?)?$/.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(time)) throw usage(`${flag}: \`${text.slice(0, 80)}\` is no date`, `${flag} 2026-11-30`);
    return time;
  };
