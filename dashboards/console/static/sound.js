// A sound for a new alarm: made here from plain tones, chosen and muted by each viewer. Off until somebody turns it on.

import { remember, remembered } from "./memory.js";

// [frequency in Hz, start in s, length in s]
const TONES = {
  bell: [[880, 0, 0.5], [1320, 0.02, 0.4]],
  double: [[660, 0, 0.14], [660, 0.2, 0.14]],
  low: [[330, 0, 0.25], [247, 0.22, 0.4]],
};
const LEAST_GAP_MS = 4_000;

export const SOUNDS = ["none", ...Object.keys(TONES)];
let context = null, playedMs = -Infinity;

export const chosenSound = () => (SOUNDS.includes(remembered("sound")) ? remembered("sound") : "none");

export function chooseSound(name) {
  remember("sound", name);
  playedMs = -Infinity;
  playSound();
}

// Many alarms at once are one sound. A browser that has not been touched yet may refuse to play.
export function playSound() {
  const tones = TONES[chosenSound()];
  if (!tones || performance.now() - playedMs < LEAST_GAP_MS) return;
  playedMs = performance.now();
  context ??= new AudioContext();
  context.resume().catch(() => {});
  for (const [hertz, from, length] of tones) play(hertz, context.currentTime + from, length);
}

function play(hertz, at, length) {
  const [tone, volume] = [context.createOscillator(), context.createGain()];
  tone.frequency.value = hertz;
  volume.gain.setValueAtTime(0.0001, at);
  volume.gain.exponentialRampToValueAtTime(0.2, at + 0.02);
  volume.gain.exponentialRampToValueAtTime(0.0001, at + length);
  tone.connect(volume).connect(context.destination);
  tone.start(at);
  tone.stop(at + length);
}
