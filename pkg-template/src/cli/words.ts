/** What the core's stable codes mean, in sentences. */

export const standings: { readonly [reason: string]: string } = {
  "no-manifest": "no valid manifest was heard",
  current: "it is what a fresh load brings",
  blocked: "it is among supported.blocked",
  "below-minimum": "its version is below supported.minimum",
  "deadline-passed": "its version is below supported.recommended, and supported.deadline has passed",
  "api-too-old": "a required API is served in newer versions only than this build speaks",
  "below-recommended": "its version is below supported.recommended",
  "api-deprecated": "a required API is left with deprecated versions only",
  newer: "its version is above the current one: it waits for the servers, and never refreshes",
  older: "its version is below the current one, and within the window",
  "same-version": "it has the current version under another id",
  "no-version": "it or the current build has no version, so only the ids tell them apart",
  "not-comparable": "its version and the current one are of different kinds (dates against numbers)",
};

export const actions: { readonly [action: string]: string } = {
  none: "nothing",
  navigate: "a refresh at the next navigation",
  offer: "an offer: a notice that can be dismissed for 24 hours",
  urge: "an urge: a notice that can be put off for 15 minutes at a time",
  force: "a forced refresh: a modal countdown, and a hidden tab reloads without a word",
};

/** Why a refresh stands where it stands. */
export const refreshes: { readonly [reason: string]: string } = {
  paused: "refresh.paused stops all unasked actions",
  share: "refresh.share leaves this tab out",
  "no-page": "the page gave no answer, not status 200, a redirect, or no HTML",
  "same-build": "the page is still this tab's build",
  "other-build": "the page is another build, neither the target nor a newer, supported one",
  "no-mark": "the page carries no mark of this app",
};

export const plans: { readonly [reason: string]: string } = {
  overlap: "both sides speak it",
  "only-deprecated": "it is deprecated, and no better one is left",
  "server-newer": "the servers speak newer versions only: a refresh helps",
  "server-older": "the servers speak older versions only: they lag or were rolled back",
  "other-kind": "the servers speak versions of another kind (dates against numbers)",
  "nothing-served": "the servers serve no version of it any more",
  "not-listed": "the manifest does not name it: calls use the first version spoken",
  invalid: "what the manifest says of it is wrong: calls use the first version spoken",
};

/** Findings of `check` beside the decoder's. */
export const findings: { readonly [code: string]: string } = {
  unused: "is no member that Trueup knows, and is ignored",
  double: "stands twice: the last one counts",
  "no-effect": "has no effect",
  past: "has passed",
  "no-version": "orders nothing while current has no version: tabs are told apart by id only",
  paused: "is on: no tab acts unasked",
  "no-etag": "the answer has no ETag: every poll is a full download",
  cached: "the answer may be kept by caches without asking again: send Cache-Control: no-cache",
  "no-date": "the answer has no Date: deadlines urge, but never force",
  "content-type": "the answer is not application/json",
  redirected: "the answer came by a redirect: every poll pays for it",
};

/** A duration as people say it. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return seconds % 60 && seconds < 1200 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 360) / 10} h`;
}

export const time = (ms: number) => new Date(ms).toISOString().replace(".000Z", "Z");

/** "1 build", "2 builds". */
export const count = (n: number, noun: string) => `${n} ${noun}${n === 1 ? "" : "s"}`;
