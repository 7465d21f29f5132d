/** The page where nothing is open: recent projects, films to remake, and the archive. */

import { post, Refused, upload } from "./api.js";
import { Progress } from "./dialogs.js";
import { Button, html } from "./html.js";
import { Picture } from "./pictures.js";
import { complain, indexAgain, jobs, loadStart, openIt, runs, say, start } from "./store.js";
import { t } from "./text.js";
import { clock, day, megabytes, roughly } from "./time.js";
import { useEffect, useRef, useState } from "./vendor/hooks.js";

/** Stills of the archive in a row. */
const ACROSS = 3;

export function Start() {
  const about = start.value;
  useEffect(() => {
    loadStart();
  }, []);
  const running = Object.values(jobs.value).filter((/** @type {any} */ one) => one.state === "runs");
  const archive = about?.archive;
  const indexing = runs("index");
  const opening = runs("open");
  const [busy, wait] = useState(opening);
  useEffect(() => {
    // What was opened takes the place of this page a moment later.
    const timer = setTimeout(() => wait(opening), opening ? 0 : 500);
    return () => clearTimeout(timer);
  }, [opening]);
  return html`<main class="start">
    <div class="start-head"><h2>${t("start.title")}</h2></div>
    ${running.length > 0 && html`<section class="start-jobs" aria-label=${t("start.opening", { name: "" })}>${running.map((/** @type {any} */ job) => html`<${Progress} key=${job.id} job=${job} />`)}</section>`}
    <div class="start-columns">
      <section><h3>${t("start.recent")}</h3>
        ${about?.recent?.length ? html`<ul class="cards recent">${about.recent.map((/** @type {any} */ one) => html`<li key=${one.id}><button type="button" disabled=${one.missing} title=${one.folder} onClick=${() => openIt({ project: one.id }, one.name)}>
          <${Well} src=${one.missing ? "" : `/media/poster/${one.id}.jpg`} wait=${opening || busy} />
          <span class="caption"><b>${one.name}</b><span>${[one.missing && t("start.missing"), day(one.when), one.folder].filter(Boolean).join(" · ")}</span></span></button></li>`)}</ul>` : html`<p class="dim">${t("start.none")}</p>`}
      </section>
      <section><h3>${t("start.films")}</h3>
        <div class="wall"><${Drop} />
        ${about?.films?.length ? html`<ul class="cards">${about.films.map((/** @type {any} */ one) => html`<li key=${one.id}><button type="button" title=${one.folder} onClick=${() => openIt({ film: one.id }, one.name)}>
          <${Well} src=${`/media/poster/${one.id}.jpg`} wait=${opening || busy} />
          <span class="caption"><b>${one.name}</b><span>${[one.length_s && clock(one.length_s, 0), one.bytes && megabytes(one.bytes)].filter(Boolean).join(" · ")}</span></span></button></li>`)}</ul>` : ""}</div>
        ${!about?.films?.length && html`<p class="dim">${t("start.films.none")}</p>`}
      </section>
      <section><h3>${t("start.archive")}</h3>
        <${Mosaic} shots=${archive?.stills ?? []} wait=${opening || busy} />
        ${archive?.footage ? html`<p class="facts">${t("start.archive.facts", { footage: archive.footage, shots: archive.shots, length: roughly(3600 * (archive.hours ?? 0)) })}</p>`
          : about && html`<p class="facts">${archive?.error || t(indexing ? "start.archive.filling" : "start.archive.empty")}</p>`}
        ${!indexing && html`<${DropFootage} />`}
        ${about?.folders?.length ? html`<ul class="list">${about.folders.map((/** @type {any} */ one) => html`<li key=${one.id}><span title=${one.folder}>${one.dropped ? t("start.folders.dropped") : one.name} <em>${one.missing ? t("start.missing") : ""}</em></span>
          <${Button} strong=${!archive?.footage} disabled=${one.missing || indexing} title=${t("start.index.title", { name: one.dropped ? t("start.folders.dropped") : one.name })} onClick=${() => post("/api/index", { folder: one.id }).catch(complain)}>${t("start.index")}<//></li>`)}</ul>`
          : ""}
        ${about && !about.folders?.some((/** @type {any} */ one) => !one.dropped) && html`<p class="dim">${t("start.folders.none")}</p>`}
        ${archive?.footage ? html`<p class="again"><${Button} disabled=${indexing} title=${t("start.again.title")} onClick=${indexAgain}>${t("start.again")}<//></p><p class="dim">${t("start.again.help")}</p>` : ""}
        ${about?.bins?.length ? html`<h4>${t("start.bins")}</h4><p class="marks">${about.bins.map((/** @type {any} */ bin) => html`<span key=${bin.name ?? bin}>${bin.name ?? bin}</span>`)}</p>` : ""}
      </section>
    </div>
  </main>`;
}

/** Those that are looked at first, and what they do then. @type {WeakMap<Element, () => void>} */
const unseen = new WeakMap();
const eyes = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    eyes.unobserve(target);
    unseen.get(target)?.();
  }
}, { scrollMargin: "300px" });

/** The room of a still, as large with it as without; asked for when it comes in view, unless something
 * that somebody waits for is done first. @param {{src: string, wait: boolean}} about */
function Well({ src, wait }) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const asked = useRef(false);
  const [near, come] = useState(false);
  const [there, show] = useState("");
  const [lacks, leave] = useState("");
  useEffect(() => {
    const well = /** @type {HTMLElement} */ (element.current);
    unseen.set(well, () => come(true));
    eyes.observe(well);
    return () => eyes.unobserve(well);
  }, []);
  asked.current ||= near && !wait;
  return html`<span ref=${element} class="poster">${asked.current && src && lacks !== src
    && html`<${Picture} src=${src} kind="posters" class=${there === src ? "there" : ""} onLoad=${() => show(src)} onError=${() => leave(src)} />`}</span>`;
}

/** A few shots of the archive, in whole rows. @param {{shots: {footage: string, shot: number}[], wait: boolean}} about */
function Mosaic({ shots, wait }) {
  const shown = shots.slice(0, shots.length > ACROSS ? shots.length - (shots.length % ACROSS) : ACROSS);
  if (!shown.length) return null;
  return html`<div class="mosaic" aria-hidden="true">${shown.map((one) => html`<${Well} key=${`${one.footage} ${one.shot}`} src=${`/media/shot/${one.footage}/${one.shot}.jpg`} wait=${wait} />`)}</div>`;
}

/** A place to drop a film, which also opens the browser's own way to choose one. */
function Drop() {
  const take = async (/** @type {File[]} */ [file], /** @type {Copy} */ copy) => {
    if (!file) return;
    const answer = await copy(file);
    if (answer) await openIt({ film: answer.film }, file.name);
  };
  return html`<${DropZone} take=${take} say=${t("start.drop")} choose=${t("start.browse")} />`;
}

/** A place to drop footage, films or whole folders: copied, then indexed. */
function DropFootage() {
  const take = async (/** @type {File[]} */ files, /** @type {Copy} */ copy) => {
    /** @type {string[]} */
    const refused = [];
    let folder = "";
    for (const [n, file] of files.entries()) {
      try {
        const answer = await copy(file, "footage", files.length > 1 ? t("start.upload.of", { n: n + 1, of: files.length, name: file.name }) : undefined);
        if (!answer) break;
        folder = answer.folder;
      } catch (error) {
        // What is no film is left out; a full disk or a studio that is gone ends it.
        if (!(error instanceof Refused) || error.status !== 415) {
          complain(error);
          break;
        }
        refused.push(file.name);
      }
    }
    if (refused.length || !files.length) say(refused.length ? t("start.footage.refused", { names: few(refused) }) : t("start.footage.none"), "bad");
    if (folder) await post("/api/index", { folder });
  };
  return html`<${DropZone} take=${take} many say=${t("start.footage.drop")} choose=${t("start.footage.browse")} whole=${t("start.footage.folder")} />`;
}

/** @param {string[]} names */
function few(names) {
  return names.length > 3 ? `${names.slice(0, 3).join(", ")} …` : names.join(", ");
}

/** @typedef {(file: File, use?: "film" | "footage", what?: string) => Promise<any>} Copy */

/** Where something is dropped or chosen, and how far the copy is.
 * @param {{take: (files: File[], copy: Copy) => Promise<void>, say: string, choose: string, many?: boolean, whole?: string}} about */
function DropZone({ take, say: said, choose, many = false, whole }) {
  const [over, drag] = useState(false);
  const [copying, tell] = useState(/** @type {any} */ (null));
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const folder = useRef(/** @type {HTMLInputElement | null} */ (null));
  const took = async (/** @type {Promise<File[]>} */ coming) => {
    const ended = new AbortController();
    try {
      await take(await coming, (file, use, what = t("start.upload", { name: file.name })) => {
        const told = (/** @type {number} */ share) => tell({ what, share, stop: () => ended.abort() });
        told(0);
        return upload(file, told, use, ended.signal);
      });
    } catch (error) {
      complain(error);
    } finally {
      tell(null);
    }
  };
  const chosen = (/** @type {any} */ event) => {
    const files = Promise.resolve([...event.target.files].filter(mayBeFilm));
    event.target.value = "";
    return took(files);
  };
  if (copying) return html`<div class="drop"><${Progress} job=${{ id: "", what: copying.what, of: 100, done: Math.round(100 * copying.share), unit: "%" }} stop=${copying.stop} /></div>`;
  return html`<div class=${`drop ${over ? "over" : ""}`} onDragOver=${(/** @type {DragEvent} */ e) => { e.preventDefault(); drag(true); }} onDragLeave=${() => drag(false)}
    onDrop=${(/** @type {DragEvent} */ e) => { e.preventDefault(); drag(false); took(many ? filesOf(e.dataTransfer) : Promise.resolve([...(e.dataTransfer?.files ?? [])])); }}>
    <p>${said}</p><button type="button" class="link" onClick=${() => input.current?.click()}>${choose}</button>
    ${whole && html` <button type="button" class="link" onClick=${() => folder.current?.click()}>${whole}</button>
      <input ref=${folder} type="file" webkitdirectory hidden onChange=${chosen} />`}
    <input ref=${input} type="file" accept="video/*,image/gif" multiple=${many} hidden onChange=${chosen} /></div>`;
}

/** Whether a file is worth sending: what is surely no film is not. @param {File} file */
function mayBeFilm(file) {
  return !file.name.startsWith(".") && (!file.type || /^(video\/|image\/gif|application\/(mxf|ogg|octet|vnd\.rn))/.test(file.type));
}

/** All files that were dropped, those within folders included. @param {DataTransfer | null} dropped @returns {Promise<File[]>} */
async function filesOf(dropped) {
  // What is dropped can be read only before anything is waited for.
  const entries = [...(dropped?.items ?? [])].map((one) => one.webkitGetAsEntry?.());
  const plain = [...(dropped?.files ?? [])];
  /** @type {File[]} */
  const found = [];
  for (const [n, entry] of entries.entries()) {
    if (entry?.isDirectory) await within(/** @type {FileSystemDirectoryEntry} */ (entry), found);
    else if (plain[n]) found.push(plain[n]);
  }
  return found.filter(mayBeFilm);
}

/** @param {FileSystemDirectoryEntry} folder @param {File[]} found */
async function within(folder, found) {
  const reader = folder.createReader();
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const one of some) {
      if (one.isDirectory) await within(/** @type {FileSystemDirectoryEntry} */ (one), found);
      else found.push(await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (one).file(resolve, reject)));
    }
  }
}
