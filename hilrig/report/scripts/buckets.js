// What of the frames a view shows: each frame while there is room, else buckets that keep their extremes.
//
// A view has `x` and, of the same length, `min` `p50` `p99` `max` (buckets) and `points` (frames); null is a gap.
// A bucket reaches from its x to the next one; the last x is the end of the last bucket. `lost` are the stretches
// in which frames were dropped or failed: [from, to, how many].

// The index of the first value that is not below `value`; `values` ascend.
function lowerBound(values, value) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

// The value with a rank of `permille` (nearest rank) of the first `n` of ascending values.
function ranked(sorted, n, permille) {
  return n ? sorted[Math.max(0, Math.ceil(n * permille / 1000) - 1)] : null;
}

function emptyView() {
  return {
    x: [], min: [], p50: [], p99: [], max: [], points: [], n: [], lost: { dropped: [], failed: [] },
    nFrames: 0, nDropped: 0, nFailed: 0, highest: null, highestAt: null, isFrames: false,
  };
}

function frameView(frames, fromS, toS, nBuckets) {
  const first = lowerBound(frames.due_s, fromS), end = lowerBound(frames.due_s, toS);
  const view = emptyView();
  view.first = first;
  view.isFrames = end - first <= nBuckets;
  if (view.isFrames) everyFrame(view, frames, first, end);
  else for (let i = 0; i < nBuckets; i += 1) addBucket(view, frames, fromS, toS, nBuckets, i);
  return closed(view, toS);
}

function everyFrame(view, frames, first, end) {
  for (let i = first; i < end; i += 1) {
    const at = frames.due_s[i], latency = frames.latency_ms[i], isDecided = !Number.isNaN(latency);
    push(view, at, [null, null, null, null, isDecided ? latency : null], 1);
    if (isDecided) heighten(view, latency, at);
    lose(view, "dropped", at, at, Number(frames.code[i] === DROPPED));
    lose(view, "failed", at, at, Number(frames.code[i] === FAILED));
  }
}

function addBucket(view, frames, fromS, toS, nBuckets, index) {
  const left = fromS + (toS - fromS) * index / nBuckets, right = fromS + (toS - fromS) * (index + 1) / nBuckets;
  const first = lowerBound(frames.due_s, left);
  const end = lowerBound(frames.due_s, index + 1 === nBuckets ? toS : right);
  const sorted = frames.latency_ms.slice(first, end).sort(); // NaN, without a decision, come last
  const n = lowerBound(sorted, Infinity);
  push(view, left, [...[0, 500, 990, 1000].map((permille) => ranked(sorted, n, permille)), null], end - first);
  if (n) heighten(view, sorted[n - 1], (left + right) / 2);
  let nDropped = 0, nFailed = 0;
  for (let i = first; n < end - first && i < end; i += 1) {
    nDropped += frames.code[i] === DROPPED;
    nFailed += frames.code[i] === FAILED;
  }
  lose(view, "dropped", left, right, nDropped);
  lose(view, "failed", left, right, nFailed);
}

// The same from the buckets that stand in the page without raw frames: all that touch the view.
function coarseView(coarse, fromS, toS) {
  const view = emptyView();
  for (let i = 0; i < coarse.n.length; i += 1) {
    const left = coarse.edges_s[i], right = coarse.edges_s[i + 1];
    if (right <= fromS || left >= toS) continue;
    push(view, left, [coarse.min[i], coarse.p50[i], coarse.p99[i], coarse.max[i], null], coarse.n[i]);
    if (coarse.max[i] !== null) heighten(view, coarse.max[i], (left + right) / 2);
    lose(view, "dropped", left, right, coarse.dropped[i]);
    lose(view, "failed", left, right, coarse.failed[i]);
    view.endS = right;
  }
  return closed(view, view.endS || toS);
}

function push(view, x, [min, p50, p99, max, point], n) {
  view.x.push(x);
  view.min.push(min);
  view.p50.push(p50);
  view.p99.push(p99);
  view.max.push(max);
  view.points.push(point);
  view.n.push(n);
  view.nFrames += n;
}

function heighten(view, latency, at) {
  if (view.highest === null || latency > view.highest) Object.assign(view, { highest: latency, highestAt: at });
}

function lose(view, kind, from, to, n) {
  if (n) view.lost[kind].push([from, to, n]);
  view[kind === "dropped" ? "nDropped" : "nFailed"] += n;
}

// The last bucket needs an end to be drawn to.
function closed(view, endS) {
  if (view.isFrames || !view.x.length) return view;
  const last = view.x.length - 1;
  view.x.push(endS);
  for (const name of ["min", "p50", "p99", "max", "points"]) view[name].push(view[name][last]);
  return view;
}
