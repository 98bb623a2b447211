//! The log of every request, and the live stream of what happens.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{broadcast, watch};

use super::request::Asked;
use super::state::unix_ms;

/// Older entries are dropped.
const KEPT: usize = 20_000;
/// This much of a request's body is kept.
const BODY: usize = 4096;

/// Requests in the order of their arrival.
#[derive(Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    last: u64,
}

/// One request. `status` is absent until it is answered; `aborted` when the browser went away first.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub seq: u64,
    /// Milliseconds since 1970 by this machine, whatever the servers' clock says.
    pub at: i64,
    #[serde(skip)]
    pub began: Instant,
    pub target: &'static str,
    pub door: &'static str,
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: Value,
    #[serde(flatten)]
    pub rest: Rest,
}

/// What becomes known later.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tab: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The build that the answering server has, or whose page or asset was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
    /// The index of the answering server in a mixed fleet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<usize>,
    /// What an API was asked for, and answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<Value>,
    /// The faults that hit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Length of the answer's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Milliseconds until the answer began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub took: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub aborted: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reset: bool,
}

/// Which entries `GET /__log` wants.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Query {
    /// Only entries after this number.
    pub since: u64,
    pub target: Option<String>,
    /// A path prefix.
    pub path: Option<String>,
    pub method: Option<String>,
    pub tab: Option<String>,
    pub app: Option<String>,
    /// `Sec-Fetch-Dest`: `document` for page loads.
    pub dest: Option<String>,
    /// Waits at most this long, in ms, until `count` such requests were answered.
    pub wait: Option<u64>,
    pub count: Option<usize>,
}

impl Log {
    /// The number of the latest request, 0 before the first.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Enters a request and returns its entry.
    pub fn begin(&mut self, asked: &Asked, body: &[u8]) -> Entry {
        self.last += 1;
        let kept = &body[..body.len().min(BODY)];
        let entry = Entry {
            seq: self.last,
            at: unix_ms(),
            began: Instant::now(),
            target: asked.target.name(),
            door: asked.door_name(),
            method: asked.method.clone(),
            path: asked.path.clone(),
            query: asked.query.clone(),
            headers: json!(asked.headers),
            rest: Rest {
                app: asked.app.clone(),
                tab: asked.tab.clone(),
                body: (!body.is_empty()).then(|| String::from_utf8_lossy(kept).into_owned()),
                ..Rest::default()
            },
        };
        self.entries.push_back(entry.clone());
        if self.entries.len() > KEPT {
            self.entries.pop_front();
        }
        entry
    }

    /// Writes down what became of a request; nothing if the log was cleared meanwhile.
    pub fn end(&mut self, seq: u64, write: impl FnOnce(&mut Rest)) -> Option<Entry> {
        let index = self.entries.binary_search_by_key(&seq, |entry| entry.seq).ok()?;
        let entry = &mut self.entries[index];
        write(&mut entry.rest);
        entry.rest.took = Some(entry.began.elapsed().as_millis() as u64);
        Some(entry.clone())
    }

    /// Drops all entries; the numbers go on.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    pub fn read(&self, query: &Query) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| query.wants(entry)).collect()
    }

    /// Whether as many answered requests are there as the query waits for.
    pub fn satisfies(&self, query: &Query) -> bool {
        let answered = |entry: &&Entry| query.wants(entry) && entry.rest.status.is_some();
        self.entries.iter().filter(answered).count() >= query.count.unwrap_or(1)
    }
}

impl Query {
    fn wants(&self, entry: &Entry) -> bool {
        let same = |wanted: &Option<String>, have: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == have)
        };
        entry.seq > self.since
            && same(&self.target, Some(entry.target))
            && same(&self.method, Some(&entry.method))
            && same(&self.tab, entry.rest.tab.as_deref())
            && same(&self.app, entry.rest.app.as_deref())
            && same(&self.dest, entry.headers.get("sec-fetch-dest").and_then(Value::as_str))
            && self.path.as_ref().is_none_or(|prefix| entry.path.starts_with(prefix.as_str()))
    }
}

/// Tells listeners what happens: the console by server-sent events, and requests that wait for a change.
#[derive(Clone)]
pub struct News {
    stream: broadcast::Sender<Arc<str>>,
    version: watch::Sender<u64>,
}

impl News {
    pub fn new() -> News {
        News { stream: broadcast::Sender::new(1024), version: watch::Sender::new(0) }
    }

    /// Tells everyone; `event` is the name on the stream.
    pub fn tell(&self, event: &str, data: &impl Serialize) {
        self.version.send_modify(|version| *version += 1);
        if self.stream.receiver_count() > 0 {
            let data = serde_json::to_string(data).unwrap_or_default();
            let _ = self.stream.send(format!("event: {event}\ndata: {data}\n\n").into());
        }
    }

    pub fn listen(&self) -> broadcast::Receiver<Arc<str>> {
        self.stream.subscribe()
    }

    /// Wakes up at every change after this call.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_go_on_when_the_log_is_cleared() {
        let mut log = Log::default();
        log.begin(&Asked::of("GET", "/trueup.json"), b"");
        log.clear();
        assert!(log.end(1, |_| ()).is_none());
        assert_eq!(log.begin(&Asked::of("GET", "/shop/"), b"").seq, 2);
        assert_eq!(log.read(&Query::default()).len(), 1);
    }

    #[test]
    fn a_query_waits_for_answers_and_not_for_requests() {
        let mut log = Log::default();
        let query = Query { target: Some("manifest".to_owned()), ..Query::default() };
        log.begin(&Asked::of("GET", "/shop/"), b"");
        log.end(1, |rest| rest.status = Some(200));
        log.begin(&Asked::of("GET", "/trueup.json"), b"");
        assert!(!log.satisfies(&query));
        assert_eq!(log.read(&query).len(), 1);
        log.end(2, |rest| rest.status = Some(304));
        assert!(log.satisfies(&query));
        assert!(!log.satisfies(&Query { since: 2, ..query }));
    }
}
