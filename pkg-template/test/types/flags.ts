// What the types of flags promise; compiled by readme.test.mjs against the built package, and never run.
import { connect } from "trueup";

declare module "trueup" {
  interface FlagTypes {
    "typed-boolean": boolean;
    "typed-object": { text: string };
  }
}

const { flags } = connect();

/** A key that the app has typed has its type, and takes no other fallback. */
export const typed: boolean = flags.get("typed-boolean", false);
export const object: { text: string } = flags.details("typed-object", { text: "" }).value;
// @ts-expect-error: a text for a boolean
flags.get("typed-boolean", "x");
// @ts-expect-error: a number for an object
flags.get("typed-object", 1);

/** Other keys have their fallback's type, and never only its value. */
export const text: string = flags.get("other", "x" as const);
export const number: number = flags.get("other" as string, 1);
export const list: readonly number[] = flags.get("list", [1, 2]);
// @ts-expect-error: a flag does not only have its fallback's value
export const literal: true = flags.get("other", true);
// @ts-expect-error: nor do the members of an object
export const members: "x" = flags.get("other", { text: "x" }).text;

/** An interface is a type like any other, and so is a union. */
interface Banner { text: string; colour?: string }
export const banner: Banner = flags.get("banner", { text: "" } as Banner);
export const banners: readonly Banner[] = flags.details("banners", [] as readonly Banner[]).value;
export const maybe: string | null = flags.get("other", "x" as string | null);
