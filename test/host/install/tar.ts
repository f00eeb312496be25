/** Makes tar archives, good and evil. */
export interface Member {
  readonly name: string;
  readonly type?: string;
  readonly body?: string | Uint8Array;
  readonly link?: string;
  readonly prefix?: string;
  readonly magic?: string;
  /** In the header, where it is not the body's. */
  readonly size?: string;
  readonly checksum?: number;
}

export function header({
  name,
  type = "0",
  body = "",
  link = "",
  prefix = "",
  magic = "ustar\0",
  size,
  checksum,
}: Member): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0, 100, "utf8");
  block.write("0000644\0", 100);
  block.write("0000000\0", 108);
  block.write("0000000\0", 116);
  block.write(size ?? `${Buffer.byteLength(body).toString(8).padStart(11, "0")}\0`, 124);
  block.write("00000000000\0", 136);
  block.write("        ", 148);
  block.write(type, 156);
  block.write(link, 157);
  block.write(magic, 257, "latin1");
  block.write("00", 263);
  block.write(prefix, 345, 155, "utf8");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${(checksum ?? sum).toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

export function tar(members: readonly Member[], end: Uint8Array = Buffer.alloc(1024)): Buffer {
  const parts = members.flatMap((member) => {
    const body = Buffer.from(member.body ?? "");
    return [header(member), body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...parts, end]);
}

export const pax = (...records: (readonly [string, string])[]): Member => ({
  name: "pax",
  type: "x",
  body: records
    .map(([key, value]) => {
      const rest = ` ${key}=${value}\n`;
      let length = Buffer.byteLength(rest) + 1;
      while (String(length).length + Buffer.byteLength(rest) !== length) length = String(length).length + Buffer.byteLength(rest);
      return `${length}${rest}`;
    })
    .join(""),
});
