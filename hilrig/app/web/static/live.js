// The connection to the rig: calls with the token, and the stream of states, which comes back by itself.

const KEY = "hilrig-token";
const SILENCE_MS = 6000; // six missed looks
const RETRY_MAX_MS = 10000;

export class WrongToken extends Error {}

/** Return the token of this tab; one in the address is taken out of it at once. */
export function token() {
  const found = /^#token=([A-Za-z0-9_-]+)$/.exec(location.hash);
  if (found) {
    keepToken(found[1]);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEY);
}

export const keepToken = (text) => sessionStorage.setItem(KEY, text.trim());
export const forgetToken = () => sessionStorage.removeItem(KEY);

const headers = () => ({ Authorization: `Bearer ${sessionStorage.getItem(KEY)}` });

/** Return the JSON answer to a call; a `body` makes it a change. Throws an Error whose message is for a person. */
export async function call(path, body) {
  const request = body === undefined
    ? { headers: headers() }
    : { method: "POST", headers: { ...headers(), "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new Error("The rig does not answer. Is hilrig serve still running there?");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) throw new WrongToken(answer.error);
  if (!response.ok) throw new Error([answer.error ?? `HTTP ${response.status}`, answer.hint].filter(Boolean).join(". "));
  return answer;
}

/** Follow the rig for ever: `onState` gets each state, `onLost(why)` is told when the connection is gone. */
export async function follow(onState, onLost) {
  for (let wait = 1000; ; wait = Math.min(wait * 2, RETRY_MAX_MS)) {
    try {
      await readStream((state) => { wait = 1000; onState(state); });
      onLost("the rig closed the connection");
    } catch (error) {
      if (error instanceof WrongToken) throw error;
      onLost(error.message);
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

async function readStream(onState) {
  const silence = new AbortController();
  let alarm = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await fetch("/api/live", { headers: headers(), signal: silence.signal });
    if (response.status === 401) throw new WrongToken("the token is missing or wrong");
    if (!response.ok) throw new Error((await response.json()).error);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(alarm);
      alarm = setTimeout(() => silence.abort(), SILENCE_MS);
      const events = (text + value).split("\n\n");
      text = events.pop();
      for (const event of events) onState(JSON.parse(event.slice("data: ".length)));
    }
  } catch (error) {
    throw silence.signal.aborted ? new Error("nothing heard for 6 s") : error;
  } finally {
    clearTimeout(alarm);
    silence.abort();
  }
}
