/** Pictures, still and moving, fetched a few at a time.
 *
 * A browser has few connections to one host (Chromium six), and what plays needs one of them at once.
 * So pictures take three at most, and of one kind two, so that no kind waits for all of another. Those
 * in view come first, and what is not wanted any more is given up. What did not come, for it is not made
 * yet or the studio did not answer, is asked for again, after pauses that grow. */

import { html } from "./html.js";
import { film } from "./store.js";
import { useEffect, useRef } from "./vendor/hooks.js";

/** How many are on their way at once; of one kind. */
const MOST = 3;
const ALIKE = 2;
/** What a picture says when all of it is there. */
const OVER = ["load", "suspend", "canplaythrough"];
/** Milliseconds before what did not come is asked for again, at first and at most. */
const [PAUSE, LONGEST] = [400, 30000];

/** `hand`: of what is being worked on, which waits for no other kind and need not be in view.
 * @typedef {"hand" | "offers" | "moving" | "shots" | "versions"} Kind */
/** @typedef {HTMLImageElement | HTMLVideoElement} Shown */
/** @typedef {{element: Shown, address: string, kind: Kind, looked: boolean, seen: boolean, tries: number, rests: boolean, stop?: AbortController}} Wanted */

/** What is wanted and not there yet, in the order in which it was asked for. @type {Map<Shown, Wanted>} */
const wanted = new Map();
const eyes = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const one = wanted.get(/** @type {Shown} */ (entry.target));
    if (one) Object.assign(one, { looked: true, seen: entry.isIntersecting });
  }
  go();
});

/** Begin with those whose turn it is. */
function go() {
  const under_way = [...wanted.values()].filter((one) => one.stop);
  const alike = (/** @type {Kind} */ kind) => under_way.filter((one) => one.kind === kind).length;
  for (let left = MOST - under_way.length; left > 0; left -= 1) {
    /** @type {Wanted | undefined} */
    let best;
    for (const one of wanted.values()) {
      if (one.stop || one.rests || !(one.looked || one.kind === "hand") || (one.kind !== "hand" && alike(one.kind) >= ALIKE)) continue;
      if (!best || rank(one) < rank(best)) best = one;
    }
    if (!best) return;
    begin(best);
    under_way.push(best);
  }
}

/** @param {Wanted} one */
const rank = (one) => (one.kind === "hand" ? 0 : one.seen ? 1 : 2);

/** @param {Wanted} one */
function begin(one) {
  const { element, address } = one;
  one.stop = new AbortController();
  const over = () => {
    leave(element);
    go();
  };
  for (const name of OVER) element.addEventListener(name, over, { signal: one.stop.signal });
  element.addEventListener("error", () => {
    rest(one);
    go();
  }, { signal: one.stop.signal });
  element.src = address;
}

/** Leave what did not come for a while. @param {Wanted} one */
function rest(one) {
  one.stop?.abort();
  one.stop = undefined;
  one.rests = true;
  setTimeout(() => {
    one.rests = false;
    go();
  }, Math.min(LONGEST, PAUSE * 2 ** one.tries));
  one.tries += 1;
}

/** @param {Shown} element */
function leave(element) {
  const one = wanted.get(element);
  eyes.unobserve(element);
  wanted.delete(element);
  one?.stop?.abort();
  return one;
}

/** Have an element show what lies at an address once it is its turn; what it showed before stays so
 * long. @param {Shown} element @param {string} address @param {Kind} kind */
function want(element, address, kind) {
  leave(element);
  wanted.set(element, { element, address, kind, looked: false, seen: false, tries: 0, rests: false });
  eyes.observe(element);
  if (kind === "hand") go();
}

/** Have nothing fetched for an element any more. @param {Shown} element */
function giveUp(element) {
  if (leave(element)?.stop) element.removeAttribute("src");
  go();
}

/** A picture that comes in its turn. What becomes of one that it was to show before is not told. Where
 * `news` changes, there is reason to ask at once. @param {any} about */
export function Picture({ src, kind, news, onLoad, onError, ...rest }) {
  const element = useRef(/** @type {HTMLImageElement | null} */ (null));
  useEffect(() => {
    const image = /** @type {HTMLImageElement} */ (element.current);
    return () => giveUp(image);
  }, []);
  useEffect(() => want(/** @type {HTMLImageElement} */ (element.current), src, kind), [src, news]);
  const told = (/** @type {((event: Event) => void) | undefined} */ call) => (/** @type {any} */ event) => event.target.getAttribute("src") === src && call?.(event);
  return html`<img ref=${element} alt="" decoding="async" draggable="false" onLoad=${told(onLoad)} onError=${told(onError)} ...${rest} />`;
}

/** A suggestion as it would be shown, once it is its turn; it plays while it is in view.
 * @param {{src: string, kind: Kind}} about */
export function Moving({ src, kind }) {
  const element = useRef(/** @type {HTMLVideoElement | null} */ (null));
  useEffect(() => {
    const video = /** @type {HTMLVideoElement} */ (element.current);
    video.muted = true;
    const watched = new IntersectionObserver(([entry]) => {
      if (entry.isIntersecting) video.play().catch(() => {});
      else video.pause();
    });
    watched.observe(video);
    want(video, src, kind);
    return () => {
      giveUp(video);
      watched.disconnect();
      video.removeAttribute("src");
      video.load();
    };
  }, [src]);
  return html`<video ref=${element} muted loop playsinline autoplay tabindex="-1" aria-hidden="true"></video>`;
}

/** Where a picture lies behind a frame of the film's shape, as the clip is cropped. @param {any} clip */
export function placed(clip) {
  if (!clip.crop || !film.value) return "";
  const shape = film.value.picture.recut[2] / film.value.picture.recut[3];
  const parts = [Math.min(1, shape / clip.shape), Math.min(1, clip.shape / shape)];
  const [x, y] = parts.map((part, n) => {
    const at = Math.max(part / 2, Math.min(1 - part / 2, clip.crop[n]));
    return part < 1 ? Math.round((100 * (at - part / 2)) / (1 - part)) : 50;
  });
  return `${x}% ${y}%`;
}
