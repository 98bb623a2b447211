//! The manifest as a document: its text, its entity tag, and how it is patched.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Map, Value};

/// A text with its strong entity tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    pub text: String,
    pub etag: String,
}

impl Document {
    pub fn new(text: String) -> Document {
        let etag = etag(text.as_bytes());
        Document { text, etag }
    }

    /// The text as JSON; `None` when an operator published something else.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.text).ok()
    }

    /// The number of this manifest, 0 when there is none in it.
    pub fn serial(&self) -> u64 {
        self.json().and_then(|json| json.get("serial")?.as_u64()).unwrap_or(0)
    }

    /// The document after an RFC 7396 merge patch, with another serial unless the patch names one.
    pub fn patched(&self, patch: &Value, serial: u64) -> Document {
        let mut json = self.json().filter(Value::is_object).unwrap_or_else(|| Value::Object(Map::new()));
        merge(&mut json, patch);
        if patch.get("serial").is_none() {
            json["serial"] = serial.into();
        }
        Document::new(pretty(&json))
    }
}

/// RFC 7396: objects are merged member by member, `null` removes, everything else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { unreachable!("made an object above") };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.as_str()).or_insert(Value::Null), value);
        }
    }
}

/// A strong entity tag (RFC 9110, 8.8.3) of these bytes.
pub fn etag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}

/// Whether `If-None-Match` (RFC 9110, 13.1.2) holds this tag, compared weakly.
pub fn matches(if_none_match: &str, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    if_none_match.trim() == "*" || if_none_match.split(',').any(|tag| opaque(tag) == opaque(etag))
}

fn pretty(json: &Value) -> String {
    serde_json::to_string_pretty(json).expect("a JSON tree can be written")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The table of RFC 7396, appendix A: target, patch, result.
    #[test]
    fn a_merge_patch_follows_the_examples_of_its_standard() {
        let table = [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ];
        for (target, patch, result) in table {
            let mut patched = target.clone();
            merge(&mut patched, &patch);
            assert_eq!(patched, result, "{target} patched by {patch}");
        }
    }

    #[test]
    fn a_patch_grows_the_serial_unless_it_names_one() {
        let document = Document::new(r#"{"trueup":1,"serial":5}"#.to_owned());
        assert_eq!(document.patched(&json!({"poll":{"everySeconds":2}}), 9).serial(), 9);
        assert_eq!(document.patched(&json!({"serial":3}), 9).serial(), 3);
    }

    #[test]
    fn a_patch_over_a_broken_manifest_starts_anew() {
        let document = Document::new("<html>".to_owned());
        assert_eq!(document.serial(), 0);
        assert_eq!(document.patched(&json!({"trueup":1}), 7).json(), Some(json!({"trueup":1,"serial":7})));
    }

    #[test]
    fn another_content_has_another_entity_tag() {
        assert_eq!(etag(b"one"), etag(b"one"));
        assert_ne!(etag(b"one"), etag(b"two"));
    }

    #[test]
    fn if_none_match_is_a_list_compared_weakly() {
        assert!(matches("\"a\"", "\"a\""));
        assert!(matches("W/\"a\"", "\"a\""));
        assert!(matches("\"b\", W/\"a\"", "W/\"a\""));
        assert!(matches("*", "\"a\""));
        assert!(!matches("\"b\"", "\"a\""));
        assert!(!matches("", "\"a\""));
    }
}
