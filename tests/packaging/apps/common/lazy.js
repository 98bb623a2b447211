// A chunk of its own, of another name in every build.
import { build } from "virtual:trueup";

export const text = `chunk of ${build.id}`;
