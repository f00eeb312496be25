/**
 * The filter of system calls that bubblewrap lays around a sandbox process, as the kernel's classic BPF. It refuses what such a
 * process never needs and what has opened kernels before: new sockets, new processes and namespaces, mounts, tracing, keys, bpf,
 * io_uring. What is refused fails with EPERM, so that Node meets an error and not its end.
 */

/** Numbers of a system call on x86-64 and on arm64 (which shares the kernel's generic table); null where there is none. */
type Numbers = readonly [x64: number | null, arm64: number | null];

const DENIED: Readonly<Record<string, Numbers>> = {
  socket: [41, 198],
  socketpair: [53, 199],
  connect: [42, 203],
  bind: [49, 200],
  listen: [50, 201],
  accept: [43, 202],
  accept4: [288, 242],
  ptrace: [101, 117],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  kcmp: [312, 272],
  process_madvise: [440, 440],
  process_mrelease: [448, 448],
  pidfd_send_signal: [424, 424],
  pidfd_open: [434, 434],
  pidfd_getfd: [438, 438],
  fork: [57, null],
  vfork: [58, null],
  execveat: [322, 281],
  unshare: [272, 97],
  setns: [308, 268],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  open_tree: [428, 428],
  move_mount: [429, 429],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  mount_setattr: [442, 442],
  name_to_handle_at: [303, 264],
  open_by_handle_at: [304, 265],
  mknod: [133, null],
  mknodat: [259, 33],
  fanotify_init: [300, 262],
  fanotify_mark: [301, 263],
  inotify_init: [253, null],
  inotify_init1: [294, 26],
  quotactl: [179, 60],
  quotactl_fd: [443, 443],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  seccomp: [317, 277],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  io_setup: [206, 0],
  io_submit: [209, 2],
  memfd_secret: [447, 447],
  vmsplice: [278, 75],
  tee: [276, 77],
  kexec_load: [246, 104],
  kexec_file_load: [320, 294],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  iopl: [172, null],
  ioperm: [173, null],
  modify_ldt: [154, null],
  personality: [135, 92],
  mbind: [237, 235],
  set_mempolicy: [238, 237],
  migrate_pages: [256, 238],
  move_pages: [279, 239],
  mq_open: [240, 180],
  msgget: [68, 186],
  semget: [64, 190],
  shmget: [29, 194],
  shmat: [30, 196],
  swapon: [167, 224],
  swapoff: [168, 225],
  reboot: [169, 142],
  acct: [163, 89],
  syslog: [103, 116],
  settimeofday: [164, 170],
  clock_settime: [227, 112],
  adjtimex: [159, 171],
  clock_adjtime: [305, 266],
  sethostname: [170, 161],
  setdomainname: [171, 162],
};

const CLONE: Numbers = [56, 220];
const CLONE3 = 435;
const CLONE_THREAD = 0x0001_0000;
/** New mount, cgroup, uts, ipc, user, pid, net and time namespaces. */
const CLONE_NAMESPACES = 0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000 | 0x80;

/** `AUDIT_ARCH_*` of the kernel. */
const ARCHITECTURES = {
  x64: { audit: 0xc000_003e, column: 0 },
  arm64: { audit: 0xc000_00b7, column: 1 },
} as const;
/** Calls of the x32 table begin here: the same calls by other numbers. */
const X32 = 0x4000_0000;

const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const errno = (code: number): number => 0x0005_0000 | code;
const EPERM = errno(1);
const ENOSYS = errno(38);

/** Offsets in `struct seccomp_data`; of an argument the lower half, on little-endian machines. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const FIRST_ARGUMENT = 16;

const LOAD = 0x20;
const RETURN = 0x06;
const IF_EQUAL = 0x15;
const IF_AT_LEAST = 0x35;
const IF_ANY_BIT = 0x45;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/** The filter for this machine's processor; null where we have none. */
export function syscallFilter(architecture: string = process.arch): Uint8Array | null {
  if (!Object.hasOwn(ARCHITECTURES, architecture)) return null;
  const { audit, column } = ARCHITECTURES[architecture as keyof typeof ARCHITECTURES];
  const numbers = Object.values(DENIED).flatMap((both) => both[column] ?? []);
  const returns = (value: number): Instruction => [RETURN, 0, 0, value];
  const program: readonly Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE],
    [IF_EQUAL, 1, 0, audit],
    returns(KILL),
    [LOAD, 0, 0, NUMBER],
    ...(architecture === "x64" ? [[IF_AT_LEAST, 0, 1, X32] as const, returns(KILL)] : []),
    // glibc falls back to `clone`, whose flags can be looked at: those of `clone3` are behind a pointer.
    [IF_EQUAL, 0, 1, CLONE3],
    returns(ENOSYS),
    [IF_EQUAL, 0, 5, CLONE[column] as number],
    [LOAD, 0, 0, FIRST_ARGUMENT],
    [IF_ANY_BIT, 1, 0, CLONE_NAMESPACES],
    [IF_ANY_BIT, 1, 0, CLONE_THREAD],
    returns(EPERM),
    returns(ALLOW),
    // The jump to the refusal is counted from the next instruction.
    ...numbers.map((number, index): Instruction => [IF_EQUAL, numbers.length - index, 0, number]),
    returns(ALLOW),
    returns(EPERM),
  ];
  const bytes = new DataView(new ArrayBuffer(program.length * 8));
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    bytes.setUint16(index * 8, code, true);
    bytes.setUint8(index * 8 + 2, ifTrue);
    bytes.setUint8(index * 8 + 3, ifFalse);
    bytes.setUint32(index * 8 + 4, value, true);
  }
  return new Uint8Array(bytes.buffer);
}

/** Names of what the filter refuses outright. */
export const deniedCalls: readonly string[] = Object.keys(DENIED);
