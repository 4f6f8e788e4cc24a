// Numbers and moments as a person reads them, the same as in the tables of the page.

function formatNumber(value) {
  if (value === Math.round(value)) return value.toLocaleString("en-US");
  const digits = Math.abs(value) >= 1000 ? 1 : Math.max(0, 3 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString("en-US", { maximumFractionDigits: Math.min(digits, 12) });
}

// A latency to the microsecond: what the frames are measured in.
function formatMs(value) {
  return `${value.toLocaleString("en-US", { maximumFractionDigits: 3 })} ms`;
}

// Seconds after the start as `40 s`, `12:05` or `3:12:05`, with the decimals that steps of `stepS` need.
function formatTime(atS, stepS, endS) {
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(stepS) - 1e-9)));
  if (endS < 120) return `${atS.toFixed(digits)} s`;
  const scale = 10 ** digits;
  const units = Math.round(atS * scale); // rounded once: never 12:60
  const seconds = Math.floor(units / scale);
  const rest = digits ? (units % scale).toString().padStart(digits, "0") : "";
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => part.toString().padStart(2, "0"));
  if (endS >= 3600) parts.unshift(Math.floor(seconds / 3600).toString());
  return parts.join(":") + (rest && `.${rest}`);
}

// The same for the ticks of an axis: whole minutes as `6 min` or `2:30 h`.
function formatTick(atS, stepS, endS) {
  if (stepS < 60 || endS < 120) return formatTime(atS, stepS, endS);
  const minutes = Math.round(atS / 60);
  if (endS < 7200) return `${minutes} min`;
  return `${Math.floor(minutes / 60)}:${(minutes % 60).toString().padStart(2, "0")} h`;
}

function formatDate(atS, stepS) {
  const text = new Date(atS * 1000).toISOString();
  return stepS >= 86400 ? text.slice(0, 10) : `${text.slice(5, 10)} ${text.slice(11, 16)}`;
}
