// What is drawn beside the series of a panel: shaded stretches, limits, marks, the slowest frame.

const SHADES = {
  throttled: ["heat", 0.16], co_resident: ["open", 0.16], host_stall: ["soft", 0.3], garbage_collection: ["tail", 0.16],
};
const MARK_ROWS = 4;
const SHADE_PX_MIN = { throttled: 0, co_resident: 0, host_stall: 2, garbage_collection: 2 }; // narrower: its lane only

// Run `paint` on the canvas of a chart, clipped to its plot.
function onPlot(u, paint) {
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.beginPath();
  u.ctx.rect(left, top, width, height);
  u.ctx.clip();
  paint(u.ctx, u.bbox);
  u.ctx.restore();
}

// One filled path for all spans of a lane: where they touch, the shade does not add up.
function shade(u, lanes) {
  onPlot(u, (ctx, { top, height }) => {
    for (const lane of lanes) {
      const [tone, alpha] = SHADES[lane.kind];
      ctx.beginPath();
      for (const span of lane.spans) {
        const left = u.valToPos(span.begin_s, "x", true), right = u.valToPos(span.end_s, "x", true);
        if ((right - left) / devicePixelRatio < SHADE_PX_MIN[lane.kind]) continue;
        ctx.rect(left, top, Math.max(right - left, devicePixelRatio), height);
      }
      ctx.fillStyle = faded(tone, alpha);
      ctx.fill();
    }
  });
}

function canvasFont() {
  return FONT.replace("12px", `${12 * devicePixelRatio}px`);
}

// Text with a halo of the card's colour, so that it can be read over lines.
function label(ctx, text, x, y, align, tone) {
  ctx.font = canvasFont();
  ctx.textAlign = align;
  ctx.textBaseline = "bottom";
  ctx.lineJoin = "round";
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.strokeStyle = color("card");
  ctx.strokeText(text, x, y);
  ctx.fillStyle = color(tone);
  ctx.fillText(text, x, y);
}

function dashed(ctx, tone, from, to) {
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.setLineDash([8 * devicePixelRatio, 5 * devicePixelRatio]);
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.strokeStyle = color(tone);
  ctx.stroke();
  ctx.setLineDash([]);
}

// Horizontal lines with a label at their right end; at the left one where the line above it has its own there.
function drawLevels(u, levels) {
  const size = devicePixelRatio, inset = 6 * size;
  onPlot(u, (ctx, { left, top, width }) => {
    const placed = levels.map((level) => ({ ...level, y: u.valToPos(level.value, "y", true) })).sort((a, b) => a.y - b.y);
    let lastY = -Infinity;
    for (const { y, label: text, tone = "limit" } of placed) {
      dashed(ctx, tone, [left, y], [left + width, y]);
      const at = y - top < 16 * size ? y + 17 * size : y - 3 * size;
      const isFree = at - lastY > 16 * size;
      if (isFree) lastY = at;
      label(ctx, text, isFree ? left + width - inset : left + inset, at, isFree ? "right" : "left", tone);
    }
  });
}

// Vertical lines with a label at their top, in the first row that is free; where all are taken the line is alone.
function drawMarks(u, marks, tone) {
  const size = devicePixelRatio, rows = Array.from({ length: MARK_ROWS }, () => -Infinity);
  onPlot(u, (ctx, { left, top, width, height }) => {
    const placed = marks.map((mark) => ({ text: mark.label, x: u.valToPos(mark.x, "x", true) }));
    for (const { text, x } of placed.filter((mark) => mark.x >= left && mark.x <= left + width).sort((a, b) => a.x - b.x)) {
      dashed(ctx, tone, [x, top], [x, top + height]);
      ctx.font = canvasFont();
      const isRight = x > left + 0.8 * width, textPx = ctx.measureText(text).width, inset = 5 * size;
      const start = isRight ? x - inset - textPx : x + inset;
      const row = rows.findIndex((end) => end < start);
      if (row < 0) continue;
      rows[row] = start + textPx + 2 * inset;
      label(ctx, text, start, top + (18 + 15 * row) * size, "left", tone);
    }
  });
}

// A ring around the slowest frame of the view.
function drawHighest(u, view) {
  if (view.highest === null) return;
  onPlot(u, (ctx, { left, top, width }) => {
    const x = u.valToPos(view.highestAt, "x", true), y = u.valToPos(view.highest, "y", true);
    const isRight = x > left + width / 2, size = devicePixelRatio;
    ctx.beginPath();
    ctx.arc(x, y, 4 * size, 0, 2 * Math.PI);
    ctx.lineWidth = 1.5 * size;
    ctx.strokeStyle = color("ink");
    ctx.stroke();
    const inset = (isRight ? -9 : 9) * size;
    label(ctx, `slowest ${formatMs(view.highest)}`, x + inset, Math.max(y + 5 * size, top + 16 * size), isRight ? "right" : "left", "ink");
  });
}
