/** The child's end of the pipe: file descriptor 3. When the control process is gone, so is the child. */
import { Socket } from "node:net";
import { FrameReader, FrameWriter, type FrameSink } from "../frame.js";
import { leave } from "./leave.js";
import { Watch } from "./watch.js";

export interface ChildPipe {
  send(message: unknown): void;
  sendBytes(transfer: number, bytes: Uint8Array): void;
  /** Resolves when everything that was sent has left this process. */
  flushed(): Promise<void>;
}

const PIPE = 3;
/** What is read at a time: most messages whole, and with the modules of a small component. */
const READ_BYTES = 256 << 10;

/** `waiting`: whether this process has nothing to do until something comes, which will be soon. */
export function openPipe(
  messageBytes: number,
  sink: (pipe: ChildPipe) => FrameSink,
  waiting: () => boolean = () => false,
): ChildPipe {
  // One buffer for all that is read: a fresh one each time is memory that the system has to find for every message.
  const onread = { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback: read };
  const socket = new Socket({ fd: PIPE, readable: true, writable: true, onread });
  const writer = new FrameWriter(socket, () => {
    if (waiting()) watch.look();
  });
  const pipe: ChildPipe = {
    send: (message) => writer.message(JSON.stringify(message)),
    sendBytes: (transfer, bytes) => writer.bytes(transfer, bytes),
    flushed: () => new Promise((resolve) => socket.write(Buffer.alloc(0), () => resolve())),
  };
  const reader = new FrameReader(
    { messageBytes, chunks: true, bytesPerSecond: Infinity, framesPerSecond: Infinity, now: () => 0 },
    sink(pipe),
  );
  const watch = new Watch(PIPE, (bytes) => reader.push(bytes));
  function read(length: number, buffer: Uint8Array): boolean {
    reader.push(buffer.subarray(0, length) as Buffer);
    return true;
  }
  socket.on("error", leave);
  socket.on("close", leave);
  socket.on("end", leave);
  return pipe;
}
