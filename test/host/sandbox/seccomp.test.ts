/** The filter of system calls, executed here as the kernel executes it: by a machine with one register. */
import { expect, test } from "vitest";
import { deniedCalls, syscallFilter } from "#host/sandbox/isolation/seccomp.js";

const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const EPERM = 0x0005_0001;
const ENOSYS = 0x0005_0026;
const X64 = 0xc000_003e;
const ARM64 = 0xc000_00b7;

function decide(architecture: string, audit: number, call: number, argument = 0): number {
  const filter = syscallFilter(architecture) as Uint8Array;
  const view = new DataView(filter.buffer);
  const data: Readonly<Record<number, number>> = { 0: call, 4: audit, 16: argument };
  let register = 0;
  for (let at = 0; ; at++) {
    const [code, jt, jf, k] = [
      view.getUint16(at * 8, true),
      filter[at * 8 + 2],
      filter[at * 8 + 3],
      view.getUint32(at * 8 + 4, true),
    ];
    if (code === 0x06) return k;
    if (code === 0x20) register = data[k] as number;
    else {
      const holds = code === 0x15 ? register === k : code === 0x35 ? register >= k : (register & k) !== 0;
      if (![0x15, 0x35, 0x45].includes(code)) throw new Error(`instruction ${code}`);
      at += (holds ? jt : jf) as number;
    }
  }
}

test.each([
  ["read", 0, 63],
  ["write", 1, 64],
  ["mmap", 9, 222],
  ["mprotect", 10, 226],
  ["futex", 202, 98],
  ["getrandom", 318, 278],
  ["execve", 59, 221],
])("%s is allowed", (_, x64, arm64) => {
  expect(decide("x64", X64, x64)).toBe(ALLOW);
  expect(decide("arm64", ARM64, arm64)).toBe(ALLOW);
});

test.each([
  ["socket", 41, 198],
  ["socketpair", 53, 199],
  ["connect", 42, 203],
  ["ptrace", 101, 117],
  ["process_vm_writev", 311, 271],
  ["mount", 165, 40],
  ["unshare", 272, 97],
  ["bpf", 321, 280],
  ["perf_event_open", 298, 241],
  ["userfaultfd", 323, 282],
  ["keyctl", 250, 219],
  ["kexec_load", 246, 104],
  ["io_uring_setup", 425, 425],
  ["clock_settime", 227, 112],
  ["sethostname: the last of the list", 170, 161],
  ["setdomainname", 171, 162],
])("%s is refused", (_, x64, arm64) => {
  expect(decide("x64", X64, x64)).toBe(EPERM);
  expect(decide("arm64", ARM64, arm64)).toBe(EPERM);
});

test("clone makes threads, and neither processes nor namespaces", () => {
  const thread = 0x003d_0f00;
  for (const [name, audit, clone] of [
    ["x64", X64, 56],
    ["arm64", ARM64, 220],
  ] as const) {
    expect(decide(name, audit, clone, thread)).toBe(ALLOW);
    expect(decide(name, audit, clone, 0x11)).toBe(EPERM);
    for (const space of [0x80, 0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000])
      expect(decide(name, audit, clone, thread | space)).toBe(EPERM);
    expect(decide(name, audit, 435)).toBe(ENOSYS); // glibc then uses clone
  }
});

test("another table of system calls ends the process", () => {
  expect(decide("x64", 0x4000_0003, 41)).toBe(KILL); // i386
  expect(decide("x64", X64, 0x4000_0000 | 41)).toBe(KILL); // x32
  expect(decide("arm64", 0x4000_0028, 281)).toBe(KILL); // arm
});

test("there is no filter for a processor whose numbers we do not know", () => {
  expect(syscallFilter("riscv64")).toBeNull();
  expect(syscallFilter("constructor")).toBeNull();
});

test("the jumps fit: one byte counts at most 255", () => {
  expect(deniedCalls.length).toBeLessThan(250);
  expect(new Set(deniedCalls).size).toBe(deniedCalls.length);
});
