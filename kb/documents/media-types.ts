/** The media type of text whose parts form feeds divide, each of them a chunk of its own (or several, where it is long). */
export const RECORDS_TYPE = "text/x-records";
