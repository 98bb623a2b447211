/** Under a service worker the shell comes from its cache: what the check sees counts only when no worker is in between. */
import { limited } from "./fetch.js";

/**
 * Has the worker look for an update and install it, and says what stands in the way of the shell. Where `activate` is
 * given, it is posted to a waiting worker, and its taking over awaited. Each step gets 10 s.
 */
export async function settled(parent: AbortSignal, activate?: unknown): Promise<"installing" | "waiting" | "failed" | undefined> {
  const container = navigator.serviceWorker;
  if (!container?.controller) return;
  const next = (target: EventTarget, type: string) =>
    limited(
      parent,
      (signal) =>
        new Promise<unknown>((done) => {
          signal.onabort = done;
          target.addEventListener(type, done, { signal });
        }),
    );
  try {
    const registration = await container.getRegistration();
    await registration?.update();
    if (registration?.installing) await next(registration.installing, "statechange");
    if (registration?.waiting && activate !== undefined) {
      const taken = next(container, "controllerchange");
      registration.waiting.postMessage(activate);
      await taken;
    }
    return registration?.installing ? "installing" : registration?.waiting ? "waiting" : undefined;
  } catch {
    return "failed";
  }
}
