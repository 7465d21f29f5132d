/** The player's picture, its layouts and what it is driven by. */

import { Button, html } from "./html.js";
import { cameByPointer } from "./keys.js";
import { Picture } from "./pictures.js";
import { Player } from "./player.js";
import {
  actHere, bePlayedBy, cropping, film, frame, full, lay, layout, looping, loopShot, LAYOUTS, mixture, muted, playedBy, playing, toggleFull,
  rate, remember, shot, shots, state, step, under, unplayable, waiting, wipe,
} from "./store.js";
import { t } from "./text.js";
import { clock, timecode } from "./time.js";
import { useEffect, useLayoutEffect, useRef, useState } from "./vendor/hooks.js";
import { signal } from "./vendor/signals.js";

export function Stage() {
  const frameOf = useRef(/** @type {HTMLDivElement | null} */ (null));
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const canvas = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  const [size, resize] = useState([0, 0]);
  const about = film.value;
  const way = layout.value;

  useEffect(() => {
    const element = /** @type {HTMLVideoElement} */ (video.current);
    const player = new Player(element, {
      frame: (n) => {
        frame.value = n;
        element.dataset.frame = String(n);
      },
      playing: (on) => (playing.value = on),
      laid: () => (laid.value += 1),
      waiting: (on) => (waiting.value = on),
      failed: (codec) => (unplayable.value = codec),
    });
    bePlayedBy(player);
    const watched = new ResizeObserver(([entry]) => resize([entry.contentRect.width, entry.contentRect.height]));
    watched.observe(/** @type {Element} */ (frameOf.current));
    return () => {
      watched.disconnect();
      player.close();
    };
  }, []);

  const wide = way === "beside" ? 2 : 1;
  const [w, h] = about ? [about.picture.recut[2], about.picture.recut[3]] : [16, 9];
  const [boxW, boxH] = fitted(size[0], size[1], wide * w, h);

  // The one video is cropped by moving it under a window; source and recut lie side by side in it.
  useLayoutEffect(() => {
    const element = video.current;
    if (!element || !about) return;
    const [x, y] = way === "beside" ? [0, 0] : about.picture.recut;
    const scale = boxW / (wide * w);
    const whole = [about.video_width ?? about.picture.source[2] + w, about.video_height ?? h];
    element.style.width = `${whole[0] * scale}px`;
    element.style.height = `${whole[1] * scale}px`;
    element.style.transform = `translate(${-x * scale}px, ${-y * scale}px)`;
  }, [about, way, boxW, boxH]);

  // For wipe and over the source is drawn above the recut, out of the same picture.
  useLayoutEffect(() => {
    const player = playedBy();
    const [above, element] = [canvas.current, video.current];
    if (!player || !about || !element) return undefined;
    if (!above || way === "beside" || way === "alone") {
      player.painted = undefined;
      return undefined;
    }
    const [x, y, sw, sh] = about.picture.source;
    above.width = sw;
    above.height = sh;
    const pen = /** @type {CanvasRenderingContext2D} */ (above.getContext("2d"));
    const paint = () => element.readyState >= 2 && pen.drawImage(element, x, y, sw, sh, 0, 0, sw, sh);
    paint();
    player.painted = paint;
    element.addEventListener("seeked", paint);
    return () => {
      player.painted = undefined;
      element.removeEventListener("seeked", paint);
    };
  }, [about, way, boxW > 0]);

  useLayoutEffect(() => {
    const above = canvas.current;
    if (!above) return;
    above.style.clipPath = way === "wipe" ? `inset(0 ${100 * (1 - wipe.value)}% 0 0)` : "none";
    above.style.opacity = way === "over" ? String(mixture.value) : "1";
  }, [way, wipe.value, mixture.value]);

  useEffect(() => {
    if (video.current) video.current.muted = muted.value;
  }, [muted.value]);

  const one = shot.value;
  const made = !one?.segment || one.segment.ready || one.segments?.every((/** @type {any} */ s) => s.ready);
  const set = (/** @type {HTMLElement | null} */ box) => {
    if (box) Object.assign(box.style, { width: `${boxW}px`, height: `${boxH}px` });
  };
  return html`<section class="stage" aria-label=${t("stage.name")}>
    <div class="stage-frame" ref=${frameOf}>
      <div class=${`picture ${way}`} ref=${set} onClick=${pressed}>
        <video ref=${video} playsinline preload="auto" tabindex="-1" aria-label=${t("stage.name")}></video>
        <${Coming} half=${way === "beside"} />
        ${(way === "wipe" || way === "over") && html`<canvas ref=${canvas} aria-hidden="true"></canvas>`}
        ${way === "beside" && html`<span class="rule" aria-hidden="true"></span>`}
        ${way !== "alone" && way !== "over" && html`<span class="tag left" aria-hidden="true">${t("stage.source")}</span>`}
        ${way !== "over" && html`<span class="tag right" aria-hidden="true">${t("stage.recut")}</span>`}
        ${way === "wipe" && html`<${Border} />`}
        ${way === "over" && html`<div class="mixture"><input type="range" min="0" max="1" step="0.05" value=${mixture.value} aria-label=${t("stage.mixture")}
          onInput=${(/** @type {any} */ e) => (mixture.value = Number(e.target.value))} /></div>`}
        ${cropping.value && one?.clip && html`<${Crop} shot=${one} shape=${w / h} half=${way === "beside"} />`}
        ${(waiting.value && !made) && html`<p class="making" role="status">${t("stage.making")}</p>`}
        ${unplayable.value && html`<p class="making" role="alert">${t("stage.unplayable", { codec: unplayable.value })}</p>`}
      </div>
    </div>
    <${Transport} />
  </section>`;
}

/** A picture that is pressed plays, or pauses; what lies on it is its own. @param {Event} event */
function pressed(event) {
  if (/** @type {Element} */ (event.target).closest("video, canvas, .coming, .tag, .rule")) toggle();
}

/** How often the player got something to show. */
const laid = signal(0);
/** Over the recut while what is there is not what it is now: a sign and, where it stands still, what is
 * to come. Where that is there within a moment nothing of it is seen. @param {{half: boolean}} about */
function Coming({ half }) {
  void laid.value;
  const [at, now] = [frame.value, state.value];
  const part = now?.ready ? playedBy()?.lacking(at) : undefined;
  if (!part) return null;
  const one = under(now.shots, at);
  const clip = playing.value ? null : one?.clip;
  return html`<div class=${`coming ${half ? "half" : ""}`} aria-hidden="true">
    ${clip && html`<${Picture} key=${clip.offer} kind="hand" class=${clip.mirrored && !offered(clip) ? "mirrored" : ""} src=${picture(one.slot, clip)} />`}
    <span data-text=${t("stage.coming")}></span></div>`;
}

/** Whether a clip still is as it was offered. @param {any} clip */
const offered = (clip) => !clip.slip && clip.mirrored === /-m$/.test(clip.offer);

/** The first picture of a clip; as it was offered it was among the suggestions, and is there at once.
 * @param {string} slot @param {any} clip */
function picture(slot, clip) {
  if (offered(clip)) return `/media/offer/${encodeURIComponent(slot)}/${encodeURIComponent(clip.offer)}.jpg`;
  return `/media/still/${clip.id}/${Math.max(0, Math.round(1000 * clip.start_s))}.jpg?width=480`;
}

/** The largest box of a shape within another. @param {number} w @param {number} h @param {number} x @param {number} y */
function fitted(w, h, x, y) {
  const scale = Math.min(w / x, h / y);
  return [Math.floor(x * scale), Math.floor(y * scale)];
}

/** The border of a wipe, to be dragged. */
function Border() {
  const set = (/** @type {HTMLElement | null} */ bar) => {
    if (bar) bar.style.left = `${100 * wipe.value}%`;
  };
  const drag = (/** @type {PointerEvent} */ event) => {
    const bar = /** @type {HTMLElement} */ (event.currentTarget);
    if (event.type === "pointerdown") bar.setPointerCapture(event.pointerId);
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const box = /** @type {HTMLElement} */ (bar.parentElement).getBoundingClientRect();
    wipe.value = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    if (cameByPointer(event.currentTarget)) return;
    const by = { ArrowLeft: -0.02, ArrowRight: 0.02 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    wipe.value = Math.max(0, Math.min(1, wipe.value + by));
  };
  return html`<div class="border" role="slider" tabindex="0" aria-label=${t("stage.border")} aria-valuemin="0" aria-valuemax="100"
    aria-valuenow=${Math.round(100 * wipe.value)} ref=${set} onPointerDown=${drag} onPointerMove=${drag} onKeyDown=${keyed}></div>`;
}

/** The second of its footage that a shot's clip shows at a frame of the film. @param {any} shot @param {number} at */
function timeIn({ slot, first, clip }, at) {
  const all = shots.value;
  // A clip begins with the dissolve into it, which lies before the shot's first frame.
  const before = all[all.findIndex((/** @type {any} */ one) => one.slot === slot) - 1]?.transition.out ?? 0;
  const time = clip.start_s + ((at - first + before) * clip.speed) / rate.value;
  return Math.max(clip.start_s, Math.min(clip.end_s - 1 / clip.rate, time));
}

/** The whole picture of the footage, as the clip shows it, and the frame in it that is seen, to be
 * dragged. @param {any} about */
function Crop({ shot, shape, half }) {
  const [own, setOwn] = useState(0);
  const [room, measure] = useState([0, 0]);
  const clip = shot.clip;
  const [begun] = useState(clip.crop ?? [0.5, 0.5]);
  const [place, move] = useState(begun);
  const around = useRef(/** @type {HTMLDivElement | null} */ (null));
  const area = useRef(/** @type {HTMLDivElement | null} */ (null));
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const held_at = useRef([0, 0]);
  // The clip's first picture is on the page already; a larger one of what the player shows takes its
  // place, once the playhead rests.
  const still = (/** @type {number} */ at, /** @type {number} */ wide) => `/media/still/${clip.id}/${Math.max(0, Math.round(1000 * at))}.jpg?width=${wide}`;
  const [picture, show] = useState(still(clip.start_s, 240));
  const at = playing.value ? null : timeIn(shot, frame.value);
  useEffect(() => {
    if (at === null) return undefined;
    const larger = new Image();
    larger.onload = () => show(larger.src);
    const soon = setTimeout(() => (larger.src = still(at, 480)), 100);
    return () => {
      clearTimeout(soon);
      larger.onload = null;
    };
  }, [at]);
  // What fills the film's shape of a picture of another: all of one side, a part of the other.
  const [w, h] = own ? (own > shape ? [shape / own, 1] : [1, own / shape]) : [1, 1];
  const whole = own > 0 && Math.min(w, h) > 0.99;
  const held = (/** @type {number} */ at, /** @type {number} */ part) => Math.max(part / 2, Math.min(1 - part / 2, at));
  const [x, y] = [held(place[0], w), held(place[1], h)];
  // The place is one in the file, which a mirrored clip shows the other way round.
  const seen = (/** @type {number} */ across) => (clip.mirrored ? 1 - across : across);
  useEffect(() => {
    const watched = new ResizeObserver(([entry]) => measure([entry.contentRect.width, entry.contentRect.height]));
    watched.observe(/** @type {Element} */ (around.current));
    return () => watched.disconnect();
  }, []);
  useLayoutEffect(() => {
    const [width, height] = fitted(room[0], room[1], own || 1, 1);
    if (area.current) Object.assign(area.current.style, { width: `${width}px`, height: `${height}px` });
    if (box.current) Object.assign(box.current.style, { left: `${100 * (seen(x) - w / 2)}%`, top: `${100 * (y - h / 2)}%`, width: `${100 * w}%`, height: `${100 * h}%` });
  }, [x, y, w, h, room, own, clip.mirrored]);
  useEffect(() => box.current?.focus(), [own > 0]);
  const close = () => {
    cropping.value = false;
    document.getElementById("crop")?.focus();
  };
  const keep = () => {
    close();
    if (place !== begun) actHere("focus", { x, y });
  };
  const drag = (/** @type {PointerEvent} */ event) => {
    const element = /** @type {HTMLElement} */ (area.current);
    const all = element.getBoundingClientRect();
    const at = [seen((event.clientX - all.left) / all.width), (event.clientY - all.top) / all.height];
    if (event.type === "pointerdown") {
      element.setPointerCapture(event.pointerId);
      box.current?.focus();
      event.preventDefault();
      // Where the frame is taken it stays under the pointer; pressed beside it, it comes there.
      const inside = Math.abs(at[0] - x) <= w / 2 && Math.abs(at[1] - y) <= h / 2;
      held_at.current = inside ? [at[0] - x, at[1] - y] : [0, 0];
    }
    if (element.hasPointerCapture(event.pointerId)) move([at[0] - held_at.current[0], at[1] - held_at.current[1]]);
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    const far = event.shiftKey ? 0.1 : 0.02;
    const by = { ArrowLeft: [seen(0) - seen(far), 0], ArrowRight: [seen(far) - seen(0), 0], ArrowUp: [0, -far], ArrowDown: [0, far] }[event.key];
    if (by) move([x + by[0], y + by[1]]);
    else if (event.key === "Enter") keep();
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const escaped = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  };
  const percent = (/** @type {number} */ at) => Math.round(100 * at);
  return html`<div class=${`crop ${half ? "half" : ""}`} onKeyDown=${escaped}>
    <div class="crop-room" ref=${around}><div class="crop-area" ref=${area} onPointerDown=${drag} onPointerMove=${drag}>
      <img class=${clip.mirrored ? "mirrored" : ""} src=${picture} alt="" draggable="false"
        onLoad=${(/** @type {any} */ event) => setOwn(event.target.naturalWidth / event.target.naturalHeight)} />
      ${own > 0 && !whole && html`<div class="crop-frame" ref=${box} tabindex="0" role="slider" aria-label=${t("stage.crop.help")} aria-valuemin="0" aria-valuemax="100"
        aria-valuenow=${percent(w < h ? x : y)} aria-valuetext=${t("stage.crop.place", { x: percent(x), y: percent(y) })} onKeyDown=${keyed}></div>`}
    </div></div>
    <div class="crop-acts"><span>${t(whole ? "stage.crop.whole" : "stage.crop.short")}</span>
      ${!whole && html`<${Button} strong onClick=${keep}>${t("stage.crop.keep")}<//>`}
      ${!whole && html`<${Button} disabled=${!clip.focus} title=${t("stage.crop.auto.title")} onClick=${() => { close(); actHere("focus", {}, () => t("did.focus.auto", { slot: shot.slot })); }}>${t("stage.crop.auto")}<//>`}
      <${Button} onClick=${close}>${t(whole ? "app.close" : "app.cancel")}<//></div>
  </div>`;
}

function Transport() {
  const player = playedBy;
  const about = film.value;
  const at = frame.value;
  const go = (/** @type {number} */ by) => () => {
    player()?.pause();
    player()?.seek(at + by);
  };
  return html`<div class="transport">
    <div class="row">
      <${Button} icon="previous" quiet title=${t("stage.previous")} keys="←" onClick=${() => step(-1)} />
      <${Button} icon="back" quiet title=${t("stage.back")} keys="Shift+←" onClick=${go(-1)} />
      <${Button} icon=${playing.value ? "pause" : "play"} title=${playing.value ? t("stage.pause") : t("stage.play")} keys="Space"
        onClick=${() => toggle()} />
      <${Button} icon="on" quiet title=${t("stage.on")} keys="Shift+→" onClick=${go(1)} />
      <${Button} icon="next" quiet title=${t("stage.next")} keys="→" onClick=${() => step(1)} />
      <${Button} icon="loop" quiet title=${t("stage.loop")} keys="O" pressed=${looping.value} onClick=${loopShot} />
      <${Button} icon=${muted.value ? "mute" : "sound"} quiet title=${muted.value ? t("stage.unmute") : t("stage.mute")} disabled=${!about?.sound}
        onClick=${() => { muted.value = !muted.value; remember("muted", muted.value); }} />
    </div>
    <p class="time"><b>${timecode(at, rate.value)}</b> <span>/ ${about ? clock(about.frames / rate.value, 0) : ""}</span></p>
    <div class="row end">
      <div class="choice" role="group" aria-label=${t("stage.layout")}>
        ${LAYOUTS.map((name) => html`<button key=${name} type="button" aria-pressed=${layout.value === name} title=${`${t(`layout.${name}`)} (V)`} onClick=${() => lay(name)}>${t(`layout.${name}`)}</button>`)}
      </div>
      <${Button} icon=${full.value ? "smaller" : "larger"} quiet title=${t(full.value ? "stage.full.leave" : "stage.full")} keys="W" pressed=${full.value} onClick=${toggleFull} />
    </div>
  </div>`;
}

export function toggle() {
  const player = playedBy();
  if (!player || !state.value?.film) return;
  if (player.playing) player.pause();
  else player.play();
}
