// What happened when: a row for dropped frames, one for failed ones, one for each kind of episode.

const ROW_PX = 30, MARK_PX = 11, MARK_PX_MIN = 2;
const LANE_TONES = {
  dropped: "open", failed: "fail", throttled: "heat", host_stall: "ink", garbage_collection: "tail", co_resident: "median",
};

function laneRows(state) {
  const lost = (kind, n) => ({ kind, label: `${kind}: ${formatNumber(n)}`, spans: state.view.lost[kind] });
  const rows = state.lanes.map((lane) => {
    const inside = lane.spans.filter((span) => span.end_s > state.from && span.begin_s < state.to);
    const spans = inside.map((span) => [span.begin_s, span.end_s]);
    return { kind: lane.kind, label: `${lane.label}: ${formatNumber(inside.length)}`, spans };
  });
  return [lost("dropped", state.view.nDropped), lost("failed", state.view.nFailed), ...rows];
}

function drawLanes(u, state) {
  const size = devicePixelRatio;
  onPlot(u, (ctx, { left, top, width }) => {
    laneRows(state).forEach((row, index) => {
      const bottom = top + (index + 1) * ROW_PX * size - 2 * size;
      ctx.fillStyle = color("grid");
      ctx.fillRect(left, bottom, width, size);
      ctx.fillStyle = color(LANE_TONES[row.kind]);
      for (const [from, to] of row.spans) {
        const start = u.valToPos(from, "x", true), end = u.valToPos(to, "x", true);
        ctx.fillRect(start, bottom - MARK_PX * size, Math.max(end - start, MARK_PX_MIN * size), MARK_PX * size);
      }
      label(ctx, row.label, left, bottom - MARK_PX * size - size, "left", "soft");
    });
  });
}

function lanesPanel(element, state) {
  return newPanel(element, {
    height: ROW_PX * (2 + state.lanes.length) + 12,
    scales: { x: { time: false, range: () => [state.from, state.to] }, y: { range: () => [0, 1] } },
    axes: [timeAxis(state.endS, false), axis({ scale: "y", size: LEFT_PX, splits: () => [], grid: { show: false } })],
    series: [{}, { scale: "y", points: { show: false } }],
    hooks: { draw: [(u) => drawLanes(u, state)] },
  }, [[0, state.endS], [null, null]], state);
}
