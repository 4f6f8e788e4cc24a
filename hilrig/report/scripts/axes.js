// Axes: round ticks for times, latencies, logarithms and percentiles.

const TIME_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 604800];
const LEFT_PX = 62; // of every panel, so that their time axes lie under one another
const RIGHT_PX = 24; // room for half of the last tick's text

// The smallest round step that makes at most `n` of `span`.
function roundStep(span, n) {
  const power = 10 ** Math.floor(Math.log10(span / n));
  return [1, 2, 5, 10].map((digit) => digit * power).find((step) => span / step <= n * (1 + 1e-9));
}

function timeStep(spanS, n) {
  const step = spanS / n;
  return step <= 1 ? roundStep(spanS, n) : TIME_STEPS_S.find((one) => one >= step) || roundStep(spanS, n);
}

function multiples(low, high, step) {
  const first = Math.ceil(low / step - 1e-9);
  const n = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, n) }, (_, index) => (first + index) * step);
}

// 1, 2 and 5 in every decade; only the decades where there are many of them; round numbers where there are few.
function logTicks(low, high, n) {
  const ticks = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const digit of [1, 2, 5]) ticks.push(digit * 10 ** power);
  }
  const inside = ticks.filter((tick) => tick >= low && tick <= high);
  if (inside.length < 3) return multiples(low, high, roundStep(high - low, n)).filter((tick) => tick > 0);
  return inside.length <= n ? inside : inside.filter((tick) => Number.isInteger(Math.log10(tick)));
}

function axis(options) {
  return {
    font: FONT, stroke: () => color("soft"), ticks: { show: false }, gap: 6, filter: (u, splits) => splits,
    grid: { stroke: () => color("grid"), width: 1 }, ...options,
  };
}

// The time axis of a chart that is `endS` long; `isLabelled` false keeps its grid only.
function timeAxis(endS, isLabelled) {
  const step = (u, low, high) => timeStep(high - low, Math.max(2, Math.floor(u.bbox.width / devicePixelRatio / 90)));
  return axis({
    size: isLabelled ? 30 : 4,
    splits: (u, _, low, high) => multiples(low, high, step(u, low, high)),
    values: (u, splits) => {
      const stepS = step(u, u.scales.x.min, u.scales.x.max);
      return splits.map((at) => (isLabelled ? formatTick(at, stepS, endS) : null));
    },
  });
}

function valueAxis(unit, isLog) {
  const n = (u) => Math.max(2, Math.floor(u.bbox.height / devicePixelRatio / 28));
  return axis({
    scale: "y", size: LEFT_PX,
    splits: (u, _, low, high) => {
      return isLog(u) ? logTicks(low, high, 2 * n(u)) : multiples(low, high, roundStep(high - low, n(u)));
    },
    values: (u, splits) => splits.map((at) => `${formatNumber(Number(at.toPrecision(6)))} ${unit}`.trim()),
  });
}

// A value keeps its level from its x to the next one. A gap begins at the first null, so that the value before it
// is drawn to its end: uPlot's own default would hide a bucket between two gaps.
function newSteps() {
  return uPlot.paths.stepped({ align: 1, alignGaps: 1 });
}
