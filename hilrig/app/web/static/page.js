// The technician's page: who is there, what is shown, what can be done.

import { call, follow, forgetToken, keepToken, token, WrongToken } from "./live.js";
import { showNow } from "./now.js";
import { $, duration, el, joined, mark, moment, number, say } from "./words.js";

const OPERATOR = "hilrig-operator";

let station = { profiles: [] };
let state = null;
let historyMark = null;
let lastRun = null;
let queueShown = "";

/** Show what went wrong with something that a person did; it stays until something goes right. */
function failed(error) {
  if (error instanceof WrongToken) return askForToken(error.message);
  $("problem").hidden = false;
  say("problem", error.message);
}

function showState(next) {
  if (next.error) return showLost(next.error);
  state = next;
  $("connection").className = "";
  say("connection", `live, ${moment(next.at_utc)}`);
  showNow(next, lastRun);
  showQueue(next);
  if (next.history_mark !== historyMark) loadHistory(next.history_mark);
}

function showLost(why) {
  $("connection").className = "lost";
  say("connection", `Connection lost (${why}). Trying again. What you see may be old; runs go on without this page.`);
}

// --- stop --------------------------------------------------------------------------------------------------------

$("stop").addEventListener("click", () => {
  $("stop-dialog").dataset.run = state.live.run_dir;
  say("stop-words", `${state.live.profile_name} ends in order. What was measured is judged and signed; a run shorter than its profile asks for cannot pass.`);
  say("stop-answer", "");
  $("stop-operator").value ||= $("operator").value;
  $("stop-dialog").showModal();
  $("stop-reason").focus();
});
$("stop-cancel").addEventListener("click", () => $("stop-dialog").close());
$("stop-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  $("stop-confirm").disabled = true;
  try {
    await call("/api/stop", { run: $("stop-dialog").dataset.run, operator: $("stop-operator").value, reason: $("stop-reason").value });
    $("stop-reason").value = "";
    $("stop-dialog").close();
  } catch (error) {
    say("stop-answer", error.message);
  } finally {
    $("stop-confirm").disabled = false;
  }
});

// --- start and queue ---------------------------------------------------------------------------------------------

function showProfiles() {
  const chosen = $("profile").value;
  $("profile").replaceChildren(...station.profiles.map((one) =>
    el("option", one.mistakes ? `${one.name} (has mistakes)` : one.name, { value: one.name, disabled: one.mistakes > 0 })));
  if (station.profiles.some((one) => one.name === chosen)) $("profile").value = chosen;
  showProfileWords();
}

function showProfileWords() {
  const one = station.profiles.find((profile) => profile.name === $("profile").value);
  say("profile-words", one ? joined(one.description, one.duration_s && duration(one.duration_s),
    one.frame_rate_fps && `${number(one.frame_rate_fps)} frames per second`)
    : "There is no profile here. Make one on the rig: hilrig init DIR");
}

$("profile").addEventListener("change", showProfileWords);
$("profile").addEventListener("focus", loadStation);
$("start").addEventListener("submit", async (event) => {
  event.preventDefault();
  const length = $("duration").value;
  $("start-button").disabled = true;
  try {
    await call("/api/queue/add", {
      profile: $("profile").value,
      duration_s: length === "" ? null : Number(length) * Number($("duration-unit").value),
      operator: $("operator").value,
      note: $("note").value,
    });
    sessionStorage.setItem(OPERATOR, $("operator").value);
    $("note").value = "";
    say("start-answer", "In the queue. It starts as soon as the rig is free.");
  } catch (error) {
    say("start-answer", `Not started: ${error.message}`);
  } finally {
    $("start-button").disabled = false;
  }
});

function showQueue({ queue, live, held_by }) {
  say("start-button", live || held_by || queue.some((run) => run.state !== "refused") ? "Add to the queue" : "Start");
  if (!queue.length) say("queue-words", "Nothing waits.");
  else if (live) say("queue-words", "The next one starts when the run above has ended.");
  else say("queue-words", held_by ? `The next one starts when the rig is free; held by ${held_by}.` : "");
  const now = JSON.stringify(queue);
  if (now === queueShown) return;
  queueShown = now;
  if (!queue.length) say("start-answer", "");
  $("queue").replaceChildren(...queue.map(queuedItem));
}

function queuedItem(run) {
  const words = joined(run.duration_s === null ? "as long as the profile says" : duration(run.duration_s),
    `by ${run.operator}`, `added ${moment(run.added_at_utc)}`, run.note);
  const item = el("li", [mark(run.state), ` ${run.profile_name}`, el("div", words, { className: "small" })]);
  if (run.reason) item.append(el("div", run.reason), el("div", run.hint && `Next: ${run.hint}`, { className: "small" }));
  if (run.state !== "starting") item.append(button("Remove", `Remove ${run.profile_name} from the queue`,
    () => call("/api/queue/remove", { entry: run.entry_id })));
  return item;
}

function button(text, label, act) {
  const made = el("button", text, { type: "button", className: "row calm" });
  made.setAttribute("aria-label", label);
  made.addEventListener("click", async () => {
    made.disabled = true;
    try {
      await act();
      $("problem").hidden = true;
    } catch (error) {
      failed(error);
    } finally {
      made.disabled = false;
    }
  });
  return made;
}

// --- history -----------------------------------------------------------------------------------------------------

async function loadHistory(markNow) {
  try {
    const runs = await call("/api/history");
    historyMark = markNow;
    const ended = runs.filter((run) => !["running", "stale"].includes(run.status));
    $("history").replaceChildren(...ended.map(pastItem));
    say("history-words", ended.length ? "Older runs: hilrig list" : "No run yet.");
    lastRun = ended[0] ?? null;
    showNow(state, lastRun);
  } catch (error) {
    failed(error);
  }
}

function pastItem(run) {
  const words = joined(moment(run.started_at_utc), run.took_s !== null && `took ${duration(run.took_s)}`,
    run.operator && `by ${run.operator}`, run.note);
  const item = el("li", [mark(run.status), ` ${run.profile_name || run.name}`, el("div", run.sentence),
    el("div", words, { className: "small" })]);
  if (run.is_complete) item.append(button("Open the report", `Open the report of ${run.name}`,
    () => followLink(`/runs/${run.name}/report.html`, { target: "_blank" })));
  if (run.is_complete || run.status === "lost") item.append(button("Download", `Download ${run.name} as a tar`,
    () => followLink(`/runs/${run.name}.tar`, { download: "" })));
  else item.append(el("div", `The report is not there yet. If this stays: hilrig report ${run.name}`, { className: "small" }));
  return item;
}

/** Have the browser open an address by itself: with a ticket for this one address, good for a minute. */
async function followLink(path, how) {
  const { address } = await call("/api/ticket", { path });
  const link = el("a", "", { href: address, rel: "noopener noreferrer", ...how });
  document.body.append(link);
  link.click();
  link.remove();
}

// --- begin -------------------------------------------------------------------------------------------------------

async function loadStation() {
  try {
    station = await call("/api/station");
    say("footer", `hilrig ${station.hilrig_version} · reports in ${station.reports}`);
    showProfiles();
  } catch (error) {
    failed(error);
  }
}

function askForToken(why) {
  forgetToken();
  $("rig").hidden = true;
  $("entry").hidden = false;
  say("connection", why ?? "not connected");
  $("token").focus();
}

$("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  keepToken($("token").value);
  $("token").value = "";
  begin();
});

async function begin() {
  if (!token()) return askForToken();
  $("entry").hidden = true;
  $("rig").hidden = false;
  $("operator").value = sessionStorage.getItem(OPERATOR) ?? "";
  try {
    loadStation();
    await follow(showState, showLost);
  } catch (error) {
    failed(error);
  }
}

window.addEventListener("hashchange", () => { if (location.hash.startsWith("#token=")) begin(); });
begin();
