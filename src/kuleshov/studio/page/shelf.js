/** The suggestions for the shot that is looked at. */

import { Button, Facets, html, Icon } from "./html.js";
import { Moving, Picture } from "./pictures.js";
import {
  act, askAnew, asked, askWords, calm, current, exampleFrom, fixedText, focused, hovered, loadStart, looked, moving, pick, picking, readOnly, shelf, shot, start, state, suggestions, takeProposed, unlisted,
} from "./store.js";
import { t, word } from "./text.js";
import { clock, stem } from "./time.js";
import { useEffect, useRef, useState } from "./vendor/hooks.js";

/** Whether there are only fingers: then a long press looks at a suggestion, and cannot drag it. */
const fingers = matchMedia("(pointer: coarse)");
/** Tiles that stand for suggestions which are looked for. */
const WAITING = [0, 1, 2, 3, 4, 5];
/** Where the pointer was last: a list that changes below a pointer at rest is not pointed at. */
let pointed = "";
/** Milliseconds after which a finger that rests on a suggestion looks at it. */
const HOLDS = 400;
/** How far it may tremble, in pixels. */
const TREMBLES = 10;
/** The tile that a finger looks at: what is pressed elsewhere ends that. @type {HTMLElement | null} */
let heldOn = null;
document.addEventListener("pointerdown", (event) => {
  const at = /** @type {Element} */ (event.target);
  if (!heldOn || heldOn.contains(at) || at.closest(".detail")) return;
  if (document.activeElement === heldOn) heldOn.blur();
  heldOn = null;
  focused.value = "";
}, true);

export function Shelf() {
  const one = shot.value;
  const [over, drag] = useState(false);
  const [words, write] = useState("");
  const how = asked.value;
  useEffect(() => write(how.words), [how.words, one?.slot]);
  useEffect(() => {
    if (!start.value) loadStart();
  }, []);
  const ask = (/** @type {any} */ more) => (asked.value = { ...asked.value, ...more });
  const dropped = (/** @type {DragEvent} */ event) => {
    drag(false);
    exampleFrom(event);
  };
  const bins = start.value?.bins ?? [];
  // Those of the shot before are not shown for this one. What had the focus among them gives it to the
  // whole list, and that to one of the new ones.
  const listed = suggestions.value;
  useEffect(() => {
    if (listed.length && document.activeElement?.matches(".shelf, .offers")) through(0);
  }, [one?.slot, listed.length > 0]);
  // What comes into the film is in sight, wherever in the list it stands.
  const own = one?.clip?.offer;
  const was = useRef({ slot: "", tile: "" });
  useEffect(() => {
    const tile = /** @type {HTMLElement | null} */ (document.querySelector(".offer.chosen"));
    if (!listed.length || (tile?.dataset.offer ?? tile?.dataset.film) !== own) return; // the list of before
    const now = { slot: one?.slot, tile: `${own} ${tile?.dataset.n}` };
    if (was.current.slot === now.slot && was.current.tile !== now.tile) tile?.scrollIntoView({ block: "nearest" });
    was.current = now;
  }, [own, listed]);
  // The list is that of the field: what empties it, or leaves it, asks anew.
  const escaped = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || event.isComposing) return;
    event.preventDefault();
    const field = /** @type {HTMLInputElement} */ (event.currentTarget);
    field.value = "";
    write("");
    askWords("");
    field.blur();
    through(0);
  };
  const empty = !shelf.value.busy && shelf.value.slot === one?.slot && !listed.length;
  return html`<section class=${`shelf ${over ? "over" : ""}`} aria-label=${t("shelf.name")}
    onDragOver=${(/** @type {DragEvent} */ e) => { e.preventDefault(); drag(true); }} onDragLeave=${(/** @type {any} */ e) => !e.currentTarget.contains(e.relatedTarget) && drag(false)} onDrop=${dropped}>
    <div class="shelf-head">
      <h2>${one ? (one.fixed && !one.title ? t("shelf.black") : t("shelf.for", { slot: one.slot })) : t("shelf.name")}</h2>
      <form class="words" role="search" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); askWords(words.trim()); askAnew({}); }}>
        <input id="words" type="search" placeholder=${t("shelf.words")} aria-label=${t("shelf.words")} title=${`${t("shelf.words")} (/)`} value=${words}
          onInput=${(/** @type {any} */ e) => { write(e.target.value); if (!e.target.value) askWords(""); }}
          onChange=${(/** @type {any} */ e) => askWords(e.target.value.trim())} onKeyDown=${escaped} aria-describedby="words-enter" />
        <span id="words-enter" class=${words.trim() === how.words ? "unseen" : "words-enter"}>${t("shelf.words.enter")}</span>
      </form>
      ${bins.length > 0 && html`<select aria-label=${t("shelf.bin")} title=${t("shelf.bin")} value=${how.bin} onChange=${(/** @type {any} */ e) => ask({ bin: e.target.value })}>
        <option value="">${t("shelf.bin.any")}</option>${bins.map((/** @type {any} */ bin) => html`<option key=${bin.name ?? bin} value=${bin.name ?? bin}>${bin.name ?? bin}</option>`)}</select>`}
      <${Button} icon="moving" quiet pressed=${moving.value} title=${t("shelf.moving")} keys="A" onClick=${() => (moving.value = !moving.value)} />
    </div>
    <${Learned} />
    ${how.within && html`<p class="chips"><button type="button" class="chip" title=${t("shelf.within.drop")} onClick=${() => ask({ within: null })}>${t("shelf.within", { what: how.within.name })}<${Icon} name="close" /></button></p>`}
    ${how.like && html`<p class="chips"><button type="button" class="chip" title=${t("shelf.like.drop", { what: how.like.name })} onClick=${() => ask({ like: null })}>${t("shelf.like", { what: how.like.name })}<${Icon} name="close" /></button></p>`}
    ${over && html`<p class="drop-hint">${t("shelf.drop")}</p>`}
    ${shelf.value.busy && html`<i class="looking-line" aria-hidden="true"></i>`}
    <div class="offers" tabindex="-1" onPointerLeave=${() => { pointed = ""; hovered.value = ""; }} aria-busy=${shelf.value.busy} data-slot=${shelf.value.slot}>
      ${empty ? html`<div class="nothing"><p>${shelf.value.error || (one?.fixed ? fixedText(one) : t("shelf.none"))}</p>
          ${!shelf.value.error && !one?.fixed && html`<p class="dim">${t(start.value && !start.value.archive?.footage ? "shelf.none.archive" : "shelf.none.help")}</p>`}</div>`
        : !listed.length ? html`<div class="nothing looking"><div class="offer-grid" aria-hidden="true">${WAITING.map((n) => html`<div key=${n} class="tile"><div class="still waits"></div></div>`)}</div><p>${t("shelf.looking")}</p>${one && picking.value[one.slot] !== undefined && html`<p class="dim">${t("pick.waits", { n: Number(picking.value[one.slot]) + 1, slot: one.slot })}</p>`}</div>`
        : html`<div class="offer-grid" role="listbox" aria-label=${t("shelf.name")} aria-orientation="vertical">
          ${unlisted.value && html`<${Unlisted} key="unlisted" clip=${unlisted.value} />`}
          ${listed.map((/** @type {any} */ offer, /** @type {number} */ n) => html`<${Offer} key=${offer.offer} n=${n} offer=${offer} next=${listed[n + 1]} before=${listed[n - 1]} />`)}</div>
        ${listed.length >= how.count && how.count < 60 && html`<p class="more"><${Button} quiet onClick=${() => ask({ count: Math.min(60, how.count + 24) })}>${t("shelf.more")}<//></p>`}`}
    </div>
    <${Detail} />
  </section>`;
}

/** What the studio learnt of the picks, as a proposal. */
function Learned() {
  const learned = state.value?.learned;
  if (!learned?.proposal) return null;
  return html`<div class="learned"><p><b>${t("learned.title")}</b> ${learned.proposal.text.replace(/\s*Apply\?$/, "")}</p>
    <div class="row"><${Button} onClick=${() => act("apply_learned")}>${t("learned.apply")}<//><${Button} quiet onClick=${() => act("forget_learned")}>${t("learned.forget")}<//></div></div>`;
}

/** The clip in the film where the list lacks it. @param {any} about */
function Unlisted({ clip }) {
  const figure = (clip.score ?? 0).toFixed(2);
  const name = { footage: stem(clip.footage), time: clock(clip.start_s), score: figure };
  return html`<div class="offer chosen" role="option" tabindex=${current.value === clip ? 0 : -1} data-film=${clip.offer} aria-selected="true" aria-label=${`${t("offer.unlisted.name", name)}, ${t("offer.shown")}`}
    onClick=${() => { focused.value = ""; }} onFocus=${() => { focused.value = ""; hovered.value = ""; }}>
    <div class="still"><${Picture} kind="offers" class=${clip.mirrored ? "mirrored" : ""} src=${`/media/still/${clip.id}/${Math.max(0, Math.round(500 * (clip.start_s + clip.end_s)))}.jpg?width=240`} /></div>
    <p class="line"><span class="name" title=${clip.footage}>${stem(clip.footage)}</span> <b title=${t("offer.score", { score: figure })}>${figure}</b></p>
    <${Facets} facets=${clip.facets} />
  </div>`;
}

/** One suggestion: its picture, which moves on focus and hover, its score and its facets. @param {any} about */
function Offer({ n, offer, next, before }) {
  const card = useRef(/** @type {HTMLElement | null} */ (null));
  const [on, turn] = useState(false);
  const [there, see] = useState("");
  const timer = useRef(0);
  const moves = (moving.value || on) && !(calm.matches && !moving.value);
  const slot = shelf.value.slot;
  const path = `/media/offer/${encodeURIComponent(slot)}/${encodeURIComponent(offer.offer)}`;
  const here = current.value?.offer === offer.offer;
  const awaited = picking.value[slot];
  const waits = awaited === offer.offer || awaited === n;
  const wake = (/** @type {boolean} */ yes, /** @type {number} */ wait) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => turn(yes), wait);
  };
  // Details are of what is pointed at; their buttons are of what is in focus, so that nothing that lies
  // on the way to them is taken.
  const point = (/** @type {PointerEvent} */ e) => {
    const place = `${e.screenX} ${e.screenY}`;
    if (e.pointerType !== "mouse" || pointed === place) return;
    pointed = place;
    hovered.value = offer.offer;
    if (!on) wake(true, 125);
  };
  // A finger that rests looks, as a pointer does that comes by; one that taps picks.
  const rest = useRef({ timer: 0, at: [0, 0], looks: false });
  const touched = (/** @type {PointerEvent} */ e) => {
    clearTimeout(rest.current.timer);
    rest.current = { timer: 0, at: [e.clientX, e.clientY], looks: false };
    if (e.pointerType === "mouse" || /** @type {Element} */ (e.target).closest(".folded, .likened")) return;
    rest.current.timer = setTimeout(() => {
      rest.current.looks = true;
      heldOn = card.current;
      card.current?.focus({ preventScroll: true });
      focused.value = offer.offer;
    }, HOLDS);
  };
  const left = () => clearTimeout(rest.current.timer);
  const trembles = (/** @type {PointerEvent} */ e) => {
    if (Math.hypot(e.clientX - rest.current.at[0], e.clientY - rest.current.at[1]) > TREMBLES) left();
  };
  const pressed = () => {
    left();
    if (rest.current.looks) return;
    focused.value = offer.offer;
    pick(n);
  };
  useEffect(() => left, []);
  useEffect(() => {
    turn(document.activeElement === card.current);
    return () => clearTimeout(timer.current);
  }, [offer.offer, slot]);
  const figure = (offer.score ?? 0).toFixed(2);
  const sure = offer.sure === null || offer.sure === undefined ? "" : t("offer.sure", { n: Math.round(100 * offer.sure) });
  const values = { n: n + 1, footage: stem(offer.footage), time: clock(offer.start_s), score: figure };
  const more = [
    waits && t("pick.waiting"), offer.chosen && t("offer.shown"), offer.best && t("offer.best"), offer.mirrored && t("offer.mirrored"), sure, offer.why,
    offer.near && t("offer.near"), offer.taken_by?.length && t("offer.taken", { slots: offer.taken_by.join(", ") }), offer.folded && t("offer.folded", { n: offer.folded }),
  ].filter(Boolean);
  const [joined, likes] = [next?.group === offer.group, next?.group === offer.group || before?.group === offer.group];
  const less = offer.taken_by?.length > 0 || offer.near;
  return html`<div ref=${card} class=${`offer ${offer.chosen ? "chosen" : ""} ${waits ? "awaited" : ""} ${likes ? "likes" : ""} ${joined ? "joined" : ""} ${offer.group % 2 ? "odd" : ""}`} role="option" tabindex=${here ? 0 : -1} data-offer=${offer.offer} data-n=${n + 1}
    aria-selected=${Boolean(offer.chosen)} aria-label=${[t("offer.name", values), ...more].join(", ")} draggable=${!fingers.matches} aria-disabled=${Boolean(readOnly.value) || Boolean(shot.value?.locked)}
    onDragStart=${(/** @type {DragEvent} */ e) => e.dataTransfer?.setData("application/x-offer", JSON.stringify({ id: offer.offer, name: stem(offer.footage) }))}
    aria-busy=${waits ? "true" : undefined} onClick=${pressed} onFocus=${() => { focused.value = offer.offer; hovered.value = ""; wake(true, 0); }} onBlur=${() => wake(false, 0)}
    onPointerDown=${touched} onPointerUp=${left} onPointerCancel=${left} onTouchEnd=${(/** @type {Event} */ e) => rest.current.looks && e.preventDefault()} onContextMenu=${(/** @type {Event} */ e) => fingers.matches && e.preventDefault()}
    onPointerMove=${(/** @type {PointerEvent} */ e) => { trembles(e); point(e); }}
    onPointerLeave=${() => { left(); wake(document.activeElement === card.current, 0); }}>
    <div class=${there === path ? "still" : "still waits"}>
      <${Picture} key=${path} kind="offers" src=${`${path}.jpg`} onLoad=${() => see(path)} />
      ${moves && html`<${Moving} key=${path} kind=${on ? "hand" : "moving"} src=${`${path}.mp4`} />`}
      ${n < 9 && html`<span class="badge" data-text=${n + 1}></span>`}
      ${offer.best && html`<span class="best" title=${t("offer.best")}></span>`}
      ${offer.taken_by?.length > 0 && html`<span class="used" title=${t("offer.taken", { slots: offer.taken_by.join(", ") })} data-text=${t("offer.used", { slots: offer.taken_by.join(", ") })}></span>`}
      ${offer.folded > 0 && html`<span class="folded" title=${t("offer.folded.title", { n: offer.folded })} data-text=${`+${offer.folded}`} onClick=${aside(() => openFolded(offer))}></span>`}
      <span class="likened" title=${t("offer.like")} onClick=${aside(() => askLike(offer))}><${Icon} name="like" /></span>
    </div>
    <p class="line"><span class="name" title=${offer.footage}>${stem(offer.footage)}</span>${sure && html` <i class="sure" title=${t("offer.sure.title")}>${t("offer.sure.short", { n: Math.round(100 * offer.sure) })}</i>`}${" "}<b class=${less ? "less" : ""} title=${figured(offer)}>${figure}</b></p>
    <${Facets} facets=${offer.facets} />
  </div>`;
}

/** A click on a sign that lies in a suggestion, and does not pick that. @param {() => void} act_of */
function aside(act_of) {
  return (/** @type {Event} */ event) => {
    event.stopPropagation();
    act_of();
  };
}

/** Ask for what is like a suggestion. @param {any} offer */
function askLike(offer) {
  asked.value = { ...asked.value, within: null, like: { id: offer.offer, name: stem(offer.footage) } };
}

/** Ask for what is folded into a suggestion. @param {any} offer */
function openFolded(offer) {
  asked.value = { ...asked.value, within: { id: offer.offer, name: stem(offer.footage) } };
}

/** Why what the film shows is not what is best for this shot alone. @param {any} offer */
function whyNot(offer) {
  const listed = suggestions.value;
  const n = listed.findIndex((/** @type {any} */ one) => one.best) + 1;
  const best = listed[n - 1];
  if (!offer.chosen || offer.best || !best || asked.value.within) return "";
  if (["chosen", "locked"].includes(shot.value?.state)) return t("offer.yours", { n });
  if (offer.taken_by?.length) return t("offer.notbest.taken", { n, slots: offer.taken_by.join(", ") });
  return t(best.near ? "offer.notbest.near" : "offer.notbest", { n });
}

/** What the figure of a suggestion is, and what is taken off. @param {any} offer */
function figured(offer) {
  const less = [
    offer.taken_by?.length && t("offer.less.taken", { slots: offer.taken_by.join(", ") }),
    offer.near && t("offer.less.near"),
  ].filter(Boolean);
  const values = { counts: (offer.counts ?? 0).toFixed(2), score: (offer.score ?? 0).toFixed(2), why: less.join(", ") };
  return t(less.length ? "offer.score.less" : "offer.score", values);
}

/** What there is to say of the suggestion under the pointer or in focus, else of the clip in the film. */
function Detail() {
  const offer = looked.value;
  if (!offer) return html`<div class="detail"></div>`;
  const pointing = offer !== current.value;
  const proposed = offer.chosen && shot.value?.state === "proposed";
  const held = shot.value?.locked ? t("pick.locked", { slot: shot.value.slot }) : readOnly.value;
  const marks = [
    offer.taken_by?.length > 0 && t("offer.taken", { slots: offer.taken_by.join(", ") }),
    offer.mirrored && t("offer.mirrored"),
    offer.speed && Number(offer.speed.toFixed(2)) !== 1 && t("offer.speed", { n: Number(offer.speed.toFixed(2)) }),
    offer.sure !== null && offer.sure !== undefined && t("offer.sure", { n: Math.round(100 * offer.sure) }),
    offer.near && t("offer.near"),
  ].filter(Boolean);
  const other = offer === unlisted.value ? t("offer.unlisted") : whyNot(offer);
  const [shared] = (offer.why ?? "").split(";");
  const why = /\d\.\d\d/.test(shared) ? "" : shared;
  return html`<div class="detail" data-of=${offer.offer}>
    <div class="detail-words">
      <div class="detail-name"><b title=${offer.footage}>${stem(offer.footage)}</b> <span>${clock(offer.start_s)}–${clock(offer.end_s)}</span></div>
      <p class="why" title=${[why, other].filter(Boolean).join(". ")}>${other ? html`<b>${other}</b> ` : ""}${why || (offer === unlisted.value ? "" : t("offer.nowhy"))}</p>
      ${marks.length > 0 && html`<p class="marks">${marks.map((mark) => html`<span key=${mark}>${mark}</span>`)}</p>`}
      ${pointing ? html`<p class="hint dim">${t("offer.click")}</p>` : html`<div class="row"><${Button} icon="check" disabled=${(offer.chosen && !proposed) || Boolean(held)} title=${held || (proposed ? t("offer.take.title") : undefined)} onClick=${offer === unlisted.value ? takeProposed : () => pick(suggestions.value.indexOf(offer))}>${t(proposed ? "offer.take" : offer.chosen ? "offer.shown" : "offer.pick")}<//>
        <${Button} icon="like" quiet label=${t("offer.like")} onClick=${() => askLike(offer)}>${t("offer.like")}<//>
        ${offer.folded > 0 && html`<${Button} quiet title=${t("offer.folded.title", { n: offer.folded })} onClick=${() => openFolded(offer)}>${t("offer.folded", { n: offer.folded })}<//>`}</div>`}
    </div>
    <${Facets} facets=${offer.facets} named title=${t("facets.title")} label=${(/** @type {string} */ name) => word("facet", name)} />
  </div>`;
}

/** Put the focus on a suggestion, or on the one by so many rows below; below the last row of a column
 * the next column begins. @param {number} by */
export function through(by) {
  const grid = /** @type {HTMLElement | null} */ (document.querySelector(".offer-grid"));
  if (!grid) return;
  const cards = [.../** @type {NodeListOf<HTMLElement>} */ (grid.querySelectorAll(".offer"))];
  const inside = grid.contains(document.activeElement);
  const own = cards.findIndex((card) => (card.dataset.offer ?? card.dataset.film) === current.value?.offer);
  const first = Math.max(0, inside ? cards.indexOf(/** @type {HTMLElement} */ (document.activeElement)) : own);
  const second = cards.findIndex((card) => card.offsetTop > cards[0].offsetTop + 4);
  const wide = second > 0 ? second : Math.max(1, cards.length);
  const at = inside ? below(first, by, wide, cards.length) : first;
  cards[at]?.focus();
  cards[at]?.scrollIntoView({ block: "nearest" });
}

/** Where one comes from a place in a grid, so many rows down or up: at the end of a column on to the
 * next. @param {number} from @param {number} by @param {number} wide @param {number} count */
export function below(from, by, wide, count) {
  const at = from + by * wide;
  if (at >= 0 && at < count) return at;
  const column = (from % wide) + Math.sign(by);
  if (column < 0 || column >= Math.min(wide, count)) return from;
  return by > 0 ? column : column + wide * Math.floor((count - 1 - column) / wide);
}
