/** Markup, and the few elements that all views share. */

import { h } from "./vendor/preact.js";
import htm from "./vendor/htm.js";
import { useState } from "./vendor/hooks.js";

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h);

/** @type {Record<string, string>} */
const DRAWN = {
  play: "M5 3.2v9.6l8-4.8z",
  pause: "M4.5 3v10M11.5 3v10",
  back: "M10.5 4 6.5 8l4 4",
  on: "M5.5 4l4 4-4 4",
  previous: "M4 3.5v9M12 3.5 6 8l6 4.5z",
  next: "M12 3.5v9M4 3.5 10 8l-6 4.5z",
  loop: "M11.5 5.5H5a2.5 2.5 0 0 0 0 5h.5M4.5 10.5H11a2.5 2.5 0 0 0 0-5M9.5 3.5l2 2-2 2",
  lock: "M4 7.5h8v5.5H4zM5.7 7.5V5.3a2.3 2.3 0 0 1 4.6 0v2.2",
  open: "M4 7.5h8v5.5H4zM5.7 7.5V5.3a2.3 2.3 0 0 1 4.4-.9",
  mirror: "M8 2.5v11M6 4.5v7L2 11.5zM10 4.5v7l4 0z",
  crop: "M4.5 1.5v10h10M1.5 4.5h10v10",
  refuse: "M4 4l8 8M12 4l-8 8",
  swap: "M3 5.5h9.5M10 3l2.5 2.5L10 8M13 10.5H3.5M6 8l-2.5 2.5L6 13",
  undo: "M5.5 3 2.5 6l3 3M2.8 6H9a3.7 3.7 0 0 1 0 7.4H5.5",
  redo: "M10.5 3l3 3-3 3M13.2 6H7a3.7 3.7 0 0 0 0 7.4h3.5",
  fill: "M2.5 4.5h7M2.5 8h5M2.5 11.5h4M11 6.5l.9 2.1 2.1.9-2.1.9L11 12.5l-.9-2.1L8 9.500l2.100-.9z",
  sound: "M2.500 6.200v3.600h2.300L8 12.500v-9L4.800 6.200zM10.500 5.800a3 3 0 0 1 0 4.400M12.300 4a5.500 5.500 0 0 1 0 8",
  mute: "M2.500 6.200v3.600h2.300L8 12.500v-9L4.800 6.200zM10.500 6.300l3.400 3.400M13.900 6.300l-3.400 3.400",
  like: "M2.500 3.500h4.500v4H2.500zM9 3.500h4.500v4H9zM2.500 9.500h4.500v3H2.500zM11.200 9.200v4M9.200 11.200h4",
  close: "M4 4l8 8M12 4l-8 8",
  check: "M3 8.500l3.300 3.300L13 4.700",
  moving: "M2.500 4h11v8h-11zM6.800 6.200v3.600l3-1.800z",
  down: "M4.500 6.500 8 10l3.500-3.500",
  up: "M4.500 9.500 8 6l3.500 3.500",
  help: "M6.200 6.100A1.900 1.900 0 0 1 8 4.700c1.100 0 1.900.7 1.900 1.700 0 1.500-1.900 1.500-1.900 3M8 11.400v.1",
  home: "M2.500 3.500h4.500v4H2.500zM9 3.500h4.500v4H9zM2.500 9.500h4.500v3H2.500zM9 9.500h4.500v3H9z",
  larger: "M6.5 2.500h-4v4M9.500 2.500h4v4M6.500 13.500h-4v-4M9.500 13.500h4v-4",
  smaller: "M2.500 6.500h4v-4M13.500 6.500h-4v-4M2.500 9.500h4v4M13.500 9.500h-4v4",
  version: "M4 2.500h8v11l-4-2.800-4 2.800z",
  record: "M8 3.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 1 0 0-9z",
  microphone: "M8 2.500a2 2 0 0 0-2 2v3a2 2 0 0 0 4 0v-3a2 2 0 0 0-2-2zM4 7.500a4 4 0 0 0 8 0M8 11.500v2",
  film: "M2.500 3.500h11v9h-11zM5 3.500v9M11 3.500v9M2.500 6.500H5M2.500 9.500H5M11 6.500h2.500M11 9.500h2.500",
};

/** @param {{name: string}} about */
export function Icon({ name }) {
  const full = name === "play" || name === "record";
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    <path d=${DRAWN[name]} fill=${full ? "currentColor" : "none"} stroke="currentColor" stroke-width="1.3"
      stroke-linecap="round" stroke-linejoin="round" />
  </svg>`;
}

/** A button with a sign, and words where it has room. `keys` is told to those who hover.
 * @param {any} about */
export function Button({ icon, label, title, keys, quiet, strong, pressed, disabled, onClick, children, ...rest }) {
  // What cannot be pressed now keeps the focus: it is only said to be so.
  const click = (/** @type {Event} */ event) => (disabled ? event.preventDefault() : onClick?.(event));
  const tip = [title ?? label, keys && `(${keys})`].filter(Boolean).join(" ");
  return html`<button type="button" class=${["button", quiet && "quiet", strong && "strong", !children && "bare"].filter(Boolean).join(" ")}
    title=${tip} aria-label=${children ? undefined : title ?? label} aria-pressed=${pressed} aria-disabled=${disabled ? "true" : undefined} onClick=${click} ...${rest}>
    ${icon && html`<${Icon} name=${icon} />`}${children && html`<span>${children}</span>`}
  </button>`;
}

/** A button that opens a small menu: a list of `{label, act, disabled, picture}`, or of headings.
 * @param {any} about */
export function Menu({ icon, label, title = label, items, disabled, id, keys, up }) {
  const [shown, show] = useState(false);
  const close = () => /** @type {any} */ (document.getElementById(id))?.hidePopover();
  /** @param {any} event */
  const placed = (event) => {
    show(event.newState === "open");
    if (event.newState !== "open") return;
    const list = event.currentTarget;
    const from = document.querySelector(`[popovertarget="${id}"]`)?.getBoundingClientRect();
    if (!from) return;
    const { width, height } = list.getBoundingClientRect();
    const above = from.top - height - 6;
    const below = from.bottom + 6;
    list.style.left = `${Math.max(8, Math.min(from.left, innerWidth - width - 8))}px`;
    list.style.top = `${up && above > 8 ? above : below + height > innerHeight - 8 && above > 8 ? above : below}px`;
    list.querySelector("[role=menuitem]:not([disabled])")?.focus();
  };
  /** @param {KeyboardEvent} event */
  const moved = (event) => {
    const list = /** @type {HTMLElement} */ (event.currentTarget);
    const every = [.../** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("[role=menuitem]:not([disabled])"))];
    const at = every.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) every[(at + by + every.length) % every.length]?.focus();
    else if (event.key === "Home") every[0]?.focus();
    else if (event.key === "End") every.at(-1)?.focus();
    else if (event.key !== "Escape" && event.key !== "Enter" && event.key !== " " && event.key !== "Tab") return;
    event.stopPropagation();
    if (by || event.key === "Home" || event.key === "End") event.preventDefault();
    if (event.key === "Tab") close();
  };
  return html`<span class="menu">
    <button type="button" class="button" popovertarget=${disabled ? undefined : id} aria-haspopup="menu" aria-disabled=${disabled ? "true" : undefined} title=${keys ? `${title} (${keys})` : title}>
      ${icon && html`<${Icon} name=${icon} />`}<span>${label}</span><${Icon} name="down" />
    </button>
    <div id=${id} popover role="menu" aria-label=${label} class="menu-list" onToggle=${placed} onKeyDown=${moved}>
      ${items.map((/** @type {any} */ one, /** @type {number} */ n) => (one.heading
        ? html`<p key=${n} class="menu-heading" role="presentation">${one.heading}</p>`
        : html`<button key=${n} type="button" role="menuitem" tabindex="-1" class=${one.picture ? "pictured" : ""} disabled=${one.disabled} onClick=${() => { close(); one.act(); }}>${shown && one.picture}${one.label}</button>`))}
    </div>
  </span>`;
}

/** Small bars of the facets. @param {{facets: Record<string, number>, named?: boolean, title?: string, label?: (name: string) => string}} about */
export function Facets({ facets, named = false, title, label = (n) => n }) {
  const listed = Object.entries(facets ?? {});
  if (!named) {
    return html`<span class="bars" aria-hidden="true">${listed.map(([name, value]) => html`<i key=${name}><b ref=${across(value)}></b></i>`)}</span>`;
  }
  return html`<dl class="facets" title=${title}>${listed.map(([name, value]) => html`<div key=${name}>
    <dt>${label(name)}</dt><dd><i aria-hidden="true"><b ref=${across(value)}></b></i><span>${value.toFixed(2)}</span></dd></div>`)}</dl>`;
}

/** Sets a width by script, for markup may have no style. @param {number} value 0 to 1 */
export function across(value) {
  return (/** @type {HTMLElement | null} */ element) => {
    if (element) element.style.width = `${Math.round(100 * Math.max(0, Math.min(1, value)))}%`;
  };
}
