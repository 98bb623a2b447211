//! The server's own paths: commands, state, log and live events. Everything else is the modelled deployment.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::{Deployment, answer, control, log, state};

/// All paths of one door.
pub fn router(deployment: Arc<Deployment>) -> Router {
    Router::new()
        .route("/__control", get(state_of).post(control_by))
        .route("/__log", get(log_of))
        .route("/__log/clear", post(clear_log))
        .route("/__events", get(events))
        .route("/__reports", get(reports))
        .route_layer(from_fn(guard))
        .fallback(answer::answer)
        .with_state(deployment)
}

async fn state_of(State(deployment): State<Arc<Deployment>>) -> Response {
    let mut state = deployment.world().describe();
    state["origin"] = deployment.origins.main.clone().into();
    state["other"] = deployment.origins.other.clone().into();
    open(StatusCode::OK, &state)
}

async fn control_by(State(deployment): State<Arc<Deployment>>, body: Bytes) -> Response {
    let done = serde_json::from_slice(&body)
        .map_err(|error| error.to_string())
        .and_then(|commands: Value| control::control(&mut deployment.world(), commands));
    deployment.news.tell("state", &json!({}));
    match done {
        Ok(result) => open(StatusCode::OK, &json!({ "ok": true, "result": result })),
        Err(error) => open(StatusCode::BAD_REQUEST, &json!({ "ok": false, "error": error })),
    }
}

async fn log_of(State(deployment): State<Arc<Deployment>>, Query(query): Query<log::Query>) -> Response {
    if let Some(ms) = query.wait {
        let mut changes = deployment.news.changes();
        let enough =
            async { while !deployment.world().log.satisfies(&query) && changes.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(Duration::from_millis(ms), enough).await;
    }
    let world = deployment.world();
    let entries = world.log.read(&query);
    open(StatusCode::OK, &json!({ "now": state::unix_ms(), "last": world.log.last(), "entries": entries }))
}

async fn clear_log(State(deployment): State<Arc<Deployment>>) -> Response {
    let mut world = deployment.world();
    world.log.clear();
    world.reports.clear();
    open(StatusCode::OK, &json!({ "ok": true, "last": world.log.last() }))
}

async fn reports(State(deployment): State<Arc<Deployment>>) -> Response {
    open(StatusCode::OK, &json!(deployment.world().reports))
}

/// Server-sent events: `request`, `answer`, `report`, `state`; a console that falls behind is told so by `lost`.
async fn events(State(deployment): State<Arc<Deployment>>) -> Response {
    let mut news = deployment.news.listen();
    let (sender, body) = answer::stream(64);
    tokio::spawn(async move {
        let mut piece: Arc<str> = ": listening\n\n".into();
        while sender.send(Ok(Bytes::copy_from_slice(piece.as_bytes()))).await.is_ok() {
            let next = tokio::select! {
                next = news.recv() => next,
                () = sender.closed() => return,
            };
            piece = match next {
                Ok(next) => next,
                Err(RecvError::Lagged(lost)) => format!("event: lost\ndata: {lost}\n\n").into(),
                Err(RecvError::Closed) => return,
            };
        }
    });
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response
}

fn open(status: StatusCode, json: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], json.to_string()).into_response()
}

/// Opens the server's own paths to pages of this machine, and closes them to all others: a page of the web could
/// otherwise mount and read a developer's files.
async fn guard(request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    if origin.as_ref().is_some_and(|origin| !is_local(origin)) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn is_local(origin: &HeaderValue) -> bool {
    let host = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
    host.is_some_and(|host| {
        let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
        ["127.0.0.1", "localhost", "[::1]"].contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_machine_may_command() {
        for origin in ["http://127.0.0.1:4173", "http://localhost:1", "http://localhost", "http://[::1]:8080"]
        {
            assert!(is_local(&HeaderValue::from_static(origin)), "{origin}");
        }
        for origin in ["null", "http://example.com", "http://localhost.example.com:80", "https://127.0.0.1"] {
            assert!(!is_local(&HeaderValue::from_static(origin)), "{origin}");
        }
    }
}
