/** Notices that one of the app's own assets is lost: the sign of a deploy that took the old ones away. */

/** Calls `lost` for each; `base`: the URL below which assets are the app's own. Never prevents an event's default. */
export function watchChunks(base: string, signal: AbortSignal, lost: () => void): void {
  const own = (url?: string) => !url || url.startsWith(base);
  const told = (fault: any) => {
    const text = String(fault?.message);
    // Chromium and Firefox name the URL, WebKit does not, webpack has it as `request`.
    if (fault?.name === "ChunkLoadError" ? own(fault.request) : IMPORT.test(text) && own(URL_IN.exec(text)?.[0])) lost();
  };
  addEventListener("vite:preloadError", (event: any) => own(URL_IN.exec(String(event.payload?.message))?.[0]) && lost(), { signal });
  addEventListener("unhandledrejection", ({ reason }) => told(reason), { signal });
  addEventListener(
    "error",
    (event) => {
      const at: any = event.target;
      if (at instanceof HTMLScriptElement || (at instanceof HTMLLinkElement && /stylesheet|preload/.test(at.rel))) {
        const url = at instanceof HTMLScriptElement ? at.src : at.href;
        if (url && own(url)) lost();
      }
    },
    { signal, capture: true },
  );
}

const IMPORT = /dynamically imported module|importing a module script failed/i;
const URL_IN = /https?:\S+/;
