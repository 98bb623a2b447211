//! The deployment server: a model of everything behind a page's two origins, for the demo and the end-to-end tests.
//!
//! An app NAME (`shop`, if a command does not say) has its page at `/NAME/` and all paths below, its manifest at
//! `/NAME/trueup.json` (the shop's also at `/trueup.json`), and the assets of its builds at `/assets/ID/app.js`, `lazy.js`,
//! `style.css`. `/api/orders` and `/api/search` are example APIs, `/pkg/` is the built package, everything else is `www/`.
//! All of it is also served on a second port: another origin. (Browsers count ports of one host as one *site*; `localhost`
//! beside `127.0.0.1` makes two.)
//!
//! # `POST /__control`
//!
//! JSON: one command `{"do": NAME, …}` or a list of them, done at one moment. Answers `{"ok": true, "result": …}`, or 400 with
//! `{"ok": false, "error": …}`; unknown commands and members are errors. `GET /__control` tells the whole state, with
//! `origin` and `other`. A *target* is `manifest`, `shell`, `assets`, `api`, `report`, `file`, `any`, or a path prefix
//! that begins with `/`. `any` spares the console. Every command on an app takes `app`.
//!
//! | command | members | what it does |
//! |---|---|---|
//! | `reset` | | nothing deployed, no faults, the example APIs anew, log and reports empty (numbers go on) |
//! | `deploy` | `id`, `version`?, `page`?, `files`?, `manifest`? | publishes a build on all servers: its page (HTML with placeholders), its assets (`files`: name → text, with placeholders), and the manifest, with `current` set and the serial grown. `manifest: false` leaves the manifest alone; an object is a patch on top. Answers `serial` |
//! | `build` | the same | makes a build known, and its assets, without serving its page |
//! | `rollout` | `id`, `version`?, `share`, `by`?, `manifest`? | a mixed fleet: this build on `share` (0 to 1) of the requests, what was there on the rest; 1 ends it, 0 takes it back. The new servers have their own manifest; `manifest: false`: the same as the old. `by`: `turn` (default; exact, each kind of request by itself), `chance` (seeded), `tab` (sticky) |
//! | `shell` | `id` | a stale CDN: this build's page is served whatever is deployed, until `id: null` |
//! | `stale-manifest` | `on`?, `ageSeconds`? | a cache keeps serving the manifest of this moment, with its `Date` and a growing `Age` |
//! | `manifest` | `patch`, `server`? | merge patch (RFC 7396) of the manifest of all servers or one; the serial grows to the time in seconds, at least by 1, unless the patch has one. Answers `serial`, `serials` |
//! | `manifest-raw` | `text`, `server`? | the manifest, word for word |
//! | `delete-assets` | `id`, `deleted`? | the build's assets answer 404 with HTML |
//! | `template` | `page`?, `files`? | what builds of the app without a page or file of their own serve; before that `www/NAME/`, before that a plain page |
//! | `fault` | see below | answers `id` |
//! | `clear` | `id`? | ends one fault or all |
//! | `headers` | `target`, `set` | sets headers (CSP, `Cache-Control`, …) on answers, `null` removes; `$serial` in a value is the shop's serial. Replaces what was set for the same target; `set: {}` ends it |
//! | `cors` | `target`, `origin`, `expose`?, `allowHeaders`?, `credentials`? | `origin`: `*`, `echo`, an origin, or `null` to end it. Without such a rule nothing is allowed |
//! | `put` | `path`, `body`?, `contentType`?, `headers`?, `status`? | answers this path, word for word (a service worker, an odd page) |
//! | `unput` | `path` | ends it |
//! | `mount` | `path`, `folder`, `fallback`? | serves a folder of built files (absolute path) below `path` (`/vite/`), pages that are not there as `index.html`; `folder: null` ends it |
//! | `clock` | `skewMs` | the servers' clock is off by so much |
//! | `api` | `name`, … | merge patch of an API, see below; an unknown name makes one |
//!
//! Placeholders in pages and files: `{{mark}}`, `{{id}}`, `{{version}}`, `{{app}}`, `{{assets}}` (`/assets/ID`), `{{method}}`,
//! `{{rendered}}` (ms since 1970), `{{manifest}}` (JSON, safe inside a script).
//!
//! ## Faults
//!
//! `{"do": "fault", "id"?, "target", …}`. Which requests: `app`, `method`, `query` (a part of it), `tab`, `dest` (`Sec-Fetch-Dest`), `server`
//! (index), `door` (`main`, `other`). For how long: `skip` n, `times` n, `every` n-th, `forMs`; else until cleared. What happens, in any
//! combination; of several faults the first that says something wins:
//! `delayMs`, `hang: true` (until cleared, then the true answer), `reset: true` (RST), `status`, `kind` (`html`, `empty`, `malformed`,
//! `truncated`, `oversize`, `deep`), `body`, `contentType`, `headers` (`null` removes), `retryAfter` (seconds, or a text; `"date+5"` is the date in 5 s),
//! `redirect` (URL; `other:/login` is on the other origin), `noDate: true`, `dateSkewMs`, `age`, `truncate` (cut the connection after so many bytes of the body), `stall` (so many bytes, the rest when cleared). `/login` is a page, if nothing else is put there.
//!
//! ## APIs
//!
//! `{"do": "api", "name": "orders", …}`: `servers` (`[["1","2"],["2","3"]]`: the version sets behind the address, in turn), `deprecated`
//! (`{"2": {"deprecation": SECONDS, "sunset": SECONDS, "link": URL}}`, texts go out as they are), `enforceSunset` (default true: gone after its
//! sunset), `refusal` (`{"status", "sign": "header"|"problem"|"both"|"none", "header", "lists", "type"}`), `echo` (header with the served
//! version, default `api-version`), `serveAs` (another version than asked), `redirect` (307; `other:$path` is the same path on the other origin), `headers`.
//! The version is found in the path (`/api/orders/v2/…`), the query (`api-version`, `version`, `v`), a header (`Api-Version`, `X-Api-Version`,
//! `Accept-Version`) or a parameter of `Accept` (`version`, `v`). Answers tell the version, carrier, and the request as it came.
//!
//! # Watching
//!
//! - `GET /__log?since=N&target=&path=&method=&tab=&app=&dest=`: `{now, last, entries}`: each request with `seq`, `at` (ms), `target`, `door`, `method`,
//!   `path`, `query`, `headers`, `body`, `app`, `tab` (from `?tab=` of it or its referrer), `build`, `server`, `api`, `faults`, `status` (absent while
//!   unanswered), `bytes`, `took` (ms), `aborted`, `reset`. With `wait=MS` (and `count=K`) it waits until K such requests are answered.
//! - `POST /__log/clear`: drops entries and reports; answers `last`.
//! - `POST /__report`: a beacon; `GET /__reports`: all of them, `{at, tab, seq, report}`.
//! - `GET /__events`: server-sent events `request`, `answer` (log entries), `report`, `state` (something was commanded).

mod answer;
mod api;
mod command;
mod conn;
mod control;
mod document;
mod endpoints;
mod fault;
mod fleet;
mod log;
mod page;
mod request;
mod state;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;

use conn::{Connection, Cut, Door};
use log::News;
use page::Folders;
use state::World;

/// Where to listen, and which files to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// A port of 0 takes any free one.
    pub address: SocketAddr,
    /// The other origin; `None` for the port after the address's, or any if that one is taken.
    pub other: Option<SocketAddr>,
    /// The built package, served under `/pkg/`.
    pub package: PathBuf,
    /// The console and the templates of the apps.
    pub www: PathBuf,
}

/// The two origins as pages write them.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    pub main: String,
    pub other: String,
}

/// The server's whole state, shared by all requests.
pub(crate) struct Deployment {
    world: Mutex<World>,
    pub news: News,
    pub folders: Folders,
    pub origins: Origins,
}

/// Serves until ctrl-c or SIGTERM. Says on standard output where, once it listens.
pub async fn serve(options: Options) -> Result<()> {
    let server = Server::bind(options).await?;
    println!("listening on {}", server.deployment.origins.main);
    println!("other origin {}", server.deployment.origins.other);
    tokio::select! {
        never = server.run() => never,
        stopped = stop() => stopped,
    }
}

/// Both listeners, before the first request.
struct Server {
    main: TcpListener,
    other: TcpListener,
    deployment: Arc<Deployment>,
}

impl Server {
    async fn bind(options: Options) -> Result<Server> {
        let main = TcpListener::bind(options.address).await;
        let main = main.with_context(|| format!("listen on {}", options.address))?;
        let other = listen_beside(&options, main.local_addr()?).await?;
        let origins = Origins {
            main: format!("http://{}", main.local_addr()?),
            other: format!("http://{}", other.local_addr()?),
        };
        let folders = Folders { package: options.package, www: options.www };
        let world = Mutex::new(World::new());
        let deployment = Arc::new(Deployment { world, news: News::new(), folders, origins });
        Ok(Server { main, other, deployment })
    }

    async fn run(self) -> Result<()> {
        let app = endpoints::router(self.deployment);
        tokio::select! {
            never = accept(self.main, Door::Main, app.clone()) => never,
            never = accept(self.other, Door::Other, app) => never,
        }
    }
}

impl Deployment {
    /// The world at this moment; not to be held over an await.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until none of these faults is in force any more.
    pub async fn until_cleared(&self, faults: &[String]) {
        let mut changes = self.news.changes();
        loop {
            let held =
                self.world().faults.iter().any(|f| f.effects.holds() && faults.contains(&f.id) && !f.ended());
            if !held {
                return;
            }
            // A fault may also end by its time, which nobody tells.
            let _ = tokio::time::timeout(Duration::from_millis(100), changes.changed()).await;
        }
    }
}

/// The second origin's listener: the wanted port, the next one, or any.
async fn listen_beside(options: &Options, main: SocketAddr) -> Result<TcpListener> {
    if let Some(address) = options.other {
        return TcpListener::bind(address).await.with_context(|| format!("listen on {address}"));
    }
    let any = SocketAddr::new(main.ip(), 0);
    let next = main.port().checked_add(1).filter(|_| options.address.port() != 0);
    match next {
        Some(port) => match TcpListener::bind(SocketAddr::new(main.ip(), port)).await {
            Ok(listener) => Ok(listener),
            Err(_) => Ok(TcpListener::bind(any).await?),
        },
        None => Ok(TcpListener::bind(any).await?),
    }
}

/// Takes connections for ever. Written by hand, for two things that axum's own loop hides: resets and the `Date`.
async fn accept(listener: TcpListener, door: Door, app: Router) -> Result<()> {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => return Err(error).context("accept a connection"),
        };
        let _ = stream.set_nodelay(true);
        let cut = Cut::default();
        let io = TokioIo::new(Connection::new(stream, cut.clone()));
        let app = app.clone().layer(axum::Extension(door)).layer(axum::Extension(cut));
        tokio::spawn(async move {
            let mut http = hyper::server::conn::http1::Builder::new();
            http.auto_date_header(false).timer(TokioTimer::new());
            // Browsers go away as they like.
            let _ = http.serve_connection(io, TowerToHyperService::new(app)).await;
        });
    }
}

async fn stop() -> Result<()> {
    #[cfg(unix)]
    {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            _ = terminated.recv() => Ok(()),
            pressed = tokio::signal::ctrl_c() => Ok(pressed?),
        }
    }
    #[cfg(not(unix))]
    Ok(tokio::signal::ctrl_c().await?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    /// A server of the test's own, and its address.
    async fn started() -> (Arc<Deployment>, SocketAddr) {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let nowhere = PathBuf::from("/nowhere");
        let options = Options { address: any, other: None, package: nowhere.clone(), www: nowhere };
        let server = Server::bind(options).await.expect("a free port");
        let (deployment, address) =
            (server.deployment.clone(), server.main.local_addr().expect("an address"));
        tokio::spawn(server.run());
        (deployment, address)
    }

    fn command(deployment: &Deployment, commands: Value) {
        control::control(&mut deployment.world(), commands).expect("a command");
        deployment.news.tell("state", &json!({}));
    }

    /// A test that waits in vain fails instead of hanging.
    async fn soon<T>(what: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(10), what).await.expect("soon")
    }

    /// What comes back until the connection ends.
    async fn get(address: SocketAddr, path: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(address).await?;
        let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut answer = String::new();
        soon(stream.read_to_string(&mut answer)).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn an_answer_has_a_date_unless_a_fault_takes_it_away() {
        let (deployment, address) = started().await;
        command(&deployment, json!({"do":"deploy","id":"a"}));
        assert!(get(address, "/trueup.json").await.unwrap().contains("\r\ndate: "));
        command(&deployment, json!({"do":"fault","target":"manifest","noDate":true}));
        let answer = get(address, "/trueup.json").await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && !answer.contains("date:"), "{answer}");
    }

    #[tokio::test]
    async fn a_reset_connection_brings_no_answer() {
        let (deployment, address) = started().await;
        command(&deployment, json!({"do":"fault","target":"any","reset":true,"times":1}));
        let error = get(address, "/a").await.expect_err("a reset");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(get(address, "/a").await.unwrap().starts_with("HTTP/1.1 404"));
        assert!(deployment.world().log.read(&log::Query::default())[0].rest.reset);
    }

    #[tokio::test]
    async fn a_truncated_answer_begins_and_breaks_off() {
        let (deployment, address) = started().await;
        command(&deployment, json!({"do":"fault","target":"any","truncate":9,"times":1}));
        let answer = get(address, "/a").await.unwrap();
        assert!(answer.contains("\r\n9\r\n<!doctype\r\n") && !answer.ends_with("0\r\n\r\n"), "{answer}");
    }

    #[tokio::test]
    async fn a_stalled_body_goes_on_when_the_fault_is_cleared() {
        let (deployment, address) = started().await;
        command(
            &deployment,
            json!([
                {"do":"put","path":"/a.txt","body":"beginning and end"},
                {"do":"fault","target":"/a.txt","stall":9},
            ]),
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /a.txt HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut seen = String::new();
        while !seen.contains("beginning") {
            let mut piece = [0; 512];
            let length = soon(stream.read(&mut piece)).await.unwrap();
            assert_ne!(length, 0, "{seen}");
            seen.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
        assert!(!seen.contains("end"));
        command(&deployment, json!({"do":"clear"}));
        soon(stream.read_to_string(&mut seen)).await.unwrap();
        assert!(seen.contains(" and end"), "{seen}");
    }

    #[tokio::test]
    async fn a_page_of_the_web_may_not_command() {
        let (_deployment, address) = started().await;
        let answer = |origin: &'static str| async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let head = format!(
                "GET /__control HTTP/1.1\r\nhost: a\r\norigin: {origin}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        assert!(answer("http://example.com").await.starts_with("HTTP/1.1 403"));
        assert!(
            answer("http://127.0.0.1:1")
                .await
                .contains("access-control-allow-origin: http://127.0.0.1:1\r\n")
        );
    }

    #[tokio::test]
    async fn a_hanging_request_goes_on_when_the_fault_is_cleared() {
        let (deployment, address) = started().await;
        command(
            &deployment,
            json!([{"do":"deploy","id":"a"}, {"do":"fault","target":"manifest","hang":true}]),
        );
        let mut changes = deployment.news.changes();
        let waiting = tokio::spawn(async move { get(address, "/trueup.json").await });
        while deployment.world().log.last() == 0 {
            soon(changes.changed()).await.unwrap();
        }
        assert!(!waiting.is_finished());
        command(&deployment, json!({"do":"clear"}));
        assert!(waiting.await.unwrap().unwrap().starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn a_browser_that_went_away_is_in_the_log() {
        let (deployment, address) = started().await;
        command(&deployment, json!({"do":"fault","target":"any","hang":true}));
        let mut changes = deployment.news.changes();
        let waiting = tokio::spawn(async move { get(address, "/a").await });
        soon(changes.changed()).await.unwrap();
        waiting.abort();
        soon(changes.changed()).await.unwrap();
        assert!(deployment.world().log.read(&log::Query::default())[0].rest.aborted);
    }

    #[tokio::test]
    async fn the_log_can_be_waited_for() {
        let (deployment, address) = started().await;
        let waiting = tokio::spawn(async move { get(address, "/__log?wait=60000&target=file").await });
        get(address, "/a").await.unwrap();
        let answer = waiting.await.unwrap().unwrap();
        assert!(answer.contains("\"status\":404"), "{answer}");
        assert_eq!(deployment.world().log.last(), 1);
    }
}
