/** The shots along the bottom, to scale: source above, recut below, and the source's sound. */

import { get } from "./api.js";
import { Button, html, Icon } from "./html.js";
import { cameByPointer } from "./keys.js";
import { Picture } from "./pictures.js";
import { exampleFrom, film, frame, go, isMade, isUndecided, left, picking, playedBy, playing, rate, shots, slot, stateOf, toggleUndecided, undecided, under, waved, zoom } from "./store.js";
import { t } from "./text.js";
import { clock, stem } from "./time.js";
import { useEffect, useLayoutEffect, useRef, useState } from "./vendor/hooks.js";

const STILL = 78; // pixels that one still is wide, about
const MOST = 64;

export function Strip() {
  const scroller = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [view, look] = useState({ width: 0, left: 0 });
  const about = film.value;
  const frames = about?.frames ?? 1;
  const scale = Math.max(0.01, (view.width / frames) * zoom.value);

  useLayoutEffect(() => {
    const box = /** @type {HTMLDivElement} */ (scroller.current);
    const measured = () => look({ width: box.clientWidth, left: box.scrollLeft });
    const watched = new ResizeObserver(measured);
    watched.observe(box);
    box.addEventListener("scroll", measured, { passive: true });
    return () => watched.disconnect();
  }, []);

  // Two fingers zoom around their middle: what lies between them stays there.
  const pinched = useRef(/** @type {{apart: number, zoom: number, frame: number, x: number} | null} */ (null));
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box && pinched.current) box.scrollLeft = pinched.current.frame * scale - pinched.current.x;
  }, [scale]);
  const pinching = (/** @type {TouchEvent} */ event) => {
    const box = /** @type {HTMLElement} */ (scroller.current);
    const [one, other] = event.touches;
    if (!other) {
      pinched.current = null;
      return;
    }
    if (event.cancelable) event.preventDefault();
    const apart = Math.max(1, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY));
    const x = (one.clientX + other.clientX) / 2 - box.getBoundingClientRect().left;
    pinched.current ??= { apart, zoom: zoom.value, frame: (box.scrollLeft + x) / scale, x };
    pinched.current.x = x;
    zoom.value = Math.max(1, Math.min(MOST, (pinched.current.zoom * apart) / pinched.current.apart));
  };

  // What is looked at stays in sight; what is dragged along stays below the finger.
  const scrubs = useRef(false);
  const one = shots.value.find((/** @type {any} */ s) => s.slot === slot.value);
  useEffect(() => {
    const box = scroller.current;
    if (!box || !one || zoom.value === 1 || pinched.current || scrubs.current) return;
    const [begin, end] = [one.first * scale, one.end * scale];
    if (begin < box.scrollLeft + 24 || end > box.scrollLeft + box.clientWidth - 24) {
      box.scrollTo({ left: Math.max(0, (begin + end - box.clientWidth) / 2), behavior: "instant" });
    }
  }, [slot.value, zoom.value, view.width]);

  const seeking = (/** @type {PointerEvent} */ event) => {
    const box = /** @type {HTMLElement} */ (event.currentTarget);
    if (event.type === "pointerdown") box.setPointerCapture(event.pointerId);
    scrubs.current = box.hasPointerCapture(event.pointerId) && event.type !== "pointerup" && event.type !== "pointercancel";
    if (!scrubs.current || pinched.current) return;
    const at = Math.floor((event.clientX - box.getBoundingClientRect().left) / scale);
    const kept = Math.max(0, Math.min(frames - 1, at));
    playedBy()?.seek(kept);
  };
  const wheel = (/** @type {WheelEvent} */ event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? 1.25 : 0.8);
  };
  const set = (/** @type {HTMLElement | null} */ inner) => {
    if (inner) inner.style.width = `${Math.max(view.width, frames * scale)}px`;
  };
  const seen = [view.left - 200, view.left + view.width + 200];
  return html`<section class="strip" aria-label=${t("shots.name")}>
    <div class="strip-head">
      <p>${counted()}
        <${Legend} /></p>
      <div class="row">
        <${Button} pressed=${undecided.value} title=${t("shots.undecided.title")} keys="U" onClick=${toggleUndecided}>${left.value ? t("shots.undecided.n", { n: left.value }) : t("shots.undecided")}<//>
        <label class="slide"><span>${t("shots.zoom")}</span><input type="range" min="0" max="1" step="0.01" value=${Math.log(zoom.value) / Math.log(MOST)}
          onInput=${(/** @type {any} */ e) => (zoom.value = MOST ** Number(e.target.value))} /></label>
      </div>
    </div>
    <div class="strip-scroll" ref=${scroller} onWheel=${wheel} onTouchStart=${pinching} onTouchMove=${pinching} onTouchEnd=${pinching} onTouchCancel=${pinching}>
      <div class="strip-inner" ref=${set}>
        <${Ruler} frames=${frames} scale=${scale} seen=${seen} seeking=${seeking} />
        <div class="shots" role="listbox" aria-label=${t("shots.name")} aria-orientation="horizontal">
          ${shots.value.map((/** @type {any} */ s) => html`<${Shot} key=${s.slot} shot=${s} scale=${scale} near=${s.end * scale > seen[0] && s.first * scale < seen[1]} />`)}
        </div>
        <${Wave} film=${about} scale=${scale} view=${view} seeking=${seeking} />
        <${Playhead} scale=${scale} />
      </div>
    </div>
  </section>`;
}

/** How many shots there are, and of how many there is nothing to decide. */
function counted() {
  const numbers = (/** @type {any[]} */ some) => new Set(some.map((one) => one.number).filter(Boolean)).size;
  const fixed = numbers(shots.value.filter((/** @type {any} */ one) => one.fixed));
  return t(fixed ? "shots.count.fixed" : "shots.count", { n: numbers(shots.value), fixed });
}

/** Where the film stands. @param {{scale: number}} about */
function Playhead({ scale }) {
  const at = frame.value;
  const set = (/** @type {HTMLElement | null} */ line) => {
    if (line) line.style.transform = `translateX(${(at + 0.5) * scale}px)`;
  };
  return html`<div class="playhead" ref=${set} aria-hidden="true"></div>`;
}

/** @param {number} by */
export function zoomBy(by) {
  zoom.value = Math.max(1, Math.min(MOST, zoom.value * by));
}

function Legend() {
  return html`<span class="legend" aria-hidden="true">${["proposed", "chosen", "locked", "missing"].map((name) => html`<i key=${name} class=${`dot ${name}`}></i><span>${t(`state.${name}`)}</span>`)}</span>`;
}

/** @param {any} about */
function Shot({ shot, scale, near }) {
  const here = slot.value === shot.slot;
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const width = Math.max(1, (shot.end - shot.first) * scale);
  useLayoutEffect(() => {
    const box = element.current;
    if (box) Object.assign(box.style, { left: `${shot.first * scale}px`, width: `${width}px` });
  }, [shot.first, shot.end, scale]);
  // Whoever goes through the shots by keys keeps the focus in them.
  useEffect(() => {
    if (here && document.activeElement?.closest(".shots")) element.current?.focus({ preventScroll: true });
  }, [here]);
  const clip = shot.clip;
  const name = shot.fixed ? t(shot.title ? "shots.title" : "shots.black", { slot: shot.slot }) : t("shots.one", { slot: shot.slot, state: stateOf(shot) });
  const whole = clip ? `${name}, ${t("shots.clip", { footage: stem(clip.footage), time: clock(clip.start_s) })}` : name;
  const dim = undecided.value && !isUndecided(shot);
  return html`<div ref=${element} class=${`shot ${shot.missing?.length ? "missing" : shot.state} ${here ? "here" : ""} ${dim ? "dim" : ""} ${width < 24 ? "thin" : ""} ${picking.value[shot.slot] === undefined ? "" : "awaited"}`} role="option" tabindex=${here ? 0 : -1}
    aria-selected=${here} aria-label=${whole} title=${whole} data-slot=${shot.slot} onClick=${() => go(shot.slot)}
    onDragOver=${(/** @type {DragEvent} */ e) => e.preventDefault()} onDrop=${(/** @type {DragEvent} */ e) => exampleFrom(e, shot.slot)}>
    ${["source", "recut"].map((of) => html`<div key=${of} class=${`film ${of}`}>${near && html`<${Stills} of=${of} shot=${shot} width=${width} />`}</div>`)}
    <span class="bar" aria-hidden="true"></span>
    ${width > 5 + 7 * shot.slot.length && html`<span class="number" aria-hidden="true">${shot.fixed && !shot.title ? "" : shot.slot}</span>`}
    ${shot.locked && width > 14 && html`<span class="locked" aria-hidden="true"><${Icon} name="lock" /></span>`}
  </div>`;
}

/** As many stills as have room, spread over what is shown: pictures of what plays, which cost no
 * look at the footage. What is not made yet comes when it is. @param {any} about */
function Stills({ of, shot, width }) {
  const count = Math.max(1, Math.min(8, Math.round(width / STILL)));
  if (!film.value?.picture[of]) return null;
  return Array.from({ length: count }, (_, n) => {
    const at = Math.min(shot.end - 1, shot.first + Math.floor(((shot.end - shot.first) * (n + 0.5)) / count));
    const part = under(shot.segments ?? [], at);
    return part && html`<${Still} key=${n} part=${part.key} of=${of} number=${at - part.first} />`;
  });
}

/** One still. Where what it shows changes, the one of before stays, dimmed, until the new one is made.
 * One that the studio has thrown away is made again for whoever asks, and asked for until it is there.
 * @param {any} about */
function Still({ part, of, number }) {
  const last = useRef("");
  const made = isMade(part).value;
  const address = `/media/segment/${part}/${of}/${number}.jpg?width=160`;
  if (made) last.current = address;
  if (!last.current) return null;
  return html`<${Picture} class=${last.current === address ? "" : "old"} kind="shots" src=${last.current} news=${made} />`;
}

/** @param {any} about */
function Ruler({ frames, scale, seen, seeking }) {
  const second = rate.value * scale;
  const every = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((s) => s * second > 64) ?? 1200;
  const last = frames / rate.value;
  const marks = [];
  for (let s = Math.max(0, Math.floor(seen[0] / second / every) * every); s < last && s * second < seen[1]; s += every) marks.push(s);
  return html`<div class="ruler" onPointerDown=${seeking} onPointerMove=${seeking} onPointerUp=${seeking} onPointerCancel=${seeking}>
    ${marks.map((s) => html`<span key=${s} ref=${(/** @type {HTMLElement | null} */ mark) => { if (mark) mark.style.left = `${s * second}px`; }}>${clock(s, 0)}</span>`)}
  </div>`;
}

/** The source's sound, with the cuts in it. @param {any} about */
function Wave({ film: about, scale, view, seeking }) {
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [levels, hear] = useState(/** @type {number[]} */ ([]));
  useEffect(() => {
    hear([]);
    if (!about?.sound) return undefined;
    const stop = new AbortController();
    get(`/media/wave/${about.sound}.json`, {}, stop.signal).then((answer) => hear(answer?.wave ?? []), () => {});
    return () => stop.abort();
  }, [about?.sound, waved.value]);
  useLayoutEffect(() => {
    const area = canvas.current;
    if (!area || !about || !view.width) return;
    const [w, h, dots] = [view.width, 30, devicePixelRatio || 1];
    area.width = w * dots;
    area.height = h * dots;
    area.style.transform = `translateX(${view.left}px)`;
    const pen = /** @type {CanvasRenderingContext2D} */ (area.getContext("2d"));
    pen.scale(dots, dots);
    const style = getComputedStyle(area);
    const total = about.frames * scale;
    const most = Math.max(0.05, ...levels);
    pen.fillStyle = style.getPropertyValue("--wave");
    for (let x = 0; x < w && levels.length; x += 2) {
      const a = Math.floor(((x + view.left) / total) * levels.length);
      const b = Math.max(a + 1, Math.floor(((x + 2 + view.left) / total) * levels.length));
      if (a >= levels.length) break;
      const level = Math.max(...levels.slice(a, b)) / most;
      const high = Math.max(1, level * (h - 4));
      pen.fillRect(x, (h - high) / 2, 1, high);
    }
    pen.fillStyle = style.getPropertyValue("--cut");
    for (const one of shots.value) {
      const x = one.first * scale - view.left;
      if (one.first && x >= 0 && x < w) pen.fillRect(Math.round(x), 0, 1, h);
    }
  }, [levels, scale, view, shots.value, about]);
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    if (cameByPointer(event.currentTarget)) return;
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: 25, PageDown: -25 }[event.key];
    if (!by || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (playing.value) playedBy()?.pause();
    playedBy()?.seek(frame.value + by);
  };
  return html`<div class="wave" role="slider" tabindex="0" aria-label=${t("shots.scrub")} aria-valuemin="0" aria-valuemax=${(about?.frames ?? 1) - 1} aria-valuenow=${frame.value}
    aria-valuetext=${t("stage.frame", { n: frame.value })} onPointerDown=${seeking} onPointerMove=${seeking} onPointerUp=${seeking} onPointerCancel=${seeking} onKeyDown=${keyed}><canvas ref=${canvas}></canvas></div>`;
}
