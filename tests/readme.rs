//! The manifests in the READMEs and in docs/ are ones that the decoder takes as they stand.

use std::fs;

use trueup::core::manifest::Manifest;
use trueup::core::value::read;

#[test]
fn every_manifest_in_the_readmes_is_accepted_without_a_warning() {
    let mut files = vec!["README.md".into(), "pkg-template/README.md".into()];
    files.extend(fs::read_dir("docs").unwrap().map(|entry| entry.unwrap().path()));
    let mut shown = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let file = file.display();
        for block in text.split("\n```json\n").skip(1) {
            shown += 1;
            let (json, _) = block.split_once("\n```").expect("a fence that ends");
            let tree = read(&mut serde_json::Deserializer::from_str(json))
                .unwrap_or_else(|error| panic!("{file}: {error} in\n{json}"));
            let mut flaws = Vec::new();
            let manifest = Manifest::decode(tree, &mut flaws);
            assert_eq!(flaws, [], "{file}:\n{json}");
            assert_eq!(manifest.expect("a manifest").warnings, [], "{file}:\n{json}");
        }
    }
    assert!(shown >= 5, "only {shown} manifests were found");
}
