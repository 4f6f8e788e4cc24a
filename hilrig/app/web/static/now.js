// The run that goes on: the same words and numbers as `hilrig watch`.

import { draw } from "./chart.js";
import { $, duration, el, joined, level, mark, moment, number, quantity, say } from "./words.js";

const PHASES = {
  "self-test": "SELF-TEST of the rig",
  "power-loss test": "POWER-LOSS TEST",
  "companions alone": "COMPANIONS ALONE",
  loading: "LOADING frames and model",
  warmup: "WARM-UP",
  measure: "MEASURING",
  drill: "DRILL",
  drain: "LAST FRAMES",
  judging: "JUDGING",
  done: "DONE",
};
const STANDINGS = { within: "within the limit", broken: "over the limit", unknown: "known at the end" };

/** Show a state of the rig: the run that goes on, or that there is none, and how the last one ended. */
export function showNow({ live, trail, queue, held_by }, lastRun) {
  $("live").hidden = live === null;
  $("headline").classList.toggle("stale", live?.state === "stale");
  if (live === null) return showNothing(queue, held_by, lastRun);
  const phase = PHASES[live.phase] ?? (live.phase || "STARTING");
  document.title = `${phase}: ${live.profile_name}`;
  say("headline", live.state === "stale"
    ? `STALE: no sign of life for ${duration(live.heartbeat_age_s)}`
    : `${live.profile_name}: ${phase}`);
  say("verdict", live.if_stopped_now ? `If it stopped now: ${live.if_stopped_now}` : "");
  say("about", joined(`${live.profile_name} on ${live.rig} (${live.device_class})`,
    live.operator && `started by ${live.operator}`, moment(live.started_at_utc), live.note));
  showProgress(live);
  $("facts").replaceChildren(...facts(live).map(([name, value]) => el("div", [el("dt", name), el("dd", value)])));
  showChart(live, trail);
  $("limits").replaceChildren(...live.limits.map(limitRow));
  $("warnings").replaceChildren(...live.warnings.map((text) => el("li", `Warning: ${text}`)));
  $("events").replaceChildren(...live.events.map((text) => el("li", text)));
}

function showNothing(queue, held_by, lastRun) {
  document.title = "hilrig";
  const starting = queue.find((run) => run.state === "starting");
  if (starting) say("headline", `Starting ${starting.profile_name} …`);
  else say("headline", held_by ? "The rig is in use" : "Nothing is running");
  if (held_by) say("verdict", `Held by ${held_by}.`);
  else say("verdict", lastRun ? `Last run: ${lastRun.status}. ${lastRun.sentence}` : "");
}

function showProgress(live) {
  if (live.elapsed_s === null || !live.total_s) $("progress").removeAttribute("value");
  else $("progress").value = Math.min(1, live.elapsed_s / live.total_s);
  const left = live.eta_s === null ? "" : `, ${duration(live.eta_s)} left`;
  say("clock", live.elapsed_s === null ? "" : `${duration(Math.min(live.elapsed_s, live.total_s))} of ${duration(live.total_s)}${left}`);
}

/** Return a latency; where there are undecided frames, a percentile without a number is infinite. */
const latency = (ms, live) => (ms === null && (live.n_dropped || live.n_failed) ? "infinite" : quantity(ms, "ms"));

function facts(live) {
  const throttled = live.throttled_s === null ? "unknown" : duration(live.throttled_s);
  return [
    ["Frames per second", number(live.fps)],
    ["Frames", `${number(live.n_offered)} of ${number(live.n_frames)}`],
    ["Dropped", number(live.n_dropped)],
    ["Failed", number(live.n_failed)],
    ["p50, last minute", latency(live.now_p50_ms, live)],
    ["p95, last minute", latency(live.now_p95_ms, live)],
    ["p99, last minute", latency(live.now_p99_ms, live)],
    ["p50, whole run", latency(live.whole_p50_ms, live)],
    ["p95, whole run", latency(live.whole_p95_ms, live)],
    ["p99, whole run", latency(live.whole_p99_ms, live)],
    ["Longest", latency(live.whole_max_ms, live)],
    ["Throttled", throttled + (live.thermal_state === "throttled" ? ", THROTTLED NOW" : "")],
    ...live.temperatures.map((one) => [one.name, `${number(one.now_cel)} °C` +
      (one.limit_cel === null ? "" : `, ${number(one.limit_cel - one.now_cel)} °C below its limit`)]),
    ["Disk left", quantity(live.disk_free_mib, "MiB", 0) +
      (live.disk_needed_mib === null ? "" : `, ${number(live.disk_needed_mib, 0)} MiB still needed`)],
  ];
}

function showChart(live, trail) {
  const limit = live.limits.find((one) => one.unit === "ms" && one.check_id.includes("p99"));
  draw($("chart"), trail, limit ? limit.limit : null);
  say("chart-words", `Solid: p50, ${latency(live.now_p50_ms, live)}. Dashed: p99, ${latency(live.now_p99_ms, live)}.` +
    (limit ? ` Dotted: the limit of p99, ${quantity(limit.limit, limit.unit)}.` : ""));
}

function limitRow(limit) {
  const standing = el("td", mark(STANDINGS[limit.standing], level(limit.standing)));
  standing.append(el("div", limit.text, { className: "small" }));
  return el("tr", [el("th", limit.title, { scope: "row" }), standing, el("td", quantity(limit.now, limit.unit)),
    el("td", quantity(limit.whole, limit.unit)), el("td", quantity(limit.budget_left_pct, "%", 0))]);
}
