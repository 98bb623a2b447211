// The module as columns: all opcodes, then all operands of one kind, then of the next, where wasm has them interleaved.
//
// Like stands beside like, and brotli sees it: the inlined module is a sixth smaller. `join` is what is shipped: it puts
// the bytes together again in a few milliseconds. `split` takes apart what `join` knows, and proves it on the spot.
//
// A number is one character. Of functions and of a function's locals, it says how many others were named since: what was
// named last is named next, so often that getting one of the two last locals is an opcode of its own. Alignments are hints
// that engines do not heed: none is kept, all come back as 0.

/** Spreads the characters so that few need an escape: wasm is full of 0. Of all up to 127 the best by brotli at the time of writing. */
export const KEY = 105;

/**
 * How opcodes are written. Brotli tells the context of a character by the kinds of the two before it (a vowel, a digit, a
 * bracket…), so what is frequent has a kind of its own; and what mostly stands together is one character.
 *
 * In each row: a pair of characters, the one that is written for it, and then characters of which each is written for the
 * one before it. By itself the last of those that follow each other is no opcode, so that none is there twice. By search.
 */
export const RULES = "kkq,\u0013rp,Bbu,(\u0003%~y\tMhHav8}@\u0013SwO^r\u001b=_c+ *A\u0018PeBQz<-.`0|";

/** The columns: 0 what stands around the functions, 1 declarations of locals, 2 opcodes, and operands: */
const [BLOCK, LABEL, FUNCTION, LOCAL, GLOBAL, RARE, I64, FLOAT, LOAD, STORE, I32] = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13];
// From I32 on there is a column for each opcode that may come next.

/** In place of `local.get` of the local that was named last; one less: of the one before it. Neither is an opcode. */
const LAST = 31;

/** The column of each opcode's operands, as a character counted from `0`; a blank has none. */
export const KINDS = Array.from({ length: 0x45 }, (_, opcode) => {
  const of = (column) => String.fromCharCode(48 + column);
  if (opcode >= 0x28 && opcode <= 0x3e) return of(opcode < 0x36 ? LOAD : STORE);
  for (const [column, opcodes] of [
    [BLOCK, [0x02, 0x03, 0x04]],
    [LABEL, [0x0c, 0x0d, 0x0e]],
    [FUNCTION, [0x10]],
    [LOCAL, [LAST - 1, LAST, 0x20, 0x21, 0x22]],
    [GLOBAL, [0x23, 0x24]],
    [RARE, [0x11, 0x25, 0x26, 0x3f, 0x40]],
    [I32, [0x41]],
    [I64, [0x42]],
    [FLOAT, [0x43, 0x44]],
  ])
    if (opcodes.includes(opcode)) return of(column);
  return " ";
}).join("");

/**
 * The module from its columns. `base`: of addresses; `head`: how many bytes stand before the functions; `count`: of
 * functions. Where a column is a number here, it is because this is shipped.
 */
export function join(text, key, kinds, base, head, count) {
  const [rules, ...columns] = text.split("\u7fff");
  for (const row of rules.split(","))
    [row.slice(0, 2), ...row.slice(2)].reduce((to, from) => {
      columns[2] = columns[2].replaceAll(from, to);
      return from;
    });
  const at = columns.map(() => 0);
  const order = new Uint16Array(1024).map((_, i) => i);
  const functions = order.slice();
  const out = new Uint8Array(text.length * 2);
  let end = 0;
  // What stands around the functions has text in it and is written without the key.
  const read = (column) => columns[column].charCodeAt(at[column]++) ^ (column && key);
  const bytes = (column, n) => {
    while (n--) out[end++] = read(column);
  };
  const number = (value) => {
    for (; value < -64 || value > 63; value >>= 7) out[end++] = value | 128;
    out[end++] = value & 127;
    return value;
  };
  const numbers = (column, n) => {
    while (n--) number(read(column));
  };
  const recent = (list, index) => {
    const value = list[index];
    list.copyWithin(1, 0, index);
    number((list[0] = value));
  };
  /** What `make` makes, after its size: in four bytes, as LEB128 may be longer than it has to. */
  const sized = (make) => {
    const start = end;
    end += 4;
    make();
    const size = end - start - 4;
    for (let i = 0; i < 4; i++) out[start + i] = (size >> (7 * i)) | (i < 3 ? 128 : 0);
  };
  bytes(0, head);
  sized(() => {
    number(count);
    while (count--)
      sized(() => {
        const locals = order.slice();
        for (let n = number(read(1)); n--; bytes(1, 1)) numbers(1, 1);
        for (let depth = 1; depth; ) {
          const opcode = read(2);
          const column = kinds.charCodeAt(opcode) - 48;
          // 31 and 30 get the local that was named last, or the one before it.
          out[end++] = column === 6 && opcode < 32 ? 32 : opcode;
          if (opcode === 11) depth--;
          // Of the bulk instructions some take one number, some two.
          if (opcode === 0xfc) numbers(8, +"000000002121"[number(read(8))]);
          else if (column === 3) depth++, bytes(3, 1);
          else if (column === 5) recent(functions, read(5));
          else if (column === 6) recent(locals, opcode < 32 ? 31 - opcode : read(6));
          else if (column === 9) for (let more = 128; more > 127; out[end++] = more) more = read(9);
          else if (column === 10) bytes(10, opcode === 0x43 ? 4 : 8);
          else if (column > 10) {
            let from = column;
            if (column > 12) (from += read(2)), at[2]--;
            const value = read(from);
            // The alignment
            if (column < 13) end++;
            number(
              value > 0x6fff
                ? (read(from) << 22) | (read(from) << 11) | read(from)
                : value > 2047
                  ? value + base
                  : column < 13
                    ? value
                    : (value >> 1) ^ -(value & 1),
            );
          } else if (column > 0) numbers(column, opcode === 0x0e ? number(read(8)) + 1 : opcode === 0x11 ? 2 : 1);
        }
      });
  });
  bytes(0, columns[0].length - head);
  return out.subarray(0, end);
}

/** Takes a module apart: the columns behind each other, without `KEY`, and the arguments of `join`. */
export function split(module) {
  const apart = columns(module);
  const { codes, base, head, count } = apart;
  const again = join(String.fromCharCode(...codes.map((code) => code ^ KEY)), KEY, KINDS, base, head, count);
  if (JSON.stringify(columns(again)) !== JSON.stringify(apart)) throw new Error("the module does not come back from its columns");
  new WebAssembly.Module(again);
  return { text: codes, base, head, count };
}

/** Opcodes as the rules have them: what `join` does, backwards. */
function written(opcodes) {
  for (const row of RULES.split(",").reverse()) {
    const steps = [row.slice(0, 2), ...row.slice(2)];
    for (let i = steps.length; --i; ) opcodes = opcodes.replaceAll(steps[i - 1], steps[i]);
  }
  return opcodes;
}

function columns(module) {
  const columns = Array.from({ length: I32 + 256 }, () => []);
  let at = 8;
  const byte = () => module[at++];
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const next = byte();
      value += (next & 127) * 2 ** shift;
      if (next < 128) return value;
    }
  };
  const signed = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const next = byte();
      value |= (next & 127) << shift;
      if (next < 128) return shift < 25 && next & 64 ? value | (-128 << shift) : value;
    }
  };
  /** Where the section begins; 0 if there is none. */
  const section = (id) => {
    for (at = 8; at < module.length; ) {
      const found = byte();
      const size = number();
      if (found === id) return at;
      at += size;
    }
    return 0;
  };
  // The first segment of data: its kind, and `i32.const`.
  let base = section(11);
  if (base) {
    number();
    at += 2;
    base = signed();
  }
  base -= 2048;

  // Up to the section's number
  let head = 8;
  for (at = 8; byte() !== 10; head = at) at = number() + at;
  number();
  const count = number();
  columns[0].push(...module.subarray(0, ++head));
  const recent = () => [...Array(1024).keys()];
  const functions = recent();
  const touch = (list, value) => list.unshift(...list.splice(list.indexOf(value), 1));
  /** Keeps a number in a column, in a list of recent ones as its place there. */
  const keep = (column, value, list) => {
    columns[column].push(list ? list.indexOf(value) : value);
    if (list) touch(list, value);
    return value;
  };
  /** Keeps one that may be an address: up to 2047 it is itself, `small`. */
  const wide = (column, value, small) => {
    const address = value - base;
    if (small < 2048) keep(column, small);
    else if (address > 2047 && address < 0x7000) keep(column, address);
    else for (const part of [0x7000, value >>> 22, (value >>> 11) & 2047, value & 2047]) keep(column, part);
  };
  for (let f = 0; f < count; f++) {
    const end = number() + at;
    const locals = recent();
    for (let n = keep(1, number()); n--; keep(1, byte())) keep(1, number());
    /** The opcode that comes, or what stands in its place. */
    const coming = () => {
      const from = at;
      const opcode = byte();
      const place = opcode === 0x20 ? locals.indexOf(number()) : 2;
      at = from;
      return place < 2 ? LAST - place : opcode;
    };
    while (at < end) {
      const opcode = keep(2, coming());
      at++;
      const column = KINDS.charCodeAt(opcode) - 48;
      if (opcode === 0xfc) for (let n = [2, 1, 2, 1][keep(RARE, number()) - 8] ?? 0; n--; ) keep(RARE, number());
      else if (column === BLOCK) keep(BLOCK, byte());
      else if (column === FUNCTION) keep(FUNCTION, number(), functions);
      else if (opcode === LAST || opcode === LAST - 1) touch(locals, number());
      else if (column === LOCAL) keep(LOCAL, number(), locals);
      else if (column === I32) {
        const value = signed();
        wide(I32 + coming(), value, value < 0 ? -2 * value - 1 : 2 * value);
      } else if (column === LOAD || column === STORE) {
        number();
        const value = number();
        wide(column, value, value);
      } else if (column === I64) while (keep(I64, byte()) > 127);
      else if (column === FLOAT) for (let n = opcode === 0x43 ? 4 : 8; n--; ) keep(FLOAT, byte());
      else if (column > 0) {
        for (let n = opcode === 0x0e ? keep(RARE, number()) + 1 : opcode === 0x11 ? 2 : 1; n--; ) keep(column, number());
      }
    }
  }
  columns[0].push(...module.subarray(at));

  columns[0] = columns[0].map((code) => code ^ KEY);
  while (!columns.at(-1).length) columns.pop();
  const keyed = (text) => Array.from(text, (character) => character.charCodeAt(0) ^ KEY);
  columns[2] = keyed(written(String.fromCharCode(...columns[2].map((code) => code ^ KEY))));
  return { codes: [keyed(RULES), ...columns].flatMap((codes, i) => (i ? [0x7fff ^ KEY, ...codes] : codes)), base, head, count };
}
