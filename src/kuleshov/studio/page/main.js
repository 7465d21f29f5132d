/** Puts the page together. */

import { Dialogs, Progress } from "./dialogs.js";
import { Hand } from "./hand.js";
import { Banner, Head } from "./head.js";
import { html } from "./html.js";
import { keyed, released, watchFocus } from "./keys.js";
import { Shelf } from "./shelf.js";
import { Stage } from "./stage.js";
import { Start } from "./start.js";
import { connected, full, jobs, open, shot, state } from "./store.js";
import { Strip } from "./strip.js";
import { t } from "./text.js";
import { render } from "./vendor/preact.js";
import { effect } from "./vendor/signals.js";

function App() {
  if (!state.value) return html`<p class="loading">${t("app.loading")}</p>`;
  return html`<${Head} /><${Banner} />
    ${open.value ? html`<main class="studio"><${Stage} /><${Hand} /><${Shelf} /><${Strip} /></main>` : html`<${Start} />`}
    ${open.value && html`<${Jobs} />`}<${Dialogs} />`;
}

/** Jobs that run while a film is open, unless a dialog shows them. */
function Jobs() {
  const running = Object.values(jobs.value).filter((/** @type {any} */ one) => one.state === "runs");
  return running.length ? html`<aside class="jobs" aria-label=${t("render.title")}>${running.map((/** @type {any} */ job) => html`<${Progress} key=${job.id} job=${job} />`)}</aside>` : null;
}

// What tests and people rely on: whether the page can be used, and which shot is looked at.
effect(() => {
  document.documentElement.classList.toggle("full", open.value && full.value);
});
effect(() => {
  const root = document.documentElement;
  const now = state.value;
  if (connected.value && now && (!now.project || now.ready)) root.dataset.ready = "";
  else delete root.dataset.ready;
  if (open.value && shot.value) {
    root.dataset.shot = String(shot.value.number ?? shot.value.slot);
    root.dataset.slot = shot.value.slot;
    root.dataset.revision = String(now.revision);
  } else {
    delete root.dataset.shot;
    delete root.dataset.slot;
  }
  document.title = open.value ? `${now.project.name} · ${t("app.name")}` : t("app.name");
});

// Where what had the focus is taken away, what stands in its place gets it, or else the part of the page
// in which it lay.
/** @type {Element | null} */
let last = null;
/** @type {HTMLElement | null} */
let part = null;
document.addEventListener("focusin", (event) => {
  last = /** @type {Element} */ (event.target);
  part = last.closest("[role=tabpanel], .offers, section, dialog, main");
});
new MutationObserver(() => {
  // A field that cannot be used any more hears no key.
  if (last?.isConnected && last.matches(":disabled") && (document.activeElement === last || document.activeElement === document.body)) {
    if (!part?.hasAttribute("tabindex")) part?.setAttribute("tabindex", "-1");
    part?.focus({ preventScroll: true });
    return;
  }
  if (document.activeElement !== document.body || !last || last.isConnected) return;
  const opener = last.closest("[popover]")?.id ?? last.getAttribute("popovertarget");
  const again = last.id ? document.getElementById(last.id) : opener ? document.querySelector(`[popovertarget="${opener}"]`) : null;
  last = null;
  if (again) return /** @type {HTMLElement} */ (again).focus({ preventScroll: true });
  if (!part?.isConnected) part = document.querySelector("main");
  if (!part?.hasAttribute("tabindex")) part?.setAttribute("tabindex", "-1");
  part?.focus({ preventScroll: true });
}).observe(document.body, { childList: true, subtree: true, attributeFilter: ["disabled"] });

watchFocus();
document.addEventListener("keydown", keyed);
document.addEventListener("keyup", released);
for (const name of ["dragover", "drop"]) document.addEventListener(name, (event) => event.preventDefault());
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
