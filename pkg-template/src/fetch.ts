/** The two requests of the page's own: the manifest and the shell. They reject where no answer comes. */
import { type Heard, In, type Input, TEXT } from "./wire.js";

/**
 * Fetches the manifest; the core limits how long it may take. Where its ETag is that of the answer `before` the body stays
 * undecoded, but is read to its end, or the cache would drop it: at once, which costs a quarter less than piece by piece.
 */
export async function poll(url: string, signal: AbortSignal, before: Heard): Promise<Heard> {
  const response = await fetch(url, { cache: "no-cache", signal });
  const header = (name: string): any => response.headers.get(name);
  const date = time(header("date"));
  const age = header("age");
  const retry = header("retry-after");
  const retryDate = time(retry);
  const tag = header("etag");
  const text = tag && tag === before[TEXT + 2] ? (await response.arrayBuffer(), before[TEXT] as string) : await read(response, MiB);
  const tooLong = text.length > MiB;
  return [
    In.Answer,
    null,
    response.status,
    // A service worker's own answer has no URL.
    new URL(response.url || url).origin !== new URL(url).origin,
    Date.now(),
    date && date + ((age > 0 && age < 1e9 && age * 1e3) || 0),
    retry && retry * 1e3,
    // Read only where there are no seconds: engines take a bare number for a year.
    retryDate && retryDate - (date ?? Date.now()),
    tooLong ? null : text,
    tooLong,
    tag,
  ];
}

/** Fetches the shell past every cache. */
export async function shell(url: string, signal: AbortSignal): Promise<Input> {
  const response = await fetch(url, { cache: "reload", headers: { Accept: "text/html" }, signal });
  return [
    In.Shell,
    null,
    response.status,
    response.redirected,
    /^(text\/|application\/x)html/i.test(response.headers.get("content-type") ?? ""),
    (await read(response, MiB / 2)).slice(0, MiB / 2),
  ];
}

export const MiB = 1 << 20;

/** When a header says it is, in ms since 1970. */
export const time = (text: string | null) => {
  const at = Date.parse(text!);
  return at > 0 ? at : undefined;
};

/** The text, cut off soon after `most` bytes. */
export async function read(response: Response, most: number): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let size = 0; reader; ) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
    if ((size += value.length) > most) {
      reader.cancel().catch(() => {});
      return text.padEnd(most + 1);
    }
  }
  return text + decoder.decode();
}
