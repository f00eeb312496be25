import { usage } from "./failure.js";

/** Reads an option's value as an integer from 0 (or `least`) to `most`. */
export function wholeNumber(option: string, most: number, least = 0): (text: string) => number {
  return (text) => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (Number.isSafeInteger(number) && number >= least && number <= most) return number;
    throw usage(`${option} is not a whole number from ${least} to ${most}`, `${option} ${least + 1}`);
  };
}
