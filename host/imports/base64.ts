/** `list<u8>` as it comes over the pipe. */
import * as z from "zod";

/** Text that stands for at most `bytes` bytes. */
export const base64 = (bytes: number) =>
  z
    .string()
    .max(Math.ceil(bytes / 3) * 4)
    .refine((text) => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text), "not base64");
