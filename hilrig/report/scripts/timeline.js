// Latency over time and what happened beside it: one view, cut anew from the raw frames whenever it changes.

const BUCKET_PX = 2;
const FRAMES_MIN = 3; // a view never holds less

// The state that the panels draw from. Everything in it follows from `from` and `to`.
function newState(figure, block, frames) {
  const meanS = frames ? block.end_s / frames.n : block.end_s / Math.max(1, block.coarse.n.length);
  return {
    figure, block, frames, endS: block.end_s, from: 0, to: block.end_s, narrowestS: FRAMES_MIN * meanS,
    lanes: block.lanes, limits: block.limits, view: emptyView(), range: null,
    changes: block.changes.map((change) => ({ x: change.at_s, label: change.label })),
    panels: [], latency: null, followers: [], zoomTo: null, onCursor: () => {},
  };
}

function cutView(state, element) {
  const n = Math.max(60, Math.floor((element.clientWidth - LEFT_PX - RIGHT_PX) / BUCKET_PX));
  state.view = state.frames
    ? frameView(state.frames, state.from, state.to, n) : coarseView(state.block.coarse, state.from, state.to);
  state.range = latencyRange(state.view, state.limits);
}

function redraw(state, element) {
  const wasLog = state.range.isLog;
  cutView(state, element);
  if (wasLog === state.range.isLog) state.latency.setData(latencyColumns(state.view));
  else {
    removePanel(state.latency);
    state.latency = latencyPanel(element, state);
  }
  for (const { chart } of state.panels) chart.setScale("x", { min: state.from, max: state.to });
  for (const follow of state.followers) follow();
}

// The nearest view to a wish that lies inside the run and is not too narrow.
function clamped(state, from, to) {
  const width = Math.min(state.endS, Math.max(to - from, state.narrowestS));
  const start = Math.min(Math.max(0, (from + to - width) / 2), state.endS - width);
  return [start, Math.min(state.endS, start + width)];
}

function startTimeline(figure, block, frames) {
  const state = newState(figure, block, frames);
  const element = (name) => figure.querySelector(`[data-panel="${name}"]`);
  const latency = element("latency");
  state.zoomTo = (from, to) => {
    [state.from, state.to] = clamped(state, from, to);
    redraw(state, latency);
  };
  cutView(state, latency);
  state.latency = latencyPanel(latency, state);
  addPanel(state, element("lanes"), (one) => lanesPanel(one, state));
  block.panels.forEach((panel, index) => {
    addPanel(state, element(index), (one) => telemetryPanel(one, panel, index + 1 === block.panels.length, state));
  });
  followWidth(state, latency);
  return state;
}

function addPanel(state, element, make) {
  state.panels.push({ element, chart: make(element) });
}

// A narrower window has fewer buckets; all panels stay as wide as their places.
function followWidth(state, latency) {
  let width = latency.clientWidth;
  new ResizeObserver(() => {
    if (latency.clientWidth === width || !latency.clientWidth) return;
    width = latency.clientWidth;
    state.latency.setSize({ width, height: state.latency.height });
    for (const { chart } of state.panels) chart.setSize({ width, height: chart.height });
    redraw(state, latency);
  }).observe(latency);
}
