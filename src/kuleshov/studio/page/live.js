/** The live view: the camera on one side, what the archive answers on the other. */

import { get, post } from "./api.js";
import { html, Button } from "./html.js";
import { beats } from "./live-beat.js";
import { sending, watch } from "./live-camera.js";
import { LensKnobs, Through } from "./live-lens.js";
import { Screen } from "./live-screen.js";
import { record, SOUND } from "./live-take.js";
import { t } from "./text.js";
import { render } from "./vendor/preact.js";
import { useEffect, useRef } from "./vendor/hooks.js";
import { effect, signal } from "./vendor/signals.js";

/** @type {{value: any}} */
const told = signal(null);
const camera = signal("asking"); // live, none, refused, busy, gone, insecure
const line = signal("opening"); // open, lost, taken
/** @type {{value: any}} */
const answer = signal(null);
/** What is to be seen: the last answer of the clip that plays. @type {{value: any}} */
const named = signal(null);
const figures = signal({ rate: 0, late: 0 });
const seenThrough = signal({ rate: 0, late: 0 });
const alone = signal(false);
const selfie = signal(true);
const frozen = signal(false);
const wrong = signal("");
/** The take that runs, or what became of the last one. @type {{value: any}} */
const take = signal(null);
/** The microphone's track, where it is heard. @type {{value: MediaStreamTrack | null}} */
const heardBy = signal(null);

const FACETS = ["subject", "composition", "tone", "motion", "faces", "bodies"];
const SENT = 120; // ms after which a slider that still moves is heard
const ASKED = 700; // ms between two looks whether the archive is open, or a take is finished

/** @type {Screen | null} */
let screen = null;
/** @type {ReturnType<typeof watch> | null} */
let eye = null;
/** @type {ReturnType<typeof sending> | null} */
let talk = null;
/** @type {{end: () => void} | null} */
let recorder = null;

async function ask() {
  try {
    told.value = await get("/api/live");
    take.value = told.value.take;
  } catch {
    line.value = "lost";
  }
  if (told.value?.state !== "ready") setTimeout(ask, ASKED);
}
// How large the lens's pictures are is known once some were made.
setInterval(async () => {
  if (through() === "archive" || document.hidden) return;
  const now = await get("/api/live").catch(() => null);
  const lens = told.value?.lens;
  if (now && lens) told.value = { ...told.value, lens: { ...lens, size: now.lens.size, slow: now.lens.slow } };
}, 3000);

/** Ask what becomes of a take, until it is known. */
async function follow() {
  take.value = (await get("/api/live").catch(() => null))?.take ?? take.value;
  if (take.value?.state === "finishing") setTimeout(follow, ASKED);
}

/** Hear of a take. @param {any} now */
function toldOfTake(now) {
  take.value = now;
  if (now.state !== "running" && recorder) {
    recorder = null;
    void follow();
  }
}

let beginning = false;
/** Begin a take, or end the one that runs. */
async function roll() {
  if (recorder) return recorder.end();
  const video = /** @type {HTMLVideoElement | null} */ (document.querySelector(".seen video"));
  if (beginning || camera.value !== "live" || line.value !== "open" || !video) return undefined;
  beginning = true;
  wrong.value = "";
  try {
    const one = await record({
      video,
      sound: heardBy.value,
      told: toldOfTake,
      failed: (sentence) => {
        wrong.value = sentence;
        recorder = null;
        take.value = take.value && { ...take.value, state: "none" };
        void follow();
      },
      lost: t("live.take.lost"),
      slow: t("live.take.slow"),
    });
    if (take.value?.state === "running") recorder = one;
  } catch (error) {
    wrong.value = error instanceof Error ? error.message : String(error);
  }
  beginning = false;
  return undefined;
}

/** Cut on the beat of the microphone, or no more. */
async function onBeat() {
  const wanted = !told.value.beat;
  if (wanted && !heardBy.value) await listen();
  if (!wanted || heardBy.value) change(wanted ? { beat: true, way: "cut" } : { beat: false });
}

let strikes = 0;
effect(() => {
  const track = heardBy.value;
  return track && beats(track, () => {
    if (told.value?.beat && talk?.beat()) document.documentElement.dataset.beats = String((strikes += 1));
  });
});

/** Hear the microphone, or no more. */
async function listen() {
  if (heardBy.value) {
    heardBy.value.stop();
    heardBy.value = null;
    return;
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: SOUND });
    const [track] = stream.getAudioTracks();
    track.addEventListener("ended", () => (heardBy.value = null));
    heardBy.value = track;
    wrong.value = "";
  } catch {
    wrong.value = t("live.microphone.refused");
  }
}

/** A change is seen at once on the page, and is heard soon where it counts.
 * @param {string} path @param {(change: Record<string, any>) => void} shown @param {(now: any) => void} told */
function changing(path, shown, told) {
  let timer = 0;
  /** @type {Record<string, unknown>} */
  let waiting = {};
  /** @param {Record<string, any>} change */
  return (change) => {
    waiting = { ...waiting, ...change };
    shown(change);
    clearTimeout(timer);
    timer = window.setTimeout(async () => {
      const body = waiting;
      waiting = {};
      try {
        const now = await post(path, body);
        wrong.value = "";
        if (!Object.keys(waiting).length) told(now);
      } catch (error) {
        wrong.value = error instanceof Error ? error.message : String(error);
        await refresh();
      }
    }, SENT);
  };
}

const refresh = async () => (told.value = await get("/api/live").catch(() => told.value));
const change = changing("/api/live", (one) => (told.value = { ...told.value, ...one }), (now) => (told.value = now));
const changeLens = changing(
  "/api/live/lens",
  (one) => (told.value = { ...told.value, lens: { ...told.value.lens, ...one } }),
  (lens) => (told.value = { ...told.value, lens }),
);
const WAYS_THROUGH = ["archive", "lens", "both"];
const through = () => told.value?.lens.through ?? "archive";
/** How many came in a second, and how late. @param {{value: {rate: number, late: number}}} figures */
function counting(figures) {
  /** @type {number[]} */
  let arrived = [];
  /** @param {number} late */
  return (late) => {
    const now = performance.now();
    arrived = [...arrived.filter((one) => one > now - 2000), now];
    figures.value = { rate: arrived.length / 2, late: figures.value.late ? figures.value.late * 0.9 + late * 0.1 : late };
  };
}
const counted = counting(figures);
const countedThrough = counting(seenThrough);

/** @param {any} message @param {number} sent */
function heard(message, sent) {
  if (message.type !== "answer") return;
  counted(performance.now() - sent);
  if (frozen.value) return;
  answer.value = message;
  screen?.show({ ...message, since: sent });
  if (screen?.playing?.clip === message.clip) named.value = message;
}

/** What stands in the way of an answer, as a sentence; "" where nothing does. */
function obstacle() {
  const now = told.value;
  if (now?.state === "failed" && through() !== "lens") return now.error;
  if (camera.value !== "live" && camera.value !== "asking") return t(`live.camera.${camera.value}`);
  if (line.value === "taken") return t("live.taken");
  if (line.value === "lost") return t("live.lost");
  return "";
}

function Seen() {
  const place = useRef(/** @type {HTMLVideoElement | null} */ (null));
  useEffect(() => {
    const video = /** @type {HTMLVideoElement} */ (place.current);
    eye = watch(video, (state) => (camera.value = state));
    talk = sending({
      path: "/camera",
      video: () => video,
      mirrored: () => selfie.value,
      // Through the lens alone the archive is not asked, unless a take wants to know.
      paused: () => frozen.value || told.value?.state !== "ready" || (through() === "lens" && !runs()),
      heard,
      state: (name) => {
        // Started again, it may know other options, and opens its archive first.
        if (name === "open" && line.value === "lost") void ask();
        line.value = name;
      },
    });
    return () => {
      eye?.close();
      talk?.close();
    };
  }, []);
  const why = camera.value === "asking" ? t("live.camera.asking") : camera.value === "live" ? "" : t(`live.camera.${camera.value}`);
  return html`<section class="seen" aria-label=${t("live.seen")}>
    <video ref=${place} muted playsInline class=${selfie.value ? "mirrored" : ""} aria-hidden="true"></video>
    ${why && html`<div class="said"><p role="alert">${why}</p>
      ${["refused", "busy", "none", "gone"].includes(camera.value) && html`<${Button} onClick=${() => eye?.open()}>${t("live.again")}<//>`}</div>`}
  </section>`;
}

/** What is looked at through the lens: the camera, or what the archive shows. */
const looked = () => (through() === "both" ? screen?.seen() ?? null : /** @type {HTMLVideoElement | null} */ (document.querySelector(".seen video")));
const flipped = () => (through() === "both" ? Boolean(screen?.playing?.mirrored) : selfie.value);

function Shown() {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    screen = new Screen(/** @type {HTMLElement} */ (place.current), { step: told.value.step, told: () => (named.value = screen?.playing) });
    return () => screen?.close();
  }, []);
  const now = told.value;
  // The lens needs no archive.
  const why = through() === "lens" && now.state !== "ready" ? "" : now.state === "opening" ? t("live.opening") : now.state === "failed" ? now.error : line.value === "taken" || line.value === "lost" ? t(`live.${line.value}`) : "";
  const one = named.value;
  return html`<section class=${`shown${frozen.value ? " frozen" : ""}`} aria-label=${t("live.shown")}>
    <div class="pictures" ref=${place}></div>
    ${through() !== "archive" && html`<${Through} key=${through()} video=${looked} mirrored=${flipped} paused=${() => frozen.value}
      told=${countedThrough} wrong=${(/** @type {string} */ sentence) => (wrong.value = sentence)} />`}
    ${!why && through() !== "lens" && one && html`<p class="named"><b>${one.score.toFixed(2)}</b> ${one.name}</p>`}
    ${alone.value && obstacle() && !why && html`<div class="said"><p role="alert">${obstacle()}</p></div>`}
    ${why && html`<div class="said"><p role=${now.state === "opening" ? "status" : "alert"}>${why}</p>
      ${line.value === "taken" && html`<${Button} strong onClick=${() => talk?.again()}>${t("live.here")}<//>`}</div>`}
  </section>`;
}

/** A slider. A label is of the first that can have one, so what it stands at comes after it.
 * @param {{name: string, label: string, value: number, least?: number, most?: number, step?: number, facet?: boolean, disabled?: boolean, set: (value: number) => void, keys?: string}} about */
function Knob({ name, label, value, least = 0, most = 1, step = 0.1, facet, disabled, set, keys }) {
  return html`<label class=${`knob${facet ? " facet" : ""}`} title=${keys ? `${label} (${keys})` : label}>
    <span>${label}</span>
    <input type="range" name=${name} min=${least} max=${most} step=${step} value=${value} disabled=${disabled} onInput=${(/** @type {any} */ event) => set(Number(event.target.value))} />
    <output>${value.toFixed(step < 0.1 ? 2 : step < 1 ? 1 : 0)}</output>
  </label>`;
}

/** @param {string} name @param {number} value */
const weigh = (name, value) => change({ weights: { ...told.value.weights, [name]: value } });
const freeze = () => {
  frozen.value = !frozen.value;
  screen?.freeze(frozen.value);
  change({ frozen: frozen.value });
};
const full = () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => {});

function Knobs() {
  const now = told.value;
  return html`<section class="knobs" aria-label=${t("live.knobs")}>
    ${now.lens.lenses.length > 0 && html`<div class="choice" role="group" aria-label=${t("live.through")}>
      ${WAYS_THROUGH.map((way) => html`<button key=${way} type="button" aria-pressed=${through() === way} title=${`${t(`live.through.${way}.title`)} (L)`} onClick=${() => changeLens({ through: way })}>${t(`live.through.${way}`)}</button>`)}
    </div>`}
    <div class="choice" role="group" aria-label=${t("live.way")}>
      ${["mirror", "cut"].map((way) => html`<button key=${way} type="button" aria-pressed=${now.way === way} title=${`${t(`live.way.${way}.title`)} (W)`} onClick=${() => change({ way })}>${t(`live.way.${way}`)}</button>`)}
    </div>
    <${Button} icon="sound" title=${t("live.beat.title")} keys="B" pressed=${now.beat} onClick=${onBeat}>${t("live.beat")}<//>
    <${Knob} name="calm" label=${t("live.calm")} value=${now.calm} keys="− +" set=${(/** @type {number} */ calm) => change({ calm })} />
    <${Knob} name="fresh" label=${t("live.fresh")} value=${now.fresh} set=${(/** @type {number} */ fresh) => change({ fresh })} />
    ${FACETS.map((name, n) => html`<${Knob} key=${name} facet name=${name} label=${t(`live.facet.${name}`)} value=${now.weights[name]} most=${2} keys=${String(n + 1)} set=${(/** @type {number} */ value) => weigh(name, value)} />`)}
    ${now.bins.length > 0 && html`<label class="field">${t("live.bin")}
      <select value=${now.bin} onChange=${(/** @type {any} */ event) => change({ bin: event.target.value })}>
        <option value="">${t("live.bin.all")}</option>${now.bins.map((/** @type {string} */ bin) => html`<option key=${bin} value=${bin}>${bin}</option>`)}
      </select></label>`}
    <div class="row">
      <${Button} icon="mirror" title=${t("live.selfie")} keys="M" pressed=${selfie.value} onClick=${() => (selfie.value = !selfie.value)} />
      <${Button} icon="swap" title=${t("live.flip")} keys="A" pressed=${now.mirror} onClick=${() => change({ mirror: !now.mirror })} />
      <${Button} icon="crop" title=${t("live.alone")} keys="V" pressed=${alone.value} onClick=${() => (alone.value = !alone.value)} />
      <${Button} icon=${frozen.value ? "play" : "pause"} title=${t("live.freeze")} keys="Space" pressed=${frozen.value} onClick=${freeze} />
      <${Button} icon="larger" title=${t("live.full")} keys="F" onClick=${full} />
      <${Button} icon="microphone" title=${t("live.microphone")} keys="S" pressed=${Boolean(heardBy.value)} disabled=${runs()} onClick=${() => !runs() && listen()} />
      <${Button} icon="record" title=${runs() ? t("live.take.end") : t("live.take.begin")} keys="R" pressed=${runs()} onClick=${roll}>${t("live.take")}<//>
    </div>
  </section>`;
}

const runs = () => take.value?.state === "running";
/** @param {number} s */
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

/** That a take runs, over everything; or what became of the last one. */
function Taking() {
  const now = take.value;
  if (!now || told.value?.kiosk) return null;
  if (now.state === "running") {
    return html`<p class="rolling" role="timer" aria-label=${t("live.take.runs")}><i></i>${t("live.take.rolling", { time: clock(now.seconds) })}${heardBy.value ? "" : ` ${t("live.take.silent")}`}</p>`;
  }
  const name = now.project?.split(/[\\/]/).pop();
  const said = now.state === "finishing" ? t("live.take.finishing") : [now.text, name && t("live.take.kept", { name, folder: now.folder })].filter(Boolean).join(" ");
  return said ? html`<p class="kept" role="status">${said}</p>` : null;
}

function App() {
  const now = told.value;
  if (!now) return html`<p class="loading">${line.value === "lost" ? t("live.lost") : t("live.opening")}</p>`;
  const { rate, late } = figures.value;
  const lens = seenThrough.value;
  const said = [
    through() !== "lens" && rate ? t("live.figures", { rate: rate.toFixed(0), late: late.toFixed(0) }) : "",
    through() !== "archive" && lens.rate ? t("live.lens.figures", { rate: lens.rate.toFixed(0), late: lens.late.toFixed(0) }) : "",
  ].filter(Boolean);
  return html`<header class="live-head"><h1>${t("live.name")}</h1>
      ${wrong.value && html`<p class="bad" role="alert">${wrong.value}</p>`}
      <${Taking} />
      <p class="figures">${said.join(" · ")}</p></header>
    <main class=${`live${alone.value ? " alone" : ""}`}><${Seen} /><${Shown} /></main>
    ${!now.kiosk && through() !== "archive" && html`<${LensKnobs} lens=${now.lens} set=${changeLens} Knob=${Knob} />`}
    ${!now.kiosk && html`<${Knobs} />`}`;
}

/** @param {KeyboardEvent} event */
function keyed(event) {
  const now = told.value;
  if (!now || now.kiosk || event.ctrlKey || event.metaKey || event.altKey) return;
  const there = /** @type {HTMLElement} */ (event.target);
  if (there.closest("select") || (event.key === " " && there.closest("button"))) return;
  const facet = FACETS[Number(event.key) - 1];
  /** @param {number} by */
  const calmer = (by) => change({ calm: Math.round(10 * Math.min(1, Math.max(0, now.calm + by))) / 10 });
  /** @type {Record<string, () => void>} */
  const keys = {
    " ": freeze,
    f: full,
    r: roll,
    b: onBeat,
    l: () => changeLens({ through: WAYS_THROUGH[(WAYS_THROUGH.indexOf(through()) + 1) % 3] }),
    s: () => runs() || listen(),
    m: () => (selfie.value = !selfie.value),
    a: () => change({ mirror: !now.mirror }),
    v: () => (alone.value = !alone.value),
    w: () => change({ way: now.way === "mirror" ? "cut" : "mirror" }),
    "-": () => calmer(-0.1),
    "+": () => calmer(0.1),
    "=": () => calmer(0.1),
  };
  const act = facet ? () => weigh(facet, now.weights[facet] ? 0 : 1) : keys[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
}

// What tests and people rely on: whether the page can be used, and what is shown.
effect(() => {
  const root = document.documentElement;
  const now = told.value;
  const usable = now && now.state !== "opening" && (camera.value === "live" ? line.value === "open" : camera.value !== "asking");
  if (usable) root.dataset.ready = "";
  else delete root.dataset.ready;
  if (now?.kiosk) {
    root.dataset.kiosk = "";
    alone.value = true;
  }
  root.dataset.footage = answer.value?.name ?? "";
  if (answer.value?.attract) root.dataset.attract = "";
  else delete root.dataset.attract;
});

document.addEventListener("keydown", keyed);
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
void ask();
