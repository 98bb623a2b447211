// Puts a module's functions and locals in an order in which they compress: what is alike stands together.
//
//   node order.mjs MODULE     rewrites it in place
//
// Functions are sorted by type, then by their locals; locals, among those of one type, by where they are named first. The
// numbers of both change wherever they are named, and nothing else: the module does the same.

import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";

const [TYPES, IMPORTS, FUNCTIONS, EXPORTS, START, ELEMENTS, CODE] = [1, 2, 3, 7, 8, 9, 10];
const CALL = 0x10;

/** Reads what stands in `bytes`, from `at`. */
class Reader {
  constructor(bytes, at = 0) {
    Object.assign(this, { bytes, at });
  }
  byte() {
    return this.bytes[this.at++];
  }
  /** An unsigned number. Of a signed one it finds the end. */
  number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const next = this.byte();
      value += (next & 127) * 2 ** shift;
      if (next < 128) return value;
    }
  }
  take(n) {
    return this.bytes.subarray(this.at, (this.at += n));
  }
  /** As many as it says itself. */
  list(read) {
    return Array.from({ length: this.number() }, () => read(this));
  }
  /** What `skip` passes over. */
  passed(skip) {
    const from = this.at;
    skip(this);
    return this.bytes.subarray(from, this.at);
  }
}

const number = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...number(Math.floor(value / 128))]);
const list = (items) => [...number(items.length), ...items.flatMap((item) => [...item])];
const sized = (bytes) => [...number(bytes.length), ...bytes];
const isLocal = (opcode) => opcode >= 0x20 && opcode <= 0x22;

/** An instruction: of a call or a local its opcode and the number of it, of others the bytes. */
function instruction(code) {
  const { at } = code;
  const opcode = code.byte();
  if (opcode === CALL || isLocal(opcode)) return { opcode, of: code.number() };
  let numbers = 0;
  if (opcode === 0x0e) numbers = code.number() + 1;
  else if (opcode === 0xfc) numbers = { 8: 2, 9: 1, 10: 2, 11: 1 }[code.number()] ?? 0;
  else if (opcode === 0x43) code.take(4);
  else if (opcode === 0x44) code.take(8);
  else if (opcode === 0x11 || (opcode >= 0x28 && opcode <= 0x3e)) numbers = 2;
  else if ([0x02, 0x03, 0x04, 0x0c, 0x0d, 0x23, 0x24, 0x25, 0x26, 0x3f, 0x40, 0x41, 0x42].includes(opcode)) numbers = 1;
  else if (opcode > 0xc4 || [0x1c, 0x12, 0x13, 0x14, 0x15].includes(opcode)) throw new Error(`opcode ${opcode}`);
  while (numbers--) code.number();
  return { opcode, bytes: code.bytes.subarray(at, code.at) };
}

/** The module, in order. */
export function ordered(module) {
  const sections = new Map();
  for (const from = new Reader(module, 8); from.at < module.length; ) sections.set(from.byte(), from.take(from.number()));
  const read = (id, item) => (sections.has(id) ? new Reader(sections.get(id)).list(item) : []);

  const parameters = read(TYPES, (from) => {
    from.byte();
    const { length } = from.list((from) => from.byte());
    from.list((from) => from.byte());
    return length;
  });
  const imports = read(IMPORTS, (from) => {
    for (let names = 2; names--; ) from.take(from.number());
    if (from.byte()) throw new Error("an import is not a function");
    return from.number();
  });
  const typeOf = read(FUNCTIONS, (from) => from.number());
  const functions = read(CODE, (from) => new Reader(from.take(from.number()))).map((code, i) => {
    const locals = code.list((code) => ({ count: code.number(), type: code.byte() })).flatMap(({ count, type }) => Array(count).fill(type));
    const instructions = [];
    while (code.at < code.bytes.length) instructions.push(instruction(code));
    return { from: i + imports.length, type: typeOf[i], ...named(locals, instructions, parameters[typeOf[i]]) };
  });

  functions.sort((a, b) => a.type - b.type || (a.locals < b.locals ? -1 : +(a.locals > b.locals)));
  const places = new Map(functions.map(({ from }, i) => [from, i + imports.length]));
  const place = (index) => number(places.get(index) ?? index);

  sections.set(FUNCTIONS, list(functions.map(({ type }) => number(type))));
  const written = ({ opcode, of, bytes }) => (bytes ? [...bytes] : [opcode, ...(opcode === CALL ? place : number)(of)]);
  sections.set(CODE, list(functions.map((f) => sized([...f.declared, ...f.instructions.flatMap(written)]))));
  const exported = read(EXPORTS, (from) => {
    const name = from.passed((from) => from.take(from.number()));
    const kind = from.byte();
    return [...name, kind, ...(kind ? number : place)(from.number())];
  });
  if (exported.length) sections.set(EXPORTS, list(exported));
  if (sections.has(START)) sections.set(START, place(new Reader(sections.get(START)).number()));
  const elements = read(ELEMENTS, (from) => {
    // In the first table, from a constant on
    if (from.number() || from.byte() !== 0x41) throw new Error("elements of another kind");
    const offset = from.passed((from) => from.number());
    from.byte();
    return [0, 0x41, ...offset, 0x0b, ...list(from.list((from) => place(from.number())))];
  });
  if (elements.length) sections.set(ELEMENTS, list(elements));
  return Uint8Array.from([...module.subarray(0, 8), ...[...sections].flatMap(([id, bytes]) => [id, ...sized(bytes)])]);
}

/** Locals in the order in which they are named: as text that sorts, as they are declared, and in the instructions. */
function named(types, instructions, parameters) {
  const first = new Set(instructions.filter(({ opcode, of }) => isLocal(opcode) && of >= parameters).map(({ of }) => of - parameters));
  for (const i of types.keys()) first.add(i);
  const runs = [...new Set([...first].map((local) => types[local]))].map((type) => [...first].filter((local) => types[local] === type));
  const places = runs.flat();
  const declared = runs.map((locals) => [...number(locals.length), types[locals[0]]]);
  return {
    locals: String.fromCharCode(...declared.flat()),
    declared: list(declared),
    instructions: instructions.map((i) => (isLocal(i.opcode) && i.of >= parameters ? { ...i, of: places.indexOf(i.of - parameters) + parameters } : i)),
  };
}

if (resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [path] = process.argv.slice(2);
  writeFileSync(path, ordered(readFileSync(path)));
}
