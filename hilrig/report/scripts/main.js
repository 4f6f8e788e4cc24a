// Draws every chart that is on the page; `data-ready` then says how many milliseconds after the click on the file.

// A chart that can't be drawn says so in its place: the tables of the page hold the numbers.
function explain(element, error) {
  const text = document.createElement("p");
  text.className = "absent";
  text.textContent = `This chart could not be drawn (${error.message}). The tables of this page hold its numbers.`;
  element.replaceChildren(text);
}

// The raw frames; null where the page has none or this browser can't unpack them: the buckets remain, and the page
// says so, since its note speaks of single frames.
async function framesOfPage() {
  const block = readBlock("raw-frames");
  if (!block) return null;
  if ("DecompressionStream" in window) return decodeFrames(block);
  document.querySelector("[data-zoom-note]").textContent =
    "This browser cannot unpack the single frames in this page: zooming shows buckets, each with all of its frames. "
    + "A newer browser shows them.";
  return null;
}

async function startTimelineOf(figure) {
  const state = startTimeline(figure, readBlock("timeline-data"), await framesOfPage());
  startReadout(state);
  startZoom(state);
  zoomFromHash(state);
  for (const follow of state.followers) follow();
}

async function startAll() {
  const figure = document.getElementById("timeline");
  if (figure) await startTimelineOf(figure).catch((error) => explain(figure, error));
  for (const element of document.querySelectorAll('[data-chart="curves"]')) {
    try {
      startCurves(element);
    } catch (error) {
      explain(element, error);
    }
  }
  followTheme();
  document.documentElement.dataset.ready = Math.round(performance.now());
}

startAll();
