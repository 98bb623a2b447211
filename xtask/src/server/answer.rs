//! From a request to an answer: what the servers would say, then what faults and header rules make of it.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::conn::{Cut, Door};
use super::fault::Effects;
use super::log::Rest;
use super::request::{Asked, Target};
use super::state::{CorsRule, SHOP, World, http_date, unix_ms};
use super::{Deployment, api, page};

/// More than any manifest or call of a test.
const BODY: usize = 16 << 20;

/// An answer before it goes out.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// For the log: whose page, asset or manifest it is.
    pub build: Option<String>,
    pub server: Option<usize>,
    pub api: Option<Value>,
}

impl Answer {
    pub fn new(status: u16) -> Answer {
        Answer { status, ..Answer::default() }
    }

    pub fn json(status: u16, json: &Value) -> Answer {
        let mut answer = Answer::new(status);
        answer.set("content-type", "application/json");
        answer.set("cache-control", "no-store");
        answer.body = json.to_string().into_bytes();
        answer
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
}

/// Answers everything that is not the control interface itself.
pub async fn answer(State(deployment): State<Arc<Deployment>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let door = parts.extensions.get::<Door>().copied().unwrap_or(Door::Main);
    let cut = parts.extensions.get::<Cut>().cloned().unwrap_or_default();
    let body = axum::body::to_bytes(body, BODY).await.unwrap_or_default();

    let (pending, answer, effects) = arrive(&deployment, &parts, door, &body);
    if let Some(ms) = effects.delay_ms {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    if effects.hang == Some(true) {
        deployment.until_cleared(&pending.faults).await;
    }
    if effects.reset == Some(true) {
        cut.reset();
    }
    let faults = pending.faults.clone();
    pending.end(&answer, effects.reset == Some(true));
    send(answer, &effects, &deployment, faults)
}

/// Logs the request and makes its answer, all at the one moment of its arrival.
fn arrive(
    deployment: &Arc<Deployment>,
    parts: &axum::http::request::Parts,
    door: Door,
    body: &[u8],
) -> (Pending, Answer, Effects) {
    let mut world = deployment.world();
    let asked = Asked::new(parts, door, |name| world.apps.contains_key(name));
    let entry = world.log.begin(&asked, body);
    let mut answer = origin(&mut world, &asked, body, deployment);
    let mut effects = Effects::default();
    let mut faults = Vec::new();
    for fault in &mut world.faults {
        if fault.hits(&asked, answer.server) {
            effects.join(&fault.effects);
            faults.push(fault.id.clone());
        }
    }
    if effects.replaces() {
        answer = replaced(answer, &effects, deployment);
    }
    finish(&mut answer, &world, &asked, &effects);
    drop(world);
    deployment.news.tell("request", &entry);
    let pending = Pending { deployment: deployment.clone(), seq: entry.seq, faults, ended: false };
    (pending, answer, effects)
}

/// What the servers say when nothing is wrong.
fn origin(world: &mut World, asked: &Asked, body: &[u8], deployment: &Deployment) -> Answer {
    if asked.method == "OPTIONS" && asked.header("access-control-request-method").is_some() {
        return Answer::new(204);
    }
    if let Some(put) = world.files.get(&asked.path) {
        return page::put(put);
    }
    if let Some(mount) = world.mounts.iter().rev().find(|mount| asked.path.starts_with(&mount.path)) {
        return page::mounted(mount, asked);
    }
    let now = world.now();
    match asked.target {
        Target::Manifest => page::manifest(world, asked),
        Target::Shell => page::shell(world, asked, &deployment.folders),
        Target::Assets => page::asset(world, asked, &deployment.folders),
        Target::Api => api::answer(&mut world.apis, asked, body, now, &deployment.origins.other),
        Target::Report => report(world, asked, body, deployment),
        Target::File => page::file(asked, &deployment.folders),
    }
}

/// Takes a beacon.
fn report(world: &mut World, asked: &Asked, body: &[u8], deployment: &Deployment) -> Answer {
    let text = String::from_utf8_lossy(body);
    let content = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.into_owned()));
    let report = json!({ "at": unix_ms(), "tab": asked.tab, "seq": world.log.last(), "report": content });
    deployment.news.tell("report", &report);
    world.reports.push(report);
    Answer::new(204)
}

/// The answer that a fault puts in the place of the true one.
fn replaced(whole: Answer, effects: &Effects, deployment: &Deployment) -> Answer {
    let mut answer =
        Answer { server: whole.server, build: whole.build, ..Answer::new(effects.status.unwrap_or(200)) };
    answer.set("cache-control", "no-cache");
    if let Some(to) = &effects.redirect {
        answer.status = effects.status.unwrap_or(302);
        let location = match to.strip_prefix("other:") {
            Some(path) => format!("{}{path}", deployment.origins.other),
            None => to.clone(),
        };
        answer.set("location", &location);
    }
    if let Some(kind) = effects.kind {
        let (content_type, body) = kind.body(&String::from_utf8_lossy(&whole.body));
        answer.set("content-type", content_type);
        answer.body = body.into_bytes();
    } else if effects.status.is_some() && effects.redirect.is_none() {
        answer.set("content-type", "text/html; charset=utf-8");
        answer.body = format!("<!doctype html><title>{0}</title><h1>{0}</h1>\n", answer.status).into_bytes();
    }
    if let Some(body) = &effects.body {
        answer.set("content-type", "application/json");
        answer.body = body.clone().into_bytes();
    }
    if let Some(content_type) = &effects.content_type {
        answer.set("content-type", content_type);
    }
    answer
}

/// `Date`, header rules, CORS, and what faults do to headers.
fn finish(answer: &mut Answer, world: &World, asked: &Asked, effects: &Effects) {
    let now = world.now();
    if !answer.headers.contains_key("date") {
        answer.set("date", &http_date(now + effects.date_skew_ms.unwrap_or(0)));
    }
    for rule in world.headers.iter().filter(|rule| asked.is(&rule.target)) {
        change(answer, &rule.set, world);
    }
    if let Some(rule) = world.cors.iter().find(|rule| asked.is(&rule.target)) {
        rule.allow(answer, asked);
    }
    if let Some(age) = effects.age {
        answer.set("age", &age.to_string());
    }
    if let Some(after) = &effects.retry_after {
        answer.set("retry-after", &after.value(now));
    }
    if let Some(set) = &effects.headers {
        change(answer, set, world);
    }
    if effects.no_date == Some(true) {
        answer.headers.remove("date");
    }
}

fn change(answer: &mut Answer, set: &BTreeMap<String, Option<String>>, world: &World) {
    for (name, value) in set {
        match value {
            Some(value) if value.contains("$serial") => {
                let server = world.apps.get(SHOP).and_then(|app| app.servers.last());
                let serial = server.map_or(0, |server| server.manifest.serial());
                answer.set(name, &value.replace("$serial", &serial.to_string()));
            }
            Some(value) => answer.set(name, value),
            None => {
                answer.headers.remove(&name.to_ascii_lowercase());
            }
        }
    }
}

impl CorsRule {
    fn allow(&self, answer: &mut Answer, asked: &Asked) {
        let (Some(origin), Some(asking)) = (&self.origin, asked.header("origin")) else { return };
        answer.set("access-control-allow-origin", if origin == "echo" { asking } else { origin });
        answer.set("vary", "Origin");
        if self.credentials {
            answer.set("access-control-allow-credentials", "true");
        }
        if !self.expose.is_empty() {
            answer.set("access-control-expose-headers", &self.expose.join(", "));
        }
        if asked.header("access-control-request-method").is_some() {
            answer.set("access-control-allow-methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
            if !self.allow_headers.is_empty() {
                answer.set("access-control-allow-headers", &self.allow_headers.join(", "));
            }
        }
    }
}

/// A request that is not answered yet. Dropped before its end, the browser has gone away.
struct Pending {
    deployment: Arc<Deployment>,
    seq: u64,
    faults: Vec<String>,
    ended: bool,
}

impl Pending {
    fn end(mut self, answer: &Answer, reset: bool) {
        self.ended = true;
        let faults = std::mem::take(&mut self.faults);
        self.write(|rest| {
            rest.status = Some(answer.status);
            rest.bytes = Some(answer.body.len() as u64);
            rest.build.clone_from(&answer.build);
            rest.server = answer.server;
            rest.api.clone_from(&answer.api);
            rest.faults = faults;
            rest.reset = reset;
        });
    }

    fn write(&self, write: impl FnOnce(&mut Rest)) {
        let entry = self.deployment.world().log.end(self.seq, write);
        if let Some(entry) = entry {
            self.deployment.news.tell("answer", &entry);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.ended {
            let faults = std::mem::take(&mut self.faults);
            self.write(|rest| {
                rest.aborted = true;
                rest.faults = faults;
            });
        }
    }
}

fn send(
    answer: Answer,
    effects: &Effects,
    deployment: &Arc<Deployment>,
    faults: Vec<String>,
) -> Response<Body> {
    let body = match effects.truncate.or(effects.stall).filter(|&bytes| bytes < answer.body.len()) {
        Some(bytes) => broken_off(answer.body, bytes, effects.truncate.is_none(), deployment.clone(), faults),
        None => Body::from(answer.body),
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in &answer.headers {
        // What a test orders and HTTP cannot carry is left out.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// A body whose beginning is sent; the rest when the faults are cleared, or never.
fn broken_off(
    mut whole: Vec<u8>,
    bytes: usize,
    goes_on: bool,
    deployment: Arc<Deployment>,
    faults: Vec<String>,
) -> Body {
    let (sender, stream) = stream(2);
    let rest = whole.split_off(bytes);
    tokio::spawn(async move {
        let _ = sender.send(Ok(whole.into())).await;
        if goes_on {
            tokio::select! {
                () = deployment.until_cleared(&faults) => {}
                () = sender.closed() => return,
            }
            let _ = sender.send(Ok(rest.into())).await;
        } else {
            // Head and piece must have left first, or hyper drops them with the connection.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let _ = sender.send(Err(io::ErrorKind::ConnectionReset.into())).await;
        }
    });
    stream
}

/// A body that is sent piece by piece, until the sender is dropped.
pub fn stream(pieces: usize) -> (mpsc::Sender<io::Result<Bytes>>, Body) {
    let (sender, receiver) = mpsc::channel(pieces);
    (sender, Body::new(Pieces(receiver)))
}

struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<http_body::Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(http_body::Frame::data)))
    }
}
