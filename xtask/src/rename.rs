//! One-letter names for what module and glue import and export from each other.
//!
//! wasm-bindgen's names carry a hash each, which nothing compresses: about 15 bytes of brotli a name, and nobody reads
//! them. Exports that the glue never touches go, so that wasm-opt can remove what is behind them.

use anyhow::{Result, ensure};
use wasm_bindgen_cli_support::Output;

/// The module's name in the glue's import object.
const MODULE: &str = "./trueup_bg.js";

/// Renames in the module, and answers with the glue that fits it.
pub fn rename(output: &mut Output) -> Result<String> {
    let mut glue = output.js().to_owned();
    let mut names = short_names();
    let module = output.wasm_mut();
    for import in module.imports.iter_mut() {
        ensure!(
            import.module == MODULE,
            "an import from {}: the package would need that file",
            import.module
        );
        let name = names.next().unwrap_or_default();
        let count = replace(&mut glue, "", &import.name, ":", &name);
        ensure!(count == 1, "the glue gives the import {} {count} times", import.name);
        import.name = name;
        import.module = "a".to_owned();
    }
    if module.imports.iter().next().is_some() {
        ensure!(replace(&mut glue, "\"", MODULE, "\":", "a") == 1, "the glue does not name its module");
    }
    let mut names = short_names();
    let mut unused = Vec::new();
    for export in module.exports.iter_mut() {
        let name = names.next().unwrap_or_default();
        if replace(&mut glue, "wasm.", &export.name, "", &name) > 0 {
            export.name = name;
        } else {
            unused.push(export.id());
        }
    }
    for id in unused {
        module.exports.delete(id);
    }
    Ok(glue)
}

/// `a` to `z`, `aa` to `zz`. The longer ones come after each other, not by use: 60 names are all there are.
fn short_names() -> impl Iterator<Item = String> {
    let letters = || ('a'..='z').map(String::from);
    letters().chain(letters().flat_map(move |first| letters().map(move |second| format!("{first}{second}"))))
}

/// Replaces `before`+`name`+`after` where `name` is a whole word; keeps `before` and `after`. Answers how often.
fn replace(text: &mut String, before: &str, name: &str, after: &str, with: &str) -> usize {
    let (found, word) =
        (format!("{before}{name}{after}"), |c: char| c.is_alphanumeric() || c == '_' || c == '$');
    let (mut out, mut rest, mut count) = (String::with_capacity(text.len()), text.as_str(), 0);
    while let Some(at) = rest.find(&found) {
        let (head, tail) = (&rest[..at], &rest[at + found.len()..]);
        out.push_str(head);
        if out.ends_with(word) || (after.is_empty() && tail.starts_with(word)) {
            out.push_str(&found);
        } else {
            out.push_str(&format!("{before}{with}{after}"));
            count += 1;
        }
        rest = tail;
    }
    out.push_str(rest);
    *text = out;
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_renamed() {
        let mut glue = String::from("wasm.free(1); wasm.free_all(2); my_wasm.free(3); wasm.free(4)");
        assert_eq!(replace(&mut glue, "wasm.", "free", "", "a"), 2);
        assert_eq!(glue, "wasm.a(1); wasm.free_all(2); my_wasm.free(3); wasm.a(4)");
    }

    #[test]
    fn a_key_is_not_taken_for_the_end_of_a_longer_one() {
        let mut glue = String::from("{ x_get: 1, get: 2, get_x: 3 }");
        assert_eq!(replace(&mut glue, "", "get", ":", "b"), 1);
        assert_eq!(glue, "{ x_get: 1, b: 2, get_x: 3 }");
    }

    #[test]
    fn short_names_are_all_different() {
        let mut names: Vec<String> = short_names().collect();
        assert!(names.len() > 600);
        names.sort();
        names.dedup();
        assert!(names.len() > 600);
    }
}
