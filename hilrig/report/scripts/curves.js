// The generic chart: series, levels and marks of a data block, each series with an x of its own.

const CURVE_PX = 260;
const TAIL_TICKS = [50, 90, 99, 99.9, 99.99, 99.999, 99.9999];

// Percentiles stretch towards 100: each further nine is as wide as the one before it. 100 itself lies where the
// half of what the last of the others leaves would.
function tailPlaces(series) {
  const below = series.flatMap((one) => one.x).filter((x) => x < 100).reduce((high, x) => Math.max(high, x), 50);
  const place = (x) => Math.log10(100 / (100 - x));
  return (x) => (x < 100 ? place(x) : place((below + 100) / 2));
}

// Ticks and their texts along x, for each kind of scale.
function curveTicks(spec, place) {
  const n = (u) => Math.max(2, Math.floor(u.bbox.width / devicePixelRatio / 90));
  const ends = (u) => [u.scales.x.min, u.scales.x.max];
  const linear = (u, _, low, high) => multiples(low, high, roundStep(high - low, n(u)));
  const timed = (u, _, low, high) => multiples(low, high, timeStep(high - low, n(u)));
  const stepOf = (u) => timeStep(ends(u)[1] - ends(u)[0], n(u));
  const plain = (u, splits) => splits.map((at) => formatNumber(Number(at.toPrecision(6))));
  return {
    linear: [linear, plain],
    log: [(u, _, low, high) => logTicks(low, high, n(u)), plain],
    time: [timed, (u, splits) => splits.map((at) => formatTick(at, stepOf(u), u.scales.x.max))],
    date: [timed, (u, splits) => splits.map((at) => formatDate(at, stepOf(u)))],
    tail: [
      (u, _, low, high) => TAIL_TICKS.map(place).filter((at) => at >= low && at <= high),
      (u, splits) => splits.map((at) => `${TAIL_TICKS.find((tick) => place(tick) === at)} %`),
    ],
  }[spec.scale];
}

// The range of an axis with everything on it; a linear one of heights starts at 0.
function extent(values, isLog, hasBase) {
  const usable = values.filter((value) => value !== null && (!isLog || value > 0));
  const low = usable.reduce((one, other) => Math.min(one, other), Infinity);
  const high = usable.reduce((one, other) => Math.max(one, other), -Infinity);
  if (!usable.length) return [isLog ? 0.1 : 0, 1];
  if (isLog) return [low * 0.8, high * 1.25];
  if (!hasBase) return low < high ? [low, high] : [low - 0.5, high + 0.5];
  return [Math.min(0, low), high > 0 ? high * HEADROOM : 1];
}

function curveSeries(one) {
  const { bars } = uPlot.paths;
  const shapes = {
    line: {}, steps: { paths: newSteps() }, bars: { paths: bars({ size: [0.9, 60] }) }, points: { paths: () => null },
  };
  const isFilled = one.style === "bars" || (one.style === "steps" && !one.dash);
  return {
    scale: "y", stroke: () => color(one.tone), width: 1.6, dash: one.dash ? [7, 5] : undefined,
    points: { show: one.style === "points", size: 6, fill: () => color(one.tone) },
    fill: isFilled ? () => faded(one.tone, 0.15) : undefined,
    ...shapes[one.style],
  };
}

// One key for each series, with its value under the cursor.
function curveKeys(element, series) {
  const keys = document.createElement("p");
  keys.className = "keys";
  const texts = series.map((one) => {
    const key = document.createElement("span"), swatch = document.createElement("i"), text = document.createElement("span");
    key.className = "key";
    const tone = typeof one.tone === "number" ? one.tone % N_SERIES_TONES : one.tone;
    swatch.className = `swatch tone-${tone}${one.dash ? " dash" : ""}`;
    text.textContent = one.label;
    key.append(swatch, text);
    keys.append(key);
    return text;
  });
  element.before(keys);
  return texts;
}

function valueAt(one, x) {
  const after = lowerBound(one.x, x), isExact = one.x[after] === x;
  if (one.style === "steps") return one.y[isExact ? after : after - 1];
  const isNext = after < one.x.length && (after === 0 || one.x[after] - x < x - one.x[after - 1]);
  return one.y[isNext ? after : after - 1];
}

function startCurves(element) {
  const spec = readBlock(element.dataset.source);
  const place = spec.x.scale === "tail" ? tailPlaces(spec.series) : (x) => x;
  const series = spec.series.map((one) => ({ ...one, x: one.x.map(place) }));
  const marks = spec.marks.map((mark) => ({ ...mark, x: place(mark.x) }));
  const isLog = { x: spec.x.scale === "log", y: spec.y.scale === "log" };
  const xs = extent([...series.flatMap((one) => one.x), ...marks.map((mark) => mark.x)], isLog.x, false);
  const ys = extent([...series.flatMap((one) => one.y), ...spec.levels.map((level) => level.value)], isLog.y, true);
  const [splits, values] = curveTicks(spec.x, place), texts = curveKeys(element, series);
  const show = (u) => {
    const isInside = u.cursor.left >= 0, x = isInside ? u.posToVal(u.cursor.left, "x") : null;
    series.forEach((one, index) => {
      const value = isInside ? valueAt(one, x) : null;
      const isThere = Number.isFinite(value);
      texts[index].textContent = isThere ? `${one.label}: ${formatNumber(value)} ${spec.y.unit}`.trim() : one.label;
    });
  };
  const chart = new uPlot({
    width: Math.max(element.clientWidth, 100), height: CURVE_PX, legend: { show: false }, padding: [10, RIGHT_PX, 0, 0],
    cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
    scales: { x: { time: false, distr: isLog.x ? 3 : 1, range: () => xs }, y: { distr: isLog.y ? 3 : 1, range: () => ys } },
    axes: [
      axis({ size: 34, splits, values, label: spec.x.label, labelSize: 20, labelFont: FONT, labelGap: 0 }),
      valueAxis(spec.y.unit, () => isLog.y),
    ],
    series: [{}, ...series.map(curveSeries)],
    hooks: { draw: [(u) => drawLevels(u, spec.levels), (u) => drawMarks(u, marks, "limit")], setCursor: [show] },
  }, uPlot.join(series.map((one) => [one.x, one.y.map((y) => (isLog.y && y !== null && y <= 0 ? ys[0] : y))])), element);
  charts.add(chart);
  new ResizeObserver(() => {
    const width = element.clientWidth;
    if (width && width !== chart.width) chart.setSize({ width, height: CURVE_PX });
  }).observe(element);
}
