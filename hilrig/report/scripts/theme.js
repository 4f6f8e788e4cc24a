// Colours come from the page's style sheet, so that a chart is light or dark with everything around it.

const TONES = {
  median: "--median", tail: "--tail", limit: "--limit", soft: "--soft", pass: "--pass", fail: "--fail",
  open: "--open", band: "--band", ink: "--ink", grid: "--line", card: "--card", heat: "--heat",
};
const N_SERIES_TONES = 8;
const FONT = "12px system-ui, sans-serif";
const charts = new Set(); // every uPlot of the page: all are drawn again when the colours change

// A tone is one of TONES, or the number of a series.
function color(tone) {
  const name = typeof tone === "number" ? `--s${tone % N_SERIES_TONES}` : TONES[tone] || "--ink";
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// The colour of a tone (#rrggbb in the style sheet), `alpha` from 0 to 1.
function faded(tone, alpha) {
  return color(tone) + Math.round(alpha * 255).toString(16).padStart(2, "0");
}

function followTheme() {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const chart of charts) chart.redraw(false, true);
  });
}
