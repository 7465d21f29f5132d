/** The beat of the microphone: the instants at which its sound rises at once (spectral flux). */

const EVERY = 15; // ms between two looks at the sound
const KEPT = 100; // looks by which it is known what is usual
const CLEAR = 2; // deviations above what is usual, from which a rise is a beat
const LEAST = 3; // of a rise, however quiet it was: the microphone's own noise is no beat
const APART = 240; // ms between two beats at least

/** Tell of beats in what a track hears, until it is closed.
 * @param {MediaStreamTrack} track @param {() => void} struck */
export function beats(track, struck) {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  analyser.smoothingTimeConstant = 0;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const loud = new Float32Array(analyser.frequencyBinCount);
  let before = new Float32Array(loud.length);
  /** @type {number[]} */
  let usual = [];
  let last = 0;
  const timer = setInterval(() => {
    void context.resume();
    analyser.getFloatFrequencyData(loud);
    // From -90 dB up, so that what is hardly heard counts for nothing.
    const now = loud.map((one) => Math.max(0, Math.min(90, one + 90)));
    const rise = now.reduce((sum, one, n) => sum + Math.max(0, one - before[n]), 0) / now.length;
    before = now;
    const mean = usual.reduce((sum, one) => sum + one, 0) / Math.max(1, usual.length);
    const spread = Math.sqrt(usual.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, usual.length));
    const at = performance.now();
    if (usual.length > KEPT / 4 && rise > Math.max(LEAST, mean + CLEAR * spread) && at - last > APART) {
      last = at;
      struck();
    }
    usual = [...usual.slice(1 - KEPT), rise];
  }, EVERY);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
