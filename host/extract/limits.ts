/** UTF-8 bytes of one file's text. A book has two million. */
export const TEXT_BYTES = 16 << 20;
