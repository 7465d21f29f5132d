/** What lies above the page: help, rendering, two versions side by side; and what is said below. */

import { post } from "./api.js";
import { across, Button, html } from "./html.js";
import { Picture, placed } from "./pictures.js";
import { act, complain, dialog, film, go, jobs, rate, readOnly, remember, remembered, say, shots, slot, state, toast } from "./store.js";
import { t, word } from "./text.js";
import { clock, megabytes, roughly, stem } from "./time.js";
import { useEffect, useRef, useState } from "./vendor/hooks.js";

export function Dialogs() {
  const about = dialog.value;
  const Inside = /** @type {any} */ ({ help: Help, render: Render, compare: Compare })[about?.name];
  return html`${Inside && html`<${Dialog} key=${about.name} name=${about.name} title=${titleOf(about)}><${Inside} about=${about} /><//>`}
    ${!Inside && html`<${Toast} />`}`;
}

/** What was said last, for those who see; for others it stands in a live region. */
function Toast() {
  if (!toast.value) return null;
  const { text, kind, offers } = toast.value;
  return html`<div class=${`toast ${kind}`}><p aria-hidden="true">${text}</p>
    ${offers.map((/** @type {any} */ one) => html`<${Button} key=${one.label} title=${one.label} keys=${one.keys} onClick=${one.act}>${one.label}<//>`)}
    ${offers.length > 0 && html`<${Button} icon="close" quiet title=${t("app.close")} onClick=${() => (toast.value = null)} />`}</div>`;
}

/** @param {any} about */
function titleOf(about) {
  if (about.name === "compare") return t("compare.title", { name: about.version.name });
  return about.name === "help" ? t("help.title") : t("render.title");
}

/** A dialog of the browser's own: it keeps the focus, and gives it back. @param {any} about */
function Dialog({ name, title, children }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const box = /** @type {HTMLDialogElement} */ (element.current);
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    if (!box.open) box.showModal();
    return () => before?.isConnected && before.focus();
  }, []);
  return html`<dialog ref=${element} class=${name} aria-labelledby="dialog-title" onClose=${() => (dialog.value = null)} onClick=${(/** @type {any} */ e) => e.target === element.current && element.current?.close()}>
    <header><h2 id="dialog-title">${title}</h2><${Button} icon="close" quiet title=${t("app.close")} onClick=${() => element.current?.close()} /></header>
    <div class="dialog-inside" tabindex="-1">${children}</div>
    <div class="unseen live" role="status" aria-live="polite"></div><${Toast} />
  </dialog>`;
}

/** @type {[string, [string[], string][]][]} */
const KEYS = [
  ["keys.shots", [[["←", "→"], "key.arrows"], [["↑", "↓"], "key.updown"], [["1", "…", "9"], "key.numbers"], [["Enter"], "key.enter"], [["U"], "key.undecided"], [["/"], "key.words"], [["A"], "key.moving"], [["+", "−"], "key.zoom"]]],
  ["keys.play", [[["Space"], "key.space"], [["J", "K", "L"], "key.jkl"], [["Shift ←", "Shift →"], "key.steps"], [["Home", "End"], "key.ends"], [["O"], "key.loop"], [["V"], "key.layout"], [["W"], "key.full"]]],
  ["keys.clip", [[["L"], "key.lock"], [["Shift L"], "key.lock"], [["X"], "key.refuse"], [["M"], "key.mirror"], [[",", "."], "key.slip"]]],
  ["keys.film", [[["Z", "Shift Z"], "key.undo"], [["F", "Shift F"], "key.fill"], [["S"], "key.version"], [["R"], "key.render"], [["?"], "key.help"]]],
];

/** What fingers do, and what signs, colours and figures mean: each a sign, and its sentence. */
const FINGERS = ["tap", "hold", "player", "drag", "scrub", "pinch"];
const SIGNS = ["frame", "dot", "score", "less", "more", "bars", "ground", "blank", "line", "stripes", "dark", "weigh", "fill", "hold"];

/** @param {{title: string, family: string, names: string[]}} about */
function Signs({ title, family, names }) {
  return html`<section class="signs"><h3>${t(title)}</h3><dl>${names.map((name) => html`<div key=${name}><dt>${t(`${family}.${name}.name`)}</dt><dd>${t(`${family}.${name}`)}</dd></div>`)}</dl></section>`;
}

function Help() {
  const fingers = html`<${Signs} title="help.fingers" family="finger" names=${FINGERS} />`;
  const first = matchMedia("(pointer: coarse)").matches;
  return html`<p class="intro">${t("help.intro")}</p>${first && fingers}<${Keys} /><${Signs} title="help.signs" family="sign" names=${SIGNS} />${!first && fingers}`;
}

function Keys() {
  return html`<div class="keys">${KEYS.map(([title, keys]) => html`<section key=${title}><h3>${t(title)}</h3><dl>${keys.map(([names, what]) => html`<div key=${names.join()}>
    <dt>${names.map((name) => html`<kbd key=${name}>${name}</kbd>`)}</dt><dd>${t(what)}${names[0] === "L" ? `, ${t("key.lock.note").split(";")[0]}` : names[0] === "Shift L" ? "" : ""}</dd></div>`)}</dl></section>`)}</div>`;
}

// Rendering

/** The choices of a render, by group; each is a field that the studio knows. A name is left out of
 * what is asked where it is as it would be anyway. */
const CHOICES = [
  { group: "picture", name: "layout", among: ["alone", "side-by-side", "stacked", "inset"], plain: "alone" },
  { group: "picture", name: "height", among: ["", "360", "480", "576", "720", "1080", "2160"], plain: "" },
  { group: "picture", name: "fit", among: ["", "fill", "fit"], plain: "" },
  { group: "picture", name: "gap", number: [0, 200, 2], plain: 0, only: (/** @type {any} */ o) => ["side-by-side", "stacked"].includes(o.layout) },
  { group: "look", name: "tone_match", range: true, plain: 0 },
  { group: "look", name: "grain", range: true, plain: 0 },
  { group: "look", name: "monochrome", flag: true },
  { group: "look", name: "burn_in", flag: true },
  { group: "look", name: "credits", flag: true },
  { group: "file", name: "sheet", flag: true },
  { group: "file", name: "name", text: true, plain: "" },
  { group: "file", name: "codec", among: ["h264", "hevc", "av1", "prores"], plain: "h264" },
  { group: "file", name: "crf", among: ["", "14", "18", "23", "28"], plain: "", only: (/** @type {any} */ o) => o.codec !== "prores" },
  { group: "file", name: "preset", among: ["veryfast", "medium", "slow"], plain: "medium", only: (/** @type {any} */ o) => o.codec !== "prores" },
  { group: "file", name: "cadence", among: ["nearest", "blend"], plain: "nearest" },
  { group: "file", name: "missing", among: ["refuse", "placeholder"], plain: "refuse" },
];
const FORMATS = ["fcpxml", "edl", "otio", "csv", "json"];

/** What a form asks for: only what differs from the plain. @param {any} options */
export function asked_of(options) {
  const found = /** @type {Record<string, unknown>} */ ({});
  for (const one of CHOICES) {
    const value = options[one.name];
    if (value === undefined || value === (one.plain ?? false) || (one.text && !value.trim()) || (one.only && !one.only(options))) continue;
    found[one.name] = one.name === "height" || one.name === "crf" ? Number(value) : value;
  }
  return found;
}

/** @param {any} about */
function Render({ about }) {
  // How a film is to be is kept while the window is open; only a name is of one film.
  const kept = `render.${state.value?.project?.name}`;
  const [options, choose] = useState(/** @type {any} */ ({ ...Object.fromEntries(CHOICES.map((one) => [one.name, one.plain ?? false])), ...remembered(kept, {}, sessionStorage) }));
  const [id, begin] = useState(about.job ?? "");
  const running = Object.values(jobs.value).find((/** @type {any} */ one) => one.state === "runs" && ["render", "gif", "export"].includes(one.kind));
  const job = jobs.value[id] ?? running;
  const ask = async (/** @type {string} */ path, /** @type {any} */ body) => {
    try {
      begin((await post(path, body)).job);
    } catch (error) {
      complain(error);
    }
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    ask("/api/render", asked_of(options));
  };
  // What had the focus is gone when the form becomes a bar, and the bar a film.
  useEffect(() => {
    // Not a button, which whoever presses Space to play would press: the film, or the dialog's inside.
    /** @type {HTMLElement | null} */ (document.querySelector("dialog .made[controls], dialog [type=submit]") ?? document.querySelector("dialog .dialog-inside"))?.focus();
  }, [job?.state]);
  if (job?.state === "runs") return html`<${Progress} job=${job} />`;
  if (job?.state === "done") return html`<${Made} job=${job} again=${() => begin("-")} />`;
  const set = (/** @type {string} */ name, /** @type {any} */ value) => {
    const { name: _, ...others } = { ...options, [name]: value };
    choose({ ...options, [name]: value });
    remember(kept, others, sessionStorage);
  };
  const field = (/** @type {any} */ one) => {
    const [value, label] = [options[one.name], t(`option.${one.name}`)];
    if (one.only && !one.only(options)) return null;
    if (one.flag) return html`<label key=${one.name} class="flag"><input type="checkbox" checked=${value} onChange=${(/** @type {any} */ e) => set(one.name, e.target.checked)} /><span>${label}</span></label>`;
    if (one.range) {
      return html`<label key=${one.name} class="field wide"><span>${label}</span><span class="row"><input type="range" min="0" max="1" step="0.05" value=${value} onInput=${(/** @type {any} */ e) => set(one.name, Number(e.target.value))} /><output>${value.toFixed(2)}</output></span></label>`;
    }
    if (one.text) return html`<label key=${one.name} class="field wide"><span>${label}</span><input type="text" maxlength="100" value=${value} placeholder=${t("option.name.as", { name: `${state.value?.project?.name}-recut` })} onInput=${(/** @type {any} */ e) => set(one.name, e.target.value)} /></label>`;
    if (one.number) return html`<label key=${one.name} class="field wide"><span>${label}</span><input type="number" min=${one.number[0]} max=${one.number[1]} step=${one.number[2]} value=${value} onChange=${(/** @type {any} */ e) => set(one.name, Number(e.target.value))} /></label>`;
    return html`<label key=${one.name} class="field wide"><span>${label}</span><select value=${value} onChange=${(/** @type {any} */ e) => set(one.name, e.target.value)}>
      ${one.among.map((/** @type {string} */ each) => html`<option key=${each} value=${each}>${word(`option.${one.name}`, each || "as")}</option>`)}</select></label>`;
  };
  return html`<form onSubmit=${submit}>
    ${job && html`<p class=${job.state === "failed" ? "bad" : "dim"} role="status">${job.text || t(`render.${job.state}`)}</p>`}
    ${["picture", "look", "file"].map((group) => html`<fieldset key=${group}><legend>${t(`render.${group}`)}</legend><div class="fields">${CHOICES.filter((one) => one.group === group).map(field)}</div></fieldset>`)}
    <div class="row end"><${Button} strong type="submit" icon="film" autofocus>${t("render.go")}<//></div>
    <${Gif} ask=${ask} />
    <fieldset><legend>${t("render.export")}</legend><p class="dim small">${t("render.export.help")}</p><div class="row wrap">${FORMATS.map((form) => html`<${Button} key=${form} onClick=${() => ask("/api/export", { format: form })}>${word("format", form)}<//>`)}</div></fieldset>
  </form>`;
}

/** Some shots as a GIF: at first the one that is looked at. @param {{ask: (path: string, body: any) => void}} about */
function Gif({ ask }) {
  const all = shots.value;
  const [options, choose] = useState(/** @type {any} */ ({ from: slot.peek(), to: slot.peek(), layout: "alone", width: 480, limit: 0, caption: "" }));
  const set = (/** @type {any} */ more) => choose({ ...options, ...more });
  const [from, to] = [options.from, options.to].map((name) => Math.max(0, all.findIndex((/** @type {any} */ one) => one.slot === name)));
  const [first, end] = [all[Math.min(from, to)]?.first ?? 0, all[Math.max(from, to)]?.end ?? 1];
  const write = () => ask("/api/gif", {
    first, end, layout: options.layout, width: Number(options.width),
    ...(Number(options.limit) ? { limit: Number(options.limit) } : {}), ...(options.caption.trim() ? { caption: options.caption.trim() } : {}),
  });
  const select = (/** @type {string} */ name, /** @type {string} */ label, /** @type {[any, string][]} */ among) => html`<label class="field wide"><span>${label}</span>
    <select value=${options[name]} onChange=${(/** @type {any} */ e) => set({ [name]: e.target.value })}>${among.map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}</select></label>`;
  const slots = all.map((/** @type {any} */ one) => /** @type {[string, string]} */ ([one.slot, one.slot]));
  return html`<fieldset class="gif"><legend>${t("gif.title")}</legend><p class="dim small">${t("gif.help")}</p><div class="fields">
    ${select("from", t("gif.from"), slots)}${select("to", t("gif.to"), slots)}
    ${select("layout", t("option.layout"), ["alone", "side-by-side"].map((name) => [name, word("option.layout", name)]))}
    ${select("width", t("gif.width"), [240, 320, 480, 640, 960].map((n) => [n, `${n}`]))}
    ${select("limit", t("gif.limit"), [0, 1, 2, 5, 10].map((n) => [n, n ? t("gif.limit.n", { n }) : t("gif.limit.0")]))}
    <label class="field wide"><span>${t("gif.caption")}</span><input type="text" maxlength="200" value=${options.caption} onInput=${(/** @type {any} */ e) => set({ caption: e.target.value })} /></label>
    </div><div class="row end"><span class="dim small">${t("gif.seconds", { n: ((end - first) / rate.value).toFixed(1) })}</span><${Button} icon="moving" onClick=${write}>${t("gif.go")}<//></div></fieldset>`;
}

/** How much of a job is done. @param {any} job */
function amount({ done, of, unit }) {
  if (!of || of === 1) return "";
  if (unit === "bytes") return t("job.of", { done: megabytes(done), of: megabytes(of) });
  if (unit === "%") return `${Math.round(done)} %`;
  return t("job.of", { done: Math.floor(done + 0.001), of: Math.round(of), unit: unit ?? "" });
}

/** How far a job is. @param {{job: any, stop?: () => void}} about */
export function Progress({ job, stop = () => post("/api/stop", { job: job.id }).catch(complain) }) {
  const share = job.of ? job.done / job.of : 0;
  return html`<div class="progress"><p><span>${job.what || job.title || ""}</span><span class="dim">${amount(job)}${job.left_s ? ` · ${t("render.left", { time: roughly(job.left_s) })}` : ""}</span></p>
    <div class="track" role="progressbar" aria-label=${job.what || job.title || t("job.name")} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${job.of ? Math.round(100 * share) : undefined}><i class=${job.of ? "" : "unknown"} ref=${across(job.of ? share : 0.3)}></i></div>
    <div class="row end"><${Button} icon="close" onClick=${stop}>${t("job.stop")}<//></div></div>`;
}

/** What was made; a film plays here. @param {{job: any, again: () => void}} about */
function Made({ job, again }) {
  const made = job.result?.made ?? job.made;
  const reveal = () => post("/api/reveal", { made }).then(({ folder }) => say(t("render.opened", { folder }), "note"), complain);
  const files = job.result?.files ?? job.files ?? [];
  const sheets = files.filter((/** @type {any} */ one) => one.name.endsWith(".png"));
  const name = job.result?.name ?? job.name ?? "";
  const links = files.map((/** @type {any} */ one) => html`<a key=${one.made} class="button" href=${`/media/made/${one.made}`} download=${one.name}><span>${files.length > 1 ? t("render.download.one", { name: one.name }) : t("render.download")}</span></a>`);
  return html`<p class="written" role="status">${job.text}</p>
    <div class="row wrap end finished"><${Button} onClick=${again}>${t("render.again")}<//>${made && html`<${Button} onClick=${reveal}>${t("render.open")}<//>`}${links}</div>
    ${job.kind === "gif" && made && html`<img class="made" src=${`/media/made/${made}`} alt=${name} tabindex="-1" />`}
    ${job.kind === "render" && made && html`<video class="made" src=${`/media/made/${made}`} controls autoplay playsinline aria-label=${t("render.play")}></video>`}
    ${sheets.map((/** @type {any} */ one) => html`<img key=${one.made} class="made" src=${`/media/made/${one.made}`} alt=${one.name} />`)}`;
}

/** Shots that differ between a version and now, with what the source shows there; each can be taken
 * from the version alone. @param {any} about */
function Compare({ about }) {
  const [taken, take] = useState(/** @type {Record<string, boolean>} */ ({}));
  if (!about.shots.length) return html`<p class="dim">${t("compare.none")}</p>`;
  const still = (/** @type {string} */ path, /** @type {boolean} */ mirrored = false) => html`<${Picture} kind="versions" class=${mirrored ? "mirrored" : ""} src=${path} />`;
  const shape = film.value ? `${film.value.picture.recut[2]} / ${film.value.picture.recut[3]}` : "16 / 9";
  // As it is in the film: in its shape, and cropped as there.
  const shaped = (/** @type {any} */ clip) => (/** @type {HTMLElement | null} */ box) => {
    const picture = /** @type {HTMLElement | null} */ (box?.firstElementChild);
    if (picture) Object.assign(picture.style, { aspectRatio: shape, objectPosition: clip ? placed(clip) : "" });
  };
  const shown = (/** @type {any} */ clip, /** @type {string} */ otherwise, /** @type {any} */ below = "") => html`<figure ref=${shaped(clip)}>${clip ? still(`/media/still/${clip.id}/${Math.round(500 * (clip.start_s + clip.end_s))}.jpg?width=320`, clip.mirrored) : html`<div class="well"></div>`}
    <figcaption><span class="of">${clip ? html`${stem(clip.footage)} <span>${clock(clip.start_s)}</span>` : otherwise}</span>${below}</figcaption></figure>`;
  const name = about.version.name;
  return html`<div class="compare"><p class="row-head"><span></span><b>${t("compare.source")}</b><b>${name}</b><b>${t("compare.now")}</b></p>
    ${about.shots.map((/** @type {any} */ one) => {
      // "Shot 3: what it was → what it is"
      const [then, now] = one.text.replace(/^[^:]*: /, "").split(" → ");
      const locked = shots.value.find((/** @type {any} */ shot) => shot.slot === one.slot)?.locked;
      const why = locked ? t("pick.locked", { slot: one.slot }) : readOnly.value;
      const button = html`<${Button} icon="check" disabled=${taken[one.slot] || Boolean(why)} title=${why || t("compare.take.title", { slot: one.slot, name })}
        onClick=${async () => (await act("restore", { slots: [one.slot], version: about.version.id })) && take((all) => ({ ...all, [one.slot]: true }))}>${t(taken[one.slot] ? "compare.taken" : "compare.take")}<//>`;
      return html`<div key=${one.slot} class="compare-row" data-slot=${one.slot}><button type="button" class="link number" onClick=${() => { dialog.value = null; go(one.slot); }}>${one.slot}</button>
        <figure ref=${shaped(null)}>${still(`/media/still/source/${Math.round(1000 * one.source_s)}.jpg?width=320`)}</figure>${shown(one.before, then, button)}${taken[one.slot] ? shown(one.before, then) : shown(one.after, now ?? then, html`<em class="differs">${one.differs.join(", ")}</em>`)}</div>`;
    })}</div>`;
}
