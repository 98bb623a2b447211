//! What can go wrong with an answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::request::Asked;
use super::state::{http_date, unix_ms};

/// A fault: which requests it hits, for how long, and what it does to them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fault {
    /// A name, to replace or clear it by; made up when there is none.
    pub id: String,
    /// `manifest`, `shell`, `assets`, `api`, `report`, `file`, `any`, or a path prefix that begins with `/`.
    pub target: String,
    #[serde(flatten)]
    pub only: Only,
    /// Lets this many matching requests pass first.
    pub skip: u64,
    /// Hits this many requests and no more.
    pub times: Option<u64>,
    /// Hits only every n-th matching request.
    pub every: Option<u64>,
    /// Ends after this time.
    pub for_ms: Option<i64>,
    /// What it does; several of these combine.
    #[serde(flatten)]
    pub effects: Effects,
    /// How many matching requests it has seen, and hit. Not to be set.
    pub seen: u64,
    pub hit: u64,
    /// When it ends, in ms since 1970. Not to be set.
    pub ends: Option<i64>,
}

/// Further conditions; all that are given must hold.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Only {
    pub app: Option<String>,
    pub method: Option<String>,
    /// A part of the query.
    pub query: Option<String>,
    pub tab: Option<String>,
    /// `Sec-Fetch-Dest`: `document` for a page load, `empty` for `fetch`.
    pub dest: Option<String>,
    /// The index of the server that answers, in a mixed fleet.
    pub server: Option<usize>,
    /// `main` or `other`.
    pub door: Option<String>,
}

/// What happens to the answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Effects {
    /// Waits before the answer, which was made before the wait.
    pub delay_ms: Option<u64>,
    /// No answer until the fault is cleared; then the true one.
    pub hang: Option<bool>,
    /// The connection is reset instead of an answer.
    pub reset: Option<bool>,
    pub status: Option<u16>,
    /// `html`, `empty`, `malformed`, `truncated`, `oversize`, `deep`, or a text to be sent word for word as `body`.
    pub kind: Option<Kind>,
    pub body: Option<String>,
    pub content_type: Option<String>,
    /// Set on the answer; `null` removes.
    pub headers: Option<BTreeMap<String, Option<String>>>,
    /// Seconds, or a text: `date+5` is the HTTP-date in 5 s, anything else is sent as it is.
    pub retry_after: Option<RetryAfter>,
    /// 302 to this URL; `other:/path` is on the other origin.
    pub redirect: Option<String>,
    /// No `Date` header.
    pub no_date: Option<bool>,
    /// Added to the `Date` header.
    pub date_skew_ms: Option<i64>,
    /// The `Age` header, in seconds.
    pub age: Option<u64>,
    /// Ends the connection after this many bytes of the body.
    pub truncate: Option<usize>,
    /// Sends this many bytes of the body and then nothing more, until the fault is cleared.
    pub stall: Option<usize>,
}

/// Bodies that come up again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An HTML page with 200, as a host's fallback sends it.
    Html,
    /// 200 and nothing.
    Empty,
    /// JSON with a mistake in it.
    Malformed,
    /// The true body's first half, as if it were whole.
    Truncated,
    /// JSON of two MiB.
    Oversize,
    /// JSON of 10,000 levels.
    Deep,
}

/// The header's two forms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RetryAfter {
    Seconds(u64),
    Text(String),
}

impl Fault {
    /// Whether this request is hit. Counts it, so ask once for each request.
    pub fn hits(&mut self, asked: &Asked, server: Option<usize>) -> bool {
        if self.over() || !asked.is(&self.target) || !self.only.holds(asked, server) {
            return false;
        }
        self.seen += 1;
        let turn = self.seen > self.skip
            && (self.seen - self.skip - 1).is_multiple_of(self.every.unwrap_or(1).max(1));
        if turn {
            self.hit += 1;
        }
        turn
    }

    /// Whether it will never hit again.
    pub fn over(&self) -> bool {
        self.times.is_some_and(|times| self.hit >= times) || self.ended()
    }

    /// Whether its time is up; requests that hang by it go on then.
    pub fn ended(&self) -> bool {
        self.ends.is_some_and(|ends| unix_ms() >= ends)
    }
}

impl Only {
    fn holds(&self, asked: &Asked, server: Option<usize>) -> bool {
        let same = |wanted: &Option<String>, have: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| have.is_some_and(|have| have.eq_ignore_ascii_case(wanted)))
        };
        same(&self.app, asked.app.as_deref())
            && same(&self.method, Some(&asked.method))
            && self.query.as_ref().is_none_or(|part| asked.query.contains(part.as_str()))
            && same(&self.tab, asked.tab.as_deref())
            && same(&self.dest, asked.header("sec-fetch-dest"))
            && self.server.is_none_or(|wanted| server == Some(wanted))
            && same(&self.door, Some(asked.door_name()))
    }
}

impl Effects {
    /// Takes over what is not decided yet.
    pub fn join(&mut self, later: &Effects) {
        fn fill<T: Clone>(mine: &mut Option<T>, theirs: &Option<T>) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
        fill(&mut self.delay_ms, &later.delay_ms);
        fill(&mut self.hang, &later.hang);
        fill(&mut self.reset, &later.reset);
        fill(&mut self.status, &later.status);
        fill(&mut self.kind, &later.kind);
        fill(&mut self.body, &later.body);
        fill(&mut self.content_type, &later.content_type);
        fill(&mut self.headers, &later.headers);
        fill(&mut self.retry_after, &later.retry_after);
        fill(&mut self.redirect, &later.redirect);
        fill(&mut self.no_date, &later.no_date);
        fill(&mut self.date_skew_ms, &later.date_skew_ms);
        fill(&mut self.age, &later.age);
        fill(&mut self.truncate, &later.truncate);
        fill(&mut self.stall, &later.stall);
    }

    /// Whether the answer, or the rest of it, waits until the fault is cleared.
    pub fn holds(&self) -> bool {
        self.hang == Some(true) || self.stall.is_some()
    }

    /// Whether the true answer is replaced by another.
    pub fn replaces(&self) -> bool {
        self.status.is_some() || self.kind.is_some() || self.body.is_some() || self.redirect.is_some()
    }
}

impl Kind {
    /// The content type and body of this kind, made from the true body.
    pub fn body(self, whole: &str) -> (&'static str, String) {
        const JSON: &str = "application/json";
        match self {
            Kind::Html => (
                "text/html; charset=utf-8",
                "<!doctype html><title>Welcome</title><h1>Welcome</h1>\n".to_owned(),
            ),
            Kind::Empty => (JSON, String::new()),
            Kind::Malformed => (JSON, format!("{},}}", whole.trim_end().trim_end_matches('}'))),
            Kind::Truncated => {
                let half = (0..=whole.len() / 2).rev().find(|&at| whole.is_char_boundary(at)).unwrap_or(0);
                (JSON, whole[..half].to_owned())
            }
            Kind::Oversize => (JSON, with_member(whole, "padding", &format!("\"{}\"", "x".repeat(2 << 20)))),
            Kind::Deep => {
                (JSON, with_member(whole, "deep", &format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))))
            }
        }
    }
}

impl RetryAfter {
    /// The header's value, with dates counted from the servers' now in ms since 1970.
    pub fn value(&self, now: i64) -> String {
        match self {
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Text(text) => {
                match text.strip_prefix("date+").and_then(|seconds| seconds.parse::<i64>().ok()) {
                    Some(seconds) => http_date(now + seconds * 1000),
                    None => text.clone(),
                }
            }
        }
    }
}

fn with_member(object: &str, name: &str, value: &str) -> String {
    let inner = object.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or("");
    let comma = if inner.trim().is_empty() { "" } else { "," };
    format!("{{{inner}{comma}\"{name}\":{value}}}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fault(json: serde_json::Value) -> Fault {
        serde_json::from_value(json).expect("a fault")
    }

    fn hits(fault: &mut Fault, requests: usize) -> Vec<bool> {
        let asked = Asked::of("GET", "/trueup.json");
        (0..requests).map(|_| fault.hits(&asked, Some(0))).collect()
    }

    #[test]
    fn a_fault_passes_over_the_first_and_ends_after_its_times() {
        let mut fault = fault(json!({"target":"manifest","skip":1,"times":2,"status":503}));
        assert_eq!(hits(&mut fault, 5), [false, true, true, false, false]);
        assert!(fault.over());
    }

    #[test]
    fn a_fault_hits_every_third_request() {
        let mut fault = fault(json!({"target":"manifest","every":3,"status":503}));
        assert_eq!(hits(&mut fault, 5), [true, false, false, true, false]);
    }

    #[test]
    fn a_fault_hits_only_what_it_is_meant_for() {
        let asked = Asked::of("GET", "/shop/cart?tab=2");
        let any = |json| fault(json).hits(&asked, Some(1));
        assert!(any(json!({"target":"shell"})));
        assert!(any(json!({"target":"any"})));
        assert!(any(json!({"target":"/shop/"})));
        assert!(any(json!({"target":"shell","tab":"2","server":1,"method":"get","door":"main"})));
        assert!(!any(json!({"target":"manifest"})));
        assert!(!any(json!({"target":"shell","tab":"3"})));
        assert!(!any(json!({"target":"shell","server":0})));
        assert!(!any(json!({"target":"shell","door":"other"})));
    }

    #[test]
    fn a_fault_with_a_past_end_hits_nothing() {
        let mut fault = fault(json!({"target":"any","status":500}));
        fault.ends = Some(unix_ms() - 1);
        assert_eq!(hits(&mut fault, 1), [false]);
    }

    #[test]
    fn the_first_fault_wins_and_the_next_fills_in() {
        let mut effects = fault(json!({"status":503})).effects;
        effects.join(&fault(json!({"status":500,"delayMs":10})).effects);
        assert_eq!((effects.status, effects.delay_ms), (Some(503), Some(10)));
    }

    #[test]
    fn broken_bodies_are_broken_as_they_say() {
        let whole = r#"{"trueup":1}"#;
        let parses = |kind: Kind| serde_json::from_str::<serde_json::Value>(&kind.body(whole).1).is_ok();
        assert!(!parses(Kind::Html) && !parses(Kind::Empty));
        assert!(!parses(Kind::Malformed) && !parses(Kind::Truncated));
        assert!(parses(Kind::Oversize));
        assert!(Kind::Oversize.body(whole).1.len() > 1 << 20);
        assert!(Kind::Deep.body("{}").1.starts_with("{\"deep\":[[["));
    }

    #[test]
    fn retry_after_comes_in_both_forms() {
        assert_eq!(RetryAfter::Seconds(7).value(0), "7");
        assert_eq!(RetryAfter::Text("date+5".to_owned()).value(0), "Thu, 01 Jan 1970 00:00:05 GMT");
        assert_eq!(RetryAfter::Text("soon".to_owned()).value(0), "soon");
    }
}
