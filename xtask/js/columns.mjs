// The module as columns: all opcodes, then all operands of one kind, then of the next, where wasm has them interleaved.
//
// Like stands beside like, and brotli sees it: the inlined module is a tenth smaller. `join` is what is shipped: it puts
// the bytes together again in about a millisecond. `split` takes apart what `join` knows, and proves it on the spot.
//
// Alignments are hints that engines do not heed: none is kept, all come back as 0.

/** The columns: 0 what stands around the functions, 1 declarations of locals, 2 opcodes, and operands: */
const [BLOCK, LABEL, FUNCTION, LOCAL, GLOBAL, RARE, OFFSET, I32, I64, FLOAT] = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/** The column of each opcode's operands, as a character counted from `0`; a blank has none. */
export const KINDS = Array.from({ length: 0x45 }, (_, opcode) => {
  const of = (column) => String.fromCharCode(48 + column);
  if (opcode >= 0x28 && opcode <= 0x3e) return of(OFFSET);
  for (const [column, opcodes] of [
    [BLOCK, [0x02, 0x03, 0x04]],
    [LABEL, [0x0c, 0x0d, 0x0e]],
    [FUNCTION, [0x10]],
    [LOCAL, [0x20, 0x21, 0x22]],
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
 * The module from its columns. `at`: where each begins in `text` (used up); `size`: of the module; `head`: the bytes before
 * the first function; `count`: of functions. Where a column is a number here, it is because this is shipped.
 */
export function join(text, key, kinds, at, size, head, count) {
  const out = new Uint8Array(size);
  let end = 0;
  const byte = (column) => (out[end++] = text.charCodeAt(at[column]++) ^ key);
  const bytes = (column, n) => {
    while (n--) byte(column);
  };
  const numbers = (column, n) => {
    while (n--) while (byte(column) > 127);
  };
  bytes(0, head);
  while (count--) {
    const start = end;
    for (let n = byte(1); n--; byte(1)) numbers(1, 1);
    for (let depth = 1; depth; ) {
      const opcode = byte(2);
      const column = kinds.charCodeAt(opcode) - 48;
      if (opcode === 11) depth--;
      if (column === 3) depth++;
      // Of the bulk and table instructions some take one number, some two.
      if (opcode === 0xfc) numbers(8, +"00000000212121211100"[byte(8)]);
      else if (opcode === 0xd0 || opcode === 0xd2) numbers(8, 1);
      else if (column === 12) bytes(12, opcode === 0x43 ? 4 : 8);
      else if (column > 0) {
        // The alignment
        if (column === 9) end++;
        numbers(column, opcode === 0x0e ? byte(8) + 1 : opcode === 0x11 ? 2 : 1);
      }
    }
    // The function's size goes before it.
    let length = end - start;
    const room = length < 128 ? 1 : length < 16384 ? 2 : 3;
    out.copyWithin(start + room, start, end);
    end += room;
    for (let i = 0; i < room; i++, length >>= 7) out[start + i] = (length & 127) | (i < room - 1 ? 128 : 0);
  }
  bytes(0, size - end);
  return out;
}

/** Takes a module apart: the columns behind each other, and the arguments of `join`. */
export function split(module) {
  const columns = Array.from({ length: 13 }, () => []);
  const plain = [];
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = module[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const code = section(10);
  at = code.start;
  const count = number();
  const head = at;
  plain.push(...module.subarray(0, head));
  /** Moves what `read` reads into a column. */
  const move = (column, read) => {
    const from = at;
    const value = read();
    columns[column].push(...module.subarray(from, at));
    plain.push(...module.subarray(from, at));
    return value;
  };
  const byte = () => module[at++];
  for (let f = 0; f < count; f++) {
    const size = at;
    const end = number() + at;
    plain.push(...module.subarray(size, at));
    for (let n = move(1, byte); n--; move(1, byte)) move(1, number);
    while (at < end) {
      const opcode = move(2, byte);
      const column = KINDS.charCodeAt(opcode) - 48;
      if (opcode === 0xfc) for (let n = [2, 1, 2, 1, 2, 1, 2, 1, 1, 1][move(RARE, byte) - 8] ?? 0; n--; ) move(RARE, number);
      else if (opcode === 0xd0 || opcode === 0xd2) move(RARE, number);
      else if (opcode === 0x43 || opcode === 0x44) for (let n = opcode === 0x43 ? 4 : 8; n--; ) move(FLOAT, byte);
      else if (column === OFFSET) {
        number();
        plain.push(0);
        move(OFFSET, number);
      } else if (column > 0) {
        const times = opcode === 0x0e ? move(RARE, byte) + 1 : opcode === 0x11 ? 2 : 1;
        for (let n = times; n--; ) move(column, number);
      }
    }
  }
  plain.push(...module.subarray(at));
  columns[0] = [...module.subarray(0, head), ...module.subarray(at)];

  // What stands around the functions comes last: it ends with the text.
  const order = [...columns.keys()].slice(1).concat(0);
  const starts = [];
  let length = 0;
  for (const column of order) {
    starts[column] = length;
    length += columns[column].length;
  }
  const text = Uint8Array.from(order.flatMap((column) => columns[column]));
  const again = join(Array.from(text, (b) => String.fromCharCode(b)).join(""), 0, KINDS, [...starts], module.length, head, count);
  if (!Buffer.from(again).equals(Buffer.from(plain))) throw new Error("the module does not come back from its columns");
  new WebAssembly.Module(again);
  return { text, starts, size: module.length, head, count };

  function section(id) {
    while (at < module.length) {
      const found = module[at++];
      const size = number();
      if (found === id) return { start: at, end: at + size };
      at += size;
    }
    throw new Error(`the module has no section ${id}`);
  }
}
