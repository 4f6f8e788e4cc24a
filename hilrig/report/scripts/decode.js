// Data blocks of the page, and the raw frames in one of them: see hilrig/report/raw_frames.py for their form.

const DROPPED = 0xffff, FAILED = 0xfffe, UNKNOWN = 0xfffd;

function readBlock(id) {
  const element = document.getElementById(id);
  return element && JSON.parse(element.textContent);
}

// base64 of a zlib stream to its bytes.
async function inflate(base64) {
  const letters = atob(base64), packed = new Uint8Array(letters.length);
  for (let i = 0; i < packed.length; i += 1) packed[i] = letters.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Frames by column: due_s and latency_ms as doubles (NaN: no decision), code as it was packed.
async function decodeFrames(block) {
  const [due, latency] = await Promise.all([inflate(block.due.data), inflate(block.latency.data)]);
  const n = block.n;
  if (due.length !== 4 * n || latency.length !== 2 * n) throw new Error("the raw frames are not complete");
  const frames = { n, due_s: new Float64Array(n), latency_ms: new Float64Array(n), code: new Uint16Array(n) };
  const perS = 1e6 / block.due.step_us, step = block.latency.step_us;
  const highest = block.exact.ns.reduce((high, ns) => Math.max(high, ns), 0) / 1e6;
  let moment = 0;
  for (let i = 0; i < n; i += 1) {
    moment += due[i] + 256 * due[n + i] + 65536 * due[2 * n + i] + 16777216 * due[3 * n + i];
    const code = latency[i] + 256 * latency[n + i];
    frames.due_s[i] = moment / perS;
    frames.code[i] = code;
    frames.latency_ms[i] = code >= UNKNOWN ? NaN : Math.min(code * step / 1000, highest);
  }
  block.exact.index.forEach((index, place) => { frames.latency_ms[index] = block.exact.ns[place] / 1e6; });
  return frames;
}
