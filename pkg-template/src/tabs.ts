/** One leader among the tabs of an app, and what it tells the others. */
import { take } from "./page.js";
import { type Answer, type Heard, In, type Input, named } from "./wire.js";

/** Both are there; elsewhere every tab polls for itself. Firefox refuses the channel where storage is blocked. */
export const hasLocks = (): boolean => {
  try {
    new BroadcastChannel("").close();
    return !!navigator.locks;
  } catch {
    return false;
  }
};

/** `lead` joins or leaves the queue for the lock `name` and its channel; `tell` is heard by the other tabs there. */
export function tabs(name: string, send: (input: Input) => void) {
  let release: () => void;
  let channel: BroadcastChannel | undefined;
  return [
    (on: boolean): void => {
      if (on === !!channel) return;
      if (channel) {
        release();
        channel.close();
        channel = undefined;
      } else {
        channel = new BroadcastChannel(name);
        // Other versions of Trueup, and anything else on this origin, may talk here too: only what we know gets in.
        channel.onmessage = ({ data }) => {
          const { type, next, status } = data ?? {};
          if (type === "hello") send([In.Hello]);
          else if (type === "failed" || (type === "answer" && status > 0))
            send([In.Answer, Number(next) || 0, ...(TOLD.map((name) => (of(name).test(typeof data[name]) ? data[name] : null)) as Answer)]);
        };
        release = take(name, "exclusive", (on) => send([In.Lead, on]));
      }
    },
    /** Without an answer: of a failure. Without anything: asks for what the leader told last. */
    (next?: number, [, , ...answer]: Heard = [In.Answer]): void => {
      channel?.postMessage({ type: answer[0] ? "answer" : next === undefined ? "hello" : "failed", next, ...named(TOLD, answer) });
    },
  ] as const;
}

/** The types of an item. A text that is `true` would be the one in force, which no other tab can know. */
const of = (name: string) => (name === "text" ? /^s/ : /^(st|n|bo)/);

/** What other versions of Trueup read, too: the names of an answer's items. */
const TOLD = "status foreign at date retryAfter retryDate text tooLong etag".split(" ");
