/** Under a service worker the shell comes from its cache: what the check sees counts only when no worker is in between. */
import { limited } from "./fetch.js";

/**
 * Has the worker look for an update, and says what stands in the way of the shell. Where `activate` is given, it is
 * posted to a waiting worker first, and its taking over awaited.
 */
export async function settled(parent: AbortSignal, activate?: unknown): Promise<"installing" | "waiting" | "failed" | undefined> {
  const container = navigator.serviceWorker;
  if (!container?.controller) return;
  try {
    const registration = await container.getRegistration();
    if (!registration) return;
    await registration.update();
    const waiting = registration.waiting;
    if (waiting && activate !== undefined)
      await limited(
        parent,
        (signal) =>
          new Promise<void>((done) => {
            signal.onabort = () => done();
            container.addEventListener("controllerchange", () => done(), { signal });
            waiting.postMessage(activate);
          }),
      );
    return registration.installing ? "installing" : registration.waiting ? "waiting" : undefined;
  } catch {
    return "failed";
  }
}
