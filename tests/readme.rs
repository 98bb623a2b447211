//! The manifests in the README are ones that the decoder takes as they stand.

use trueup::core::manifest::Manifest;
use trueup::core::value::read;

#[test]
fn every_manifest_in_the_readmes_is_accepted_without_a_warning() {
    for (file, text) in [
        ("README.md", include_str!("../README.md")),
        ("pkg-template/README.md", include_str!("../pkg-template/README.md")),
    ] {
        let blocks: Vec<_> = text.split("\n```json\n").skip(1).collect();
        assert!(!blocks.is_empty(), "{file} shows no manifest");
        for block in blocks {
            let (json, _) = block.split_once("\n```").expect("a fence that ends");
            let tree = read(&mut serde_json::Deserializer::from_str(json))
                .unwrap_or_else(|error| panic!("{file}: {error} in\n{json}"));
            let manifest =
                Manifest::decode(tree).unwrap_or_else(|error| panic!("{file}: {:?} in\n{json}", error.0));
            assert_eq!(manifest.warnings, [], "{file}:\n{json}");
        }
    }
}
