/** One leader among the tabs of an app, and what it tells the others. */
import { take } from "./page.js";
import type { Effect, Input } from "./wire.js";

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
  let leave: (() => void) | undefined;
  let channel: BroadcastChannel | undefined;
  return {
    lead(on: boolean): void {
      if (on === !!leave) return;
      if (!on) return leave!();
      channel = new BroadcastChannel(name);
      channel.onmessage = ({ data }) => {
        const input = heard(data);
        if (input) send(input);
      };
      const lead = (on: boolean) => () => send({ type: "lead", on });
      const release = take(name, "exclusive", lead(true), lead(false));
      leave = () => {
        release();
        channel!.close();
        leave = channel = undefined;
      };
    },
    tell(message: Extract<Effect, { do: "tell" }>["message"]): void {
      channel?.postMessage(message);
    },
  };
}

/** Other versions of Trueup, and anything else on this origin, may talk on the channel too: only what we know gets in. */
function heard(data: any): Input | undefined {
  if (!/^(hello|failed|answer)$/.test(data?.type) || (data.type === "answer" && !(data.status > 0))) return;
  const input: any = {};
  for (const key in data) if (Object(data[key]) !== data[key]) input[key] = data[key];
  return { ...input, own: false };
}
