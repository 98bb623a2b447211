/** Under a service worker the shell comes from its cache: what the check sees counts only when no worker is in between. */
import { heldAnywhere } from "./page.js";
import { Worker } from "./wire.js";

/**
 * Has the worker look for an update and install it, and says what stands in the way of the shell. Where `activate` is
 * given, it is posted to a waiting worker, unless a tab holds, and its taking over awaited. Ends with `signal`.
 */
export const settled = (signal: AbortSignal, activate?: unknown) =>
  new Promise<Worker | undefined>((done) => {
    const busy = () => done(Worker.Busy);
    signal.onabort = busy;
    update(signal, activate).then(done, busy);
  });

async function update(signal: AbortSignal, activate: unknown): Promise<Worker | undefined> {
  const container = navigator.serviceWorker;
  const worker = container?.controller;
  if (!worker) return;
  const next = (target: EventTarget, type: string) => new Promise((done) => target.addEventListener(type, done, { signal }));
  const registration = (await container.getRegistration())!;
  // The update would take a worker from the HTTP cache.
  if (registration.updateViaCache === "all") await fetch(worker.scriptURL, { cache: "reload", signal });
  await registration.update();
  if (registration.installing) await next(registration.installing, "statechange");
  if (registration.waiting && activate !== undefined && !(await heldAnywhere()) && !signal.aborted) {
    const taken = next(container, "controllerchange");
    registration.waiting.postMessage(activate);
    await taken;
  }
  return registration.installing ? Worker.Busy : registration.waiting ? Worker.Waiting : undefined;
}
