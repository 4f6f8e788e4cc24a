// What the charts say in words: of the whole view, and of the moment under the cursor.

const TEXTS_MAX = 3;

function viewText(state) {
  const { view, from, to, endS } = state;
  const step = (to - from) / 1000;
  const parts = [`${formatTime(from, step, endS)} to ${formatTime(to, step, endS)}`, `${formatNumber(view.nFrames)} frames`];
  parts.push(view.highest === null ? "none was decided" : `slowest ${formatMs(view.highest)}`);
  if (view.nDropped) parts.push(`${formatNumber(view.nDropped)} dropped`);
  if (view.nFailed) parts.push(`${formatNumber(view.nFailed)} failed`);
  return parts.join(" · ");
}

// The place in `x` of the bucket that holds a moment, or of the frame nearest to it.
function placeAt(view, atS) {
  const after = lowerBound(view.x, atS);
  if (!view.isFrames) return Math.max(0, Math.min(view.n.length - 1, view.x[after] === atS ? after : after - 1));
  const isBeforeNearer = after === view.x.length || (after > 0 && atS - view.x[after - 1] < view.x[after] - atS);
  return isBeforeNearer ? after - 1 : after;
}

function frameText(state, place) {
  const { view, block } = state, index = view.first + place;
  const name = block.first_frame_id === null
    ? `measured frame ${formatNumber(index + 1)}` : `frame ${formatNumber(block.first_frame_id + index)}`;
  const code = state.frames.code[index];
  const lost = { [DROPPED]: "dropped", [FAILED]: "failed" }[code] || "no decision";
  return `${name}: ${view.points[place] === null ? lost : formatMs(view.points[place])}`;
}

function bucketText(view, place) {
  const n = formatNumber(view.n[place]);
  if (view.max[place] === null) return `${n} frames, none decided`;
  const [p50, p99, slowest] = ["p50", "p99", "max"].map((name) => formatMs(view[name][place]));
  return `${n} frames: p50 ${p50}, p99 ${p99}, slowest ${slowest}`;
}

// The highest line of each panel at a moment; nothing where there is no reading.
function readingTexts(panels, atS) {
  return panels.flatMap((panel) => {
    const place = lowerBound(panel.t_s, atS);
    const bucket = panel.t_s[place] === atS ? place : place - 1;
    const values = panel.lines.map((line) => line.maximum[bucket]).filter(Number.isFinite);
    if (!values.length) return [];
    const highest = Number(Math.max(...values).toPrecision(4));
    return [`${panel.title} ${formatNumber(highest)} ${panel.unit}`.trim()];
  });
}

function episodeTexts(lanes, atS, reachS) {
  const spans = lanes.flatMap((lane) => lane.spans);
  const near = spans.filter((span) => span.begin_s - reachS <= atS && span.end_s + reachS >= atS);
  return near.slice(0, TEXTS_MAX).map((span) => span.text);
}

function cursorText(state, atS) {
  const { view, from, to } = state;
  if (!view.n.length) return "";
  const place = placeAt(view, atS), step = (to - from) / 1000;
  return [
    formatTime(atS, step, state.endS),
    view.isFrames ? frameText(state, place) : bucketText(view, place),
    ...episodeTexts(state.lanes, atS, step),
    ...readingTexts(state.block.panels, atS),
  ].join(" · ");
}

function startReadout(state) {
  const ofView = state.figure.querySelector(".view-text"), ofCursor = state.figure.querySelector(".cursor-text");
  const hint = ofCursor.textContent;
  const show = (u) => {
    const isInside = u.cursor.left !== undefined && u.cursor.left >= 0;
    ofCursor.textContent = isInside ? cursorText(state, u.posToVal(u.cursor.left, "x")) : hint;
  };
  state.onCursor = show;
  state.followers.push(() => { ofView.textContent = viewText(state); });
}
