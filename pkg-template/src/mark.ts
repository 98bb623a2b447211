/** The mark that a page carries: which build it brings. */
import type { Build } from "./types.js";

/** The mark as HTML, for the page's `<head>`: `<meta name="trueup-build" content="ID" data-version="V" data-app="APP">`. */
export function mark({ id, version }: Build, app?: string): string {
  const attributes = { content: id, "data-version": version, "data-app": app };
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return `<meta name="trueup-build"${given.map(([name, value]) => ` ${name}="${escape(String(value))}"`).join("")}>`;
}

const escape = (text: string) => text.replace(/[&"<>]/g, (c) => `&#${c.charCodeAt(0)};`);
