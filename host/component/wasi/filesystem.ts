/** `wasi:filesystem`, 0.2. */
import {
  bool,
  borrow,
  enumeration,
  flags,
  func,
  list,
  option,
  own,
  record,
  result,
  string,
  tuple,
  u64,
  u8,
  variant,
  type WitFunction,
  type WitInterface,
  type WitType,
} from "../type.js";
import { datetime } from "./clocks.js";
import { ERROR, INPUT_STREAM, OUTPUT_STREAM } from "./io.js";

const DESCRIPTOR = "wasi:filesystem/types/descriptor";
const ENTRIES = "wasi:filesystem/types/directory-entry-stream";

const filesize = u64;
const linkCount = u64;
const descriptorType = enumeration(
  "unknown",
  "block-device",
  "character-device",
  "directory",
  "fifo",
  "symbolic-link",
  "regular-file",
  "socket",
);
const descriptorFlags = flags(
  "read",
  "write",
  "file-integrity-sync",
  "data-integrity-sync",
  "requested-write-sync",
  "mutate-directory",
);
const descriptorStat = record({
  type: descriptorType,
  "link-count": linkCount,
  size: filesize,
  "data-access-timestamp": option(datetime),
  "data-modification-timestamp": option(datetime),
  "status-change-timestamp": option(datetime),
});
const pathFlags = flags("symlink-follow");
const openFlags = flags("create", "directory", "exclusive", "truncate");
const newTimestamp = variant({ "no-change": null, now: null, timestamp: datetime });
const directoryEntry = record({ type: descriptorType, name: string });
const errorCode = enumeration(
  "access",
  "would-block",
  "already",
  "bad-descriptor",
  "busy",
  "deadlock",
  "quota",
  "exist",
  "file-too-large",
  "illegal-byte-sequence",
  "in-progress",
  "interrupted",
  "invalid",
  "io",
  "is-directory",
  "loop",
  "too-many-links",
  "message-size",
  "name-too-long",
  "no-device",
  "no-entry",
  "no-lock",
  "insufficient-memory",
  "insufficient-space",
  "not-directory",
  "not-empty",
  "not-recoverable",
  "unsupported",
  "no-tty",
  "no-such-device",
  "overflow",
  "not-permitted",
  "pipe",
  "read-only",
  "invalid-seek",
  "text-file-busy",
  "cross-device",
);
const advice = enumeration("normal", "sequential", "random", "will-need", "dont-need", "no-reuse");
const metadataHash = record({ lower: u64, upper: u64 });

const self = borrow(DESCRIPTOR);
const method = (params: Record<string, WitType>, ok: WitType | null): WitFunction =>
  func({ self, ...params }, result(ok, errorCode));

export const filesystem: Readonly<Record<string, WitInterface>> = {
  "wasi:filesystem/preopens": {
    types: {},
    uses: { descriptor: DESCRIPTOR },
    functions: { "get-directories": func({}, list(tuple(own(DESCRIPTOR), string))) },
  },
  "wasi:filesystem/types": {
    types: {
      filesize,
      "link-count": linkCount,
      "descriptor-type": descriptorType,
      "descriptor-flags": descriptorFlags,
      "descriptor-stat": descriptorStat,
      "path-flags": pathFlags,
      "open-flags": openFlags,
      "new-timestamp": newTimestamp,
      "directory-entry": directoryEntry,
      "error-code": errorCode,
      advice,
      "metadata-hash-value": metadataHash,
      datetime,
    },
    resources: ["descriptor", "directory-entry-stream"],
    uses: { "input-stream": INPUT_STREAM, "output-stream": OUTPUT_STREAM, error: ERROR },
    functions: {
      "[method]descriptor.read-via-stream": method({ offset: filesize }, own(INPUT_STREAM)),
      "[method]descriptor.write-via-stream": method({ offset: filesize }, own(OUTPUT_STREAM)),
      "[method]descriptor.append-via-stream": method({}, own(OUTPUT_STREAM)),
      "[method]descriptor.advise": method({ offset: filesize, length: filesize, advice }, null),
      "[method]descriptor.sync-data": method({}, null),
      "[method]descriptor.get-flags": method({}, descriptorFlags),
      "[method]descriptor.get-type": method({}, descriptorType),
      "[method]descriptor.set-size": method({ size: filesize }, null),
      "[method]descriptor.set-times": method(
        { "data-access-timestamp": newTimestamp, "data-modification-timestamp": newTimestamp },
        null,
      ),
      "[method]descriptor.read": method({ length: filesize, offset: filesize }, tuple(list(u8), bool)),
      "[method]descriptor.write": method({ buffer: list(u8), offset: filesize }, filesize),
      "[method]descriptor.read-directory": method({}, own(ENTRIES)),
      "[method]descriptor.sync": method({}, null),
      "[method]descriptor.create-directory-at": method({ path: string }, null),
      "[method]descriptor.stat": method({}, descriptorStat),
      "[method]descriptor.stat-at": method({ "path-flags": pathFlags, path: string }, descriptorStat),
      "[method]descriptor.set-times-at": method(
        {
          "path-flags": pathFlags,
          path: string,
          "data-access-timestamp": newTimestamp,
          "data-modification-timestamp": newTimestamp,
        },
        null,
      ),
      "[method]descriptor.link-at": method(
        { "old-path-flags": pathFlags, "old-path": string, "new-descriptor": self, "new-path": string },
        null,
      ),
      "[method]descriptor.open-at": method(
        { "path-flags": pathFlags, path: string, "open-flags": openFlags, flags: descriptorFlags },
        own(DESCRIPTOR),
      ),
      "[method]descriptor.readlink-at": method({ path: string }, string),
      "[method]descriptor.remove-directory-at": method({ path: string }, null),
      "[method]descriptor.rename-at": method({ "old-path": string, "new-descriptor": self, "new-path": string }, null),
      "[method]descriptor.symlink-at": method({ "old-path": string, "new-path": string }, null),
      "[method]descriptor.unlink-file-at": method({ path: string }, null),
      "[method]descriptor.is-same-object": func({ self, other: self }, bool),
      "[method]descriptor.metadata-hash": method({}, metadataHash),
      "[method]descriptor.metadata-hash-at": method({ "path-flags": pathFlags, path: string }, metadataHash),
      "[method]directory-entry-stream.read-directory-entry": func(
        { self: borrow(ENTRIES) },
        result(option(directoryEntry), errorCode),
      ),
      "filesystem-error-code": func({ err: borrow(ERROR) }, option(errorCode)),
    },
  },
};
