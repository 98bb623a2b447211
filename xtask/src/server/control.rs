//! What each command does to the deployment.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::api::Api;
use super::command::{
    Assets, BuildOf, Clock, Command, Patch, PathOf, Raw, Rollout, ShellOf, Stale, TemplateOf, Which,
};
use super::document::{Document, merge};
use super::fault::Fault;
use super::state::{StaleManifest, Template, World, unix_ms};

/// Does one command, or a list of them in order. What it answers goes back to the sender; an error has done nothing
/// of the command that it names, and all of those before.
pub fn control(world: &mut World, commands: Value) -> Result<Value, String> {
    let commands = match commands {
        Value::Array(list) => list,
        one => vec![one],
    };
    let mut answers = Vec::new();
    for command in commands {
        let name = command.get("do").and_then(Value::as_str).unwrap_or("?").to_owned();
        let answer = serde_json::from_value(command)
            .map_err(|error| error.to_string())
            .and_then(|command| run(world, command))
            .map_err(|error| format!("{name}: {error}"))?;
        answers.push(answer);
    }
    Ok(if answers.len() == 1 { answers.remove(0) } else { Value::Array(answers) })
}

fn run(world: &mut World, command: Command) -> Result<Value, String> {
    match command {
        Command::Reset(_) => {
            let log = std::mem::take(&mut world.log);
            *world = World { log, ..World::new() };
            world.log.clear();
            Ok(Value::Null)
        }
        Command::Template(TemplateOf { app, page, files }) => {
            world.app(&app).template = Template { page, files };
            Ok(Value::Null)
        }
        Command::Build(build) => {
            register(world, build)?;
            Ok(Value::Null)
        }
        Command::Deploy(build) => deploy(world, build),
        Command::Rollout(rollout) => roll_out(world, rollout),
        Command::Shell(ShellOf { app, id }) => {
            let app = world.app(&app);
            if let Some(id) = id.as_ref().filter(|id| !app.builds.contains_key(*id)) {
                return Err(format!("there is no build {id:?}"));
            }
            app.stale_shell = id;
            Ok(Value::Null)
        }
        Command::StaleManifest(stale) => keep_manifest(world, &stale),
        Command::Manifest(Patch { app, patch, server }) => {
            let now = world.now();
            publish(world, &app, server, |document, serial| document.patched(&patch, serial()), now)
        }
        Command::ManifestRaw(Raw { app, text, server }) => {
            publish(world, &app, server, |_, _| Document::new(text.clone()), 0)
        }
        Command::DeleteAssets(Assets { app, id, deleted }) => {
            let build =
                world.app(&app).builds.get_mut(&id).ok_or_else(|| format!("there is no build {id:?}"))?;
            build.assets_deleted = deleted;
            Ok(Value::Null)
        }
        Command::Fault(fault) => add_fault(world, fault),
        Command::Clear(Which { id }) => {
            world.faults.retain(|fault| id.as_ref().is_some_and(|id| *id != fault.id));
            Ok(Value::Null)
        }
        Command::Headers(rule) => {
            world.headers.retain(|before| before.target != rule.target);
            if !rule.set.is_empty() {
                world.headers.push(rule);
            }
            Ok(Value::Null)
        }
        Command::Cors(rule) => {
            world.cors.retain(|before| before.target != rule.target);
            if rule.origin.is_some() {
                world.cors.push(rule);
            }
            Ok(Value::Null)
        }
        Command::Put(put) => {
            if !put.path.starts_with('/') {
                return Err("a path begins with /".to_owned());
            }
            world.files.insert(put.path.clone(), put);
            Ok(Value::Null)
        }
        Command::Mount(mount) => {
            if !(mount.path.starts_with('/') && mount.path.ends_with('/')) {
                return Err("a mount's path begins and ends with /".to_owned());
            }
            world.mounts.retain(|before| before.path != mount.path);
            if let Some(folder) = &mount.folder {
                if !folder.is_absolute() || !folder.is_dir() {
                    return Err(format!("{} is not an absolute path of a folder", folder.display()));
                }
                world.mounts.push(mount);
                world.mounts.sort_by_key(|mount| mount.path.len());
            }
            Ok(Value::Null)
        }
        Command::Unput(PathOf { path }) => {
            world.files.remove(&path);
            Ok(Value::Null)
        }
        Command::Clock(Clock { skew_ms }) => {
            world.skew = skew_ms;
            Ok(Value::Null)
        }
        Command::Api(patch) => change_api(world, patch),
    }
}

/// Makes the build known, its assets with it; a build that is known keeps what is not given.
fn register(world: &mut World, build: BuildOf) -> Result<(), String> {
    let BuildOf { app, id, version, page, files, manifest: _ } = build;
    if id.is_empty() || id.contains(['/', '?', '#', '%']) {
        return Err(format!("{id:?} cannot stand in a path"));
    }
    if world.apps.iter().any(|(name, other)| *name != app && other.builds.contains_key(&id)) {
        return Err(format!("another app has a build {id:?}, and assets are found by the id alone"));
    }
    let known = world.app(&app).builds.entry(id).or_default();
    if version.is_some() {
        known.version = version;
    }
    if page.is_some() {
        known.page = page;
    }
    known.files.extend(files);
    known.assets_deleted = false;
    Ok(())
}

fn deploy(world: &mut World, build: BuildOf) -> Result<Value, String> {
    let (app, id, manifest) = (build.app.clone(), build.id.clone(), build.manifest.clone());
    register(world, build)?;
    let now = world.now();
    let app = world.app(&app);
    let document = match (&manifest, app.servers.last()) {
        (Some(Value::Bool(false)), Some(server)) => server.manifest.clone(),
        (Some(patch @ Value::Object(_)), _) => app.manifest_for(&id, patch, now),
        _ => app.manifest_for(&id, &json!({}), now),
    };
    let serial = document.serial();
    app.replace(&id, document);
    Ok(json!({ "serial": serial }))
}

fn roll_out(world: &mut World, rollout: Rollout) -> Result<Value, String> {
    let Rollout { app, id, version, share, by, manifest } = rollout;
    let build = BuildOf {
        app: app.clone(),
        id: id.clone(),
        version,
        page: None,
        files: BTreeMap::new(),
        manifest: None,
    };
    register(world, build)?;
    let now = world.now();
    let app = world.app(&app);
    let there = app.servers.iter().position(|server| server.build == id);
    let document = match (&manifest, there) {
        (Some(Value::Bool(false)), _) => app.servers.last().map(|server| server.manifest.clone()),
        (_, Some(index)) => Some(app.servers[index].manifest.clone()),
        _ => None,
    };
    let document = match document {
        Some(document) => document,
        None => app.manifest_for(&id, manifest.as_ref().filter(|m| m.is_object()).unwrap_or(&json!({})), now),
    };
    app.roll_out(&id, share, by, document);
    let serials: Vec<u64> = app.servers.iter().map(|server| server.manifest.serial()).collect();
    Ok(json!({ "serials": serials }))
}

fn publish(
    world: &mut World,
    app: &str,
    server: Option<usize>,
    mut change: impl FnMut(&Document, &mut dyn FnMut() -> u64) -> Document,
    now: i64,
) -> Result<Value, String> {
    let app = world.app(app);
    if app.servers.is_empty() {
        return Err("deploy a build first".to_owned());
    }
    let mut serials = Vec::new();
    for index in 0..app.servers.len() {
        if server.is_none_or(|wanted| wanted == index) {
            let before = app.servers[index].manifest.clone();
            let document = change(&before, &mut || app.next_serial(now));
            app.serial = app.serial.max(document.serial());
            serials.push(document.serial());
            app.servers[index].manifest = document;
        }
    }
    match serials.as_slice() {
        [] => Err("there is no such server".to_owned()),
        [.., last] => Ok(json!({ "serial": last, "serials": serials })),
    }
}

fn keep_manifest(world: &mut World, stale: &Stale) -> Result<Value, String> {
    let made = world.now() - stale.age_seconds * 1000;
    let app = world.app(&stale.app);
    app.stale_manifest = match app.servers.last() {
        Some(server) if stale.on => Some(StaleManifest { document: server.manifest.clone(), made }),
        None if stale.on => return Err("deploy a build first".to_owned()),
        _ => None,
    };
    Ok(Value::Null)
}

fn add_fault(world: &mut World, json: Value) -> Result<Value, String> {
    let mut fault: Fault = serde_json::from_value(json.clone()).map_err(|error| error.to_string())?;
    known_members(&json, &fault)?;
    if fault.target.is_empty() {
        return Err("target is missing".to_owned());
    }
    if fault.id.is_empty() {
        let number = (1..).find(|n| world.faults.iter().all(|other| other.id != format!("fault-{n}")));
        fault.id = format!("fault-{}", number.unwrap_or(0));
    }
    (fault.seen, fault.hit) = (0, 0);
    fault.ends = fault.for_ms.map(|ms| unix_ms() + ms);
    let id = fault.id.clone();
    world.faults.retain(|other| other.id != id);
    world.faults.push(fault);
    Ok(json!({ "id": id }))
}

fn change_api(world: &mut World, mut patch: Value) -> Result<Value, String> {
    let name = patch.as_object_mut().and_then(|patch| patch.remove("name"));
    let Some(name) = name.as_ref().and_then(Value::as_str) else { return Err("name is missing".to_owned()) };
    let before = world.apis.get(name).cloned().unwrap_or_default();
    let mut json = serde_json::to_value(before).map_err(|error| error.to_string())?;
    merge(&mut json, &patch);
    let api: Api = serde_json::from_value(json).map_err(|error| error.to_string())?;
    world.apis.insert(name.to_owned(), api);
    Ok(Value::Null)
}

/// Flattened types cannot refuse unknown members by themselves; a mistyped fault would test nothing.
fn known_members(json: &Value, fault: &Fault) -> Result<(), String> {
    let known = serde_json::to_value(fault).map_err(|error| error.to_string())?;
    match json.as_object().into_iter().flatten().find(|(key, _)| known.get(key.as_str()).is_none()) {
        Some((key, _)) => Err(format!("unknown field {key:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::SHOP;
    use super::*;

    fn world(commands: Value) -> World {
        let mut world = World::default();
        control(&mut world, commands).expect("commands");
        world
    }

    fn manifest(world: &World, server: usize) -> Value {
        world.apps[SHOP].servers[server].manifest.json().expect("JSON")
    }

    #[test]
    fn a_deploy_names_the_build_as_current_and_grows_the_serial() {
        let world = world(json!([
            {"do":"deploy","id":"a","version":"1.0.0"},
            {"do":"manifest","patch":{"supported":{"minimum":"1.0.0"}}},
            {"do":"deploy","id":"b","version":"1.1.0","manifest":{"refresh":{"urgency":"high"}}},
        ]));
        let manifest = manifest(&world, 0);
        assert_eq!(manifest["current"], json!({"id":"b","version":"1.1.0"}));
        assert_eq!(manifest["supported"]["minimum"], "1.0.0");
        assert_eq!(manifest["refresh"]["urgency"], "high");
        assert_eq!(manifest["serial"], world.apps[SHOP].serial);
        assert!(world.apps[SHOP].servers.len() == 1);
    }

    #[test]
    fn in_a_rolling_deploy_each_server_has_its_own_manifest() {
        let world = world(json!([
            {"do":"deploy","id":"a","version":"1"},
            {"do":"rollout","id":"b","version":"2","share":0.5},
        ]));
        assert_eq!(manifest(&world, 0)["current"]["id"], "a");
        assert_eq!(manifest(&world, 1)["current"]["id"], "b");
        assert!(manifest(&world, 1)["serial"].as_u64() > manifest(&world, 0)["serial"].as_u64());
    }

    #[test]
    fn a_page_can_be_rolled_out_before_its_manifest() {
        let world = world(json!([
            {"do":"deploy","id":"a","version":"1"},
            {"do":"rollout","id":"b","version":"2","share":0.5,"manifest":false},
        ]));
        assert_eq!(manifest(&world, 0), manifest(&world, 1));
    }

    #[test]
    fn a_given_serial_is_taken_and_later_ones_stay_above_it() {
        let world = world(json!([
            {"do":"deploy","id":"a"},
            {"do":"manifest","patch":{"serial":9_000_000_000_u64}},
            {"do":"manifest","patch":{"poll":{"everySeconds":15}}},
        ]));
        assert_eq!(manifest(&world, 0)["serial"], 9_000_000_001_u64);
    }

    #[test]
    fn a_raw_manifest_is_published_word_for_word() {
        let world = world(json!([{"do":"deploy","id":"a"}, {"do":"manifest-raw","text":"{ broken"}]));
        assert_eq!(world.apps[SHOP].servers[0].manifest.text, "{ broken");
    }

    #[test]
    fn a_mistyped_command_is_refused() {
        let mut world = World::default();
        let mut refused = |command| control(&mut world, command).expect_err("refused");
        assert!(refused(json!({"do":"deplyo"})).contains("deplyo"));
        assert!(refused(json!({"do":"deploy","id":"a","versoin":"1"})).contains("versoin"));
        assert!(refused(json!({"do":"fault","target":"manifest","staus":503})).contains("staus"));
        assert!(refused(json!({"do":"fault","status":503})).contains("target"));
        assert!(refused(json!({"do":"shell","id":"nobody"})).contains("nobody"));
        assert!(refused(json!({"do":"manifest","patch":{}})).contains("deploy"));
        assert!(refused(json!({"do":"api","name":"orders","srevers":[]})).contains("srevers"));
    }

    #[test]
    fn a_fault_is_replaced_by_its_name_and_cleared() {
        let mut world = world(json!([
            {"do":"fault","id":"x","target":"manifest","status":500},
            {"do":"fault","id":"x","target":"manifest","status":503},
            {"do":"fault","target":"shell","hang":true},
        ]));
        assert_eq!(world.faults.iter().map(|f| f.id.as_str()).collect::<Vec<_>>(), ["x", "fault-1"]);
        control(&mut world, json!({"do":"clear","id":"x"})).unwrap();
        assert_eq!(world.faults.len(), 1);
        control(&mut world, json!({"do":"clear"})).unwrap();
        assert!(world.faults.is_empty());
    }

    #[test]
    fn a_reset_leaves_nothing_behind_but_the_numbers_of_the_log() {
        let mut world = world(json!([{"do":"deploy","id":"a"}, {"do":"clock","skewMs":5}]));
        world.log.begin(&super::super::request::Asked::of("GET", "/"), b"");
        control(&mut world, json!({"do":"reset"})).unwrap();
        assert!(world.apps.is_empty());
        assert_eq!((world.skew, world.log.last()), (0, 1));
    }
}
