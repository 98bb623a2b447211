/**
 * What a person sees: one small card, made of plain DOM in a shadow root. Everything is decided elsewhere; this file
 * draws the view that it is given, and reports the buttons. When the countdown has run out it says so and does nothing.
 *
 * It runs under `style-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'`: the style sheet is a
 * constructed one, and text enters the page as text only.
 *
 * A page restyles it from outside: `trueup-prompt { color-scheme: light; --trueup-accent: #06c }`, likewise
 * `--trueup-background`, `--trueup-color`, `--trueup-on-accent`, `--trueup-font` (a list of families) and
 * `--trueup-radius`; and `trueup-prompt[kind=force]::part(card)`, with the parts `card`, `title`, `message`, `text`,
 * `notes`, `link`, `countdown`, `progress`, `actions`, `later`, `refresh` and `status`.
 */

/** What the prompt shows; made by the client from the core's refresh state. */
export interface PromptView {
  /** `held`: a forced refresh waits for open holds, which is a notice, not a modal. */
  kind: "offer" | "urge" | "held" | "force";
  /** The publisher's words, in the page's language. Shown as plain text. */
  notes?: string;
  /** Where "What's new" leads: path-absolute, or a URL of the page's own origin. */
  link?: string;
  /** When the build stops being supported, in milliseconds since 1970. Shown with `urge`. */
  deadline?: number;
  /** When the countdown of `force` ends, in milliseconds since 1970. */
  until?: number;
  /** The whole length of the countdown, in seconds. */
  seconds?: number;
  /** How many "Let me finish" are left; 0 takes the button away. */
  deferrals?: number;
  /** The names of the holds that `held` waits for. */
  holds?: string[];
  /** The refresh was asked for and is being prepared: the buttons rest. */
  busy?: boolean;
}

/** What the words below a heading may speak of: the view, its deadline written out in the page's language. */
export interface PromptFacts extends Omit<PromptView, "deadline"> {
  /** Date and time: `"Nov 24, 2026, 6:00 PM"`; undefined where there is none. */
  deadline?: string | undefined;
}

/** Every string that the prompt can show. Plain text; the functions are called again whenever the card is drawn. */
export interface PromptTexts {
  /** BCP 47 tag of the language of these texts, for screen readers: `"en"`. */
  lang: string;
  /** Heading of the offer: `"A new version is available"`. */
  offerTitle: string;
  /** Below it, before the notes: `"Refresh when it suits you."`, or nothing where notes say more. */
  offerText: (facts: PromptFacts) => string;
  /** The button that dismisses the offer: `"Not now"`. */
  offerLater: string;
  /** Heading of the urge: `"Please refresh soon"`. */
  urgeTitle: string;
  /** Below it, before the notes: until when this version works. */
  urgeText: (facts: PromptFacts) => string;
  /** The button that puts the urge off: `"In 15 minutes"`. */
  urgeLater: string;
  /** Heading while a forced refresh waits for holds: `"A refresh is waiting"`. */
  heldTitle: string;
  /** Below it, before the notes. `holds` are the app's own names for what keeps the refresh waiting. */
  heldText: (facts: PromptFacts) => string;
  /** The button that puts this notice away: `"Hide"`. */
  heldLater: string;
  /** Heading of the forced refresh: `"This page has to refresh"`. */
  forceTitle: string;
  /** Below it, before the notes. `deferrals` is how often 5 more minutes can still be had, 0 to 10. */
  forceText: (facts: PromptFacts) => string;
  /** The button for 5 more minutes: `"Let me finish"`. */
  forceLater: string;
  /** The countdown, drawn each second and spoken at the start, at 30 and at 10. `seconds` is a whole number from 1. */
  countdown: (seconds: number) => string;
  /** The button that refreshes: `"Refresh now"`. */
  refresh: string;
  /** In its place while the refresh is prepared, and when the countdown is over: `"Refreshing…"`. */
  busy: string;
  /** The link to the publisher's page about the new version (opens a new tab): `"What’s new"`. */
  link: string;
}

/**
 * Shows the view, or changes what is shown to it; what stays the same is neither drawn nor spoken again. Without a view it
 * takes the prompt away with its timer, and gives the focus back to where it was. Never throws; may be repeated.
 */
export type Prompt = (view?: PromptView) => void;

/**
 * Makes a prompt that shows one view at a time. Nothing touches the page before the first one. `refresh` and `later` are the
 * buttons (of an offer: dismissed, of an urge: put off for 15 minutes, of a force: 5 more minutes; a held notice stays away
 * until another kind is shown); they do not throw. `texts` replace the English ones one by one.
 */
export function createPrompt(refresh: () => void, later: () => void, texts?: Partial<PromptTexts>): Prompt {
  let words: PromptTexts = { ...english, ...texts };
  let view: PromptView | undefined;
  let card: HTMLDialogElement | undefined;
  let host: Host;
  let root: ShadowRoot;
  let timer: ReturnType<typeof setTimeout> | undefined;
  // Both by the monotonic clock, for a countdown must not follow a wall clock that is set.
  let since: number; // when this kind came up: its words are spoken once, just after that
  let end: number;
  let cameFrom: HTMLElement | null;
  let putAway = false;
  const parts: { [id: string]: HTMLElement } = {};

  // Escape gives more time in the modal: WCAG 2.2.1 asks for a simple action that extends, and a key pressed by reflex
  // must never be the one that costs a person's work.
  const postpone = () => {
    if (!view || view.busy || view.deferrals === 0) return;
    if (view.kind == "held") {
      putAway = true;
      view = undefined;
      draw();
    }
    later();
  };

  const build = (force: boolean) => {
    // Two copies of Trueup on a page share whichever class came first, so the class does nothing but pass on.
    if (!customElements.get(NAME)) {
      customElements.define(
        NAME,
        class extends HTMLElement implements Host {
          declare lost?: () => void;
          disconnectedCallback() {
            this.lost?.();
          }
        },
      );
    }
    host = document.createElement(NAME);
    // Within the shadow root the focus moves unseen from here: this is where it came from.
    host.addEventListener("focusin", (event) => {
      cameFrom = event.relatedTarget as HTMLElement | null;
    });
    // The page removed it (a new body, say) or moved it, which closes what was open: it comes back a second later, so
    // that two stubborn ones do not spin.
    host.lost = () => {
      if (!card) return;
      card.remove();
      wake(999);
    };
    root = host.shadowRoot || host.attachShadow({ mode: "open" });
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      root.adoptedStyleSheets = [sheet];
    } catch {
      // Safari before 16.4 has none. A countdown that nobody sees would be worse than one without style.
      root.append(Object.assign(document.createElement("style"), { textContent: css }));
    }
    // A dialog that is shown takes the focus, even as a popover; a notice must not.
    card = document.createElement(force ? "dialog" : "section") as HTMLDialogElement;
    for (const entry of PARTS.split(" ")) {
      const [tag, id, into] = entry.split("?") as [tag: string, id: string, into?: string];
      const part = (parts[id] = tag ? document.createElement(tag) : card);
      part.id = id;
      part.setAttribute("part", id);
      if (tag) parts[into || "card"]!.append(part);
    }
    card.popover = "manual";
    card.setAttribute("aria-labelledby", "title");
    // Not the countdown: a description that changes is spoken again each time.
    card.setAttribute("aria-describedby", "message");
    parts.countdown!.setAttribute("role", "timer");
    parts.link!.setAttribute("target", "_blank");
    parts.status!.setAttribute("role", force ? "alert" : "status");
    if (force) {
      card.setAttribute("role", "alertdialog");
      card.tabIndex = -1;
    }
    parts.refresh!.onclick = () => view?.busy || refresh();
    parts.later!.onclick = postpone;
    card.oncancel = card.onkeydown = (event: Event) => {
      // `cancel` has no key: the back gesture, or Escape after a click beside the modal.
      if (((event as KeyboardEvent).key || "Escape") == "Escape") {
        event.preventDefault();
        event.stopPropagation();
        postpone();
      }
    };
    // A browser may close a modal over our objection.
    card.onclose = (event) => {
      (event.target as Element).remove();
      draw();
    };
  };

  const wake = (ms: number | false) => {
    clearTimeout(timer);
    if (ms) timer = setTimeout(draw, ms);
  };

  const drop = () => {
    wake(0);
    if (!card) return;
    const old = card;
    card = undefined;
    old.close?.(); // gives the focus back itself
    if (root.activeElement) cameFrom?.focus();
    cameFrom = null;
    host.remove();
  };

  const draw = () => {
    if (!view) return drop();
    try {
      const { kind, busy, seconds, deadline, notes, link } = view;
      const force = kind == "force";
      const now = performance.now();
      if (card && !card.showModal == force) drop();
      if (!card) build(force);
      const shown = card!;
      if (!shown.isConnected) {
        (document.body || document.documentElement).append(host);
        root.append(shown);
        shown.open = false; // a modal that was removed while open keeps the attribute, and would refuse
        for (const show of ["showModal", "showPopover"] as const) {
          try {
            shown[show]();
            break;
          } catch {} // not a dialog, or refused: next best. With neither, the z-index has to do
        }
        // The modal itself takes the focus, no button: whoever is typing when it comes up must not press one.
        if (force) shown.focus();
      }
      if (host.getAttribute("kind") != kind) {
        host.setAttribute("kind", kind);
        since = now;
      }

      shown.lang = words.lang;
      const left = Math.ceil((end - now) / 1000);
      const counts = force && left > 0;
      const age = now - since;
      const mark = [seconds!, 30, 10].find((mark) => left <= mark && left > mark - 2);
      const title = words[`${kind}Title`];
      const text = words[`${kind}Text`]({ ...view, deadline: deadline ? dateAndTime(deadline, words.lang) : undefined });
      const said: { [id: string]: string | number | false | undefined } = {
        title,
        text,
        notes,
        link: link && words.link,
        countdown: force && (counts && !busy ? words.countdown(left) : words.busy),
        later: view.deferrals !== 0 && words[`${kind}Later`],
        refresh: busy ? words.busy : words.refresh,
        // A live region is heard only if it was there, empty, before its words; and they go again, so that nobody who
        // reads through the page finds everything twice.
        status:
          age < 99
            ? ""
            : busy
              ? words.busy
              : force
                ? mark && words.countdown(mark)
                : age < 5e3 && [title, text, notes].join(" "),
      };
      // Only what changes: a text that is set again would be spoken again. Empty parts are not displayed.
      for (const id of Object.keys(said)) {
        const text = (said[id] || "") as string;
        if (parts[id]!.textContent != text) parts[id]!.textContent = text;
      }
      (parts.link as HTMLAnchorElement).href = link || "";
      parts.progress!.style.inlineSize = (counts ? (left / seconds!) * 100 : 0) + "%";
      parts.refresh!.setAttribute("aria-disabled", "" + !!busy);
      wake(age < 99 ? 99 : force ? counts && 1 + ((end - now) % 1000) : age < 5e3 && 5e3);
    } catch {
      // The app's own texts failed: once more in English. Anything else is not the page's fault.
      if (words != english) {
        words = english;
        draw();
      }
    }
  };

  return (next) => {
    if (putAway && next?.kind == "held") return;
    putAway = false;
    if (next?.until != view?.until) end = performance.now() + next?.until! - Date.now();
    view = next;
    draw();
  };
}

/** Tag, id, and the id of what it stands in, if not the card. */
const PARTS =
  "?card h2?title div?message p?text?message p?notes?message a?link p?countdown div?progress div?actions " +
  "button?later?actions button?refresh?actions div?status";

const NAME = "trueup-prompt";

interface Host extends HTMLElement {
  /** Called when the element has left the document. The only thing that copies of Trueup on one page have in common. */
  lost?: () => void;
}

function dateAndTime(ms: number, lang: string): string | undefined {
  for (const language of [document.documentElement.lang, lang, []]) {
    try {
      // Isolated, for it may run the other way than the sentence that it stands in.
      return `\u2068${new Date(ms).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" })}\u2069`;
    } catch {} // not a language tag
  }
}

const english: PromptTexts = {
  lang: "en",
  offerTitle: "A new version is available",
  offerText: ({ notes }) => (notes ? "" : "Refresh when it suits you."),
  offerLater: "Not now",
  urgeTitle: "Please refresh soon",
  urgeText: ({ deadline }) => "This version " + (deadline ? `works until ${deadline}.` : "is out of date."),
  urgeLater: "In 15 minutes",
  heldTitle: "A refresh is waiting",
  heldText: ({ holds }) =>
    "This page refreshes when you are done" + (holds?.[0] ? ": " + holds.join(", ") : "") + ".",
  heldLater: "Hide",
  forceTitle: "This page has to refresh",
  forceText: ({ deferrals }) =>
    "This version is no longer supported." + (deferrals === 0 ? "" : " Not done yet? Take 5 more minutes."),
  forceLater: "Let me finish",
  countdown: (seconds) => `Refreshing in ${seconds} second` + (seconds > 1 ? "s" : ""),
  refresh: "Refresh now",
  busy: "Refreshing…",
  link: "What’s new",
};

// Colours come from Canvas and CanvasText, which follow color-scheme and forced colours by themselves. Lengths are in em
// of the person's own font size, whatever the page did to its root.
const css =
  ":host{color-scheme:light dark}" +
  "#card{all:initial;color-scheme:inherit;position:fixed;z-index:2147483647;" +
  "inset-block-end:1em;inset-inline-end:1em;width:22.5em;max-width:calc(100% - 4.5em);max-height:calc(100% - 4.5em);overflow:auto;" +
  "display:grid;justify-items:start;grid-template-columns:auto 1fr;column-gap:.875em;padding:1.125em;overflow-wrap:anywhere;text-wrap:pretty;" +
  "font:medium/1.45 var(--trueup-font,system-ui,sans-serif);" +
  "color:var(--trueup-color,CanvasText);background:var(--trueup-background,color-mix(in srgb,Canvas,#fff 9%));" +
  "border:1px solid color-mix(in srgb,currentColor 14%,transparent);border-radius:var(--trueup-radius,.875em);" +
  "box-shadow:0 .75em 2.5em #0003,0 1px 3px #0002;animation:in .4s}" +
  "dialog#card{inset:0;margin:auto;height:fit-content}" +
  "dialog::backdrop{background:#0007}" +
  '#card:before{content:"↻"/"";grid-row:1/5;font:1.375em/1.6 sans-serif;width:1.6em;height:1.6em;border-radius:50%;text-align:center}' +
  "h2,p{margin:0;font-size:1em;unicode-bidi:plaintext}" +
  "h2{font-weight:600}" +
  "p,a{margin-top:.25em;font-size:.875em;color:color-mix(in srgb,currentColor 80%,transparent)}" +
  "#notes{white-space:pre-line}" +
  ":is(a,p,button):empty{display:none}" +
  "#actions{grid-column:1/3;justify-self:stretch;display:flex;flex-wrap:wrap;justify-content:end;gap:.5em;margin-top:1em}" +
  "button{font:inherit;font-size:.875em;font-weight:500;color:inherit;padding:.45em .9em;border:1px solid transparent;border-radius:.5em;" +
  "background:color-mix(in srgb,currentColor 9%,transparent);cursor:pointer}" +
  "#refresh,#card:before{color:var(--trueup-on-accent,#fff);background:var(--trueup-accent,#2563eb)}" +
  "button:hover{opacity:.9}" +
  "[aria-disabled=true]{opacity:.6}" +
  ":focus-visible{outline:2px solid;outline-offset:2px}" +
  "#countdown{margin-top:.75em;font-weight:500;font-variant-numeric:tabular-nums;color:inherit}" +
  "#progress{position:absolute;inset:0 0 auto;border-top:4px solid var(--trueup-accent,#2563eb);transition:1s linear}" +
  "#status{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}" +
  "@keyframes in{0%,99%{pointer-events:none}0%{opacity:0;translate:0 .5em}}" +
  "@media(prefers-reduced-motion){*{translate:none!important;transition:none!important}}" +
  "@media print{:host{display:none}}";
