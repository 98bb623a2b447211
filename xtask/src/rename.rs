//! One-letter names for what the module imports and exports, as `pkg-template/src/glue.ts` knows them.
//!
//! wasm-bindgen's names carry a hash each, which nothing compresses: about 15 bytes of brotli a name, and nobody reads
//! them. Exports that the glue never touches go, so that wasm-opt can remove what is behind them.

use anyhow::{Context, Result, ensure};
use wasm_bindgen_cli_support::Output;

/// The module of the imports: so the glue of another version than the module's (one of the two files of `trueup/slim` that
/// a cache kept) cannot start it, and the page runs without it, rather than with a core that it misunderstands.
const MODULE: &str = env!("CARGO_PKG_VERSION");

/// What an import's name begins with, and its name in the glue.
const IMPORTS: &[(&str, &str)] = &[
    ("__wbg_number_", "n"),
    ("__wbg_print_", "p"),
    ("__wbg_remainder_", "r"),
    ("__wbg_json_", "j"),
    ("__wbg_take_", "t"),
];

/// Every export that is called.
const EXPORTS: &[(&str, &str)] = &[("memory", "m"), ("room", "r"), ("handle", "h")];

/// What wasm-bindgen exports for glue of its own.
const UNUSED: &[&str] = &[
    "__wbindgen_malloc",
    "__wbindgen_realloc",
    "__wbindgen_free",
    "__abort_handler",
    "__instance_terminated",
];

/// Renames in the module. Fails where it imports or exports what the glue does not know.
pub fn rename(output: &mut Output) -> Result<()> {
    let module = output.wasm_mut();
    let mut imports = 0;
    for import in module.imports.iter_mut() {
        let name = import.name.clone();
        let found = IMPORTS.iter().find(|(begins, _)| name.starts_with(begins));
        let (_, short) = found.with_context(|| format!("the glue does not know the import {name}"))?;
        import.name = short.to_string();
        import.module = MODULE.to_owned();
        imports += 1;
    }
    ensure!(imports <= IMPORTS.len(), "two imports have one name");
    let (mut exports, mut unused) = (0, Vec::new());
    for export in module.exports.iter_mut() {
        if let Some((_, short)) = EXPORTS.iter().find(|(name, _)| *name == export.name) {
            export.name = short.to_string();
            exports += 1;
        } else {
            ensure!(UNUSED.contains(&&*export.name), "the glue does not know the export {}", export.name);
            unused.push(export.id());
        }
    }
    ensure!(exports == EXPORTS.len(), "the module lacks an export that the glue calls");
    for id in unused {
        module.exports.delete(id);
    }
    Ok(())
}
