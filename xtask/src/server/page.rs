//! What the servers serve: manifest, page, assets, files.

use std::path::{Component, Path, PathBuf};

use serde_json::json;

use super::answer::Answer;
use super::document::matches;
use super::request::Asked;
use super::state::{App, Build, Mount, Put, SHOP, World, http_date, unix_ms};

/// Where files come from.
#[derive(Clone, Debug)]
pub struct Folders {
    pub package: PathBuf,
    pub www: PathBuf,
}

const HTML: &str = "text/html; charset=utf-8";

/// The page of an app without a template: shows its build, and runs its script.
const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{{mark}}
<title>{{app}} {{id}}</title>
<link rel="stylesheet" href="{{assets}}/style.css">
</head>
<body>
<h1 id="build">{{id}}</h1>
<script type="module" src="{{assets}}/app.js"></script>
</body>
</html>
"#;

/// Assets of an app without a template.
const ASSETS: [(&str, &str); 3] = [
    ("app.js", "globalThis.ran = \"{{id}}\";\nglobalThis.lazy = () => import(\"./lazy.js\");\n"),
    ("lazy.js", "export const build = \"{{id}}\";\n"),
    ("style.css", "body { font: 16px system-ui; }\n"),
];

/// The manifest of an app, by the server that answers; 304 when the browser has it.
pub fn manifest(world: &mut World, asked: &Asked) -> Answer {
    let now = world.now();
    let name = asked.app.as_deref().unwrap_or(SHOP);
    let Some((app, server)) = route(world, name, "manifest", asked) else { return nothing(name) };
    let document = match &app.stale_manifest {
        Some(stale) => &stale.document,
        None => &app.servers[server].manifest,
    };
    let fresh = asked.header("if-none-match").is_some_and(|tags| matches(tags, &document.etag));
    let mut answer = Answer::new(if fresh { 304 } else { 200 });
    answer.set("etag", &document.etag);
    answer.set("cache-control", "no-cache");
    if !fresh {
        answer.set("content-type", "application/json");
        answer.body = document.text.clone().into_bytes();
    }
    if let Some(stale) = &app.stale_manifest {
        answer.set("date", &http_date(stale.made));
        answer.set("age", &((now - stale.made).max(0) / 1000).to_string());
    }
    answer.build = Some(app.servers[server].build.clone());
    answer.server = (app.servers.len() > 1).then_some(server);
    answer
}

/// The page of an app at any path below it; rendered for a POST as for a GET, as form-driven servers do.
pub fn shell(world: &mut World, asked: &Asked, folders: &Folders) -> Answer {
    let name = asked.app.as_deref().unwrap_or(SHOP);
    if asked.path.rsplit('/').next().is_some_and(|file| file.contains('.')) {
        return not_found(&asked.path);
    }
    let Some((app, server)) = route(world, name, "shell", asked) else { return nothing(name) };
    let id = app.stale_shell.clone().unwrap_or_else(|| app.servers[server].build.clone());
    let build = &app.builds[&id];
    let template = || text(folders, name, "index.html").unwrap_or_else(|| PAGE.to_owned());
    let page = build.page.clone().or_else(|| app.template.page.clone()).unwrap_or_else(template);
    let manifest = &app.servers[server].manifest.text;
    let mut answer = Answer::new(200);
    answer.set("content-type", HTML);
    answer.set("cache-control", "no-cache");
    answer.body = fill(&page, name, &id, build, manifest, &asked.method).into_bytes();
    answer.server = (app.servers.len() > 1).then_some(server);
    answer.build = Some(id);
    answer
}

/// `/assets/ID/NAME`, for ever fresh; an HTML 404 when it is gone.
pub fn asset(world: &World, asked: &Asked, folders: &Folders) -> Answer {
    let path = asked.path.trim_start_matches("/assets/");
    let (id, file) = path.split_once('/').unwrap_or((path, ""));
    let found = world.apps.iter().find_map(|(name, app)| Some((name, app, app.builds.get(id)?)));
    let Some((name, app, build)) = found.filter(|(.., build)| !build.assets_deleted) else {
        return not_found(&asked.path);
    };
    let own = build.files.get(file).or_else(|| app.template.files.get(file)).cloned();
    let fixed = || ASSETS.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned());
    let Some(text) = own.or_else(|| text(folders, name, file)).or_else(fixed) else {
        return not_found(&asked.path);
    };
    let mut answer = Answer::new(200);
    answer.set("content-type", mime(file));
    answer.set("cache-control", "public, max-age=31536000, immutable");
    answer.body = fill(&text, name, id, build, "null", &asked.method).into_bytes();
    answer.build = Some(id.to_owned());
    answer
}

/// The package under `/pkg/`, and `www/` under `/`.
pub fn file(asked: &Asked, folders: &Folders) -> Answer {
    let (folder, path) = match asked.path.strip_prefix("/pkg/") {
        Some(path) => (&folders.package, path),
        None => (&folders.www, asked.path.trim_start_matches('/')),
    };
    match (read(folder, path), asked.path.as_str()) {
        (Some(answer), _) => answer,
        // What apps are sent to by a fault's `redirect`.
        (None, "/login") => sign_in(),
        (None, _) => not_found(&asked.path),
    }
}

/// A mounted folder.
pub fn mounted(mount: &Mount, asked: &Asked) -> Answer {
    let folder = mount.folder.as_deref().unwrap_or(Path::new("/nowhere"));
    let path = &asked.path[mount.path.len()..];
    let is_page = !path.rsplit('/').next().is_some_and(|file| file.contains('.'));
    let fallback = || (mount.fallback && is_page).then(|| read(folder, "index.html")).flatten();
    read(folder, path).or_else(fallback).unwrap_or_else(|| not_found(&asked.path))
}

/// What a command put at this path.
pub fn put(put: &Put) -> Answer {
    let mut answer = Answer::new(put.status.unwrap_or(200));
    answer.set("content-type", put.content_type.as_deref().unwrap_or_else(|| mime(&put.path)));
    for (name, value) in &put.headers {
        answer.set(name, value);
    }
    answer.body = put.body.clone().into_bytes();
    answer
}

/// 404 with a page, as hosts send it.
pub fn not_found(path: &str) -> Answer {
    let mut answer = Answer::new(404);
    answer.set("content-type", HTML);
    answer.body = format!("<!doctype html><title>Not found</title><h1>Not found</h1><p>{}\n", escape(path))
        .into_bytes();
    answer
}

fn nothing(app: &str) -> Answer {
    Answer::json(404, &json!({ "error": format!("no build of {app:?} is deployed") }))
}

fn route<'a>(world: &'a mut World, name: &str, kind: &str, asked: &Asked) -> Option<(&'a App, usize)> {
    let app = world.apps.get_mut(name)?;
    let server = app.route(kind, asked.tab.as_deref())?;
    Some((app, server))
}

/// Puts the build into a template.
fn fill(template: &str, app: &str, id: &str, build: &Build, manifest: &str, method: &str) -> String {
    let version = build.version.as_deref().unwrap_or("");
    let data =
        if version.is_empty() { String::new() } else { format!(" data-version=\"{}\"", escape(version)) };
    let mark =
        format!("<meta name=\"trueup-build\" content=\"{}\"{data} data-app=\"{}\">", escape(id), escape(app));
    template
        .replace("{{mark}}", &mark)
        .replace("{{id}}", &escape(id))
        .replace("{{version}}", &escape(version))
        .replace("{{app}}", &escape(app))
        .replace("{{assets}}", &format!("/assets/{}", escape(id)))
        .replace("{{method}}", method)
        .replace("{{rendered}}", &unix_ms().to_string())
        .replace("{{manifest}}", &manifest.replace('<', "\\u003c"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn read(folder: &Path, path: &str) -> Option<Answer> {
    let index = if path.is_empty() || path.ends_with('/') { "index.html" } else { "" };
    let path = format!("{path}{index}");
    let mut answer = Answer::new(200);
    answer.body = std::fs::read(inside(folder, &path)?).ok()?;
    answer.set("content-type", mime(&path));
    answer.set("cache-control", "no-cache");
    Some(answer)
}

fn sign_in() -> Answer {
    let mut answer = Answer::new(200);
    answer.set("content-type", HTML);
    answer.body = b"<!doctype html><title>Sign in</title><h1>Sign in</h1>\n".to_vec();
    answer
}

/// A template of an app in `www/`.
fn text(folders: &Folders, app: &str, file: &str) -> Option<String> {
    std::fs::read_to_string(inside(&folders.www.join(app), file)?).ok()
}

/// The path below the folder; `None` for one that leaves it.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    (plain && !path.is_empty() && !path.contains('%')).then(|| folder.join(path))
}

fn mime(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or("") {
        "html" => HTML,
        "js" | "mjs" | "cjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        "txt" | "md" | "ts" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::control::control;
    use super::*;

    fn folders() -> Folders {
        Folders { package: "/nowhere".into(), www: "/nowhere".into() }
    }

    fn world(commands: serde_json::Value) -> World {
        let mut world = World::default();
        control(&mut world, commands).expect("commands");
        world
    }

    fn page(world: &mut World) -> String {
        String::from_utf8(shell(world, &Asked::of("GET", "/shop/a/b"), &folders()).body).unwrap()
    }

    #[test]
    fn the_page_carries_the_mark_of_its_build() {
        let mut world = world(json!({"do":"deploy","id":"a","version":"1.0.0"}));
        let mark = r#"<meta name="trueup-build" content="a" data-version="1.0.0" data-app="shop">"#;
        assert!(page(&mut world).contains(mark));
    }

    #[test]
    fn an_unchanged_manifest_is_304_and_a_new_one_is_not() {
        let mut world = world(json!({"do":"deploy","id":"a"}));
        let mut asked = Asked::of("GET", "/trueup.json");
        let first = manifest(&mut world, &asked);
        asked.headers.insert("if-none-match".to_owned(), first.headers["etag"].clone());
        let second = manifest(&mut world, &asked);
        assert_eq!((first.status, second.status, second.body.len()), (200, 304, 0));
        control(&mut world, json!({"do":"deploy","id":"b"})).unwrap();
        assert_eq!(manifest(&mut world, &asked).status, 200);
    }

    #[test]
    fn a_stale_cdn_serves_the_old_page_beside_the_new_manifest() {
        let mut world = world(json!([
            {"do":"deploy","id":"a"}, {"do":"shell","id":"a"}, {"do":"deploy","id":"b"},
        ]));
        assert!(page(&mut world).contains("content=\"a\""));
        let body = manifest(&mut world, &Asked::of("GET", "/trueup.json")).body;
        assert!(String::from_utf8(body).unwrap().contains("\"b\""));
        control(&mut world, json!({"do":"shell","id":null})).unwrap();
        assert!(page(&mut world).contains("content=\"b\""));
    }

    #[test]
    fn a_cached_manifest_grows_old() {
        let mut world = world(json!([
            {"do":"deploy","id":"a"}, {"do":"stale-manifest","ageSeconds":60}, {"do":"deploy","id":"b"},
        ]));
        let answer = manifest(&mut world, &Asked::of("GET", "/trueup.json"));
        assert!(String::from_utf8_lossy(&answer.body).contains("\"a\""));
        assert!(answer.headers["age"].parse::<u64>().unwrap() >= 60);
    }

    #[test]
    fn deleted_assets_are_a_404_page() {
        let mut world = world(json!({"do":"deploy","id":"a","files":{"app.js":"run('{{id}}')"}}));
        let asked = Asked::of("GET", "/assets/a/app.js");
        assert_eq!(asset(&world, &asked, &folders()).body, b"run('a')");
        assert_eq!(asset(&world, &Asked::of("GET", "/assets/a/lazy.js"), &folders()).status, 200);
        control(&mut world, json!({"do":"delete-assets","id":"a"})).unwrap();
        let gone = asset(&world, &asked, &folders());
        assert_eq!((gone.status, gone.headers["content-type"].as_str()), (404, HTML));
    }

    #[test]
    fn an_inlined_manifest_cannot_end_its_script() {
        let mut world = world(json!([
            {"do":"deploy","id":"a","page":"<script type=\"application/json\">{{manifest}}</script>"},
            {"do":"manifest","patch":{"refresh":{"notes":{"en":"</script>"}}}},
        ]));
        assert_eq!(page(&mut world).matches("</script>").count(), 1);
    }

    #[test]
    fn a_mounted_app_is_served_as_a_static_host_does() {
        let folder = std::env::temp_dir().join(format!("trueup-mount-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("js")).unwrap();
        std::fs::write(folder.join("index.html"), "page").unwrap();
        std::fs::write(folder.join("js/a.js"), "script").unwrap();
        let mut world = world(json!({"do":"mount","path":"/vite/","folder":folder}));
        let served = |url: &str| mounted(&world.mounts[0], &Asked::of("GET", url));
        assert_eq!(served("/vite/js/a.js").body, b"script");
        assert_eq!(served("/vite/js/a.js").headers["content-type"], "text/javascript; charset=utf-8");
        assert_eq!(served("/vite/").body, b"page");
        assert_eq!(served("/vite/deep/link").body, b"page");
        assert_eq!(served("/vite/js/b.js").status, 404);
        assert_eq!(served("/vite/../secret.js").status, 404);
        control(&mut world, json!({"do":"mount","path":"/vite/","folder":null})).unwrap();
        assert!(world.mounts.is_empty());
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn no_file_outside_the_folders_is_served() {
        assert_eq!(inside(Path::new("/www"), "a/b.js"), Some(PathBuf::from("/www/a/b.js")));
        for path in ["../a", "a/../../b", "/etc/passwd", "%2e%2e/a", ""] {
            assert_eq!(inside(Path::new("/www"), path), None, "{path}");
        }
    }
}
