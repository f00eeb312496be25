/** Numbers as people read them. */

/** `12 ms`, `1.4 s`, `2 min 05 s`, `3 h 07 min`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** `812 B`, `4.2 KiB`, `12 MiB`. */
export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = count;
  let unit = 0;
  for (; value >= 1023.5 && unit < units.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `1`, `12`, `4.2k`, `1.3M`, `2.0G`: for counts where the order of magnitude matters. */
export function count(value: number): string {
  for (const [size, unit] of [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const)
    if (value >= size) return `${(value / size).toFixed(1)}${unit}`;
  return String(Math.round(value));
}

/** `2026-11-20 13:37:05`, in the machine's own time zone. */
export function moment(tsMs: number): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const t = new Date(tsMs);
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${clockTime(tsMs).slice(0, 8)}`;
}

/** `13:37:05.042`, in the machine's own time zone. */
export function clockTime(tsMs: number): string {
  const t = new Date(tsMs);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}.${String(t.getMilliseconds()).padStart(3, "0")}`;
}
