/**
 * `keepForms()`: what a person has typed survives a refresh, and scroll and focus with it. It costs a page nothing that
 * does not import it.
 */
import type { Refresh } from "./types.js";

export interface KeepFormsOptions {
  /** Only fields within. Default: the document. */
  root?: ParentNode;
  /** Ends it when it aborts. */
  signal?: AbortSignal;
}

/** One edited field: its place, how many share that place, which of them it is, and what was in it. */
type Kept = [place: string, among: number, index: number, value: string | boolean | string[] | Rich[]];
/** A piece of an editable region: text, or an element without its attributes. */
type Rich = string | [tag: string, content: Rich[]];

interface Saved {
  url: string;
  fields: Kept[];
  scroll: [x: number, y: number];
  focus?: [place: string, among: number, index: number, from?: number | null, to?: number | null];
}

type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement | HTMLElement;

const KEY = "trueup/forms";
const FIELDS = "input, textarea, select, [contenteditable]:not([contenteditable=false])";
const NO_INPUTS = /^(password|hidden|file|submit|button|image|reset)$/;
/** What no browser storage is for: passwords, payment, one-time codes. By `autocomplete`, else by the name. */
const SECRET = /(^|\s)(cc-\S+|one-time-code|(current|new)-password)(\s|$)/i;
const SECRET_NAME = /passw|passcode|one.?time|\b[ht]?otp\b|\bpin\b|cvc|cvv|\bcsc\b|card.?n|iban/i;
/** Elements that an editable region gets back; of others only the content. */
const RICH = /^(b|i|u|s|em|strong|sub|sup|code|span|p|div|br|ul|ol|li|h[1-6]|blockquote|pre)$/;
/** Fields that a framework renders later are waited for so long … */
const PATIENCE = 10_000;
/** … and the place that was scrolled to is kept so long meanwhile. */
const SETTLED = 1_000;

/**
 * Keeps edited fields over a refresh by Trueup and puts them back on the same URL: text, selections, checks, radios and
 * editable regions that have a `name` or an `id`. Never passwords, payment or one-time codes (`autocomplete`, or the name
 * says so), hidden, read-only or file fields, nor anything within `data-trueup-keep="off"`. What no longer fits is dropped;
 * what the person has typed meanwhile stays. Call it once, where the app starts; returns the way to stop it.
 *
 * @example
 * ```ts
 * import { keepForms } from "trueup/forms";
 * keepForms(trueup);
 * ```
 */
export function keepForms(trueup: { refresh: Pick<Refresh, "onSave" | "restored"> }, { root, signal }: KeepFormsOptions = {}): () => void {
  if (typeof document === "undefined" || signal?.aborted) return () => {};
  const life = new AbortController();
  const edited = new WeakSet<EventTarget>();
  const within = root ?? document;
  const note = ({ target }: Event) => {
    const field = target instanceof Element && target.closest(FIELDS);
    if (field) edited.add(field);
  };
  addEventListener("input", note, { capture: true, signal: life.signal });
  // The prompt takes the focus before the page is saved.
  let focused = document.activeElement;
  const focus = ({ target }: Event) => {
    if (target instanceof Element && target.localName !== "trueup-prompt") focused = target;
  };
  addEventListener("focusin", focus, { signal: life.signal });
  const off = trueup.refresh.onSave(() => ({ [KEY]: save(within, edited, focused) }));
  const stop = () => {
    off();
    life.abort();
  };
  signal?.addEventListener("abort", stop, { once: true });
  const saved = (trueup.refresh.restored as { [KEY]?: Saved } | undefined)?.[KEY];
  if (saved?.url === location.href) restore(within, saved, edited, life.signal);
  return stop;
}

function save(root: ParentNode, edited: WeakSet<EventTarget>, focused: Element | null): Saved {
  const fields: Kept[] = [];
  let focus: Saved["focus"];
  for (const [place, group] of places(root))
    group.forEach((field, index) => {
      const at = [place, group.length, index] as const;
      if (edited.has(field) || differs(field)) fields.push([...at, valueOf(field)]);
      if (field === focused) {
        const { selectionStart, selectionEnd } = field as HTMLInputElement;
        focus = [...at, selectionStart, selectionEnd];
      }
    });
  return { url: location.href, fields, scroll: [scrollX, scrollY], ...(focus && { focus }) };
}

/** Puts back what fits, and goes on while the page is being built, until all is back or the person has taken over. */
function restore(root: ParentNode, saved: Saved, edited: WeakSet<EventTarget>, signal: AbortSignal): void {
  const ended = new AbortController();
  const settled = performance.now() + SETTLED;
  const end = () => ended.abort();
  let fields = saved.fields;
  let { scroll, focus } = saved as { scroll?: Saved["scroll"] | undefined; focus?: Saved["focus"] };
  const attempt = () => {
    const found = places(root);
    const at = (place: string, among: number, index: number) => {
      const group = found.get(place);
      return group?.length === among ? group[index] : undefined;
    };
    fields = fields.filter(([place, among, index, value]) => {
      const field = at(place, among, index);
      if (field && !edited.has(field)) put(field, value);
      return !field;
    });
    const [place, among, index, from, to] = focus ?? ["", 0, 0];
    const field = at(place, among, index);
    if (field) {
      focus = undefined;
      if (document.activeElement === document.body) {
        field.focus({ preventScroll: true });
        if (from != null && to != null) (field as HTMLInputElement).setSelectionRange(from, to);
      }
    }
    if (scroll) {
      scrollTo({ left: scroll[0], top: scroll[1], behavior: "instant" });
      // What comes back above moves the page once more.
      if (Math.abs(scrollY - scroll[1]) < 2 && (!fields.length || performance.now() > settled)) scroll = undefined;
    }
    if (!fields.length && !focus && !scroll) end();
  };
  const observer = new MutationObserver(() => guarded());
  // What another version kept may be of any form.
  const guarded = () => {
    try {
      attempt();
    } catch {
      end();
    }
  };
  ended.signal.addEventListener("abort", () => {
    observer.disconnect();
    clearTimeout(timer);
  });
  const timer = setTimeout(end, PATIENCE);
  signal.addEventListener("abort", end);
  // The person has taken over: neither where they look nor where they type is ours any more.
  const theirs = () => void (scroll = focus = undefined);
  for (const type of ["wheel", "touchstart", "keydown", "pointerdown"]) addEventListener(type, theirs, { capture: true, signal: ended.signal });
  observer.observe(document, { childList: true, subtree: true });
  guarded();
}

/** The fields that may be kept, by a place that another build most likely has as well. */
function places(root: ParentNode): Map<string, Field[]> {
  const all = new Map<string, Field[]>();
  for (const field of root.querySelectorAll<HTMLInputElement>(FIELDS)) {
    const name = field.getAttribute("name") || field.id;
    const type = field.matches("input, textarea, select") ? field.type : "rich";
    const secret = `${name} ${field.id}`.replace(/([a-z])([A-Z])/g, "$1 $2");
    if (!name || !type || NO_INPUTS.test(type) || field.disabled || field.readOnly) continue;
    if (SECRET.test(field.getAttribute("autocomplete") ?? "") || SECRET_NAME.test(secret) || field.closest('[data-trueup-keep="off"]')) continue;
    const form = field.form;
    const of = form && ["id", "name", "action"].map((attribute) => form.getAttribute(attribute)).find(Boolean);
    const choice = /^(checkbox|radio)$/.test(type) ? field.value : "";
    const place = [of ?? "", type, name, choice].join("\n");
    all.set(place, [...(all.get(place) ?? []), field]);
  }
  return all;
}

function differs(field: Field): boolean {
  if (field instanceof HTMLSelectElement) return [...field.options].some((option) => option.selected !== option.defaultSelected && option.defaultSelected);
  if (field instanceof HTMLTextAreaElement) return field.value !== field.defaultValue;
  if (!(field instanceof HTMLInputElement)) return false;
  return isChoice(field) ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;
}

const isChoice = ({ type }: HTMLInputElement) => type === "checkbox" || type === "radio";

function valueOf(field: Field): Kept[3] {
  if (field instanceof HTMLSelectElement) return [...field.selectedOptions].map(({ value }) => value);
  if (field instanceof HTMLInputElement && isChoice(field)) return field.checked;
  if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) return field.value;
  return rich(field);
}

/** Puts a value in as a person would: with the events that frameworks listen to. */
function put(field: Field, value: Kept[3]): void {
  if (field instanceof HTMLInputElement && isChoice(field)) {
    if (field.checked !== value && (value || field.type === "checkbox")) field.click();
    return;
  }
  if (field instanceof HTMLSelectElement) {
    const wanted = value as string[];
    const there = [...field.options].map((option) => option.value);
    if (!wanted.every((one) => there.includes(one))) return;
    for (const option of field.options) option.selected = wanted.includes(option.value);
  } else if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) {
    // By the prototype's setter: React puts one of its own on the element, and would take the value for its own.
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value")!.set!.call(field, value);
  } else {
    field.replaceChildren(...made(value as Rich[]));
  }
  for (const type of ["input", "change"]) field.dispatchEvent(new Event(type, { bubbles: true }));
}

function rich(node: Node): Rich[] {
  return [...node.childNodes].flatMap((child): Rich[] => {
    if (child.nodeType === Node.TEXT_NODE) return [child.nodeValue!];
    const tag = child instanceof HTMLElement ? child.localName : "";
    return RICH.test(tag) ? [[tag, rich(child)]] : rich(child);
  });
}

/** Node by node and without attributes: no HTML is parsed. */
function made(content: Rich[]): (Node | string)[] {
  return content.map((piece) => {
    if (typeof piece === "string") return piece;
    const [tag, inner] = piece;
    const element = document.createElement(RICH.test(tag) ? tag : "span");
    element.append(...made(inner));
    return element;
  });
}
