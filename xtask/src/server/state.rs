//! All that the modelled deployment is at one moment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api::Api;
use super::document::Document;
use super::fault::Fault;
use super::fleet::{Balancer, By, Server};
use super::log::Log;

/// The app that is meant when a command names none.
pub const SHOP: &str = "shop";

/// Everything behind the two origins.
#[derive(Default)]
pub struct World {
    pub apps: BTreeMap<String, App>,
    pub apis: BTreeMap<String, Api>,
    pub faults: Vec<Fault>,
    pub headers: Vec<HeaderRule>,
    pub cors: Vec<CorsRule>,
    /// Answers that were put at a path, word for word.
    pub files: BTreeMap<String, Put>,
    /// Folders that are served; of two that fit, the longer path comes later and wins.
    pub mounts: Vec<Mount>,
    /// How far the servers' clock is off, in ms.
    pub skew: i64,
    pub log: Log,
    pub reports: Vec<Value>,
}

/// One app of the origin: its page is `/NAME/`, its manifest `/NAME/trueup.json` (the shop's also `/trueup.json`).
#[derive(Default)]
pub struct App {
    pub builds: BTreeMap<String, Build>,
    pub servers: Vec<Server>,
    pub balancer: Balancer,
    /// The build whose page a cache keeps serving, whatever the servers have.
    pub stale_shell: Option<String>,
    pub stale_manifest: Option<StaleManifest>,
    /// The highest serial that was ever published.
    pub serial: u64,
    pub template: Template,
}

/// One build: its page, and the assets under `/assets/ID/`.
#[derive(Clone, Debug, Default)]
pub struct Build {
    pub version: Option<String>,
    /// The HTML with placeholders; `None` for the app's template.
    pub page: Option<String>,
    pub files: BTreeMap<String, String>,
    pub assets_deleted: bool,
}

/// What builds without a page and files of their own serve.
#[derive(Clone, Debug, Default)]
pub struct Template {
    pub page: Option<String>,
    pub files: BTreeMap<String, String>,
}

/// A manifest that a cache keeps.
#[derive(Clone, Debug)]
pub struct StaleManifest {
    pub document: Document,
    /// When the origin made it, by the servers' clock, in ms since 1970.
    pub made: i64,
}

/// An answer that was put at a path.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Put {
    pub path: String,
    #[serde(default)]
    pub content_type: Option<String>,
    #[serde(default)]
    pub body: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub status: Option<u16>,
}

/// A folder of built files under a path, as a static host has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mount {
    /// Begins and ends with `/`.
    pub path: String,
    /// An absolute path on this machine; `null` takes the mount away.
    pub folder: Option<PathBuf>,
    /// Pages that are not there are answered with `index.html`.
    #[serde(default = "yes")]
    pub fallback: bool,
}

fn yes() -> bool {
    true
}

/// Headers set on, or with `null` removed from, all answers of a target.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderRule {
    pub target: String,
    pub set: BTreeMap<String, Option<String>>,
}

/// What a target's answers allow to pages of other origins.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CorsRule {
    pub target: String,
    /// `*`, an origin, or `echo` for the asking one; `null` takes the rule away.
    pub origin: Option<String>,
    #[serde(default)]
    pub expose: Vec<String>,
    #[serde(default)]
    pub allow_headers: Vec<String>,
    #[serde(default)]
    pub credentials: bool,
}

impl World {
    /// Nothing deployed, and the example APIs.
    pub fn new() -> World {
        World { apis: super::api::defaults(), ..World::default() }
    }

    /// Milliseconds since 1970 by the servers' clock.
    pub fn now(&self) -> i64 {
        unix_ms() + self.skew
    }

    /// The app of this name; made when it is not there yet.
    pub fn app(&mut self, name: &str) -> &mut App {
        self.apps.entry(name.to_owned()).or_default()
    }

    /// Everything but the log, for `GET /__control`.
    pub fn describe(&self) -> Value {
        let apps: BTreeMap<&String, Value> =
            self.apps.iter().map(|(name, app)| (name, app.describe())).collect();
        json!({
            "now": self.now(), "skewMs": self.skew, "apps": apps, "apis": self.apis, "faults": self.faults,
            "headers": self.headers, "cors": self.cors, "mounts": self.mounts, "files": self.files.keys().collect::<BTreeSet<_>>(),
            "lastSeq": self.log.last(), "reports": self.reports.len(),
        })
    }
}

impl App {
    /// Replaces all servers by one with this build.
    pub fn replace(&mut self, build: &str, manifest: Document) {
        self.servers = vec![Server { build: build.to_owned(), share: 1.0, manifest }];
        self.balancer.restart(By::default());
    }

    /// Gives the build this share of the requests, and the rest to what was there before.
    pub fn roll_out(&mut self, build: &str, share: f64, by: By, manifest: Document) {
        let share = share.clamp(0.0, 1.0);
        let others: f64 = self.servers.iter().filter(|server| server.build != build).map(|s| s.share).sum();
        match self.servers.iter_mut().find(|server| server.build == build) {
            Some(server) => server.share = share,
            None => self.servers.push(Server { build: build.to_owned(), share, manifest }),
        }
        for server in self.servers.iter_mut().filter(|server| server.build != build) {
            server.share = if others > 0.0 { server.share / others * (1.0 - share) } else { 0.0 };
        }
        self.servers.retain(|server| server.share > 0.0);
        self.balancer.restart(by);
    }

    /// A serial above all before, by convention Unix seconds.
    pub fn next_serial(&mut self, now_ms: i64) -> u64 {
        self.serial = (self.serial + 1).max((now_ms / 1000).max(0) as u64);
        self.serial
    }

    /// The manifest that names this build as current, made from the newest server's.
    pub fn manifest_for(&mut self, id: &str, patch: &Value, now_ms: i64) -> Document {
        let version = self.builds.get(id).and_then(|build| build.version.clone());
        // `null` removes the version of the build before.
        let mut whole = json!({ "trueup": 1, "current": { "id": id, "version": version } });
        merge_patches(&mut whole, patch);
        let serial = self.next_serial(now_ms);
        let before = match self.servers.last() {
            Some(server) => server.manifest.clone(),
            None => Document::new("{}".to_owned()),
        };
        let document = before.patched(&whole, serial);
        self.serial = self.serial.max(document.serial());
        document
    }

    /// Which server answers; `None` before the first deploy.
    pub fn route(&mut self, kind: &str, tab: Option<&str>) -> Option<usize> {
        let shares: Vec<f64> = self.servers.iter().map(|server| server.share).collect();
        (!shares.is_empty()).then(|| self.balancer.choose(&shares, kind, tab))
    }

    fn describe(&self) -> Value {
        let builds: BTreeMap<&String, Value> = self
            .builds
            .iter()
            .map(|(id, build)| {
                (id, json!({ "version": build.version, "assetsDeleted": build.assets_deleted }))
            })
            .collect();
        let servers: Vec<Value> = self
            .servers
            .iter()
            .map(|server| {
                let text = &server.manifest.text;
                let manifest = server.manifest.json().unwrap_or_else(|| Value::String(text.clone()));
                json!({ "build": server.build, "share": server.share, "manifest": manifest })
            })
            .collect();
        json!({
            "builds": builds, "servers": servers, "by": self.balancer.by, "staleShell": self.stale_shell,
            "staleManifest": self.stale_manifest.as_ref().map(|stale| stale.document.serial()),
        })
    }
}

/// Joins two patches into one that does what both do in turn: unlike a merge, `null` stays as it is.
fn merge_patches(first: &mut Value, then: &Value) {
    match (first, then) {
        (Value::Object(first), Value::Object(then)) => {
            for (key, value) in then {
                merge_patches(first.entry(key.as_str()).or_insert(Value::Null), value);
            }
        }
        (first, then) => *first = then.clone(),
    }
}

/// Milliseconds since 1970 by this machine.
pub fn unix_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// An HTTP-date (RFC 9110, 5.6.7) of milliseconds since 1970.
pub fn http_date(ms: i64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(ms.max(0) as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(app: &App) -> Vec<(&str, f64)> {
        app.servers.iter().map(|server| (server.build.as_str(), server.share)).collect()
    }

    fn shop() -> App {
        let mut app = App::default();
        app.builds.insert("a".to_owned(), Build { version: Some("1.0.0".to_owned()), ..Build::default() });
        app.builds.insert("b".to_owned(), Build::default());
        let manifest = app.manifest_for("a", &json!({}), 1_000_000);
        app.replace("a", manifest);
        app
    }

    #[test]
    fn a_roll_out_goes_from_the_old_build_to_the_new_one_and_back() {
        let mut app = shop();
        let new = Document::new("{}".to_owned());
        app.roll_out("b", 0.25, By::Turn, new.clone());
        assert_eq!(shares(&app), [("a", 0.75), ("b", 0.25)]);
        app.roll_out("b", 0.5, By::Turn, new.clone());
        assert_eq!(shares(&app), [("a", 0.5), ("b", 0.5)]);
        app.roll_out("b", 1.0, By::Turn, new.clone());
        assert_eq!(shares(&app), [("b", 1.0)]);
        app.roll_out("a", 0.5, By::Turn, new.clone());
        app.roll_out("a", 0.0, By::Turn, new);
        assert_eq!(shares(&app), [("b", 1.0)]);
    }

    #[test]
    fn the_serial_is_the_time_and_always_grows() {
        let mut app = App::default();
        assert_eq!(app.next_serial(1_000_999), 1_000);
        assert_eq!(app.next_serial(1_000_999), 1_001);
        assert_eq!(app.next_serial(9_000_000), 9_000);
    }

    #[test]
    fn a_build_without_a_version_takes_the_old_version_out_of_the_manifest() {
        let mut app = shop();
        assert_eq!(app.servers[0].manifest.json().unwrap()["current"], json!({"id":"a","version":"1.0.0"}));
        let next = app.manifest_for("b", &json!({"poll":{"everySeconds":2}}), 0).json().unwrap();
        assert_eq!(next["current"], json!({"id":"b"}));
        assert_eq!(next["poll"], json!({"everySeconds":2}));
    }

    #[test]
    fn a_patch_given_with_a_deploy_may_remove_members() {
        let mut app = shop();
        let manifest = app.manifest_for("a", &json!({"supported":{"minimum":"1.0.0"}}), 0);
        app.replace("a", manifest);
        let next = app.manifest_for("b", &json!({"supported":null}), 0).json().unwrap();
        assert!(next.get("supported").is_none());
    }

    #[test]
    fn dates_are_written_as_http_wants_them() {
        assert_eq!(http_date(784_111_777_000), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
