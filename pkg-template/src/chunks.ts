/** Notices that one of the app's own assets is lost: the sign of a deploy that took the old ones away. */

/** Calls `lost` for each; `base`: the URL below which assets are the app's own. Never prevents an event's default. */
export function watchChunks(base: string, signal: AbortSignal, lost: () => void): void {
  const own = (url?: string) => !url || url.startsWith(base);
  // Chromium, Firefox and webpack name the URL, WebKit does not.
  const told = (fault: any, what: RegExp) => {
    const text = String(fault?.message);
    if (what.test(text) && own(/https?:[^\s)]+/.exec(text)?.[0])) lost();
  };
  addEventListener("vite:preloadError", ({ payload }: any) => told(payload, /./), { signal });
  addEventListener("unhandledrejection", ({ reason }) => told(reason, FAILED), { signal });
  addEventListener(
    "error",
    (event) => {
      const { localName, src, rel, href } = event.target as any;
      const url = localName === "script" ? src : localName === "link" && /stylesheet|preload/.test(rel) && href;
      if (url && own(url)) lost();
    },
    { signal, capture: true },
  );
}

const FAILED = /dynamically imported module|importing a module script failed|loading (css )?chunk/i;
