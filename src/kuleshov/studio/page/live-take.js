/** A take: the camera film, recorded by the browser, and sent part by part to where it is kept. */

import { post } from "./api.js";

const PART = 1000; // ms of each part: no more is lost
const MOST = 48_000_000; // bytes that wait to be sent, after which a take ends
const RATE = 6_000_000; // bits a second
const KINDS = ["video/webm;codecs=vp8,opus", "video/webm", "video/mp4"];

/** The sound of a room as it is: nothing of it is taken for noise. */
export const SOUND = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** When a picture was taken, in ms of the page's clock. @param {any} about what the browser knows of it */
export const taken = (about) => about?.captureTime ?? performance.now();

/** Record what a camera sees until it is ended.
 * `sound` is a track of the microphone, or null; `told` hears how it stands, `failed` a sentence.
 * @param {{video: HTMLVideoElement, sound: MediaStreamTrack | null, told: (take: any) => void, failed: (sentence: string) => void, lost: string, slow: string}} about */
export async function record({ video, sound, told, failed, lost, slow }) {
  const kind = KINDS.find((one) => MediaRecorder.isTypeSupported(one)) ?? "";
  const stream = /** @type {MediaStream} */ (video.srcObject);
  const tracks = [...stream.getVideoTracks(), ...(sound ? [sound] : [])];
  // Pictures that were taken before it begins are not in it: the first one after is its beginning. A
  // busy browser may not tell of each, but counts them: those between lie before the one that it tells of.
  let called = Infinity;
  let begins = 0; // ms: when its first picture was taken
  let counted = NaN;
  const { frameRate = 0 } = stream.getVideoTracks()[0]?.getSettings() ?? {};
  if ("requestVideoFrameCallback" in video) {
    /** @type {VideoFrameRequestCallback} */
    const first = (_now, about) => {
      const at = taken(about);
      if (at < called) {
        counted = about.presentedFrames;
        video.requestVideoFrameCallback(first);
        return;
      }
      const untold = Math.max(0, about.presentedFrames - counted - 1) || 0;
      begins = at - Math.min(untold, Math.floor(((at - called) * frameRate) / 1000)) * (1000 / (frameRate || 1));
    };
    video.requestVideoFrameCallback(first);
  }
  const take = await post("/api/take", { do: "begin", kind: kind.split(";")[0] }).catch((error) => {
    called = -Infinity; // nothing is waited for any more
    throw error;
  });
  told(take);
  const options = /** @type {any} */ ({ mimeType: kind, videoBitsPerSecond: RATE, videoKeyFrameIntervalDuration: PART });
  const recorder = new MediaRecorder(new MediaStream(tracks), options);
  let number = 0;
  let waiting = 0;
  let over = false;
  /** @type {Promise<void>} */
  let sent = Promise.resolve();
  const end = () => {
    if (recorder.state !== "inactive") recorder.stop();
  };
  /** @param {Blob} data @param {number} which */
  const send = async (data, which) => {
    try {
      if (over) return;
      const asked = new URLSearchParams({ take: take.name, number: String(which), begins: String(begins / 1000) });
      const answer = await fetch(`/api/take/part?${asked}`, { method: "POST", body: data, credentials: "same-origin" });
      const body = await answer.json().catch(() => null);
      if (!answer.ok || body?.state !== "running") {
        over = true;
        if (!answer.ok) failed(body?.error ?? lost);
        else told(body);
        end();
      } else told(body);
    } catch {
      over = true;
      failed(lost);
      end();
    } finally {
      waiting -= data.size;
    }
  };
  recorder.ondataavailable = (event) => {
    if (!event.data.size) return;
    const which = number++;
    waiting += event.data.size;
    sent = sent.then(() => send(event.data, which));
    if (waiting > MOST) {
      failed(slow);
      end();
    }
  };
  const ended = new Promise((resolve) => {
    recorder.onstop = async () => {
      await sent;
      if (!over) await post("/api/take", { do: "end" }).then(told, () => failed(lost));
      resolve(null);
    };
    recorder.onerror = end;
  });
  called = begins = performance.now();
  recorder.start(PART);
  return { end, ended };
}
