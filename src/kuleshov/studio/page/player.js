/** The player: one `<video>` that is fed slot by slot by Media Source Extensions.
 *
 * Each segment carries its exact decode time, so segments may come in any order, and one that is
 * appended where another lies takes its place. Sound is a second buffer, cut at its own fragments;
 * a film plays without it for as long as it is not made, and is begun anew when it is.
 * Only what lies within `REACH` seconds of the playhead is kept in the browser, or less where that
 * does not fit. What the browser cannot play is asked for anew, once each.
 */

const REACH = 120;
const NEAR = 30;
/** Seconds that are kept however little room there is. */
const LEAST = 1;
/** How often a film is begun anew where the browser could not play what it was given, and how often
 * it is asked again for a picture where it shows another one. */
const TRIES = 3;
/** Milliseconds after a seek by when the browser has said which picture is on screen. */
const SETTLED = 250;

/** @typedef {{key: string, first: number, end: number, ready: boolean}} Part */

export class Player {
  /** @param {HTMLVideoElement} video
   * @param {{frame: (n: number) => void, playing: (on: boolean) => void, laid?: () => void, waiting: (on: boolean) => void, failed: (text: string) => void}} hooks */
  constructor(video, hooks) {
    this.video = video;
    this.hooks = hooks;
    this.rate = 25;
    this.frames = 0;
    this.frame = 0;
    /** @type {{first: number, end: number} | null} */
    this.loop = null;
    this.backwards = 0;
    /** The frame that is on screen, as the browser says; -1 before the first. */
    this.painting = -1;
    /** How often it was asked for the frame of the playhead while it shows another one. */
    this.placed = 0;
    /** Called when another picture is on screen. @type {(() => void) | undefined} */
    this.painted = undefined;
    /** @type {Map<number, Part>} */
    this.wanted = new Map();
    /** What lies in the buffer, by first frame. @type {Map<number, {key: string, end: number}>} */
    this.there = new Map();
    /** @type {Set<string>} */
    this.made = new Set();
    this.identity = "";
    this.filling = false;
    this.again = false;
    this.closed = false;
    this.recovered = 0;
    this.reach = REACH;
    /** Whether it is to play as soon as it is open. */
    this.going = false;
    /** What is being appended. @type {Part | null} */
    this.taking = null;
    /** What is being fetched. @type {{part: Part, stop: AbortController} | null} */
    this.fetching = null;
    /** Keys of which it was said that they are there since they were fetched last. @type {Set<string>} */
    this.news = new Set();
    this.tries = 0;
    /** Keys of what did not play, and is fetched anew; and of what was. @type {Set<string>} */
    this.spoilt = new Set();
    /** @type {Set<string>} */
    this.renewed = new Set();
    /** @type {SourceBuffer | null} */
    this.pictures = null;
    /** @type {Sound | null} */
    this.sound = null;
    /** @type {number | undefined} */
    this.settling = undefined;
    /** Aborted when the source is closed: what its buffers were doing is never told of then. */
    this.over = new AbortController();
    const told = () => this.hooks.playing(this.playing);
    for (const name of ["play", "pause", "ended"]) video.addEventListener(name, told);
    video.addEventListener("waiting", () => this.hooks.waiting(true));
    for (const name of ["playing", "seeked", "canplay"]) {
      video.addEventListener(name, () => this.hooks.waiting(false));
    }
    video.addEventListener("seeking", () => this.fill());
    video.addEventListener("seeked", () => {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.settle(), SETTLED); // the picture is told of a little later
    });
    video.addEventListener("error", () => this.recover());
    video.requestVideoFrameCallback((now, about) => this.shown(now, about));
  }

  /** Take a film, or what changed of it. @param {any} film @param {any[]} shots */
  update(film, shots) {
    const identity = JSON.stringify([film.init, film.codec, film.frames, film.rate]);
    this.rate = film.rate[0] / film.rate[1];
    this.frames = film.frames;
    this.film = film;
    this.wanted = new Map(parts(shots).map((part) => [part.first, part]));
    for (const part of this.wanted.values()) if (part.ready) this.there_is(part.key);
    if (identity !== this.identity) {
      this.identity = identity;
      this.begin();
    } else if (film.sound !== this.soundKey) {
      this.soundKey = film.sound;
      if (this.sound || film.sound) this.open();
    } else {
      this.fill();
    }
  }

  /** Begin with a film. */
  begin() {
    this.recovered = 0;
    this.reach = REACH;
    this.renewed.clear();
    this.soundKey = this.film.sound;
    this.open();
  }

  /** Begin anew where the browser gave up on what it was given, and have that made anew; where that
   * does not help say so. */
  recover() {
    if (this.closed || !this.film || this.video.error === null) return;
    console.warn(this.video.error.message);
    const suspects = this.suspects();
    for (const key of suspects) {
      this.spoilt.add(key);
      this.renewed.add(key);
    }
    if (!suspects.length) this.recovered += 1;
    if (this.recovered > TRIES) this.hooks.failed(this.film.codec);
    else this.open(this.recovered < TRIES); // it may be the sound that does not play
  }

  /** Keys of what may have been at fault, and was not made anew before: what was being appended,
   * or else what lies at the playhead and is decoded next. */
  suspects() {
    const now = this.now;
    const near = [...this.there.entries()].filter(
      ([first, part]) => part.end / this.rate > now - 1 && first / this.rate < now + 3,
    );
    const keys = this.taking ? [this.taking.key] : near.map(([, part]) => part.key);
    return keys.filter((key) => !this.renewed.has(key));
  }

  /** Open the film anew where it stands; what played goes on playing. @param {boolean} [heard] */
  open(heard = true) {
    const film = this.film;
    const on = this.going || !this.video.paused;
    this.close();
    this.closed = false;
    const codec = film.codec;
    if (!("MediaSource" in window) || !MediaSource.isTypeSupported(codec)) {
      this.hooks.failed(codec);
      return;
    }
    this.going = on;
    const source = new MediaSource();
    const over = this.over.signal;
    this.source = source;
    this.address = URL.createObjectURL(source);
    this.video.src = this.address;
    source.addEventListener("sourceopen", async () => {
      if (source !== this.source) return;
      try {
        source.duration = this.frames / this.rate;
        const soundType = film.sound_codec ?? 'audio/mp4; codecs="mp4a.40.2"';
        const can = heard && film.sound && MediaSource.isTypeSupported(soundType);
        const [init, sound] = await Promise.all([
          fetched(`/media/init/${film.init}.mp4`),
          can ? fetched(`/media/sound/${film.sound}.mp4`) : null,
        ]);
        if (!init || source !== this.source) return;
        const pictures = source.addSourceBuffer(codec);
        pictures.mode = "segments";
        if (sound) {
          const made = new Sound(source.addSourceBuffer(soundType), sound, over);
          await made.begin();
          this.sound = made;
        }
        await append(pictures, init, over);
        if (source !== this.source) return;
        this.pictures = pictures;
        this.seek(this.frame);
        if (this.going) this.video.play().catch(() => {});
        this.going = false;
        this.fill();
      } catch (error) {
        console.warn(error);
        if (source !== this.source || this.video.error !== null) return;
        if (error instanceof Unanswered) setTimeout(() => source === this.source && this.open(heard), 1000);
        else this.hooks.failed(codec);
      }
    }, { once: true });
  }

  close() {
    this.closed = true;
    this.over.abort();
    this.over = new AbortController();
    this.painting = -1;
    this.there.clear();
    this.pictures = null;
    this.sound = null;
    this.taking = null;
    this.going = false;
    this.source = undefined;
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = undefined;
  }

  /** A segment can be had now. @param {string} key */
  ready(key) {
    this.there_is(key);
    this.fill();
  }

  /** @param {string} key */
  there_is(key) {
    this.made.add(key);
    this.news.add(key);
  }

  /** The film's sound can be had now: where it plays without, it begins anew. @param {string} key */
  heard(key) {
    if (this.film?.sound === key && this.pictures && !this.sound && !this.recovered) this.open();
  }

  /** Append what is lacking, nearest to the playhead first; one call at a time. */
  async fill() {
    if (this.filling) {
      this.again = true;
      this.hurry();
      return;
    }
    this.filling = true;
    try {
      do {
        this.again = false;
        this.look();
        await this.sound?.feed(this.now);
        for (let part = this.next(); part && this.pictures; part = this.next()) {
          if (!(await this.take(part))) break;
        }
        await this.sound?.feed(this.now);
        await this.evict(this.reach);
        this.finish();
      } while (this.again);
    } catch (error) {
      // A source that was closed needs no more; the one after it may have been asked to be filled.
      if (error instanceof Closed) {
        if (this.again) this.later(0);
      } else if (!this.closed && this.video.error === null) {
        console.warn(error);
        this.later();
      }
    } finally {
      this.filling = false;
    }
  }

  /** Give up what is being fetched where something else is wanted more by now. */
  hurry() {
    if (!this.fetching) return;
    const { part, stop } = this.fetching;
    if (this.wanted.get(part.first)?.key !== part.key || this.next()?.key !== part.key) stop.abort();
  }

  /** Try again a little later: the studio did not answer, or the browser did not take what it was
   * given. @param {number} [wait] milliseconds */
  later(wait = Math.min(4000, 250 * 2 ** this.tries)) {
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.fill(), wait);
    this.tries += 1;
  }

  /** The part of which something else is shown at a frame, for what it is now is not there.
   * @param {number} frame @returns {Part | undefined} */
  lacking(frame) {
    for (const part of this.wanted.values()) {
      if (frame >= part.first && frame < part.end) return this.there.get(part.first)?.key === part.key ? undefined : part;
    }
    return undefined;
  }

  get now() {
    return this.video.readyState ? this.video.currentTime : this.frame / this.rate;
  }

  /** The part that is wanted most of those that can be had. @returns {Part | undefined} */
  next() {
    if (!this.pictures) return undefined;
    const at = this.frame;
    const reach = this.reach * this.rate;
    /** @type {Part | undefined} */
    let best;
    let least = Infinity;
    for (const part of this.wanted.values()) {
      if (!this.made.has(part.key) || this.there.get(part.first)?.key === part.key) continue;
      const ahead = part.first - at;
      const distance = part.end <= at ? 3 * (at - part.end) + NEAR * this.rate : Math.max(0, ahead);
      if (Math.abs(part.end <= at ? at - part.end : Math.max(0, ahead)) > reach) continue;
      if (distance < least) [best, least] = [part, distance];
    }
    return best;
  }

  /** Fetch a part and put it where it belongs; false where there is no room for it.
   * @param {Part} part */
  async take(part) {
    const source = this.source;
    const anew = this.spoilt.delete(part.key);
    const address = `/media/segment/${part.key}.mp4?first=${part.first}`;
    const stop = new AbortController();
    this.fetching = { part, stop };
    this.news.delete(part.key);
    let data;
    try {
      data = await fetched(address, stop.signal, anew);
    } catch (error) {
      if (anew) this.spoilt.add(part.key);
      if (stop.signal.aborted) return true;
      console.warn(error);
      this.later();
      return false;
    } finally {
      this.fetching = null;
    }
    this.tries = 0;
    if (source !== this.source || !this.pictures) return true;
    if (!data) {
      // The socket says when it is there: it may have said so before this answer came.
      if (!this.news.has(part.key)) this.made.delete(part.key);
      return true;
    }
    if (this.wanted.get(part.first)?.key !== part.key) return true;
    this.taking = part;
    if (!(await this.fitted(data))) {
      this.taking = null;
      return false;
    }
    if (source !== this.source) return true;
    this.taking = null;
    for (const [first, old] of this.there) {
      if (first < part.end && old.end > part.first) this.there.delete(first);
    }
    this.there.set(part.first, { key: part.key, end: part.end });
    this.hooks.laid?.();
    if (this.video.paused && this.frame >= part.first && this.frame < part.end) {
      this.placed = 0;
      this.place(); // shows the new picture
    }
    return true;
  }

  /** Append a segment; where there is no room for it keep less of the film, and say whether there
   * is then. @param {BufferSource} data */
  async fitted(data) {
    while (this.pictures) {
      try {
        await append(this.pictures, data, this.over.signal);
        return true;
      } catch (error) {
        if (!(error instanceof DOMException) || error.name !== "QuotaExceededError") throw error;
        if (this.reach <= LEAST) return false; // until more of it was played
        this.reach = Math.max(LEAST, Math.min(this.reach / 2, NEAR * 2));
        await this.evict(this.reach);
      }
    }
    return false;
  }

  /** Forget what the browser has thrown away by itself, for want of room, and keep less from now on. */
  look() {
    if (!this.pictures || this.pictures.updating) return;
    const ranges = this.pictures.buffered;
    const holds = (/** @type {number} */ frame) => {
      const time = (frame + 0.5) / this.rate;
      for (let n = 0; n < ranges.length; n += 1) if (ranges.start(n) <= time && time < ranges.end(n)) return true;
      return false;
    };
    let gone = false;
    for (const [first, part] of this.there) {
      if (holds(first) && holds(part.end - 1)) continue;
      this.there.delete(first);
      gone = true;
    }
    if (gone) this.reach = Math.max(LEAST, this.reach / 2);
  }

  /** Give back what lies farther from the playhead than `reach` seconds. @param {number} reach */
  async evict(reach) {
    if (!this.pictures) return;
    for (const [first, part] of this.there) {
      const [begin, end] = [first / this.rate, part.end / this.rate];
      if (end < this.now - reach || begin > this.now + reach) {
        this.there.delete(first);
        await removed(this.pictures, begin, end, this.over.signal);
      }
    }
  }

  /** Say that nothing comes after what lies there, where it is so: sound that ends before the
   * pictures would hold them up. */
  finish() {
    const last = [...this.there.values()].some((part) => part.end >= this.frames);
    if (!last || this.source?.readyState !== "open" || this.pictures?.updating) return;
    if (this.sound && (this.sound.buffer.updating || !this.sound.fragments.at(-1)?.there)) return;
    this.source.endOfStream();
  }

  /** @param {number} frame */
  seek(frame) {
    this.frame = Math.max(0, Math.min(this.frames - 1, Math.round(frame)));
    this.placed = 0;
    this.place();
    this.hooks.frame(this.frame);
    this.fill();
  }

  /** Have the browser show the frame of the playhead. One that knows nothing of the film yet begins there. */
  place() {
    this.video.currentTime = (this.frame + 0.5) / this.rate;
  }

  /** While it stands still have the frame of the playhead shown where another one is. A browser that lacks
   * a picture may take one that lies near as good enough, and does not look again when it comes. */
  settle() {
    const { paused, seeking, readyState } = this.video;
    if (!paused || seeking || readyState < 2 || this.painting < 0 || this.painting === this.frame) return;
    if (this.backwards || this.placed >= TRIES || this.lacking(this.frame)) return;
    this.placed += 1;
    this.place();
  }

  play() {
    this.halt();
    if (this.frame >= this.frames - 1) this.seek(this.loop ? this.loop.first : 0);
    if (this.loop && (this.frame < this.loop.first || this.frame >= this.loop.end - 1)) {
      this.seek(this.loop.first);
    }
    this.video.play().catch(() => {});
  }

  pause() {
    this.halt();
    this.going = false;
    this.video.pause();
    this.video.playbackRate = 1;
    if (this.video.readyState) this.seek(this.frame);
  }

  get playing() {
    return this.going || !this.video.paused || this.backwards !== 0;
  }

  /** Play, or twice as fast when it plays. */
  faster() {
    if (this.video.paused) this.play();
    else this.video.playbackRate = Math.min(8, this.video.playbackRate * 2);
  }

  /** Play backwards; twice as fast when it does. */
  reverse() {
    this.video.pause();
    this.backwards = Math.min(8, Math.max(1, this.backwards * 2));
    if (!this.timer) {
      let last = performance.now();
      this.timer = setInterval(() => {
        const now = performance.now();
        const steps = Math.floor(((now - last) / 1000) * this.rate * this.backwards);
        if (!steps || this.video.seeking) return;
        last = now;
        this.seek(this.frame - steps);
        if (!this.frame) this.halt();
      }, 40);
    }
    this.hooks.playing(true);
  }

  halt() {
    clearInterval(this.timer);
    this.timer = undefined;
    if (this.backwards) {
      this.backwards = 0;
      this.hooks.playing(!this.video.paused);
    }
  }

  /** A picture is on screen. @param {number} _ @param {VideoFrameCallbackMetadata} about */
  shown(_, about) {
    const frame = Math.round(about.mediaTime * this.rate);
    this.painting = frame;
    this.settle();
    if (!this.video.seeking && !this.video.paused) {
      if (frame !== this.frame) {
        this.frame = frame;
        this.hooks.frame(frame);
        if (frame % 12 === 0) this.fill();
      }
      if (this.loop && frame >= this.loop.end - 1) {
        const { first } = this.loop;
        setTimeout(() => {
          if (this.loop?.first === first && this.frame >= this.loop.end - 1 && !this.video.paused) this.video.currentTime = (first + 0.5) / this.rate;
        }, 600 / this.rate / this.video.playbackRate);
      }
    }
    this.painted?.();
    this.video.requestVideoFrameCallback((now, more) => this.shown(now, more));
  }
}

/** The film's sound: one file, of which the fragments near the playhead lie in the buffer. */
class Sound {
  /** @param {SourceBuffer} buffer @param {ArrayBuffer} data @param {AbortSignal} over */
  constructor(buffer, data, over) {
    this.buffer = buffer;
    this.over = over;
    this.buffer.mode = "segments";
    const { init, fragments } = fragmented(new Uint8Array(data));
    this.init = init;
    this.fragments = fragments;
  }

  begin() {
    return append(this.buffer, this.init, this.over);
  }

  /** @param {number} now seconds */
  async feed(now) {
    for (const [n, one] of this.fragments.entries()) {
      const end = this.fragments[n + 1]?.begin ?? one.begin + 10;
      const near = end > now - NEAR && one.begin < now + REACH;
      if (near && !one.there) {
        one.there = true;
        await append(this.buffer, one.data, this.over);
      } else if (one.there && (end < now - 2 * NEAR || one.begin > now + 2 * REACH)) {
        one.there = false;
        await removed(this.buffer, one.begin, end, this.over);
      }
    }
  }
}

/** The parts of a film, in order. A shot is one segment, or several. @param {any[]} shots @returns {Part[]} */
export function parts(shots) {
  return shots.flatMap((shot) => {
    const listed = shot.segments ?? (shot.segment ? [shot.segment] : []);
    return listed.map((/** @type {any} */ one) => ({
      key: one.key,
      first: one.first ?? shot.first,
      end: one.end ?? shot.end,
      ready: one.ready,
    }));
  });
}

/** @param {SourceBuffer} buffer @param {BufferSource} data @param {AbortSignal} over @returns {Promise<void>} */
function append(buffer, data, over) {
  return after(buffer, over, () => buffer.appendBuffer(data));
}

/** @param {SourceBuffer} buffer @param {number} begin @param {number} end @param {AbortSignal} over */
function removed(buffer, begin, end, over) {
  return after(buffer, over, () => buffer.remove(begin, end));
}

/** Have a buffer do something, and wait until it has. Throws `Closed` where its source is closed
 * meanwhile. @param {SourceBuffer} buffer @param {AbortSignal} over @param {() => void} act @returns {Promise<void>} */
function after(buffer, over, act) {
  return new Promise((resolve, reject) => {
    const heard = new AbortController();
    const listen = { signal: heard.signal };
    /** @param {Error} [error] */
    const end = (error) => {
      heard.abort();
      if (error) reject(error);
      else resolve();
    };
    if (over.aborted) return end(new Closed());
    over.addEventListener("abort", () => end(new Closed()), listen);
    buffer.addEventListener("updateend", () => end(), listen);
    buffer.addEventListener("error", () => end(new Error("The browser could not take a segment.")), listen);
    try {
      act();
    } catch (error) {
      end(/** @type {Error} */ (error));
    }
  });
}

/** The source that something was for is closed. */
class Closed extends Error {}

/** The studio did not answer, or not as it should: that may be over soon. */
class Unanswered extends Error {}

/** Fetch what may still be in the making: then there is nothing yet. `anew` has it made anew, for it
 * does not play. Throws `Unanswered`. @param {string} path @param {AbortSignal} [signal] @param {boolean} [anew] */
async function fetched(path, signal, anew) {
  try {
    const how = /** @type {RequestInit} */ (anew ? { cache: "reload", headers: { Anew: "yes" } } : {});
    const answer = await fetch(path, { ...how, signal, priority: "high" });
    if (answer.status === 200) return await answer.arrayBuffer();
    if (answer.status === 204 || answer.status === 404) return null;
    throw new Error(`${answer.status} ${answer.statusText}`);
  } catch (error) {
    throw new Unanswered(`${path}: ${error}`);
  }
}

/** A fragmented MP4, cut at its fragments. @param {Uint8Array<ArrayBuffer>} data */
export function fragmented(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const head = [];
  /** @type {{begin: number, data: Uint8Array<ArrayBuffer>, there: boolean}[]} */
  const fragments = [];
  let scale = 1;
  let moof = -1;
  for (const [name, begin, end] of boxes(view, 0, data.length)) {
    if (name === "moov") {
      const mdhd = inside(view, begin, end, ["trak", "mdia", "mdhd"]);
      if (mdhd) scale = view.getUint32(mdhd + (view.getUint8(mdhd) === 1 ? 20 : 12));
    }
    if (name === "moof") moof = begin;
    if (name === "ftyp" || name === "moov") head.push(data.subarray(begin - 8, end));
    if (name === "mdat" && moof >= 0) {
      const tfdt = inside(view, moof, end, ["traf", "tfdt"]) ?? 0;
      const long = view.getUint8(tfdt) === 1;
      const time = long ? Number(view.getBigUint64(tfdt + 4)) : view.getUint32(tfdt + 4);
      fragments.push({ begin: time / scale, data: data.subarray(moof - 8, end), there: false });
      moof = -1;
    }
  }
  const init = new Uint8Array(head.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of head) {
    init.set(part, at);
    at += part.length;
  }
  return { init, fragments };
}

/** The boxes between two places: name, where its content begins, where it ends.
 * @param {DataView} view @param {number} at @param {number} end @returns {Generator<[string, number, number]>} */
function* boxes(view, at, end) {
  while (at + 8 <= end) {
    const size = view.getUint32(at);
    const name = String.fromCharCode(...[4, 5, 6, 7].map((n) => view.getUint8(at + n)));
    if (size < 8) return;
    yield [name, at + 8, Math.min(end, at + size)];
    at += size;
  }
}

/** Where the content of a box within boxes begins.
 * @param {DataView} view @param {number} begin @param {number} end @param {string[]} path @returns {number | undefined} */
function inside(view, begin, end, path) {
  for (const [name, first, last] of boxes(view, begin, end)) {
    if (name !== path[0]) continue;
    return path.length === 1 ? first : inside(view, first, last, path.slice(1));
  }
  return undefined;
}
