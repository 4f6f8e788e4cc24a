// The latency panel: band from the fastest to the slowest frame, p50, p99, each frame where there is room.

const LATENCY_PX = 300, NARROW_LATENCY_PX = 240;
const LOG_FROM_RATIO = 12; // as in hilrig/report/scale.py: beyond it the ordinary would be flat on a linear axis
const HEADROOM = 1.08, LOG_HEADROOM = 1.6; // the texts at the top lie above the slowest frame

// The range of the axis: every limit and the slowest frame of the view are on it.
function latencyRange(view, limits) {
  const levels = limits.map((limit) => limit.value);
  const tightest = Math.min(...levels, Infinity); // a loose limit must not make the tight one unreadable
  const decided = (view.isFrames ? view.points : view.p50).filter((one) => one !== null).sort((one, other) => one - other);
  const ordinary = Math.max(1, Number.isFinite(tightest) ? tightest : 0, ranked(decided, decided.length, view.isFrames ? 500 : 1000));
  const high = HEADROOM * Math.max(1, ...levels, view.highest);
  if (high < LOG_FROM_RATIO * ordinary) return { isLog: false, low: 0, high };
  const lows = (view.isFrames ? view.points : view.min).filter((one) => one > 0);
  return { isLog: true, low: 0.8 * Math.min(high, ...levels, ...lows), high: high * LOG_HEADROOM };
}

function latencyColumns(view) {
  return [view.x, view.min, view.max, view.p50, view.p99, view.points];
}

// `state` is the timeline's: its view, its range, what lies behind. Made anew when the scale changes its kind.
function latencyPanel(element, state) {
  const steps = newSteps();
  const stroke = (tone) => () => color(tone);
  const line = (tone, width) => ({ scale: "y", stroke: stroke(tone), width, paths: steps, points: { show: false } });
  const dots = { show: true, size: 5, fill: stroke("median") };
  return newPanel(element, {
    height: element.clientWidth < 560 ? NARROW_LATENCY_PX : LATENCY_PX,
    scales: {
      x: { time: false, range: () => [state.from, state.to] },
      y: { distr: state.range.isLog ? 3 : 1, range: () => [state.range.low, state.range.high] },
    },
    axes: [timeAxis(state.endS, true), valueAxis("ms", () => state.range.isLog)],
    series: [
      {}, line("band", 1), line("band", 1), line("median", 1.5), line("tail", 1.2),
      { scale: "y", stroke: stroke("median"), paths: () => null, points: dots },
    ],
    bands: [{ series: [2, 1], fill: () => color("band") }],
    hooks: {
      drawClear: [(u) => shade(u, state.lanes)],
      draw: [(u) => {
        drawLevels(u, state.limits);
        drawMarks(u, state.changes, "ink");
        drawHighest(u, state.view);
      }],
    },
  }, latencyColumns(state.view), state);
}
