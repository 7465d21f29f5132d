/** The lens: what a video shows is looked through it, and drawn; and what of it may be turned. */

import { sending } from "./live-camera.js";
import { html } from "./html.js";
import { t } from "./text.js";
import { useEffect, useRef } from "./vendor/hooks.js";

const SIDE = 288; // pixels of the shorter side that are sent

/** What may be turned: name, least, most, step. @type {[string, number, number, number][]} */
const KNOBS = [
  ["contrast", 0, 4, 0.1], ["brightness", -0.5, 0.5, 0.05], ["match", 0, 1, 0.05], ["smoothing", 0.05, 1, 0.05],
  ["threshold", 0, 1, 0.05], ["blur", 0, 32, 1], ["crop", 0.2, 1, 0.05], ["drift", 0, 4, 0.25],
];

/** A canvas that shows what the lens makes of a video.
 * @param {{video: () => HTMLVideoElement | null, mirrored: () => boolean, paused: () => boolean, told: (took: number) => void, wrong: (sentence: string) => void}} about */
export function Through({ video, mirrored, paused, told, wrong }) {
  const place = useRef(/** @type {HTMLCanvasElement | null} */ (null));
  useEffect(() => {
    const canvas = /** @type {HTMLCanvasElement} */ (place.current);
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
    let drawn = 0;
    const talk = sending({
      path: "/lens", side: SIDE, steady: true, video, mirrored, paused,
      heard: async (message, sent) => {
        if (message.type === "refused") return wrong(message.text);
        if (message.type !== "picture") return undefined;
        const image = await createImageBitmap(message.jpeg).catch(() => null);
        if (!image || message.id < drawn) return image?.close();
        drawn = message.id;
        if (canvas.width !== image.width || canvas.height !== image.height) {
          canvas.width = image.width;
          canvas.height = image.height;
        }
        pen.drawImage(image, 0, 0);
        image.close();
        canvas.dataset.drawn = String(message.id);
        told(performance.now() - sent);
        return undefined;
      },
      state: () => {},
    });
    return () => talk.close();
  }, []);
  return html`<canvas class="through" ref=${place} aria-hidden="true"></canvas>`;
}

/** The lenses and their knobs. @param {{lens: any, set: (change: Record<string, any>) => void, Knob: any}} about */
export function LensKnobs({ lens, set, Knob }) {
  /** @param {string} name @param {string} none */
  const choice = (name, none) => html`<label class="field">${t(`live.lens.${name}`)}
    <select name=${name} value=${lens[name]} onChange=${(/** @type {any} */ event) => set({ [name]: event.target.value })}>
      ${none && html`<option value="">${none}</option>`}${lens.lenses.map((/** @type {string} */ one) => html`<option key=${one} value=${one}>${one}</option>`)}
    </select></label>`;
  return html`<section class="knobs lens" aria-label=${t("live.lens.knobs")}>
    ${choice("one", "")}${choice("other", t("live.lens.none"))}
    <${Knob} name="mix" label=${t("live.lens.mix")} value=${lens.mix} step=${0.02} disabled=${!lens.other} set=${(/** @type {number} */ mix) => set({ mix })} />
    ${KNOBS.map(([name, least, most, step]) => html`<${Knob} key=${name} name=${name} label=${t(`live.lens.${name}`)} value=${lens[name]} least=${least} most=${most} step=${step} set=${(/** @type {number} */ value) => set({ [name]: value })} />`)}
    ${lens.slow && html`<p class="small dim" role="status">${t("live.lens.slow", { size: (lens.size ?? []).join(" × ") })}</p>`}
  </section>`;
}
