// What orders the module (xtask/js/order.mjs): the same module comes out, with other numbers.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { split } from "../../xtask/js/columns.mjs";
import { ordered } from "../../xtask/js/order.mjs";

const root = join(import.meta.dirname, "../..");

/** A module from its text, by binaryen, which leaves functions and locals as they stand. */
function assembled(text) {
  const dir = mkdtempSync(join(tmpdir(), "trueup-order-"));
  try {
    writeFileSync(join(dir, "module.wat"), text);
    execFileSync(join(root, "node_modules/.bin/wasm-as"), ["--all-features", join(dir, "module.wat"), "-o", join(dir, "module.wasm")]);
    return readFileSync(join(dir, "module.wasm"));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

// $one and $three are of one type, $two between them of another; of $one the locals are named last first, of two types.
const MODULE = assembled(`(module
  (type $unary (func (param i32) (result i32)))
  (type $binary (func (param i32 i64) (result i32)))
  (import "env" "twice" (func $twice (type $unary)))
  (memory (export "memory") 1)
  (data (i32.const 8) "data")
  (global $started (mut i32) (i32.const 0))
  (table 3 funcref)
  (elem (i32.const 1) $one $two)
  (export "one" (func $one))
  (export "two" (func $two))
  (export "three" (func $three))
  (start $start)
  (func $one (type $unary) (local $a i32) (local $b i32) (local $c i64) (local $d f64)
    (local.set $d (f64.const 0.5))
    (local.set $b (i32.add (local.get 0) (i32.const 1000)))
    (local.set $c (i64.const -5))
    (local.set $a (call $two (local.get $b) (local.get $c)))
    (i32.sub (i32.add (local.get $a) (i32.trunc_f64_s (f64.mul (local.get $d) (f64.const 8)))) (i32.const -70)))
  (func $two (type $binary)
    (block $out (block $in (br_table $in $out $in (local.get 0))) (return (i32.const 7)))
    (i32.add (call $twice (local.get 0)) (i32.wrap_i64 (local.get 1))))
  (func $three (type $unary) (local $size i32)
    (memory.fill (i32.const 12) (i32.const 3) (i32.const 2))
    (local.set $size (i32.load8_u offset=5 (i32.const 8)))
    (i32.add (i32.add (local.get $size) (global.get $started))
      (call_indirect (type $unary) (local.get 0) (i32.const 1))))
  (func $start (global.set $started (i32.const 40))))`);

const run = (module) => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { twice: (n) => 2 * n } });
  return [0, 1, 2, 99].flatMap((n) => [exports.one(n), exports.two(n, 3n), exports.three(n)]);
};

test("an ordered module computes the same, and is in order", () => {
  const again = ordered(MODULE);
  assert.notDeepEqual([...again], [...MODULE]);
  assert.deepEqual(run(again), run(MODULE));
  assert.deepEqual(ordered(again), again);
});

test("functions of one type stand together", () => {
  // The section of functions, of four: the types of each.
  const types = (module) => {
    let at = 8;
    while (module[at] !== 3) at += 2 + module[at + 1];
    return [...module.subarray(at + 3, at + 3 + module[at + 2])];
  };
  assert.deepEqual(types(ordered(MODULE)), types(MODULE).sort());
  assert.notDeepEqual(types(MODULE), types(MODULE).sort());
});

test("what cannot be ordered is said", () => {
  assert.throws(() => ordered(assembled(`(module (import "a" "b" (memory 1)))`)), /not a function/);
  assert.throws(() => ordered(assembled(`(module (table 1 funcref) (elem func $f) (func $f))`)), /elements/);
  assert.throws(() => ordered(assembled(`(module (func (drop (ref.null func))))`)), /opcode 208/);
});

test("a module comes back from its columns", () => {
  const { head, count } = split(ordered(MODULE));
  assert.ok(head > 8 && count === 4);
});
