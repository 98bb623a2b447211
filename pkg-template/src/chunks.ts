/** Notices that one of the app's own assets is lost: the sign of a deploy that took the old ones away. */

import { listenTo } from "./page.js";

/** Calls `lost` for each; `base`: the URL below which assets are the app's own. Never prevents an event's default. */
export function watchChunks(base: string, signal: AbortSignal, lost: () => void): void {
  const own = (url?: string) => !url || url.startsWith(base);
  // Chromium, Firefox and webpack name the URL, WebKit does not.
  const told = (fault: any, what: RegExp) => {
    const text = String(fault?.message);
    if (what.test(text) && own(/https?:[^\s)]+/.exec(text)?.[0])) lost();
  };
  listenTo(
    {
      "vite:preloadError": ({ payload }) => told(payload, /./),
      unhandledrejection: ({ reason }) => told(reason, FAILED),
      error: ({ target: { localName, src, rel, href } }) => {
        const url = localName === "script" ? src : /stylesheet|preload/.test(rel) && href;
        if (url && own(url)) lost();
      },
    },
    signal,
  );
  // What the app has caught itself. Not what came before us: a page that never had the asset would be stranded for ever.
  const observer = new PerformanceObserver((list) => {
    for (const { name, responseStatus } of list.getEntries() as PerformanceResourceTiming[])
      if (responseStatus > 399 && ASSET.test(name) && own(name)) lost();
  });
  observer.observe({ type: "resource" });
  signal.addEventListener("abort", () => observer.disconnect());
}

const FAILED = /dynamically imported|module script failed|loading (css )?chunk|mime type.+wasm/i;
const ASSET = /\.(m?js|css|wasm)(\?|$)/;
