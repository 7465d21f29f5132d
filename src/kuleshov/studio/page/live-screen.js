/** The archive's side: pieces of footage, played by two videos by turns, so that nothing flickers. */

const KEPT = 24; // pieces in memory
const ENDING = 0.9; // s before the end of a piece at which the next one is got ready
const LOOK = 200; // ms between two looks how far a piece is

/** @typedef {{footage: number, clip: number, start: number, end: number, mirrored: boolean, since: number, rate?: number}} Wanted */

/** Wait for an event of a video; false where it fails, or takes too long. @param {HTMLVideoElement} video @param {string} name */
function once(video, name) {
  return new Promise((resolve) => {
    const ends = [name, "error"];
    /** @param {Event | null} event */
    const end = (event) => {
      clearTimeout(late);
      for (const one of ends) video.removeEventListener(one, end);
      resolve(event?.type === name);
    };
    const late = setTimeout(() => end(null), 4000);
    for (const one of ends) video.addEventListener(one, end);
  });
}

export class Screen {
  /** @param {HTMLElement} place @param {{step: number, told?: () => void}} about */
  constructor(place, about) {
    this.step = about.step;
    this.told = about.told ?? (() => {});
    /** @type {HTMLVideoElement[]} */
    this.videos = [0, 1].map(() => {
      const video = document.createElement("video");
      video.muted = true;
      video.playsInline = true;
      video.preload = "auto";
      video.disablePictureInPicture = true;
      video.setAttribute("aria-hidden", "true");
      place.prepend(video);
      return video;
    });
    this.front = 0;
    /** @type {Map<string, Promise<string>>} */
    this.pieces = new Map();
    /** @type {Wanted | null} */
    this.wanted = null;
    /** @type {Wanted | null} */
    this.playing = null;
    this.piece = -1;
    this.busy = false;
    this.frozen = false;
    this.timer = setInterval(() => this.goOn(), LOOK);
  }

  /** The video that is seen, where there is one. */
  seen() {
    return this.playing ? this.videos[this.front] : null;
  }

  close() {
    clearInterval(this.timer);
    for (const piece of this.pieces.values()) piece.then(URL.revokeObjectURL, () => {});
    for (const video of this.videos) video.remove();
  }

  /** Show what the archive answers, from now on; a clip that plays already plays on. @param {Wanted} wanted */
  show(wanted) {
    if (this.frozen) return;
    const now = this.wanted ?? this.playing;
    if (now && now.clip === wanted.clip) return;
    this.wanted = wanted;
    void this.work();
  }

  /** @param {boolean} frozen */
  freeze(frozen) {
    this.frozen = frozen;
    const video = this.videos[this.front];
    if (frozen) video.pause();
    else if (this.playing) this.playing = null; // where it would be by now, nobody knows: it begins anew
  }

  /** Where a clip is now, in s of its footage. @param {Wanted} one */
  at(one) {
    return Math.min(this.ran(one), one.end - 0.05);
  }

  /** Where a clip would be by now, if it never ended. @param {Wanted} one */
  ran(one) {
    return one.start + ((one.rate ?? 1) * (performance.now() - one.since)) / 1000;
  }

  goOn() {
    const now = this.playing;
    if (!now || this.frozen || this.busy || this.wanted) return;
    const video = this.videos[this.front];
    const over = this.ran(now) >= now.end - 0.05;
    if (over) video.pause(); // its last picture stays until there is another answer
    else if (video.duration - video.currentTime < ENDING && Math.floor(this.at(now) / this.step) !== this.piece) {
      this.wanted = now;
      void this.work();
    }
  }

  /** @param {string} url @returns {Promise<string>} */
  got(url) {
    let known = this.pieces.get(url);
    if (!known) {
      known = fetch(url, { credentials: "same-origin" }).then(async (answer) => {
        if (!answer.ok) throw new Error(String(answer.status));
        return URL.createObjectURL(await answer.blob());
      });
      known.catch(() => this.pieces.delete(url));
    }
    this.pieces.delete(url);
    this.pieces.set(url, known);
    while (this.pieces.size > KEPT) {
      const [first] = this.pieces.keys();
      const old = this.pieces.get(first);
      this.pieces.delete(first);
      const used = this.videos.map((video) => video.src);
      old?.then((address) => used.includes(address) || URL.revokeObjectURL(address), () => {});
    }
    return known;
  }

  async work() {
    if (this.busy) return;
    this.busy = true;
    while (this.wanted && !this.frozen) {
      const one = this.wanted;
      const piece = Math.max(0, Math.floor(this.at(one) / this.step));
      const ready = await this.prepared(one, piece).catch(() => false);
      if (this.wanted === one) this.wanted = null;
      if (ready && !this.frozen) this.swap(one, piece);
    }
    this.busy = false;
  }

  /** Get the video behind ready at the instant of a clip. @param {Wanted} one @param {number} piece */
  async prepared(one, piece) {
    const back = this.videos[1 - this.front];
    const address = await this.got(`/media/piece/${one.footage}/${piece}.mp4`);
    // What was wanted meanwhile is newer: this one is only finished where it still may be seen.
    if (this.wanted && this.wanted !== one) return false;
    if (back.src !== address) {
      back.src = address;
      if (!(await once(back, "loadeddata"))) return false;
    }
    const seeking = once(back, "seeked");
    back.currentTime = Math.max(0, Math.min(this.at(one) - piece * this.step, back.duration - 0.02));
    return seeking;
  }

  /** @param {Wanted} one @param {number} piece */
  swap(one, piece) {
    const [back, front] = [this.videos[1 - this.front], this.videos[this.front]];
    back.classList.toggle("mirrored", one.mirrored);
    back.classList.add("front");
    front.classList.remove("front");
    front.pause();
    back.playbackRate = one.rate ?? 1;
    back.play().catch(() => {});
    this.front = 1 - this.front;
    this.playing = one;
    this.piece = piece;
    // What it goes on with is made meanwhile.
    if (one.end > (piece + 1) * this.step + ENDING) this.got(`/media/piece/${one.footage}/${piece + 1}.mp4`).catch(() => {});
    this.told();
  }
}
