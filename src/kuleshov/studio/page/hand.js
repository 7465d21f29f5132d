/** What can be done with the clip of a shot, how suggestions are weighed, and what was done. */

import { get } from "./api.js";
import { Button, Facets, html, Menu } from "./html.js";
import { cameByKeys, cameByPointer } from "./keys.js";
import { Picture, placed } from "./pictures.js";
import {
  act, actHere, asked, complain, cropping, dialog, film, folded, go, holdWeighing, keepVersion, lost, noteText, overruled, overruling, rate, readOnly, refuse, rename, shot, shots, slot, state, suggestions, isWeighing, keepMine, fixedText, keepInBin, start, tab, toggleLock, weighSoon, weights,
} from "./store.js";
import { t, word } from "./text.js";
import { clock, day, signed, stem } from "./time.js";
import { useEffect, useRef, useState } from "./vendor/hooks.js";

const TABS = ["clip", "weigh", "changes", "versions", "notes"];

export function Hand() {
  const now = state.value;
  const counts = /** @type {Record<string, number>} */ ({
    changes: Math.max(now?.last?.changed?.length ?? 0, now?.since?.changed?.length ?? 0),
    versions: now?.versions?.length ?? 0,
    notes: notesOf(now).length + (now?.refused?.length ?? 0),
  });
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    // Arrows go through the tabs where one came to them by keys: after a click they are the shots'.
    if (!by || !cameByKeys(/** @type {Element} */ (event.target))) return;
    event.preventDefault();
    event.stopPropagation();
    tab.value = TABS[(TABS.indexOf(tab.value) + by + TABS.length) % TABS.length];
    document.getElementById(`tab-${tab.value}`)?.focus();
  };
  const Inside = { clip: Clip, weigh: Weigh, changes: Changes, versions: Versions, notes: Notes }[tab.value] ?? Clip;
  const open = (/** @type {string} */ name) => {
    folded.value = false;
    tab.value = name;
  };
  return html`<section class=${folded.value ? "hand folded" : "hand"} aria-label=${t("hand.name")}>
    <div class="hand-head"><div class="tabs" role="tablist" aria-label=${t("hand.name")} onKeyDown=${keyed}>
      ${TABS.map((name) => html`<button key=${name} type="button" role="tab" id=${`tab-${name}`} aria-selected=${tab.value === name} aria-controls="hand" tabindex=${tab.value === name ? 0 : -1}
        onClick=${() => open(name)}>${t(`tab.${name}`)}${counts[name] ? html` <i>${counts[name]}</i>` : ""}</button>`)}
    </div>
    <${Button} icon=${folded.value ? "up" : "down"} quiet title=${t(folded.value ? "hand.open" : "hand.fold")} onClick=${() => (folded.value = !folded.value)} /></div>
    <div class="hand-inside" id="hand" hidden=${folded.value} role="tabpanel" aria-labelledby=${`tab-${tab.value}`} tabindex="-1"><${Inside} /></div>
  </section>`;
}

// The clip

function Clip() {
  const one = shot.value;
  if (!one) return null;
  const clip = one.clip;
  const still = Boolean(readOnly.value) || one.locked;
  const lock = html`<${Button} icon=${one.locked ? "lock" : "open"} pressed=${one.locked} disabled=${Boolean(readOnly.value) || !["proposed", "chosen", "locked", "own", "black", "still"].includes(one.state)} keys="L"
    label=${one.locked ? t("clip.unlock") : t("clip.lock")} onClick=${toggleLock}>${one.locked ? t("clip.unlock") : t("clip.lock")}<//>`;
  const nothing = html`<${Menu} id="menu-nothing" up label=${t("clip.nothing")} disabled=${still} items=${["own", "black", "still"].map((what) => ({ label: t(`nothing.${what}`), act: () => actHere(what) }))} />`;
  if (!clip) {
    return html`<div class="clip bare"><p class="dim">${one.fixed ? fixedText(one) : ["own", "black", "still"].includes(one.state) ? word("nothing", one.state) : one.missing?.length ? t("clip.lost", { files: one.missing.join(", ") }) : t("clip.none")}</p>
      ${!one.fixed && html`<div class="row wrap">${lock}${nothing}</div>`}</div>`;
  }
  const shape = film.value ? film.value.picture.recut[2] / film.value.picture.recut[3] : 16 / 9;
  const whole = Math.abs(clip.shape / shape - 1) < 0.01;
  const others = shots.value.filter((/** @type {any} */ s) => s.clip && s.slot !== one.slot && !s.locked);
  return html`<div class="clip">
    <${Ends} shot=${one} still=${still} />
    <div class="clip-acts">
      <div class="row wrap">
        ${lock}
        <${Button} icon="mirror" pressed=${clip.mirrored} disabled=${still} keys="M" label=${t("clip.mirror")} onClick=${() => actHere("mirror")}>${t("clip.mirror")}<//>
        <${Button} id="crop" icon="crop" pressed=${cropping.value} disabled=${still || whole} label=${t("clip.crop")} title=${whole ? t("clip.crop.whole") : undefined} onClick=${() => (cropping.value = !cropping.value)}>${t("clip.crop")}<//>
      </div>
      <div class="row wrap"><${Speed} clip=${clip} still=${still} /><${Hold} shot=${one} still=${still} /><${Bin} key=${clip.offer} offer=${clip.offer} /></div>
      <div class="row wrap">
        <${Menu} id="menu-refuse" up icon="refuse" label=${t("clip.refuse")} keys="X" disabled=${still} items=${refusals(clip)} />
        ${nothing}
        <${Menu} id="menu-swap" up icon="swap" label=${t("clip.swap")} disabled=${still || !others.length} items=${[{ heading: t("clip.swap.with") }, ...others.map((/** @type {any} */ s) => ({
          label: `${s.slot} · ${stem(s.clip.footage)} · ${clock(s.clip.start_s)}`,
          picture: html`<${Picture} kind="shots" class=${s.clip.mirrored ? "mirrored" : ""} src=${`/media/still/${s.clip.id}/${Math.round(500 * (s.clip.start_s + s.clip.end_s))}.jpg?width=160`} />`, act: () => actHere("swap", { with: s.slot }) }))]} />
      </div>
    </div>
    <div class="clip-why"><p>${why(clip)}</p>
      <${Facets} facets=${clip.facets} named label=${(/** @type {string} */ name) => word("facet", name)} /></div>
  </div>`;
}

/** A bin of the archive into which the clip's shot is put: one that there is, or a new one. @param {any} about */
function Bin({ offer }) {
  const [naming, name] = useState(false);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => field.current?.focus(), [naming]);
  const keep = (/** @type {string} */ bin) => {
    name(false);
    if (bin.trim()) keepInBin(offer, bin.trim());
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    event.stopPropagation();
    if (event.key === "Escape") name(false);
  };
  if (naming) return html`<form class="row" onSubmit=${(/** @type {Event} */ e) => { e.preventDefault(); keep(field.current?.value ?? ""); }}>
    <input id="bin-name" ref=${field} type="text" maxlength="80" aria-label=${t("bin.name")} placeholder=${t("bin.name")} autocomplete="off" onKeyDown=${keyed} />
    <${Button} type="submit">${t("bin.keep")}<//></form>`;
  const there = (start.value?.bins ?? []).map((/** @type {any} */ one) => ({ label: t("bin.of", { name: one.name, n: one.shots }), act: () => keep(one.name) }));
  return html`<${Menu} id="menu-bin" up label=${t("bin")} items=${[{ heading: t("bin.into") }, ...there, { label: t("bin.new"), act: () => name(true) }]} />`;
}

/** Why a clip answers, as the suggestions say it once they are there. @param {any} clip */
function why(clip) {
  const listed = suggestions.value;
  const offer = listed.find((/** @type {any} */ one) => one.offer === clip.offer);
  return offer ? offer.why?.split(";")[0] || t("offer.nowhy") : ""; // of what is not listed nothing is known
}

/** @param {any} clip */
function refusals(clip) {
  return [false, true].flatMap((here) => [
    { heading: t(here ? "refuse.here" : "refuse.everywhere") },
    ...["clip", "shot", "footage"].map((what) => ({ label: t(`refuse.${what}`, { footage: stem(clip.footage) }), act: () => refuse(/** @type {"clip" | "shot" | "footage"} */ (what), here) })),
  ]);
}

/** First and last picture side by side, and the slip within the shot that the clip is cut from. @param {any} about */
function Ends({ shot: one, still }) {
  const clip = one.clip;
  const [by, slide] = useState(0);
  const bar = useRef(/** @type {HTMLElement | null} */ (null));
  const from = useRef(0);
  useEffect(() => slide(0), [clip.offer, clip.slip, one.slot]);
  const slot_of = useRef("");
  const sure = suggestions.value.find((/** @type {any} */ offer) => offer.chosen)?.sure ?? undefined;
  const [least, most] = clip.room ?? [0, 0];
  const pictures = clip.rate ?? rate.value;
  const [begin, end] = [clip.start_s + by / pictures, clip.end_s + by / pictures];
  const usable = clip.usable ?? [clip.start_s + least / pictures, clip.end_s + most / pictures];
  const all = Math.max(1e-6, usable[1] - usable[0]);
  const held = (/** @type {number} */ n) => Math.max(least, Math.min(most, Math.round(n)));
  const set = (/** @type {HTMLElement | null} */ part) => {
    if (!part) return;
    part.style.left = `${(100 * (begin - usable[0])) / all}%`;
    part.style.width = `${Math.max(1.5, (100 * (end - begin)) / all)}%`;
  };
  const drag = (/** @type {PointerEvent} */ event) => {
    if (still) return;
    const area = /** @type {HTMLElement} */ (bar.current);
    if (event.type === "pointerdown") {
      area.setPointerCapture(event.pointerId);
      from.current = event.clientX;
      slot_of.current = one.slot;
    }
    // While it plays the shot that is looked at may be another by now: this one is slipped, or none.
    if (!area.hasPointerCapture(event.pointerId) || slot_of.current !== one.slot) return;
    const n = held(((event.clientX - from.current) / area.clientWidth) * all * pictures);
    slide(n);
    if (event.type === "pointerup" && n) actHere("slip", { by: n });
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    const n = { ArrowLeft: -1, ArrowRight: 1, PageDown: -10, PageUp: 10 }[event.key];
    if (!n || event.shiftKey || still || cameByPointer(event.currentTarget)) return;
    event.preventDefault();
    event.stopPropagation();
    actHere("slip", { by: held(n) });
  };
  const path = (/** @type {number} */ s) => `/media/still/${clip.id}/${Math.max(0, Math.round(1000 * s))}.jpg?width=240`;
  const shape = film.value ? `${film.value.picture.recut[2]} / ${film.value.picture.recut[3]}` : "16 / 9";
  const seen = placed(clip);
  const shaped = (/** @type {HTMLElement | null} */ box) => {
    if (!box) return;
    box.style.aspectRatio = shape;
    /** @type {HTMLElement} */ (box.firstElementChild).style.objectPosition = seen;
  };
  return html`<div class="ends">
    <p class="clip-name"><b title=${clip.footage}>${stem(clip.footage)}</b><span>${sure !== undefined && html`<i title=${t("offer.sure.title")}>${t("offer.sure", { n: Math.round(100 * sure) })}</i>`}<em title=${t("offer.score", { score: clip.score.toFixed(2) })}>${clip.score.toFixed(2)}</em></span></p>
    <div class="pair">
      <figure ref=${shaped}><${Picture} key=${clip.offer} kind="hand" class=${clip.mirrored ? "mirrored" : ""} src=${path(begin)} alt=${t("clip.first")} /><figcaption>${clock(begin, 2)}</figcaption></figure>
      <figure ref=${shaped}><${Picture} key=${clip.offer} kind="hand" class=${clip.mirrored ? "mirrored" : ""} src=${path(Math.max(begin, end - 1 / pictures))} alt=${t("clip.last")} /><figcaption>${clock(end, 2)}</figcaption></figure>
    </div>
    <div class="slip">
      <${Button} icon="back" quiet title=${t("clip.slip.earlier")} keys="," disabled=${still || least >= 0} onClick=${() => actHere("slip", { by: -1 })} />
      <div class="slip-bar" ref=${bar} role="slider" tabindex="0" aria-label=${t("clip.slip")} aria-valuemin=${least + (clip.slip ?? 0)} aria-valuemax=${most + (clip.slip ?? 0)} aria-valuenow=${(clip.slip ?? 0) + by}
        aria-valuetext=${t("clip.slip.value", { n: signed((clip.slip ?? 0) + by) })} aria-disabled=${still} title=${`${t("clip.slip.title")}. ${t("clip.whole")}: ${clock(usable[0], 2)}–${clock(usable[1], 2)}`}
        onPointerDown=${drag} onPointerMove=${drag} onPointerUp=${drag} onKeyDown=${keyed}><i ref=${set}></i></div>
      <${Button} icon="on" quiet title=${t("clip.slip.later")} keys="." disabled=${still || most <= 0} onClick=${() => actHere("slip", { by: 1 })} />
    </div>
    <p class="dim small" title=${t("clip.slip.title")}>${t("clip.slip")} ${signed((clip.slip ?? 0) + by)} · ${t("clip.slip.room", { least: signed(least), most: signed(most) })}</p>
  </div>`;
}

const SPEEDS = [0.25, 0.5, 0.67, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 4];

/** @param {any} about */
function Speed({ clip, still }) {
  // Found clips run a little faster or slower: that is one of the speeds, as far as one can see.
  const near = SPEEDS.find((one) => Math.abs(one - clip.speed) < 0.005);
  const listed = near ? SPEEDS : [...SPEEDS, clip.speed].sort((a, b) => a - b);
  return html`<label class="field"><span>${t("clip.speed")}</span><select disabled=${still} value=${near ?? clip.speed} onChange=${(/** @type {any} */ e) => actHere("speed", { by: Number(e.target.value) })}>
    ${listed.map((n) => html`<option key=${n} value=${n}>${Number(n.toFixed(2))}×</option>`)}</select></label>`;
}

/** @param {any} about */
function Hold({ shot: one, still }) {
  // What is being written stays, whatever is told meanwhile.
  const [written, write] = useState("");
  useEffect(() => write(""), [one.slot, one.clip.hold]);
  return html`<label class="field" title=${t("clip.hold.title")}><span>${t("clip.hold")}</span><input type="number" min="0" max=${one.end - one.first - 1} step="1" disabled=${still} value=${written || (one.clip.hold ?? 0)}
    onInput=${(/** @type {any} */ e) => write(e.target.value)} onBlur=${() => write("")}
    onChange=${(/** @type {any} */ e) => actHere("hold", { frames: Math.max(0, Math.round(Number(e.target.value))) })} /></label>`;
}

// Weighing

/** The weight at which a slider ends, unless more was said elsewhere. */
const MOST = 3;

function Weigh() {
  const [here, scope] = useState(false);
  const now = state.value;
  const [moved, move] = useState(/** @type {any} */ ({}));
  const own = now?.weights?.slots?.[slot.value];
  useEffect(() => {
    if (!isWeighing()) move({});
  }, [now?.revision, slot.value, here]);
  const base = here ? weights.value : now?.weights?.film ?? {};
  const shown = { ...base, ...moved };
  const preview = (/** @type {any} */ next) => {
    move(next);
    const { tightness, freshness, ...facets } = next;
    asked.value = { ...asked.value, weights: { ...base, ...facets }, tightness: tightness ?? null };
    const fields = /** @type {any} */ ({ slot: slot.value, everywhere: !here });
    if (Object.keys(facets).length) fields.weights = { ...base, ...facets };
    if (tightness !== undefined) fields.tightness = tightness;
    if (freshness !== undefined) fields.freshness = freshness;
    weighSoon(fields);
  };
  const even = () => act("weigh", { slot: slot.value, everywhere: !here, weights: Object.fromEntries(Object.keys(base).map((name) => [name, 1])) });
  const slider = (/** @type {string} */ name, /** @type {number} */ value, /** @type {number} */ most, /** @type {string} */ label, /** @type {string} */ title) => html`<label key=${name} class="weight" title=${title}>
    <span>${label}</span><input type="range" min="0" max=${most} step="0.05" value=${value} disabled=${Boolean(readOnly.value)}
      onPointerDown=${() => holdWeighing(true)} onPointerUp=${() => holdWeighing(false)} onPointerCancel=${() => holdWeighing(false)} onLostPointerCapture=${() => holdWeighing(false)}
      onInput=${(/** @type {any} */ e) => preview({ ...moved, [name]: Number(e.target.value) })} /><output>${most > 1 ? `${value.toFixed(2)}×` : `${Math.round(100 * value)} %`}</output></label>`;
  return html`<div class="weigh">
    <div class="row"><div class="choice" role="group" aria-label=${t("weigh.scope")}>
      <button type="button" aria-pressed=${!here} onClick=${() => scope(false)}>${t("weigh.film")}</button>
      <button type="button" aria-pressed=${here} onClick=${() => scope(true)}>${t("weigh.shot", { slot: slot.value })}${own ? " •" : ""}</button></div>
      <${Button} quiet onClick=${even}>${t("weigh.even")}<//></div>
    <div class="weights">
      ${Object.entries(shown).filter(([name]) => !["tightness", "freshness"].includes(name)).map(([name, value]) => slider(name, /** @type {number} */ (value), Math.max(MOST, Math.ceil(base[name] ?? 0)), word("facet", name), ""))}
      ${slider("tightness", moved.tightness ?? (here ? now?.tightness_of?.[slot.value] : undefined) ?? now?.tightness ?? 1, 1, t("weigh.tightness"), t("weigh.tightness.title"))}
      ${now?.freshness !== undefined && !here && slider("freshness", moved.freshness ?? now.freshness, 1, t("weigh.freshness"), t("weigh.freshness.title"))}
    </div>
    <p class="dim small">${t("weigh.tightness.help")}${here ? "" : ` ${t("weigh.freshness.help")}`}</p>
  </div>`;
}

// What was done

function Changes() {
  const { last, since } = state.value ?? {};
  const listed = last?.changed?.length ? last : null;
  const all = since?.changed ?? [];
  const lost = listed && overruled.value.revision === listed.revision ? overruled.value.slots : [];
  // What is all there is to take back is not listed twice.
  const same = listed && all.length === listed.changed.length && all.every((/** @type {any} */ one, /** @type {number} */ n) => one.text === listed.changed[n].text);
  if (!listed && !all.length) return html`<p class="dim">${last?.said ? t("changes.nothing", { said: last.said }) : t("changes.none")}</p>`;
  return html`${listed && html`<p class="said">${listed.said}</p>
    ${lost.length > 0 && html`<p class="overruled"><span>${overruling(lost)}</span><${Button} keys="Shift+F" disabled=${Boolean(readOnly.value)} label=${t("change.keep")} onClick=${keepMine}>${t("change.keep")}<//><${Button} icon="undo" keys="Z" disabled=${Boolean(readOnly.value)} label=${t("changes.undo")} onClick=${() => act("undo")}>${t("changes.undo")}<//></p>`}
    <ul class="list">${listed.changed.map((/** @type {any} */ one) => html`<${ChangedShot} key=${one.change} one=${one} mine=${lost.includes(one.slot)} title=${t("changes.back.title", { what: one.text })} back=${() => act("take_back", { change: one.change })} />`)}</ul>`}
    ${all.length > 0 && !same && html`<h2>${since.version ? t("changes.since.version", { name: since.version }) : t("changes.since")}</h2>
    <ul class="list since">${all.map((/** @type {any} */ one) => html`<${ChangedShot} key=${one.slot} one=${one} title=${t("changes.since.title", { slot: one.slot, what: one.text })} back=${() => act("restore", { slots: [one.slot] })} />`)}</ul>`}`;
}

/** A shot that was changed, which one can go to, and take back alone. @param {any} about */
function ChangedShot({ one, mine, title, back }) {
  return html`<li data-slot=${one.slot}><button type="button" class="link" onClick=${() => go(one.slot)}>${one.text}</button>${mine && html`<em class="mine">${t("changes.mine")}</em>`}
    <${Button} quiet icon="undo" title=${title} disabled=${Boolean(readOnly.value)} onClick=${back}>${t("changes.back")}<//></li>`;
}

function Versions() {
  const [name, write] = useState("");
  const kept = state.value?.versions ?? [];
  const keep = (/** @type {Event} */ event) => {
    event.preventDefault();
    keepVersion(name.trim());
    write("");
  };
  return html`<form class="row" onSubmit=${keep}><input type="text" placeholder=${t("versions.auto", { n: kept.length + 1 })} aria-label=${t("versions.name")} value=${name} onInput=${(/** @type {any} */ e) => write(e.target.value)} maxlength="80" />
      <${Button} icon="version" type="submit" disabled=${Boolean(readOnly.value)}>${t("versions.keep")}<//></form>
    ${kept.length ? html`<ul class="list">${[...kept].reverse().map((/** @type {any} */ one) => html`<li key=${one.id}><span class="version-name"><${Called} version=${one} /> <em>${day(one.when)}</em></span>
      <span class="dim">${differing(one)}</span>
      <${Button} quiet disabled=${!one.changed && !one.standing} onClick=${() => compare(one)}>${t("versions.compare")}<//>
      <${Button} quiet icon="undo" disabled=${Boolean(readOnly.value)} onClick=${() => act("go_back", { version: one.id })}>${t("versions.back")}<//>
      <${Forget} version=${one} /></li>`)}</ul>` : html`<p class="dim">${t("versions.none")}</p>`}`;
}

/** In how much a version differs from what is now, in words. @param {any} version */
function differing({ changed, standing }) {
  const shown = changed && t(changed === 1 ? "versions.changed.one" : "versions.changed", { n: changed });
  const stands = standing && t(standing === 1 ? "versions.standing.one" : "versions.standing", { n: standing });
  return [shown, stands].filter(Boolean).join(" · ") || t("versions.same");
}

/** Forgets a version once that was asked, for it cannot be undone. @param {any} about */
function Forget({ version: one }) {
  const [asking, ask] = useState(false);
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  // The first button is the one that changes nothing: it takes the place of what was pressed.
  useEffect(() => {
    if (asking) box.current?.querySelector("button")?.focus();
  }, [asking]);
  const id = `forget-${one.id}`;
  if (!asking) return html`<${Button} id=${id} quiet icon="close" title=${t("versions.forget", { name: one.name })} disabled=${Boolean(readOnly.value)} onClick=${() => ask(true)} />`;
  const leave = () => {
    ask(false);
    requestAnimationFrame(() => document.getElementById(id)?.focus());
  };
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    leave();
  };
  return html`<span ref=${box} class="row" role="group" aria-label=${t("versions.forget", { name: one.name })} onKeyDown=${keyed}><span>${t("versions.forget.ask")}</span>
    <${Button} onClick=${leave}>${t("versions.forget.no")}<//>
    <${Button} disabled=${Boolean(readOnly.value)} onClick=${() => act("forget_version", { version: one.id })}>${t("versions.forget.yes")}<//></span>`;
}

/** The name of a version; pressed it is a field in which another can be written. @param {any} about */
function Called({ version: one }) {
  const [writing, write] = useState(false);
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, [writing]);
  const id = `version-${one.id}`;
  if (!writing) return html`<button id=${id} type="button" class="link" title=${t("versions.rename", { name: one.name })} disabled=${Boolean(readOnly.value)} onClick=${() => write(true)}>${one.name}</button>`;
  const keyed = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    const input = /** @type {HTMLInputElement} */ (field.current);
    if (event.key === "Escape") input.value = one.name;
    input.blur();
  };
  const done = () => {
    rename(one, field.current?.value ?? "");
    write(false);
  };
  return html`<input id=${id} ref=${field} type="text" maxlength="80" aria-label=${t("versions.rename", { name: one.name })} defaultValue=${one.name} onKeyDown=${keyed} onBlur=${done} />`;
}

/** @param {any} version */
async function compare(version) {
  try {
    const answer = await get(`/api/compare/${encodeURIComponent(version.id)}`);
    dialog.value = { name: "compare", version, shots: answer.shots ?? answer.changed ?? [] };
  } catch (error) {
    complain(error);
  }
}

/** @param {any} now */
function notesOf(now) {
  return (now?.notes ?? []).filter((/** @type {any} */ one) => one.code !== "placeholder" || !lost.value);
}

function Notes() {
  const now = state.value;
  // What a placeholder stands for is said by shots, on top of the page.
  const [refused, notes] = [now?.refused ?? [], notesOf(now)];
  if (!refused.length && !notes.length) return html`<p class="dim">${t("notes.none")}</p>`;
  return html`${refused.length > 0 && html`<h2>${t("notes.refused")}</h2><ul class="list">${refused.map((/** @type {any} */ one) => html`<li key=${one.number}><span>${one.text}</span>
      <${Button} quiet icon="undo" title=${t("notes.allow.title", { what: one.text.replace(/^not /, "").replace(/^nothing of/, "anything of") })} onClick=${() => act("allow", { number: one.number })}>${t("notes.allow")}<//></li>`)}</ul>`}
    ${notes.length > 0 && html`<h2>${t("notes.film")}</h2><ul class="list plain">${notes.map((/** @type {any} */ one, /** @type {number} */ n) => html`<li key=${n}><span>${noteText(one)}</span></li>`)}</ul>`}`;
}
