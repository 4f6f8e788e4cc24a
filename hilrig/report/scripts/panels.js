// Panels of the timeline: one uPlot each, all on one time axis, with one cursor.

const PANEL_PX = 96, TIMES_PX = 26;
const SYNC_KEY = "timeline";

// What all panels share: the cursor goes from one to the others, a drag asks the timeline for a zoom.
function newPanel(element, options, data, state) {
  const filters = { pub: (type) => type === "mousemove" || type === "mouseleave" }; // not the drag itself
  const toZoom = (u) => {
    if (u.select.width < 3) return;
    state.zoomTo(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  };
  const chart = new uPlot({
    width: Math.max(element.clientWidth, 100), legend: { show: false }, padding: [8, RIGHT_PX, 0, 0],
    ...options,
    cursor: {
      y: false, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: 4 },
      sync: { key: SYNC_KEY, scales: ["x", null], filters },
      bind: { dblclick: () => () => state.zoomTo(0, state.endS) },
    },
    hooks: { ...options.hooks, setSelect: [toZoom], setCursor: [(u) => state.onCursor(u)] },
  }, data, element);
  charts.add(chart);
  return chart;
}

function removePanel(chart) {
  charts.delete(chart);
  chart.destroy();
}

// A quantity of the telemetry: for each line its band and its mean; a bucket without a reading is a gap.
function telemetryPanel(element, panel, isLast, state) {
  const steps = newSteps();
  const series = (stroke) => ({ scale: "y", stroke, width: 1.5, paths: steps, points: { show: false } });
  const toEnd = (values) => [...values, values[values.length - 1]];
  const edge = series("transparent"), lines = panel.lines.map((_, tone) => series(() => color(tone)));
  return newPanel(element, {
    height: PANEL_PX + (isLast ? TIMES_PX : 0),
    scales: { x: { time: false, range: () => [state.from, state.to] }, y: { range: () => [panel.bottom, panel.top] } },
    axes: [timeAxis(state.endS, isLast), valueAxis("", () => false)],
    series: [{}, ...lines.flatMap((line) => [edge, edge, line])],
    bands: lines.map((_, tone) => ({ series: [3 * tone + 2, 3 * tone + 1], fill: () => faded(tone, 0.2) })),
    hooks: {
      drawClear: [(u) => shade(u, state.lanes.filter((lane) => lane.kind === "throttled"))],
      draw: [(u) => drawLevels(u, panel.levels)],
    },
  }, [
    [...panel.t_s, state.endS],
    ...panel.lines.flatMap((line) => [toEnd(line.minimum), toEnd(line.maximum), toEnd(line.mean)]),
  ], state);
}
