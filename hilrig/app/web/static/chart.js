// The small chart of the last minutes: p50 and p99 over time, with the limit of p99. Plain SVG.

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 190;
const LEFT = 58, RIGHT = 8, TOP = 18, BOTTOM = 24;
const GAP_S = 5; // a longer time without a look is a gap in the line

/** Return an SVG element with its attributes. */
export function svg(name, attributes = {}, text = "") {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

/** Draw `trail`, rows of (seconds, p50, p99 in ms), into the element `chart`; `limit` in ms may be null. */
export function draw(chart, trail, limit) {
  const width = chart.clientWidth || 600;
  chart.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  const end = trail.length ? trail[trail.length - 1][0] : 0;
  const start = Math.min(trail.length ? trail[0][0] : 0, end - 60);
  const known = trail.flatMap((row) => [row[1], row[2]]).filter(Number.isFinite);
  const top = niceTop(Math.max(limit ?? 0, ...known, 1e-3));
  const x = (seconds) => LEFT + ((seconds - start) / (end - start)) * (width - LEFT - RIGHT);
  const y = (ms) => HEIGHT - BOTTOM - (Math.min(ms, top) / top) * (HEIGHT - TOP - BOTTOM);
  const parts = [0, top / 2, top].flatMap((ms) => [
    svg("path", { class: "axis", d: `M${LEFT} ${y(ms)}H${width - RIGHT}` }),
    svg("text", { x: LEFT - 6, y: y(ms) + 5, "text-anchor": "end" }, `${+ms.toPrecision(3)}`),
  ]);
  parts.push(
    svg("text", { x: LEFT - 6, y: 12, "text-anchor": "end" }, "ms"),
    svg("text", { x: LEFT, y: HEIGHT - 5 }, ago(end - start)),
    svg("text", { x: width - RIGHT, y: HEIGHT - 5, "text-anchor": "end" }, "now"),
  );
  if (limit !== null) parts.push(svg("path", { class: "limit", d: `M${LEFT} ${y(limit)}H${width - RIGHT}` }));
  parts.push(svg("path", { class: "median", d: line(trail, 1, x, y) }), svg("path", { class: "tail", d: line(trail, 2, x, y) }));
  chart.replaceChildren(...parts);
}

function line(trail, column, x, y) {
  let before = -Infinity;
  return trail.map((row) => {
    if (!Number.isFinite(row[column])) { before = -Infinity; return ""; }
    const step = row[0] - before > GAP_S ? "M" : "L";
    before = row[0];
    return `${step}${x(row[0]).toFixed(1)} ${y(row[column]).toFixed(1)}`;
  }).join("");
}

function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 1.05) ?? 20 * power;
}

const ago = (seconds) => (seconds < 90 ? `${Math.round(seconds)} s ago` : `${Math.round(seconds / 60)} min ago`);
