/** How a response that is too long is told. An error of the contract is a code and words; a guest of `wasi:http` is told this one by its number. */
export const tooLongText = (limit: number): string => `the response's body has more than ${limit} bytes`;

/** The limit, where that is what the words say. */
export function tooLongLimit(text: string): number | null {
  const limit = /^the response's body has more than ([0-9]{1,16}) bytes$/.exec(text)?.[1];
  return limit === undefined ? null : Number(limit);
}
