// Formats durations, and chooses round times for a ruler.

const UNITS = [
  ["s", 1e9],
  ["ms", 1e6],
  ["µs", 1e3],
  ["ns", 1],
];

function unitOf(nanoseconds) {
  return UNITS.find(([, size]) => Math.abs(nanoseconds) >= size) ?? UNITS.at(-1);
}

/** Format a duration with three digits, which are enough to compare with: 1.67 s, 89.2 ms, 412 µs. */
function formatDuration(nanoseconds) {
  const [unit, size] = unitOf(nanoseconds);
  const number = nanoseconds / size;
  const digits = unit === "ns" ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(number), 1))));
  return `${number.toFixed(digits)} ${unit}`;
}

/** Return at most `most` round times between two times, each with its label. */
function ticks(from, to, most) {
  const coarse = (to - from) / Math.max(most, 1);
  const power = 10 ** Math.floor(Math.log10(coarse));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= coarse);
  const first = Math.ceil(from / step);
  const [unit, size] = unitOf(to);
  const digits = Math.min(Math.max(0, Math.ceil(Math.log10(size / step) - 1e-9)), 9); // log10(1000) is 2.9999999999999996
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, number) => {
    const time = (first + number) * step;
    return { time, label: time === 0 ? "0" : `${(time / size).toFixed(digits)} ${unit}` };
  });
}
