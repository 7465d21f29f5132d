/** What the page knows, as signals, and what can be done. What is decided lies with the studio, in
 * the project; here is only what is looked at. */

import { get, listen, post, Refused, upload } from "./api.js";
import { t, word } from "./text.js";
import { signed, stem } from "./time.js";
import { batch, computed, effect, signal } from "./vendor/signals.js";

/** The studio's state, as it tells. @type {any} */
export const state = signal(null);
export const connected = signal(true);
/** What can be opened, for the start page. @type {any} */
export const start = signal(null);
/** The slot that is looked at. @type {any} */
export const slot = signal(null);
export const frame = signal(0);
export const playing = signal(false);
export const waiting = signal(false);
export const unplayable = signal("");
export const layout = signal(remembered("layout", "beside"));
export const wipe = signal(0.5);
export const mixture = signal(0.5);
export const looping = signal(false);
export const muted = signal(remembered("muted", false));
export const zoom = signal(1);
export const undecided = signal(false);
/** Whether what can be done with a clip is folded away, and the player has its room. */
export const folded = signal(layout.peek() !== "beside");
/** Whether there is nothing but the player. */
export const full = signal(false);
/** The version that was just kept, and may be given a name. @type {any} */
export const naming = signal(null);
export const moving = signal(false);
export const cropping = signal(false);
export const tab = signal("clip");
/** @type {any} */
export const dialog = signal(null);
/** @type {any} */
export const toast = signal(null);
/** Jobs by id. @type {any} */
export const jobs = signal({});
const STAYS = ["open", "index"];
/** Whether the start page is looked at though a project is open. */
export const home = signal(false);

/** What the suggestions are asked by, for the shot that is looked at. @type {any} */
export const asked = signal({ words: "", like: null, within: null, bin: "", count: 24, weights: null, tightness: null });
/** @type {any} */
export const shelf = signal({ slot: null, busy: false, suggestions: [], error: "" });
/** What was picked and is not done yet: by slot, the offer, or the number of a suggestion that is not
 * there yet. @type {any} */
export const picking = signal({});
/** Which shots a change replaced though they were chosen by hand, and with which revision that was.
 * @type {any} */
export const overruled = signal({ revision: -1, slots: [], changes: [] });
/** Whether a job of this kind runs. @param {string} kind */
export const runs = (kind) => Object.values(jobs.value).some((/** @type {any} */ one) => one.kind === kind && one.state === "runs");
/** Ids of failed jobs of which nobody wants to hear any more. @type {any} */
const dismissed = signal([]);
/** The suggestion that was in focus last, and the one that was under the pointer last, of the list
 * that is on the screen; "" for none. */
export const focused = signal("");
export const hovered = signal("");

export const calm = matchMedia("(prefers-reduced-motion: reduce)");

export const shots = computed(() => state.value?.shots ?? []);
export const shot = computed(() => shots.value.find((/** @type {any} */ one) => one.slot === slot.value) ?? null);
export const film = computed(() => state.value?.film ?? null);
export const rate = computed(() => (film.value ? film.value.rate[0] / film.value.rate[1] : 25));
export const suggestions = computed(() => (shelf.value.slot === slot.value ? shelf.value.suggestions : []));
/** The clip in the film where the suggestions lack it, told of as they are: it is one of those that are
 * folded, or came from another shot. Of those that were folded into one only these are looked at.
 * @type {any} */
export const unlisted = computed(() => {
  const clip = shot.value?.clip;
  const listed = suggestions.value;
  if (!clip || !listed.length || asked.value.within || listed.some((/** @type {any} */ offer) => offer.offer === clip.offer)) return null;
  return { ...clip, chosen: true, folded: 0, near: false, taken_by: [], sure: null };
});
/** Where the focus is, or would come to, among the suggestions: before any is in focus, on the clip in
 * the film, else on the best one. @type {any} */
export const current = computed(() => {
  const listed = suggestions.value;
  const one = (/** @type {(offer: any) => boolean} */ test) => listed.find(test);
  return one((offer) => offer.offer === focused.value) ?? unlisted.value ?? one((offer) => offer.chosen) ?? one((offer) => offer.best) ?? listed[0] ?? null;
});
/** The suggestion that details are told of. @type {any} */
export const looked = computed(() => suggestions.value.find((/** @type {any} */ offer) => offer.offer === hovered.value) ?? current.value);
export const weights = computed(() => {
  const all = state.value?.weights ?? {};
  return { ...all.film, ...(all.slots?.[slot.value] ?? {}) };
});
export const open = computed(() => Boolean(state.value?.project) && !home.value);
export const readOnly = computed(() => state.value?.read_only ?? null);

/** Whether a shot waits for a decision. @param {any} one */
export function isUndecided(one) {
  if (one.fixed) return false;
  return ["proposed", "missing", "refused"].includes(one.state) || one.missing?.length > 0;
}
/** Why nothing can be chosen for a shot. @param {any} one */
export function fixedText(one) {
  return one.title ? t(one.state === "own" ? "shelf.title.own" : "shelf.title.black") : t("shelf.fixed");
}
/** What could not be opened or indexed: said until it is taken away, or done after all. */
export const failures = computed(() => {
  const all = Object.values(jobs.value);
  return all.filter((/** @type {any} */ one, /** @type {number} */ n) => one.state === "failed" && STAYS.includes(one.kind) && !dismissed.value.includes(one.id)
    && !all.slice(n + 1).some((/** @type {any} */ later) => later.kind === one.kind && later.title === one.title));
});
/** @param {string} id */
export function dismiss(id) {
  dismissed.value = [...dismissed.value, id];
}
/** The shots that show what is not there, and the files. */
export const lost = computed(() => {
  const found = shots.value.filter((/** @type {any} */ one) => one.missing?.length);
  return found.length ? { slots: found.map((/** @type {any} */ one) => one.slot), files: [...new Set(found.flatMap((/** @type {any} */ one) => one.missing))] } : null;
});
export const left = computed(() => shots.value.filter(isUndecided).length);
/** The shots that a person chose and did not lock, and those for which nobody chose. */
export const picked = computed(() => shots.value.filter((/** @type {any} */ one) => one.state === "chosen").map((/** @type {any} */ one) => one.slot));
export const unpicked = computed(() => shots.value.filter((/** @type {any} */ one) => !one.fixed && ["proposed", "missing", "refused"].includes(one.state)).map((/** @type {any} */ one) => one.slot));

/** The player, once it is there. @type {import("./player.js").Player | null} */
let player = null;
/** @param {import("./player.js").Player} one */
export function bePlayedBy(one) {
  player = one;
  if (film.value) {
    one.frame = frame.value;
    one.update(film.value, shots.value);
    land();
  }
}
export const playedBy = () => player;

const socket = listen({
  told: hear,
  open: () => {
    connected.value = true;
    refresh();
  },
  lost: () => {
    connected.value = false;
  },
});

/** How often each segment was made since the page was opened, by key; 0 where it is not there.
 * @type {Map<string, any>} */
const madeOf = new Map();
/** @param {string} key */
export function isMade(key) {
  let found = madeOf.get(key);
  if (!found) madeOf.set(key, (found = signal(0)));
  return found;
}
/** Of which sound it was said that its wave is there. */
export const waved = signal("");

/** What a state says of segments that are there; those of before are forgotten. @param {any} told */
function noteMade(told) {
  const kept = new Set();
  for (const one of told.shots ?? []) {
    for (const part of one.segments ?? []) {
      kept.add(part.key);
      if (part.ready) isMade(part.key).value ||= 1;
    }
  }
  for (const key of madeOf.keys()) if (!kept.has(key)) madeOf.delete(key);
}

/** A note in this page's words, where it has some. @param {any} note */
export function noteText(note) {
  const own = word("note", note.code);
  return own === note.code ? note.text : own;
}

/** @param {any} message */
function hear(message) {
  if (message.type === "state") take(message.state);
  else if (message.type === "segment") {
    player?.ready(message.key);
    isMade(message.key).value += 1;
  } else if (message.type === "sound") {
    player?.heard(message.key);
  } else if (message.type === "wave") {
    waved.value = message.key;
  }
  else if (message.type === "note") say(noteText(message), message.code === "changed-outside" ? "note" : "good");
  else if (message.type === "job") heardOf(message);
}

/** @param {any} job */
function heardOf(job) {
  jobs.value = { ...jobs.value, [job.id]: { ...jobs.value[job.id], ...job } };
  if (job.state === "failed" && job.text && dialog.value?.name !== "render") {
    if (!STAYS.includes(job.kind)) say(job.text, "bad");
  }
  if (job.state === "done" && job.kind === "index") {
    say(job.text);
    loadStart();
    // What is in the archive now is offered.
    asked.value = { ...asked.value };
  }
  if (job.state === "done" && job.kind === "relink") {
    say(job.text, job.result?.found ?? job.found ? "good" : "note");
    refresh();
  }
  if (job.state === "done" && !open.value) {
    loadStart();
    refresh();
  }
}

export async function refresh() {
  try {
    take(await get("/api/state"));
  } catch (error) {
    if (error instanceof Refused && error.status === 401) say(t("app.ended"), "bad");
  }
  if (!state.value?.project) loadStart();
}

// A film that is opened is looked at where its first clip stands, once there is a player.
let landing = false;
function land() {
  if (!landing || !player || slot.value === null) return;
  landing = false;
  go(slot.value);
}

/** @param {any} told */
function take(told) {
  const before = state.value;
  if (before?.project && told.project && told.revision < before.revision) return;
  batch(() => {
    const changed = before?.project?.name !== told.project?.name || before?.film?.init !== told.film?.init;
    state.value = told;
    noteMade(told);
    if (told.jobs) jobs.value = { ...jobs.value, ...Object.fromEntries(told.jobs.map((/** @type {any} */ j) => [j.id, j])) };
    if (told.project && changed) {
      home.value = false;
      shelf.value = { slot: null, busy: false, suggestions: [], error: "" };
    }
    const other = before?.project?.name !== told.project?.name;
    if (other) recallWords(told.project?.name);
    const there = !other && told.shots?.some((/** @type {any} */ one) => one.slot === slot.value);
    if (!there) {
      const again = remembered("here", null, sessionStorage);
      const here = (/** @type {any} */ one) => again?.project === told.project?.name && again?.slot === one.slot;
      const first = told.shots?.find(here) ?? told.shots?.find((/** @type {any} */ one) => one.clip) ?? told.shots?.[0];
      slot.value = first?.slot ?? null;
      asked.value = { ...asked.peek(), words: wordsFor.get(slot.value) ?? "" };
      landing = Boolean(first);
    }
  });
  if (told.film && told.ready) {
    player?.update(told.film, told.shots);
    land();
  }
}

/** Look again at what the archive holds. */
export const indexAgain = () => post("/api/index", {}).catch(complain);

export async function loadStart() {
  try {
    start.value = await get("/api/start");
  } catch (error) {
    complain(error);
  }
}

/** Put the shot of a clip into a bin of the archive. @param {string} offer @param {string} name */
export async function keepInBin(offer, name) {
  try {
    const { bins } = await post("/api/bin", { slot: slot.value, offer, name });
    if (start.value) start.value = { ...start.value, bins };
    say(t("bin.kept", { name }));
  } catch (error) {
    complain(error);
  }
}

// Telling people

let clearing = 0;
/** Say something at the bottom of the page, and to screen readers. @param {string} text @param {"good" | "note" | "bad"} [kind]
 * @param {{label: string, keys: string, act: () => unknown}[]} [offers] what can be done about it: that stays until
 * something else is done @param {number} [revision] with which what is said came to be */
export function say(text, kind = "good", offers = [], revision = Infinity) {
  if (!text) return;
  toast.value = { text, kind, offers, revision };
  // What lies below a dialog is not read out.
  const live = document.querySelector("dialog[open] .live") ?? document.getElementById("live");
  if (live) live.textContent = text;
  clearTimeout(clearing);
  if (!offers.length) clearing = setTimeout(() => (toast.value = null), kind === "good" ? 3500 : 9000);
}
// What is offered is about the last change: of another window's none of it holds any more.
effect(() => {
  const last = state.value?.project ? state.value.last?.revision ?? -1 : Infinity;
  if (toast.peek()?.offers.length && last > toast.peek().revision) toast.value = null;
});

/** What to say of what could not be done: a call that nobody answers fails as a TypeError. @param {unknown} error */
function sentenceOf(error) {
  if (error instanceof Refused) return error.message;
  return t(error instanceof TypeError ? "app.lost" : "app.failed");
}

/** @param {unknown} error */
export function complain(error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  say(sentenceOf(error), "bad");
  if (!(error instanceof Refused)) console.warn(error);
}

// Doing

let queue = Promise.resolve();
/** Do one thing after another, in the order in which they were asked for. @template T @param {() => Promise<T>} call */
function inTurn(call) {
  if (weighing) weigh();
  const done = queue.then(call);
  queue = done.then(() => {}, () => {});
  return done;
}

/** One change after another; what was said of it is told. @param {string} verb @param {any} [fields] @param {(answer: any) => string} [words] */
export function act(verb, fields = {}, words) {
  return inTurn(() => changed(verb, fields, words));
}

/** Make a change, in its turn. @param {string} verb @param {any} fields @param {(answer: any) => string} [words] */
async function changed(verb, fields, words) {
  const before = shots.value;
  try {
    const answer = await post("/api/do", { do: verb, ...fields, revision: state.value?.revision });
    // What was chosen by hand, and was not meant by this change.
    const lost = SPARING.includes(verb) ? [] : byHand(before, answer, fields.slot);
    if (answer?.changed?.length) overruled.value = { revision: answer.revision, slots: lost, changes: answer.changed.filter((/** @type {any} */ one) => lost.includes(one.slot)).map((/** @type {any} */ one) => one.change) };
    const what = done(answer?.said ?? "") + (GOING.includes(verb) ? whichOf(answer) : "");
    const more = verb === "slip" && Math.abs(fields.by) === 1 ? ".one" : verb === "mirror" && /no longer/.test(answer?.changed?.[0]?.text) ? ".not" : "";
    const said = words?.(answer) ?? sentence(word("did", verb) === verb ? answer?.said ?? "" : t(`did.${verb}${more}`, { ...fields, what, by: typeof fields.by === "number" && verb === "slip" ? signed(fields.by) : fields.by }));
    const undo = { label: t("head.undo"), keys: "Z", act: () => act("undo") };
    if (lost.length) say(`${said} ${overruling(lost)}`, "note", [{ label: t("change.keep"), keys: "Shift+F", act: keepMine }, undo], answer.revision);
    else if (verb === "fill" && answer?.changed?.length) say(said, "note", [undo], answer.revision);
    else say(said);
    if (answer?.revision !== undefined && answer.revision > (state.value?.revision ?? -1)) {
      await later(120);
      if (answer.revision > (state.value?.revision ?? -1)) await refresh();
    }
    if (GOING.includes(verb)) goToChanged(answer.changed);
    return answer;
  } catch (error) {
    complain(error);
    if (error instanceof Refused && error.status === 409) await refresh();
    return null;
  }
}

/** Go to the first shot that a change changed, unless one of them is looked at. @param {any[]} changed */
function goToChanged(changed) {
  const names = changed.map((one) => one.slot);
  if (names.length && !names.includes(slot.value)) go(names[0]);
}

/** Which shots a change changed, where its name does not say it. @param {any} answer */
function whichOf({ said, changed }) {
  const names = changed.map((/** @type {any} */ one) => one.slot);
  const told = /\bshots? (.*)/i.exec(said)?.[1].split(/[^\w-]+/) ?? [];
  const named = names.every((/** @type {string} */ name) => told.includes(name));
  return named || !names.length ? "" : ` (${t(names.length > 1 ? "change.shots" : "change.shot", { slots: names.join(", ") })})`;
}

/** What is to be said where a change replaced what was chosen by hand. @param {string[]} slots */
export function overruling(slots) {
  return t(slots.length > 1 ? "change.overruled" : "change.overruled.one", { slots: slots.join(", ") });
}

/** What was done, out of what the studio called it. @param {string} said */
function done(said) {
  return said.replace(/^(Undo|Redo|Take back|Allow again): |^Go back to |^Weigh/, "").replace(/[.]$/, "");
}

/** What the studio called a change, as a sentence. @param {string} said */
function sentence(said) {
  return said && !/[.!?…]$/.test(said) ? `${said}.` : said;
}

/** Changes that are asked for what they change. */
const SPARING = ["undo", "redo", "take_back", "restore", "go_back", "swap", "version", "rename_version", "forget_version"];
/** Changes that are seen where they were made: one goes there. */
const GOING = ["undo", "redo"];

/** Which of the shots that a change replaced stood as a person wanted. @param {any[]} before @param {any} answer @param {string} [meant] */
function byHand(before, answer, meant) {
  const were = new Map(before.map((one) => [one.slot, one]));
  return (answer?.changed ?? []).map((/** @type {any} */ one) => one.slot)
    .filter((/** @type {string} */ name) => name !== meant && ["chosen", "own", "black", "still"].includes(were.get(name)?.state));
}

/** How many times it is being chosen again. */
export const filling = signal(0);
/** Choose again over all that is not locked, and say in words what came of it. */
export function fill() {
  return filled({});
}

/** Choose again for what nobody picked: what was chosen, or locked, stays. */
export function fillRest() {
  return filled({ slots: unpicked.peek() });
}

/** @param {any} fields */
async function filled(fields) {
  filling.value += 1;
  try {
    return await act("fill", fields, (answer) => {
      const n = answer?.changed?.length ?? 0;
      return n ? t(n > 1 ? "fill.done" : "fill.done.one", { n }) : t("fill.nothing");
    });
  } finally {
    filling.value -= 1;
  }
}

/** Take back what the last change did to shots that were chosen by hand, and nothing else. */
export function keepMine() {
  return inTurn(async () => {
    const { revision, slots, changes } = overruled.value;
    if (!changes.length || (state.value?.last?.revision ?? -1) > revision) return say(t("change.keep.none"), "note");
    return changed("take_back", { changes }, () => t(slots.length > 1 ? "change.kept" : "change.kept.one", { slots: slots.join(", ") }));
  });
}

/** How the film or a shot is to be weighed, while a slider still moves. @type {any} */
let weighing = null;
let weighing_soon = 0;
/** Milliseconds after which a slider that is moved by keys is let go. */
const RESTS = 1200;
/** Weigh once the sliders rest, or before anything else is done: however many steps they make, that is
 * one change. @param {any} fields */
export function weighSoon(fields) {
  weighing = fields;
  clearTimeout(weighing_soon);
  if (!dragging) weighing_soon = setTimeout(weigh, RESTS);
}
/** Whether a slider is held: it may rest, and go on. */
let dragging = false;
/** Hear that a slider is taken, or let go. @param {boolean} on */
export function holdWeighing(on) {
  dragging = on;
  clearTimeout(weighing_soon);
  if (!on && weighing) weighing_soon = setTimeout(weigh, 100);
}
export const isWeighing = () => weighing !== null;

async function weigh() {
  clearTimeout(weighing_soon);
  const fields = weighing;
  weighing = null;
  await act("weigh", fields);
  if (!weighing) asked.value = { ...asked.value, weights: null, tightness: null };
}

/** @param {number} ms */
function later(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Change the shot that is looked at; one that is locked says so, and how it is unlocked.
 * @param {string} verb @param {any} [fields] @param {(answer: any) => string} [words] */
export function actHere(verb, fields = {}, words) {
  if (slot.value === null) return null;
  if (shot.value?.locked && !["lock", "unlock"].includes(verb)) return say(t("pick.locked", { slot: slot.value }), "bad");
  return act(verb, { slot: slot.value, ...fields }, words);
}

/** Decide for the clip that is in the film, which was only proposed. */
export const takeProposed = () => actHere("pick", { offer: shot.value?.clip?.offer });

/** Pick a suggestion; what was on screen beside it is evidence. Where the suggestions are not there
 * yet it is done when they come: what is asked for after it waits so long.
 * @param {number} n counted from 0 @param {boolean} [seen] whether it is the one that is shown: then
 * never another */
export async function pick(n, seen = true) {
  const [name, one, here] = [slot.value, suggestions.value[n], shot.value];
  if (!name || !here || (seen && !one)) return null;
  if (readOnly.value || here.locked) {
    say(here.locked ? t("pick.locked", { slot: name }) : readOnly.value, "bad");
    return null;
  }
  const waits = !one && (shelf.value.slot !== name || shelf.value.busy) ? coming(name) : null;
  if (!one && !waits) {
    say(here.fixed ? fixedText(here) : suggestions.value.length ? t("pick.few", { n: suggestions.value.length }) : t("shelf.none"), "bad");
    return null;
  }
  if (one) focused.value = one.offer;
  else say(t("pick.waits", { n: n + 1, slot: name }));
  picking.value = { ...picking.value, [name]: one?.offer ?? n };
  const offers = one ? onScreen() : [];
  return inTurn(async () => {
    try {
      const listed = waits ? await waits : null;
      const meant = one ?? listed?.[n];
      if (!meant) {
        say(listed ? t("pick.few", { n: listed.length }) : t("pick.none", { slot: name }), "bad");
        return null;
      }
      picking.value = { ...picking.value, [name]: meant.offer };
      await tellShown(name, offers);
      const done = await changed("pick", { slot: name, offer: meant.offer }, () => t("pick.done", { slot: name, footage: stem(meant.footage) }));
      if (done && meant.taken_by?.length) say(t("pick.repeats", { slot: name, footage: stem(meant.footage), slots: meant.taken_by.join(", ") }), "note");
      return done;
    } finally {
      const { [name]: _, ...others } = picking.value;
      picking.value = others;
    }
  });
}

/** Refuse what is shown. @param {"clip" | "shot" | "footage"} what @param {boolean} here for this shot only */
export async function refuse(what, here) {
  const name = slot.value;
  if (!shot.value?.clip) return null;
  const offers = onScreen();
  return inTurn(async () => {
    await tellShown(name, offers);
    return changed("refuse", { slot: name, what, here }, (answer) => {
      const one = answer?.changed?.find((/** @type {any} */ each) => each.slot === name);
      return t(`did.refuse.${what}`, { slot: name, now: one?.text.split(" → ")[1] ?? t("refused.none") });
    });
  });
}

/** Go only to shots that are undecided, or to all again. */
export function toggleUndecided() {
  if (!undecided.value && !left.value) return say(t("shots.undecided.none"), "note");
  undecided.value = !undecided.value;
}

export function toggleLock() {
  return actHere(shot.value?.locked ? "unlock" : "lock");
}

/** Names of versions that are asked for: they may be there before it is answered. @type {Set<string>} */
const keeping = new Set();
/** Keep the film as it is now; a name may be given afterwards. @param {string} [name] */
export async function keepVersion(name) {
  const there = state.value?.versions?.map((/** @type {any} */ one) => one.name) ?? [];
  const coming = [...keeping].filter((one) => !there.includes(one));
  const given = name || t("versions.auto", { n: there.length + coming.length + 1 });
  keeping.add(given);
  const made = act("version", { name: given }).then(async (answer) => {
    if (!answer) return null;
    say(t("versions.kept", { name: given }));
    if (!name) await refresh();
    return state.value?.versions?.findLast((/** @type {any} */ one) => one.name === given) ?? null;
  }).finally(() => keeping.delete(given));
  // What was asked for before, as a long fill, is waited for; whoever writes a name meanwhile writes
  // it into the field, and presses no keys of the page's.
  const asks = { id: `new: ${given}`, name: given, made };
  if (!name) naming.value = asks;
  if (!(await made) && naming.value === asks) naming.value = null;
}

/** Give a version another name. @param {any} version @param {string} name */
export async function rename(version, name) {
  const given = name.trim();
  if (!given || given === version.name) return;
  const one = version.made ? await version.made : version;
  if (one) await act("rename_version", { version: one.id, name: given });
}

/** Tell which suggestions of a shot were on screen. @param {string} name @param {string[]} offers */
async function tellShown(name, offers) {
  if (offers.length) await post("/api/shown", { slot: name, offers }).catch(() => {});
}

/** Which suggestions are on screen. @returns {string[]} */
function onScreen() {
  if (shelf.value.slot !== slot.value) return [];
  const cards = [...document.querySelectorAll("[data-offer]")].filter((card) => {
    const { top, bottom } = card.getBoundingClientRect();
    const area = card.closest(".offers")?.getBoundingClientRect();
    return area && bottom > area.top + 12 && top < area.bottom - 12;
  });
  return cards.map((card) => /** @type {HTMLElement} */ (card).dataset.offer ?? "");
}

// Going about

/** Which of some shots, or parts of one, lies at a frame of the film. @param {any[]} all @param {number} at @returns {any} */
export function under(all, at) {
  return all.find((one) => at >= one.first && at < one.end);
}

/** Look at a slot, and put the playhead on its first picture that no dissolve is mixed into, where
 * there is one. @param {string} name */
export function go(name) {
  const all = shots.peek();
  const at = all.findIndex((/** @type {any} */ s) => s.slot === name);
  const one = all[at];
  if (!one) return;
  look(one);
  const to = clear(one, all[at - 1]);
  frame.value = to;
  player?.seek(to);
}

/** The first frame of a shot in which nothing is seen of the one before. In the source a dissolve goes
 * on for a while after what is found of it: by half its length, if the shot is as long.
 * @param {any} one @param {any} before */
function clear(one, before) {
  const [into, out] = [one.transition?.in ?? 0, one.transition?.out ?? 0];
  const [first, end] = [one.first + into, one.end - out];
  if (first >= one.end) return one.first;
  if (!into) return first;
  const more = Math.ceil((into + (before?.transition?.out ?? 0)) / 2);
  return first + Math.max(0, Math.min(more, Math.floor((end - first) / 2)));
}

/** Look at a slot, wherever the playhead is. @param {any} one */
function look(one) {
  batch(() => {
    slot.value = one.slot;
    focused.value = "";
    cropping.value = false;
    asked.value = { ...asked.peek(), words: wordsFor.get(one.slot) ?? "", like: null, within: null, count: 24, weights: null, tightness: null };
  });
  if (looping.peek() && player) player.loop = { first: one.first, end: one.end };
}

/** The words that were given for shots, by slot: they belong to their shot while the window is open.
 * @type {Map<string, string>} */
const wordsFor = new Map();
/** Have the words that were given for the shots of a project. @param {string} [project] */
function recallWords(project) {
  wordsFor.clear();
  for (const [name, words] of Object.entries(remembered(`words.${project}`, {}, sessionStorage))) wordsFor.set(name, words);
}
/** Ask for the suggestions of the shot that is looked at by words, or by none. @param {string} words */
export function askWords(words) {
  if (slot.value === null || words === asked.value.words) return;
  wordsFor.set(slot.value, words);
  remember(`words.${state.value?.project?.name}`, Object.fromEntries(wordsFor), sessionStorage);
  asked.value = { ...asked.value, words };
}

/** The next shot, or the one before; only those that are undecided where that is asked. @param {number} by */
export function step(by) {
  const all = shots.value;
  const here = all.findIndex((/** @type {any} */ one) => one.slot === slot.value);
  // Those that are undecided may lie on the other side.
  const most = undecided.value ? all.length : by > 0 ? all.length - here : here + 1;
  for (let n = 1; n < most; n += 1) {
    const one = all[(here + n * by + all.length) % all.length];
    if (one.fixed || (undecided.value && !isUndecided(one))) continue;
    go(one.slot);
    return;
  }
  if (undecided.value) say(t(left.value ? "shots.undecided.last" : "shots.undecided.none"), "note");
}

export function loopShot() {
  looping.value = !looping.value;
  if (!player || !shot.value) return;
  player.loop = looping.value ? { first: shot.value.first, end: shot.value.end } : null;
  say(t(looping.value ? "stage.looped" : "stage.unlooped", { slot: shot.value.slot }));
}

export const LAYOUTS = ["beside", "alone", "wipe", "over"];
/** @param {string} name */
export function lay(name) {
  layout.value = name;
  folded.value = name !== "beside";
  remember("layout", name);
}

/** Show nothing but the player, on the whole screen where that may be, or all of the page again. */
export function toggleFull() {
  full.value = !full.value;
  if (full.value) document.documentElement.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
}
document.addEventListener("fullscreenchange", () => {
  if (!document.fullscreenElement) full.value = false;
});

// The shot that is looked at is the one under the playhead, however that came there: what is done is
// done to what one sees. A shot that is looped while it plays stays the one.
effect(() => {
  const at = frame.value;
  if (looping.peek() && playing.peek()) return;
  const one = under(shots.peek(), at);
  if (one && one.slot !== slot.peek()) look(one);
});

// Whoever loads the page again is where they were.
effect(() => {
  const project = state.value?.project?.name;
  if (project && slot.value !== null && !landing) remember("here", { project, slot: slot.value }, sessionStorage);
});

let told = 0;
let told_playing = false;
/** Where the playhead is orders the studio's work, and that it plays at once. */
effect(() => {
  const message = { type: "playhead", frame: frame.value, playing: playing.value };
  const now = performance.now();
  if (now - told < 250 && message.playing && told_playing) return;
  told = now;
  told_playing = message.playing;
  socket.send(message);
});

// Suggestions

/** Whether suggestions are to be ordered anew, when they are asked for next. */
let anew = false;
/** Ask for suggestions by something else, or by the same again: then they are ordered anew.
 * @param {any} more */
export function askAnew(more) {
  anew = true;
  asked.value = { ...asked.value, ...more };
}

/** What is being asked for: for which slot, and what comes of it. @type {{slot: string, stop: AbortController, listed: Promise<any[] | null>} | null} */
let asking = null;
let asking_soon = 0;
effect(() => {
  const name = slot.value;
  const how = asked.value;
  const revision = state.value?.revision;
  if (name === null || revision === undefined) return;
  clearTimeout(asking_soon);
  if (how.within && keptOpen(name, how)) return;
  // While it plays, shots pass by: one asks for those where it stays.
  asking_soon = setTimeout(() => ask(name, how), playing.peek() ? 350 : 0);
});

/** How the list that is on the screen was asked for. @type {any} */
let askedBy = null;
/** Where one of those that are folded into a suggestion is picked they stay as they lie: asked for anew
 * they would be folded into that one. @param {string} name @param {any} how */
function keptOpen(name, how) {
  const { slot: of, busy, suggestions: listed } = shelf.peek();
  const own = shots.peek().find((/** @type {any} */ one) => one.slot === name)?.clip?.offer;
  if (askedBy !== how || of !== name || busy || !listed.some((/** @type {any} */ one) => one.offer === own)) return false;
  if (!listed.some((/** @type {any} */ one) => one.offer === own && one.chosen)) {
    shelf.value = { ...shelf.peek(), suggestions: listed.map((/** @type {any} */ one) => ({ ...one, chosen: one.offer === own })) };
  }
  return true;
}

// Of another list nothing was looked at yet.
effect(() => {
  void [slot.value, asked.value];
  batch(() => {
    focused.value = "";
    hovered.value = "";
  });
});

/** Ask for the suggestions of a slot; those of another are not wanted any more, unless one of them is
 * picked already. @param {string} name @param {any} how */
function ask(name, how) {
  if (asking && picking.peek()[asking.slot] === undefined) asking.stop.abort();
  const stop = new AbortController();
  asking = { slot: name, stop, listed: listed(name, how, stop.signal) };
}

/** The suggestions of the slot that is looked at, once they are there. @param {string} name @returns {Promise<any[] | null>} */
async function coming(name) {
  if (asking?.slot !== name) {
    clearTimeout(asking_soon);
    ask(name, asked.peek());
  }
  return asking?.listed ?? null;
}

/** @param {string} name @param {any} how @param {AbortSignal} signal @returns {Promise<any[] | null>} null where there are none */
async function listed(name, how, signal) {
  const one = shots.peek().find((/** @type {any} */ s) => s.slot === name);
  if (one?.fixed) {
    shelf.value = { slot: name, busy: false, suggestions: [], error: "" };
    return null;
  }
  shelf.value = { ...shelf.value, busy: true };
  try {
    const fresh = anew;
    anew = false;
    const query = { anew: fresh ? true : null, count: how.count, words: how.words, like: how.like?.id, within: how.within?.id, bin: how.bin, weights: how.weights, tightness: how.tightness };
    const answer = await get(`/api/suggestions/${encodeURIComponent(name)}`, query, signal);
    if (slot.value === name && asking?.stop.signal === signal) {
      askedBy = how;
      shelf.value = { slot: name, busy: false, suggestions: answer.suggestions, error: "" };
    }
    return answer.suggestions;
  } catch (error) {
    if (error instanceof DOMException) return null;
    if (slot.value === name && asking?.stop.signal === signal) shelf.value = { slot: name, busy: false, suggestions: [], error: sentenceOf(error) };
    return null;
  }
}

/** Ask for suggestions like what was dropped on a shot: a file, or a suggestion. @param {DragEvent} event @param {string} [name] the shot */
export function exampleFrom(event, name) {
  event.preventDefault();
  event.stopPropagation();
  const file = event.dataTransfer?.files[0];
  const offer = event.dataTransfer?.getData("application/x-offer");
  if (name && name !== slot.value && (file || offer)) go(name);
  if (file) likeFile(file);
  else if (offer) asked.value = { ...asked.value, like: JSON.parse(offer) };
}

/** Ask for suggestions like a file, which the studio is given. @param {File} file */
async function likeFile(file) {
  const name = slot.value;
  say(t("shelf.like.coming", { what: file.name }));
  try {
    const answer = await upload(file);
    if (slot.value === name) asked.value = { ...asked.value, like: { id: answer.film, name: file.name } };
  } catch (error) {
    complain(error);
  }
}

// Opening

/** @param {any} what `{project}` or `{film}` @param {string} name */
export async function openIt(what, name) {
  try {
    const { job } = await post("/api/open", what);
    jobs.value = { ...jobs.value, [job]: { id: job, state: "runs", done: 0, of: null, left_s: null, ...jobs.value[job], what: t("start.opening", { name }) } };
    home.value = false;
  } catch (error) {
    complain(error);
  }
}

/** Look for footage that is not there in a folder that was named at the start. @param {string} folder */
export async function relink(folder) {
  try {
    const { job } = await post("/api/relink", { folder });
    jobs.value = { ...jobs.value, [job]: { id: job, kind: "relink", state: "runs", done: 0, of: null, left_s: null, what: t("lost.looking"), ...jobs.value[job] } };
  } catch (error) {
    complain(error);
  }
}

// What this browser remembers is only how things are looked at.

/** @param {string} name @param {any} otherwise @param {Storage} [where] */
export function remembered(name, otherwise, where = localStorage) {
  try {
    return JSON.parse(where.getItem(`kuleshov.${name}`) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** @param {string} name @param {any} value @param {Storage} [where] */
export function remember(name, value, where = localStorage) {
  try {
    where.setItem(`kuleshov.${name}`, JSON.stringify(value));
  } catch {
    // A browser that remembers nothing is fine.
  }
}

/** The words for a shot's state. @param {any} one */
export function stateOf(one) {
  if (one.missing?.length) return t("state.lost", { files: one.missing.join(", ") });
  return word("state", one.state);
}
