/** The camera's side: frames out of it, small and newest first, and the answers to them. */

import { taken } from "./live-take.js";

const SIDE = 256; // pixels of the shorter side that are sent: in so many faces are looked for
const AT_ONCE = 2; // frames that are on their way
const LARGEST = 60_000; // bytes of a frame
const STANDS = 10_000; // ms without a new picture after which a camera is opened again
const AGAIN = 2000; // ms until it is looked again whether there is a camera

/** What is wrong with a camera, as a name of a text. @param {unknown} error */
function reason(error) {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "refused";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "none";
  return "busy";
}

/** A camera that shows itself in a video, and opens itself again when it was pulled out.
 * @param {HTMLVideoElement} video @param {(state: string) => void} told */
export function watch(video, told) {
  let ended = false;
  let timer = 0;
  let moved = performance.now();
  let shown = 0;
  const stop = () => {
    const stream = /** @type {MediaStream | null} */ (video.srcObject);
    for (const track of stream?.getTracks() ?? []) track.stop();
  };
  // After sleep, and with some drivers, a camera gives nothing any more and says nothing of it.
  const guard = setInterval(() => {
    const stream = /** @type {MediaStream | null} */ (video.srcObject);
    const now = video.getVideoPlaybackQuality().totalVideoFrames;
    if (now !== shown || !stream || document.hidden || opening) moved = performance.now();
    shown = now;
    const over = stream && !opening && !timer && stream.getVideoTracks().every((one) => one.readyState === "ended");
    if (!over && performance.now() - moved < STANDS) return;
    moved = performance.now();
    told("gone");
    later();
  }, 500);
  let opening = false;
  const later = () => {
    clearTimeout(timer);
    timer = 0;
    if (!ended) timer = window.setTimeout(open, AGAIN);
  };
  const open = async () => {
    if (ended || opening) return;
    if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) return told("insecure");
    opening = true;
    timer = 0;
    stop();
    try {
      const asked = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 30 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video: asked, audio: false });
      const [track] = stream.getVideoTracks();
      track.addEventListener("ended", () => {
        told("gone");
        later();
      });
      video.srcObject = stream;
      await video.play();
      told("live");
    } catch (error) {
      const why = reason(error);
      told(why);
      if (why !== "refused") later();
    }
    opening = false;
  };
  void open();
  // Who allows it later need not press anything.
  navigator.permissions?.query({ name: /** @type {any} */ ("camera") }).then((permission) => {
    permission.onchange = () => permission.state === "granted" && !video.srcObject && void open();
  }, () => {});
  return {
    open,
    close() {
      ended = true;
      clearTimeout(timer);
      clearInterval(guard);
      stop();
    },
  };
}

/** Sends frames, and hears what is answered; opens itself again when it was lost.
 * `video` gives what is looked at now; `side` is the shorter side of what is sent; `steady`: it is
 * looked at by the screen's clock, since it is not one video all along.
 * @param {{path: string, video: () => HTMLVideoElement | null, side?: number, steady?: boolean, mirrored: () => boolean, paused: () => boolean, heard: (message: any, sent: number) => void, state: (name: string) => void}} about */
export function sending({ path, video, side = SIDE, steady, mirrored, paused, heard, state }) {
  const canvas = document.createElement("canvas");
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
  /** @type {WebSocket | null} */
  let socket = null;
  let wait = 300;
  let closed = false;
  let number = 0;
  let quality = 0.75;
  const page = crypto.randomUUID();
  /** @type {Map<number, number>} */
  const under = new Map(); // frames that are on their way, and when they were seen

  const open = () => {
    if (closed) return;
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}?page=${page}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      wait = 300;
      under.clear();
      state("open");
    };
    socket.onmessage = (event) => {
      const message = typeof event.data === "string" ? JSON.parse(event.data) : picture(event.data);
      const sent = under.get(message.id) ?? performance.now();
      under.delete(message.id);
      heard(message, sent);
    };
    socket.onclose = (event) => {
      under.clear();
      if (event.code === 4001) return state("taken");
      state("lost");
      setTimeout(open, wait);
      wait = Math.min(4000, wait * 1.7);
    };
  };

  /** @param {any} [about] what the browser knows of the picture */
  const send = async (about) => {
    const seenBy = video();
    const [wide, high] = [seenBy?.videoWidth ?? 0, seenBy?.videoHeight ?? 0];
    const free = under.size < AT_ONCE && socket?.readyState === WebSocket.OPEN;
    if (!seenBy || !wide || !high || !free || seenBy.readyState < 2 || paused()) return;
    const seen = taken(about);
    const id = (number = (number + 1) % 2 ** 31);
    under.set(id, seen);
    const scale = side / Math.min(wide, high);
    canvas.width = Math.round(wide * scale);
    canvas.height = Math.round(high * scale);
    // What is shown is what is looked at: a mirror image, too.
    pen.setTransform(mirrored() ? -1 : 1, 0, 0, 1, mirrored() ? canvas.width : 0, 0);
    pen.drawImage(seenBy, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
    if (!blob || blob.size > LARGEST) {
      quality = Math.max(0.3, quality - 0.15);
      under.delete(id);
      return;
    }
    const data = new Uint8Array(12 + blob.size);
    const head = new DataView(data.buffer);
    head.setUint32(0, id, true);
    head.setFloat64(4, seen / 1000, true);
    data.set(new Uint8Array(await blob.arrayBuffer()), 12);
    if (socket?.readyState === WebSocket.OPEN) socket.send(data);
    else under.delete(id);
  };

  let turn = 0;
  /** @param {any} [_now] @param {any} [about] */
  const next = (_now, about) => {
    if (closed) return;
    void send(about);
    const one = video();
    if (steady) turn = requestAnimationFrame(next);
    else if (one && "requestVideoFrameCallback" in one) one.requestVideoFrameCallback(next);
    else setTimeout(next, 33);
  };
  open();
  next();
  return {
    again: open,
    beat() {
      if (socket?.readyState !== WebSocket.OPEN) return false;
      socket.send("beat");
      return true;
    },
    close() {
      closed = true;
      cancelAnimationFrame(turn);
      socket?.close();
    },
  };
}

/** A picture that came: the number of its frame, how long it took, and a JPEG. @param {ArrayBuffer} data */
function picture(data) {
  const head = new DataView(data);
  const jpeg = new Blob([new Uint8Array(data, 8)], { type: "image/jpeg" });
  return { type: "picture", id: head.getUint32(0, true), took: head.getFloat32(4, true), jpeg };
}
