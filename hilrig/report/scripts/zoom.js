// Every way to change the view besides a drag: buttons, keys, links to a moment, the page's address.

const PAN = 0.25, ZOOM = 0.5;
const AROUND_FRAMES = 60; // to both sides of a frame that is asked for

const MOVES = {
  in: (from, to) => [from + (to - from) * ZOOM / 2, to - (to - from) * ZOOM / 2],
  out: (from, to) => [from - (to - from) / 2, to + (to - from) / 2],
  left: (from, to) => [from - (to - from) * PAN, to - (to - from) * PAN],
  right: (from, to) => [from + (to - from) * PAN, to + (to - from) * PAN],
};
const KEYS = {
  "+": "in", "=": "in", "-": "out", "_": "out", ArrowLeft: "left", ArrowRight: "right", Escape: "all", 0: "all",
};

function move(state, name) {
  if (name === "all") state.zoomTo(0, state.endS);
  else state.zoomTo(...MOVES[name](state.from, state.to));
}

function zoomFromHash(state) {
  const found = /^#t=(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(location.hash);
  if (found && Number(found[1]) < Number(found[2])) state.zoomTo(Number(found[1]), Number(found[2]));
}

// The address keeps the view, so that it can be sent to somebody; the whole run needs none.
function keepInHash(state) {
  const isWhole = state.from === 0 && state.to === state.endS;
  if (isWhole && !location.hash.startsWith("#t=")) return;
  const hash = isWhole ? location.pathname + location.search : `#t=${state.from.toFixed(3)}-${state.to.toFixed(3)}`;
  try {
    history.replaceState(null, "", hash);
  } catch {
    // a browser that allows only so many changes in a time: the view is drawn, the address lags behind
  }
}

function goTo(state, atS) {
  const reachS = AROUND_FRAMES * state.narrowestS / FRAMES_MIN;
  state.zoomTo(atS - reachS, atS + reachS);
  state.figure.scrollIntoView({ block: "start" });
  state.figure.focus({ preventScroll: true });
}

function startZoom(state) {
  const { figure } = state;
  figure.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-zoom]");
    if (button) move(state, button.dataset.zoom);
  });
  figure.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
    event.preventDefault();
    move(state, KEYS[event.key]);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-zoom-s]");
    if (!link) return;
    event.preventDefault();
    goTo(state, Number(link.dataset.zoomS));
  });
  addEventListener("hashchange", () => zoomFromHash(state));
  state.followers.push(() => keepInHash(state));
}
