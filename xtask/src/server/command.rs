//! The commands of `POST /__control` as they are written.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::fleet::By;
use super::state::{CorsRule, HeaderRule, Mount, Put, SHOP};

/// One command; the field `do` names it. What each means stands at the top of the module `server`.
#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Command {
    Reset(Nothing),
    Template(TemplateOf),
    Build(BuildOf),
    Deploy(BuildOf),
    Rollout(Rollout),
    Shell(ShellOf),
    StaleManifest(Stale),
    Manifest(Patch),
    ManifestRaw(Raw),
    DeleteAssets(Assets),
    Fault(Value),
    Clear(Which),
    Headers(HeaderRule),
    Cors(CorsRule),
    Put(Put),
    Mount(Mount),
    Unput(PathOf),
    Clock(Clock),
    Api(Value),
}

fn shop() -> String {
    SHOP.to_owned()
}

fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateOf {
    #[serde(default = "shop")]
    pub app: String,
    pub page: Option<String>,
    #[serde(default)]
    pub files: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildOf {
    #[serde(default = "shop")]
    pub app: String,
    pub id: String,
    pub version: Option<String>,
    pub page: Option<String>,
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// `false`: the manifest stays; an object: a patch of it on top.
    pub manifest: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    #[serde(default = "shop")]
    pub app: String,
    pub id: String,
    pub version: Option<String>,
    pub share: f64,
    #[serde(default)]
    pub by: By,
    /// `false`: the new servers have the old manifest; an object: a patch of theirs on top.
    pub manifest: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShellOf {
    #[serde(default = "shop")]
    pub app: String,
    pub id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Stale {
    #[serde(default = "shop")]
    pub app: String,
    #[serde(default = "yes")]
    pub on: bool,
    #[serde(default)]
    pub age_seconds: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    #[serde(default = "shop")]
    pub app: String,
    pub patch: Value,
    /// Only this server's, in a mixed fleet.
    pub server: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    #[serde(default = "shop")]
    pub app: String,
    pub text: String,
    pub server: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assets {
    #[serde(default = "shop")]
    pub app: String,
    pub id: String,
    #[serde(default = "yes")]
    pub deleted: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    pub id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PathOf {
    pub path: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Clock {
    pub skew_ms: i64,
}
