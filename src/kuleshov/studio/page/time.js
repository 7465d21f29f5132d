/** Times and numbers as people read them. */

/** Seconds as `0:12.3`. @param {number} seconds @param {number} [digits] */
export function clock(seconds, digits = 1) {
  const sign = seconds < 0 ? "−" : "";
  const unit = 10 ** digits;
  const all = Math.round(Math.abs(seconds) * unit) / unit;
  const minutes = Math.floor(all / 60);
  const rest = (all - minutes * 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  const hours = Math.floor(minutes / 60);
  if (!hours) return `${sign}${minutes}:${rest}`;
  return `${sign}${hours}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** A frame as timecode that counts all frames, `0:00:12:07`. @param {number} frame @param {number} rate */
export function timecode(frame, rate) {
  const base = Math.max(1, Math.round(rate));
  const seconds = Math.floor(frame / base);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}:${two(frame % base)}`;
}

/** How long something still takes, roughly. @param {number} seconds */
export function roughly(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** A number with its sign. @param {number} n */
export function signed(n) {
  return n > 0 ? `+${n}` : n < 0 ? `−${-n}` : "0";
}

/** When something was, as `28 Nov, 14:02`. @param {number | string | undefined} when seconds since 1970, or ISO 8601 */
export function day(when) {
  const time = typeof when === "number" ? 1000 * when : Date.parse(when ?? "");
  if (Number.isNaN(time)) return String(when ?? "");
  return new Date(time).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

/** @param {number} bytes */
export function megabytes(bytes) {
  const mb = bytes / 1e6;
  if (bytes < 1e5) return `${Math.ceil(bytes / 1000)} kB`;
  return mb >= 1000 ? `${(mb / 1000).toFixed(1)} GB` : `${mb.toFixed(mb < 10 ? 1 : 0)} MB`;
}

/** A film's name without its ending. @param {string} name */
export function stem(name) {
  return name.replace(/\.[A-Za-z0-9]{2,4}$/, "");
}
