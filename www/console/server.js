// The deployment server, by its control interface.

/** What `GET /__control` said last. */
export let state;

const listeners = new Set();

/** Calls `listener(state)` whenever something was commanded. */
export function onState(listener) {
  listeners.add(listener);
  if (state) listener(state);
}

/** Sends commands, done at one moment; answers with the result, or shows why not. */
export async function send(...commands) {
  const answer = await fetch("/__control", { method: "POST", body: JSON.stringify(commands) });
  const { ok, error, result } = await answer.json();
  if (!ok) dispatchEvent(new CustomEvent("console-error", { detail: error }));
  else dispatchEvent(new CustomEvent("console-command", { detail: commands }));
  await refresh();
  return result;
}

/** Reads the state again. */
export async function refresh() {
  state = await (await fetch("/__control")).json();
  for (const listener of listeners) listener(state);
}

/** Follows requests, answers and reports as they come. */
export function follow(on) {
  // By the other origin: a browser opens six connections to each, and a hanging server must not use up the shop's.
  const events = new EventSource(`${state.other}/__events`);
  for (const [name, listener] of Object.entries(on)) {
    events.addEventListener(name, (event) => listener(JSON.parse(event.data)));
  }
  let waiting;
  events.addEventListener("state", () => {
    clearTimeout(waiting);
    waiting = setTimeout(refresh, 50);
  });
  events.addEventListener("open", () => document.body.classList.remove("offline"));
  events.addEventListener("error", () => document.body.classList.add("offline"));
}

/** The shop, as the server has it. */
export const shop = () => state?.apps?.shop;

/** The newest servers' manifest; an empty object while it is not JSON. */
export function manifest() {
  const found = shop()?.servers.at(-1)?.manifest;
  return found && typeof found === "object" ? found : {};
}
