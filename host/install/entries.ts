/** Files on their way into a home: names that can only lie inside, each once, and no more than a bundle has. */
import type { Place } from "#core/errors.js";
import { visibleLine } from "#core/visible.js";
import { InstallError } from "./error.js";

export const installLimits = {
  /** All files together. */
  bytes: 64 << 20,
  /** One file: a component may have as much. */
  fileBytes: 16 << 20,
  /** Files and folders. */
  entries: 1024,
  pathBytes: 512,
  depth: 16,
} as const;

const MANIFEST = "manifest.toml";

export class Entries {
  private readonly files = new Map<string, Uint8Array>();
  /** Folded, because a file system may not tell `A` from `a`: what stands there, a file or a folder. */
  private readonly taken = new Map<string, "file" | "folder">();
  private bytes = 0;
  private count = 0;
  private readonly place: Place;

  constructor(file: string) {
    this.place = { file };
  }

  file(path: string, bytes: Uint8Array): void {
    const parts = this.parts(path);
    this.bytes += bytes.length;
    if (bytes.length > installLimits.fileBytes || this.bytes > installLimits.bytes)
      throw this.refusal("INSTALL_TOO_LARGE", `\`${visibleLine(path)}\` makes it larger than a bundle is`);
    for (let depth = 1; depth < parts.length; depth++) this.take(parts.slice(0, depth), "folder");
    this.take(parts, "file");
    this.files.set(parts.join("/"), bytes);
  }

  folder(path: string): void {
    const parts = this.parts(path.replace(/\/+$/, ""), true);
    for (let depth = 1; depth <= parts.length; depth++) this.take(parts.slice(0, depth), "folder");
  }

  /** The files by their paths in the bundle. Throws where there is not exactly one manifest, at the top or in one folder. */
  bundle(): ReadonlyMap<string, Uint8Array> {
    const manifests = [...this.files.keys()].filter((path) => path.split("/").at(-1)?.toLowerCase() === MANIFEST);
    const [manifest] = manifests;
    if (manifest === undefined) throw this.refusal("INSTALL_MALFORMED", `it holds no ${MANIFEST}`);
    if (manifests.length > 1)
      throw this.refusal(
        "INSTALL_UNSAFE",
        `it holds more than one manifest: ${manifests.slice(0, 4).map(visibleLine).join(", ")}`,
      );
    const root = manifest.slice(0, -MANIFEST.length);
    if (!manifest.endsWith(MANIFEST) || root.split("/").length > 2)
      throw this.refusal("INSTALL_MALFORMED", `\`${visibleLine(manifest)}\` stands neither at the top nor in one folder`);
    const stray = [...this.files.keys()].find((path) => !path.startsWith(root));
    if (stray !== undefined)
      throw this.refusal(
        "INSTALL_UNSAFE",
        `\`${visibleLine(stray)}\` lies outside of the bundle's folder \`${visibleLine(root)}\``,
      );
    return new Map([...this.files].map(([path, bytes]) => [path.slice(root.length), bytes]));
  }

  refusal(code: InstallError["code"], message: string): InstallError {
    return new InstallError(code, message, { place: this.place });
  }

  private parts(path: string, isFolder = false): readonly string[] {
    if (++this.count > installLimits.entries)
      throw this.refusal("INSTALL_TOO_LARGE", `it has more than ${installLimits.entries} entries`);
    const shown = `\`${visibleLine(path.slice(0, 120))}\``;
    const parts = path.replace(/^(?:\.\/)+/, "").split("/");
    if (isFolder && (path === "." || path === "" || path === "./")) return [];
    const leadsOut = path.startsWith("/") || /^[A-Za-z]:/.test(path) || parts.includes("..");
    if (leadsOut) throw this.refusal("INSTALL_UNSAFE", `${shown} leads out of the bundle`);
    if (
      /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\\:<>"|?*]/u.test(path) ||
      parts.some((part) => part === "" || part === "." || /[. ]$/.test(part)) ||
      parts.length > installLimits.depth ||
      Buffer.byteLength(path) > installLimits.pathBytes
    )
      throw this.refusal("INSTALL_UNSAFE", `${shown} is no name that a bundle's file can have`);
    return parts;
  }

  private take(parts: readonly string[], kind: "file" | "folder"): void {
    // Upper case first: some file systems take `ß` for `ss`.
    const folded = parts.join("/").normalize("NFKC").toUpperCase().normalize("NFKC");
    const before = this.taken.get(folded);
    if (before === undefined) this.taken.set(folded, kind);
    else if (before === "file" || kind === "file")
      throw this.refusal("INSTALL_UNSAFE", `\`${visibleLine(parts.join("/"))}\` is there twice`);
  }
}
