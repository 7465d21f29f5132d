/** The keys. Those of a field, of a slider or of an open menu are left alone. */

import { toggle } from "./stage.js";
import {
  act, actHere, cropping, dialog, fill, film, full, keepMine, frame, keepVersion, lay, layout, LAYOUTS, loopShot, moving, open, pick, playedBy, playing, refuse, step, toggleFull, toggleLock, toggleUndecided,
} from "./store.js";
import { through } from "./shelf.js";
import { zoomBy } from "./strip.js";

/** What one came to by keys, and not by a click since. @type {WeakSet<Element>} */
const byKeys = new WeakSet();
/** Sliders that one came to by the pointer. @type {WeakSet<Element>} */
const byPointer = new WeakSet();
/** What the pointer was pressed on, until a key is pressed. @type {Element | null} */
let pressing = null;
/** Whether one came to a slider by dragging it: then the arrows still go from shot to shot.
 * @param {EventTarget | null} element */
export function cameByPointer(element) {
  return byPointer.has(/** @type {Element} */ (element));
}
let tabbing = false;
/** Whether one came to an element by keys. @param {Element} element */
export function cameByKeys(element) {
  return byKeys.has(element);
}
/** How the focus comes to be where it is: by Tab, or an arrow that moves it, or by a click. */
export function watchFocus() {
  document.addEventListener("keydown", (event) => {
    tabbing = event.key === "Tab" || event.key.startsWith("Arrow");
    pressing = null;
  }, true);
  document.addEventListener("pointerdown", (event) => {
    tabbing = false;
    const pressed = /** @type {Element} */ (event.target).closest?.("button, summary, select");
    if (pressed) byKeys.delete(pressed);
    pressing = /** @type {Element} */ (event.target).closest?.("input[type=range], [role=slider]") ?? null;
    if (pressing) byPointer.add(pressing);
  }, true);
  document.addEventListener("focusin", (event) => {
    const element = /** @type {Element} */ (event.target);
    if (tabbing) byKeys.add(element);
    if (element !== pressing) byPointer.delete(element);
  });
  // What was chosen of a list by a click is chosen: the keys are the page's again.
  document.addEventListener("change", (event) => {
    const field = /** @type {HTMLElement} */ (event.target);
    if (field.matches("select") && !byKeys.has(field) && !dialog.value) field.blur();
  });
}

let held = false;
/** Some browsers press a button when Space is let go. @param {KeyboardEvent} event */
export function released(event) {
  if (event.key === " " && held) event.preventDefault();
  held = false;
}

/** @param {KeyboardEvent} event */
export function keyed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const at = /** @type {HTMLElement} */ (event.target);
  if (dialog.value || at.closest?.("[popover]")) return;
  const writes = at.matches?.("input[type=search], input[type=text], input[type=number], textarea, select");
  // A name that nobody has begun to write is left by the keys that go about.
  const leaves = at.matches?.("#naming:placeholder-shown") && /^(Arrow|Home|End)/.test(event.key);
  if (leaves) at.blur();
  else if (writes) {
    if (event.key === "Escape" && at.matches("input")) {
      at.blur();
      through(0);
    }
    if (event.key === "ArrowDown" && at.id === "words") done(event, () => through(0));
    return;
  }
  if (event.key === "?") return done(event, () => (dialog.value = { name: "help" }));
  if (!open.value) return undefined;
  const slides = at.matches?.("input[type=range]") && !cameByPointer(at);
  const act_of = KEYS[named(event)];
  if (!act_of || (slides && /^(Shift\+)?(Arrow|Home|End|Page)/.test(named(event)))) return undefined;
  // Enter is a button's own, and Space where one came to it by keys: one that was clicked has the focus
  // without being meant, and whoever presses Space then wants the film to play.
  if (event.key === "Enter" && at.matches?.("button, summary, a, label, input")) return undefined;
  if (event.key === " " && (at.matches?.("input[type=checkbox]") || (at.matches?.("button, summary") && cameByKeys(at)))) return undefined;
  if (event.key === " ") held = true;
  return done(event, () => act_of(event));
}

/** @param {KeyboardEvent} event @param {() => unknown} act_of */
function done(event, act_of) {
  event.preventDefault();
  act_of();
  return undefined;
}

/** @param {KeyboardEvent} event */
function named(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return event.shiftKey && /^(Arrow|[a-z]$)/.test(key) ? `Shift+${key}` : key;
}

/** @param {number} by */
function steps(by) {
  playedBy()?.pause();
  playedBy()?.seek(frame.value + by);
}

/** Pick the suggestion in focus, or decide for the shot in focus. */
function enter() {
  const card = /** @type {HTMLElement | null | undefined} */ (document.activeElement?.closest(".offer"));
  if (card) pick(Number(card.dataset.n) - 1);
}

/** @type {Record<string, (event: KeyboardEvent) => unknown>} */
const KEYS = {
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  "Shift+ArrowLeft": () => steps(-1),
  "Shift+ArrowRight": () => steps(1),
  ArrowUp: () => through(-1),
  ArrowDown: () => through(1),
  Enter: enter,
  " ": toggle,
  Home: () => playedBy()?.seek(0),
  End: () => playedBy()?.seek((film.value?.frames ?? 1) - 1),
  j: () => playedBy()?.reverse(),
  k: () => playedBy()?.pause(),
  l: () => (playing.value ? playedBy()?.faster() : toggleLock()),
  "Shift+l": toggleLock,
  x: () => refuse("clip", false),
  m: () => actHere("mirror"),
  ",": () => actHere("slip", { by: -1 }),
  ".": () => actHere("slip", { by: 1 }),
  z: () => act("undo"),
  "Shift+z": () => act("redo"),
  f: fill,
  "Shift+f": keepMine,
  s: () => keepVersion(),
  r: () => (dialog.value = { name: "render" }),
  o: loopShot,
  v: () => lay(LAYOUTS[(LAYOUTS.indexOf(layout.value) + 1) % LAYOUTS.length]),
  u: toggleUndecided,
  w: toggleFull,
  a: () => (moving.value = !moving.value),
  "+": () => zoomBy(1.5),
  "=": () => zoomBy(1.5),
  "-": () => zoomBy(1 / 1.5),
  "/": () => document.getElementById("words")?.focus(),
  Escape: () => {
    cropping.value = false;
    if (full.value) toggleFull();
  },
};
for (let n = 1; n <= 9; n += 1) KEYS[String(n)] = () => pick(n - 1, false);
