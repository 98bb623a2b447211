//! A request as the deployment sees it: what it asks for, and of which app and tab.

use std::collections::BTreeMap;

use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::conn::Door;
use super::state::SHOP;

/// Headers that say nothing about Trueup and differ between browsers.
const NOISE: [&str; 8] = [
    "accept-encoding",
    "accept-language",
    "connection",
    "dnt",
    "host",
    "upgrade-insecure-requests",
    "user-agent",
    "priority",
];

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Manifest,
    Shell,
    Assets,
    Api,
    Report,
    /// The package, `www/`, and what was put at a path.
    File,
}

/// One request, without its body.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    pub path: String,
    /// Without the question mark; empty when there is none.
    pub query: String,
    /// Names in lower case; without the noise.
    pub headers: BTreeMap<String, String>,
    pub target: Target,
    pub app: Option<String>,
    /// From `?tab=` of the request or of the page that made it.
    pub tab: Option<String>,
    pub door: Door,
}

impl Target {
    pub fn name(self) -> &'static str {
        match self {
            Target::Manifest => "manifest",
            Target::Shell => "shell",
            Target::Assets => "assets",
            Target::Api => "api",
            Target::Report => "report",
            Target::File => "file",
        }
    }
}

impl Asked {
    /// Reads a request; `is_app` says which first path segments are apps.
    pub fn new(parts: &Parts, door: Door, is_app: impl Fn(&str) -> bool) -> Asked {
        let path = parts.uri.path().to_owned();
        let query = parts.uri.query().unwrap_or("").to_owned();
        let headers = headers(&parts.headers);
        let (target, app) = classify(&path, is_app);
        let tab = tab_of(&query).or_else(|| tab_of(headers.get("referer")?.split_once('?')?.1));
        Asked { method: parts.method.to_string(), path, query, headers, target, app, tab, door }
    }

    /// A request for tests.
    #[cfg(test)]
    pub fn of(method: &str, url: &str) -> Asked {
        let request = axum::http::Request::builder().method(method).uri(url).body(()).expect("a request");
        Asked::new(&request.into_parts().0, Door::Main, |_| false)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Whether a command's `target` means this request. `any` spares the console, which has to mend what it broke.
    pub fn is(&self, target: &str) -> bool {
        let console = self.path == "/" || self.path.starts_with("/console/");
        (target == "any" && !console)
            || target == self.target.name()
            || (target.starts_with('/') && self.path.starts_with(target))
    }

    pub fn door_name(&self) -> &'static str {
        match self.door {
            Door::Main => "main",
            Door::Other => "other",
        }
    }

    /// The first value of a parameter of the query, decoded.
    pub fn param(&self, name: &str) -> Option<String> {
        param(&self.query, name)
    }
}

fn classify(path: &str, is_app: impl Fn(&str) -> bool) -> (Target, Option<String>) {
    let mut segments = path.trim_start_matches('/').splitn(2, '/');
    let first = segments.next().unwrap_or("");
    let rest = segments.next();
    let shop = || Some(SHOP.to_owned());
    match (first, rest) {
        ("trueup.json", None) => (Target::Manifest, shop()),
        ("__report", None) => (Target::Report, None),
        ("assets", Some(_)) => (Target::Assets, None),
        ("api", Some(_)) => (Target::Api, None),
        (app, Some(rest)) if app == SHOP || is_app(app) => {
            let target = if rest == "trueup.json" { Target::Manifest } else { Target::Shell };
            (target, Some(app.to_owned()))
        }
        _ => (Target::File, None),
    }
}

fn headers(map: &HeaderMap) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    for (name, value) in map {
        let name = name.as_str();
        if NOISE.contains(&name) || name.starts_with("sec-ch-") {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        headers
            .entry(name.to_owned())
            .and_modify(|before: &mut String| *before = format!("{before}, {value}"))
            .or_insert_with(|| value.into_owned());
    }
    headers
}

fn tab_of(query: &str) -> Option<String> {
    param(query, "tab")
}

fn param(query: &str, name: &str) -> Option<String> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, v)| decode(v))
}

/// Undoes percent-encoding; what is not valid stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex =
            (*first == b'%').then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok())).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_is_asked_for() {
        let kind = |path: &str| {
            let (target, app) = classify(path, |name| name == "blog");
            (target.name(), app.unwrap_or_default())
        };
        assert_eq!(kind("/trueup.json"), ("manifest", "shop".to_owned()));
        assert_eq!(kind("/shop/trueup.json"), ("manifest", "shop".to_owned()));
        assert_eq!(kind("/blog/trueup.json"), ("manifest", "blog".to_owned()));
        assert_eq!(kind("/shop/"), ("shell", "shop".to_owned()));
        assert_eq!(kind("/blog/a/b"), ("shell", "blog".to_owned()));
        assert_eq!(kind("/wiki/a"), ("file", String::new()));
        assert_eq!(kind("/shop"), ("file", String::new()));
        assert_eq!(kind("/assets/a/app.js"), ("assets", String::new()));
        assert_eq!(kind("/api/orders"), ("api", String::new()));
        assert_eq!(kind("/__report"), ("report", String::new()));
        assert_eq!(kind("/"), ("file", String::new()));
    }

    #[test]
    fn a_fault_of_everything_spares_the_console() {
        assert!(Asked::of("GET", "/shop/").is("any") && Asked::of("GET", "/pkg/a.js").is("any"));
        assert!(!Asked::of("GET", "/").is("any") && !Asked::of("GET", "/console/main.js").is("any"));
    }

    #[test]
    fn the_tab_is_read_from_the_query_or_from_the_page_that_asks() {
        assert_eq!(Asked::of("GET", "/shop/?tab=t%201").tab.as_deref(), Some("t 1"));
        let request = axum::http::Request::builder()
            .uri("/trueup.json")
            .header("referer", "http://127.0.0.1/shop/?a=b&tab=2")
            .body(())
            .unwrap();
        let asked = Asked::new(&request.into_parts().0, Door::Main, |_| false);
        assert_eq!(asked.tab.as_deref(), Some("2"));
    }

    #[test]
    fn a_bad_escape_stays_as_it_is() {
        assert_eq!(decode("a%zz%2"), "a%zz%2");
        assert_eq!(decode("%C3%A9+%2F"), "é /");
    }
}
