//! Replays the corpus of `fuzz/`: what the fuzzers found worth keeping, and what was once a fault.

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/targets.rs"]
mod targets;

#[test]
fn the_corpus_of_each_target_passes() {
    for (name, target) in [
        ("manifest", targets::manifest as fn(&[u8])),
        ("version", targets::version),
        ("client", targets::client),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut files = 0;
        for entry in fs::read_dir(&folder).expect("a corpus") {
            target(&fs::read(entry.expect("an entry").path()).expect("readable"));
            files += 1;
        }
        assert!(files >= 10, "{name} has a corpus of {files}");
    }
}
