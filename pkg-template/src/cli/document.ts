/**
 * A JSON document as a person wrote it: members keep their order and their layout, and a change touches only the places
 * that it changes.
 */
import { type Node, type ParseError, parseTree } from "jsonc-parser";
import { Failure } from "./output.js";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Path = readonly (string | number)[];

/** Where something stands in a text: both count from 1. */
export interface Place {
  line: number;
  column: number;
  /** The whole line. */
  text: string;
}

export class Document {
  /** Throws where the text is not JSON, with the place. */
  static parse(text: string, name: string): Document {
    try {
      JSON.parse(text);
    } catch (error) {
      const errors: ParseError[] = [];
      parseTree(text, errors, { disallowComments: true });
      const place = placeOf(text, errors[0]?.offset ?? text.length);
      throw new Failure("unreadable", `${name} is not JSON: ${(error as Error).message}`, { code: "json", path: "", ...place });
    }
    return new Document(text);
  }

  #text: string;
  #tree: Node;

  private constructor(text: string) {
    this.#text = text;
    this.#tree = parseTree(text)!;
  }

  get text(): string {
    return this.#text;
  }

  get value(): Json {
    return JSON.parse(this.#text);
  }

  copy(): Document {
    return new Document(this.#text);
  }

  /** What stands at `path`; `null` counts as absent, as the decoder has it. */
  get(...path: (string | number)[]): Json | undefined {
    const node = this.#find(path);
    return node ? (JSON.parse(this.#text.slice(node.offset, node.offset + node.length)) ?? undefined) : undefined;
  }

  /** The place of the value at `path`, or of the nearest thing around it. */
  place(path: Path): Place {
    for (let length = path.length; ; length--) {
      const node = this.#find(path.slice(0, length));
      if (node) return placeOf(this.#text, length && node.parent?.type === "property" ? node.parent.offset : node.offset);
    }
  }

  /** Names that stand twice in one object, with their places. */
  doubles(): { path: Path; place: Place }[] {
    const found: { path: Path; place: Place }[] = [];
    const walk = (node: Node, path: Path): void => {
      const seen = new Set<string>();
      (node.children ?? []).forEach((child, index) => {
        if (node.type === "array") return walk(child, [...path, index]);
        const [key, value] = child.children ?? [];
        if (!key || !value) return;
        const here = [...path, key.value];
        if (seen.has(key.value)) found.push({ path: here, place: placeOf(this.#text, key.offset) });
        seen.add(key.value);
        walk(value, here);
      });
    };
    walk(this.#tree, []);
    return found;
  }

  /** Sets the value at `path`; objects on the way are made, a new member comes last. */
  set(path: Path, value: Json): void {
    const node = this.#find(path);
    if (node) {
      if (equal(this.get(...path) ?? null, value)) return;
      const wide = this.#text.slice(node.offset, node.offset + node.length).includes("\n");
      return this.#splice(node.offset, node.offset + node.length, this.#print(value, this.#indentAt(node.offset), wide));
    }
    const above = path.slice(0, -1);
    const parent = this.#find(above);
    if (parent?.type === "object") return this.#insert(parent, `${JSON.stringify(path.at(-1))}: `, value);
    this.set(above, { [path.at(-1)!]: value });
  }

  /** Adds an item to the array at `path`, which is made where it is absent. */
  push(path: Path, value: Json): void {
    const node = this.#find(path);
    if (node?.type === "array") this.#insert(node, "", value);
    else this.set(path, [value]);
  }

  /** Removes what stands at `path`, if anything does. */
  remove(path: Path): void {
    let node = this.#find(path);
    if (node?.parent?.type === "property") node = node.parent;
    const among = node?.parent?.children;
    if (!node || !among) return;
    const at = among.indexOf(node);
    const [before, after] = [among[at - 1], among[at + 1]];
    if (after) this.#splice(node.offset, after.offset, "");
    else if (before) this.#splice(before.offset + before.length, node.offset + node.length, "");
    else this.#splice(node.parent!.offset + 1, node.parent!.offset + node.parent!.length - 1, "");
  }

  /** The node at `path`. Of members with one name the last counts, as `JSON.parse` has it. */
  #find(path: Path): Node | undefined {
    let node: Node | undefined = this.#tree;
    for (const step of path) {
      const children: Node[] = node?.children ?? [];
      if (node?.type === "array") node = children[step as number];
      else if (node?.type === "object") node = children.findLast((child) => child.children?.[0]?.value === step)?.children?.[1];
      else return undefined;
    }
    return node;
  }

  /** Puts a new child behind the others, in their layout. */
  #insert(parent: Node, key: string, value: Json): void {
    const { offset, length, children = [] } = parent;
    const last = children.at(-1);
    const name = this.#isTight() ? key.trimEnd() : key;
    if (!last) {
      const outer = this.#indentAt(offset);
      const blank = this.#isTight() || parent.type === "array" ? "" : " ";
      const [inner, end] = this.#isWide() && parent === this.#tree ? [this.#eol() + this.#unit(), this.#eol()] : [blank, blank];
      return this.#splice(offset + 1, offset + length - 1, `${inner}${name}${this.#print(value, outer + this.#unit(), false)}${end}`);
    }
    const before = children.at(-2);
    // What stands between two children, or before the only one.
    const gap = before ? this.#text.slice(before.offset + before.length, last.offset) : `,${this.#text.slice(offset + 1, last.offset) || (this.#isTight() ? "" : " ")}`;
    const end = last.offset + last.length;
    this.#splice(end, end, `${gap}${name}${this.#print(value, this.#indentAt(last.offset), parent === this.#tree)}`);
  }

  #splice(from: number, to: number, text: string): void {
    this.#text = this.#text.slice(0, from) + text + this.#text.slice(to);
    this.#tree = parseTree(this.#text)!;
  }

  /** Objects member by member where they were so (`wide`), everything else in one line while that is short. */
  #print(value: Json, indent: string, wide: boolean): string {
    if (this.#isTight()) return JSON.stringify(value);
    return this.#isWide() ? printed(value, { indent, unit: this.#unit(), eol: this.#eol(), wide }) : inline(value);
  }

  #isWide(): boolean {
    return this.#text.trim().includes("\n");
  }

  /** Minified. */
  #isTight(): boolean {
    return !this.#isWide() && !this.#text.includes('": ');
  }

  #eol(): string {
    return this.#text.includes("\r\n") ? "\r\n" : "\n";
  }

  #unit(): string {
    return /^\s*\{\r?\n([ \t]+)/.exec(this.#text)?.[1] ?? "  ";
  }

  #indentAt(offset: number): string {
    const start = this.#text.lastIndexOf("\n", offset - 1) + 1;
    return /^[ \t]*/.exec(this.#text.slice(start, offset))![0];
  }
}

/** A JSON path of the core (`supported.blocked[0].version`) as steps into `value`: names may have dots in them. */
export function steps(value: Json, path: string): Path {
  const found: (string | number)[] = [];
  let here: Json | undefined = value;
  while (path) {
    const index: RegExpExecArray | null = /^\[(\d+)\]\.?/.exec(path);
    const names: string[] = here && typeof here === "object" && !Array.isArray(here) ? Object.keys(here) : [];
    const whole = names.filter((name) => path === name || path.startsWith(`${name}.`) || path.startsWith(`${name}[`));
    const name: string = whole.sort((a, b) => b.length - a.length)[0] ?? /^[^.[]*/.exec(path)![0];
    const step: string | number = index ? Number(index[1]) : name;
    found.push(step);
    here = (here as { [name: string]: Json } | undefined)?.[step];
    path = index ? path.slice(index[0].length) : path.slice(name.length).replace(/^\./, "");
    if (!index && name === "") break;
  }
  return found;
}

/** Steps as a JSON path. */
export function written(path: Path): string {
  return path.reduce<string>((text, step) => (typeof step === "number" ? `${text}[${step}]` : text ? `${text}.${step}` : step), "");
}

/** One line, with blanks as people write them. */
export function inline(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${inline(member)}`);
  return members.length ? `{ ${members.join(", ")} }` : "{}";
}

/** Objects that are `wide` and what is long goes over lines; the rest stays in one. */
export function printed(value: Json, { indent = "", unit = "  ", eol = "\n", wide = false } = {}): string {
  const line = inline(value);
  const object = value !== null && typeof value === "object";
  if (!object || Object.keys(value).length === 0 || (line.length + indent.length <= 110 && !(wide && !Array.isArray(value)))) return line;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const inner = { indent: indent + unit, unit, eol };
  const parts = Array.isArray(value)
    ? value.map((item) => printed(item, inner))
    : Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}: ${printed(member, inner)}`);
  return `${open}${eol}${parts.map((part) => indent + unit + part).join(`,${eol}`)}${eol}${indent}${close}`;
}

/** Whether two values are the same, whatever the order of their members. */
export function equal(a: Json, b: Json): boolean {
  return differences(a, b).length === 0;
}

/** What differs, member by member; arrays as wholes. */
export function differences(a: Json | undefined, b: Json | undefined, path: Path = []): { path: string; before?: Json; after?: Json }[] {
  const object = (value: Json | undefined) => value !== null && typeof value === "object" && !Array.isArray(value);
  if (object(a) && object(b)) {
    const [left, right] = [a, b] as { [name: string]: Json }[];
    const names = new Set([...Object.keys(left!), ...Object.keys(right!)]);
    return [...names].flatMap((name) => differences(own(left!, name), own(right!, name), [...path, name]));
  }
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, index) => equal(item, b[index]!))) return [];
  if (a === b) return [];
  return [{ path: written(path), ...(a !== undefined && { before: a }), ...(b !== undefined && { after: b }) }];
}

const own = (value: { [name: string]: Json }, name: string) => (Object.hasOwn(value, name) ? value[name] : undefined);

function placeOf(text: string, offset: number): Place {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  const end = text.indexOf("\n", offset);
  return {
    line: text.slice(0, start).split("\n").length,
    column: offset - start + 1,
    text: text.slice(start, end < 0 ? text.length : end).trimEnd(),
  };
}
