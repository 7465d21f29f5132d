/** The line on top: what is open, how far it is, and what concerns the whole film. */

import { Button, html, Menu } from "./html.js";
import { act, connected, dialog, dismiss, failures, fill, filling, fillRest, home, indexAgain, keepVersion, left, lost, naming, open, openIt, picked, readOnly, relink, rename, runs, shots, start, state, toast, unpicked } from "./store.js";
import { t } from "./text.js";
import { useEffect, useRef } from "./vendor/hooks.js";

export function Head() {
  const now = state.value;
  const { undo, redo } = now?.history ?? {};
  return html`<header class="head">
    <div class="head-name">
      <button type="button" class="mark" title=${t("app.home")} aria-label=${t("app.home")} onClick=${() => (home.value = !home.value && Boolean(now?.project))}>
        <span class="mark-a"></span><span class="mark-b"></span></button>
      <h1>${open.value ? now.project.name : t("app.name")}</h1>
      ${open.value && html`<${Saved} project=${now.project} />`}
    </div>
    <p class="head-said" aria-hidden="true">${toast.value?.kind === "good" ? toast.value.text : ""}</p>
    <${Naming} />
    ${open.value && html`<p class="head-left">${left.value ? t("head.left", { n: left.value }) : shots.value.length ? t("head.done") : ""}</p>
    <div class="head-acts">
      <${Button} icon="undo" quiet title=${undo ? t("head.undo.what", { what: undo }) : t("head.undo")} keys="Z" disabled=${!undo} onClick=${() => act("undo")} />
      <${Button} icon="redo" quiet title=${redo ? t("head.redo.what", { what: redo }) : t("head.redo")} keys="Shift+Z" disabled=${!redo} onClick=${() => act("redo")} />
      <${Filling} />
      <${Button} icon="version" keys="S" disabled=${Boolean(readOnly.value)} label=${t("head.version")} onClick=${() => keepVersion()}>${t("head.version")}<//>
      <${Button} icon="film" strong keys="R" label=${t("head.render")} onClick=${() => (dialog.value = { name: "render" })}>${t("head.render")}<//>
      <${Button} icon="help" quiet title=${t("head.help")} keys="?" onClick=${() => (dialog.value = { name: "help" })} />
    </div>`}
    ${!open.value && html`<div class="head-acts">${now?.project && html`<${Button} icon="back" onClick=${() => (home.value = false)}>${now.project.name}<//>`}<${Button} icon="help" quiet title=${t("head.help")} keys="?" onClick=${() => (dialog.value = { name: "help" })} /></div>`}
  </header>`;
}

/** Chooses again. Where that may replace what was picked it is asked which is meant. */
function Filling() {
  const [busy, n] = [filling.value > 0, picked.value.length];
  const about = { icon: "fill", keys: "F", title: t("head.fill.title"), disabled: busy || Boolean(readOnly.value) };
  const name = t(busy ? "head.fill.busy" : "head.fill");
  if (!n) return html`<${Button} ...${about} onClick=${fill}>${name}<//>`;
  return html`<${Menu} id="menu-fill" ...${about} label=${name} items=${[
    { label: t("head.fill.rest"), disabled: !unpicked.value.length, act: fillRest },
    { label: t(n > 1 ? "head.fill.all" : "head.fill.all.one", { n }), act: fill },
  ]} />`;
}

/** Where a version that was just kept gets its name: one may as well go on without. */
function Naming() {
  const one = naming.value;
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    if (!one) return undefined;
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    field.current?.focus();
    return () => {
      if (before?.isConnected && before !== document.body && document.activeElement === document.body) before.focus({ preventScroll: true });
    };
  }, [one?.id]);
  if (!one || !open.value) return null;
  const done = (/** @type {boolean} */ keep) => {
    const name = field.current?.value ?? "";
    if (naming.value?.id !== one.id) return;
    naming.value = null;
    if (keep) rename(one, name);
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    done(false);
  };
  return html`<form class="naming" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); done(true); }}>
    <label for="naming">${t("versions.named", { name: one.name })}</label>
    <input id="naming" ref=${field} type="text" maxlength="80" placeholder=${one.name} autocomplete="off" onKeyDown=${keyed} onBlur=${() => done(true)} />
    <${Button} type="submit" icon="check" title=${t("versions.keep.name")} keys="Enter">${t("versions.keep")}<//></form>`;
}

/** @param {any} about */
function Saved({ project }) {
  if (project.error) return html`<span class="saved bad" title=${project.error}>${t("app.unsaved")}</span>`;
  return html`<span class="saved">${project.saved ? t("app.saved") : t("app.saving")}</span>`;
}

/** What is to be opened again where it could not be. @param {any} job */
function again(job) {
  if (job.kind !== "open" || open.value) return null;
  const film = start.value?.films?.find((/** @type {any} */ one) => one.name === job.title);
  const project = start.value?.recent?.find((/** @type {any} */ one) => `${one.name}.otio` === job.title && !one.missing);
  return film ? { film: film.id } : project ? { project: project.id } : null;
}

/** Sentences that stay for as long as they are true. */
export function Banner() {
  const now = state.value;
  const said = !connected.value ? t("app.lost") : now?.project?.error ? `${now.project.error} ${t("app.unsaved.help")}` : readOnly.value || now?.error || "";
  const gone = open.value && lost.value;
  const folders = (start.value?.folders ?? []).filter((/** @type {any} */ one) => !one.missing);
  return html`${gone && html`<p class="banner bad" role="status"><span>${t(gone.slots.length > 1 ? "lost" : "lost.one", { slots: gone.slots.join(", "), files: gone.files.join(", ") })} ${t(folders.length ? "lost.help" : "lost.help.none")}</span>
      ${folders.length > 0 && html`<${Menu} id="menu-relink" label=${t("lost.look")} disabled=${runs("relink") || Boolean(readOnly.value)} items=${folders.map((/** @type {any} */ one) => ({ label: one.folder, act: () => relink(one.id) }))} />`}</p>`}
    ${said && html`<p class="banner" role="alert">${typeof said === "string" ? said : said.text}</p>`}
    ${failures.value.filter((/** @type {any} */ one) => !open.value || one.kind !== "open").map((/** @type {any} */ one) => html`<p key=${one.id} class="banner bad" role="alert"><span>${t("app.notdone", { what: one.title, why: one.text })}</span>
      <span class="row">${one.code === "index-again" && html`<${Button} title=${t("start.again.title")} disabled=${runs("index")} onClick=${indexAgain}>${t("start.again")}<//>`}
      ${again(one) && html`<${Button} onClick=${() => { dismiss(one.id); openIt(again(one), one.title); }}>${t("app.again")}<//>`}
      <${Button} icon="close" quiet title=${t("app.dismiss")} onClick=${() => dismiss(one.id)} /></span></p>`)}`;
}
