//! The example APIs: any version set behind any carrier, with deprecations and refusals.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::Answer;
use super::request::Asked;
use super::state::http_date;

/// What one API is at the moment. `POST /__control` changes it by merge patch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Api {
    /// For each server behind the address the versions that it speaks, newest last; they answer in turn.
    pub servers: Vec<Vec<String>>,
    pub deprecated: BTreeMap<String, Deprecated>,
    pub refusal: Refusal,
    /// A header that names the version served; `null` for none.
    pub echo: Option<String>,
    /// Serves this version whatever was asked: a silent substitution.
    pub serve_as: Option<String>,
    /// Stops serving a deprecated version once its sunset has passed.
    pub enforce_sunset: bool,
    /// 307 to this URL and the rest of the path and query; `other:/path` is on the other origin.
    pub redirect: Option<String>,
    /// Further headers of all its answers; `null` for none.
    pub headers: BTreeMap<String, Option<String>>,
    /// How many calls were answered so far, by server. Not to be set.
    pub calls: u64,
}

/// The headers of a deprecated version: numbers are Unix seconds and take the standard's form, texts go as they are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Deprecated {
    pub deprecation: Option<Moment>,
    pub sunset: Option<Moment>,
    /// The URL of `Link: <…>; rel="deprecation"`, and of `rel="sunset"` where there is one.
    pub link: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Moment {
    Seconds(i64),
    Text(String),
}

/// How a version that is not served is refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Refusal {
    pub status: u16,
    pub sign: Sign,
    /// The header of the served versions.
    pub header: String,
    /// Its value, where it is not the truth.
    pub lists: Option<Vec<String>>,
    /// The type of the problem+json.
    #[serde(rename = "type")]
    pub kind: String,
}

/// By what a client can tell a refusal from any other error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    #[default]
    Header,
    Problem,
    Both,
    None,
}

/// Which version a call asks for, and where it says so.
#[derive(Debug, PartialEq, Eq)]
struct Call<'a> {
    name: &'a str,
    version: Option<String>,
    carrier: &'static str,
    /// The path after the name and version.
    rest: &'a str,
}

impl Default for Api {
    fn default() -> Api {
        Api {
            servers: vec![vec!["1".to_owned()]],
            deprecated: BTreeMap::new(),
            refusal: Refusal::default(),
            echo: Some("api-version".to_owned()),
            serve_as: None,
            enforce_sunset: true,
            redirect: None,
            headers: BTreeMap::new(),
            calls: 0,
        }
    }
}

impl Default for Refusal {
    fn default() -> Refusal {
        Refusal {
            status: 400,
            sign: Sign::Header,
            header: "api-supported-versions".to_owned(),
            lists: None,
            kind: "https://example.com/problems/unsupported-version".to_owned(),
        }
    }
}

/// The APIs of the demo, served until a command says otherwise.
pub fn defaults() -> BTreeMap<String, Api> {
    let api = |versions: &[&str]| Api {
        servers: vec![versions.iter().map(|&version| version.to_owned()).collect()],
        ..Api::default()
    };
    BTreeMap::from([
        ("orders".to_owned(), api(&["1", "2", "3"])),
        ("search".to_owned(), api(&["2026-03-01", "2026-09-01"])),
    ])
}

/// The answer to a call; `now` is ms since 1970 by the servers' clock, `other` the other origin.
pub fn answer(apis: &mut BTreeMap<String, Api>, asked: &Asked, body: &[u8], now: i64, other: &str) -> Answer {
    let call = call(asked);
    let Some(api) = apis.get_mut(call.name) else {
        return Answer::json(404, &json!({ "error": format!("there is no API {:?}", call.name) }));
    };
    let server = (api.calls % api.servers.len().max(1) as u64) as usize;
    api.calls += 1;
    let served: Vec<&String> =
        api.servers.get(server).into_iter().flatten().filter(|version| !api.is_over(version, now)).collect();
    let version = api.serve_as.as_ref().or(match &call.version {
        Some(version) => served.iter().copied().find(|served| *served == version),
        None => served.last().copied(),
    });
    let mut answer = match (&api.redirect, version) {
        (Some(to), _) => api.redirected(to, asked, other),
        (None, Some(version)) => api.served(version, &call, asked, body, server),
        (None, None) => api.refusal.answer(&call, &served),
    };
    for (name, value) in &api.headers {
        if let Some(value) = value {
            answer.set(name, value);
        }
    }
    answer.api = Some(json!({
        "name": call.name, "asked": call.version, "served": version, "carrier": call.carrier,
    }));
    answer.server = (api.servers.len() > 1).then_some(server);
    answer
}

impl Api {
    fn is_over(&self, version: &str, now: i64) -> bool {
        match self.deprecated.get(version).and_then(|deprecated| deprecated.sunset.as_ref()) {
            Some(Moment::Seconds(seconds)) => self.enforce_sunset && now >= seconds * 1000,
            _ => false,
        }
    }

    fn served(&self, version: &str, call: &Call<'_>, asked: &Asked, body: &[u8], server: usize) -> Answer {
        let mut answer = Answer::json(
            200,
            &json!({
                "api": call.name, "version": version, "asked": call.version, "carrier": call.carrier,
                "server": server, "method": asked.method, "path": asked.path, "query": asked.query,
                "rest": call.rest, "headers": asked.headers, "body": String::from_utf8_lossy(body),
                "data": data(call.name, version, &asked.param("q").unwrap_or_default()),
            }),
        );
        if let Some(echo) = &self.echo {
            answer.set(echo, version);
        }
        if let Some(deprecated) = self.deprecated.get(version) {
            deprecated.announce(&mut answer);
        }
        answer
    }

    fn redirected(&self, to: &str, asked: &Asked, other: &str) -> Answer {
        let to = match to.strip_prefix("other:") {
            Some(path) => format!("{other}{path}"),
            None => to.to_owned(),
        };
        let mut answer = Answer::new(307);
        let query = if asked.query.is_empty() { String::new() } else { format!("?{}", asked.query) };
        answer.set("location", &format!("{}{query}", to.replace("$path", &asked.path)));
        answer
    }
}

impl Deprecated {
    fn announce(&self, answer: &mut Answer) {
        match &self.deprecation {
            Some(Moment::Seconds(seconds)) => answer.set("deprecation", &format!("@{seconds}")),
            Some(Moment::Text(text)) => answer.set("deprecation", text),
            None => {}
        }
        match &self.sunset {
            Some(Moment::Seconds(seconds)) => answer.set("sunset", &http_date(seconds * 1000)),
            Some(Moment::Text(text)) => answer.set("sunset", text),
            None => {}
        }
        if let Some(link) = &self.link {
            let mut links = format!("<{link}>; rel=\"deprecation\"; type=\"text/html\"");
            if self.sunset.is_some() {
                links = format!("{links}, <{link}>; rel=\"sunset\"");
            }
            answer.set("link", &links);
        }
    }
}

impl Refusal {
    fn answer(&self, call: &Call<'_>, served: &[&String]) -> Answer {
        let listed = match &self.lists {
            Some(lists) => lists.join(", "),
            None => served.iter().map(|version| version.as_str()).collect::<Vec<_>>().join(", "),
        };
        let title = format!("{} {} is not served", call.name, call.version.as_deref().unwrap_or("?"));
        let mut answer = match self.sign {
            Sign::Problem | Sign::Both => {
                let problem = json!({ "type": self.kind, "title": title, "status": self.status });
                let mut answer = Answer::json(self.status, &problem);
                answer.set("content-type", "application/problem+json");
                answer
            }
            Sign::Header | Sign::None => Answer::json(self.status, &json!({ "error": title })),
        };
        if matches!(self.sign, Sign::Header | Sign::Both) {
            answer.set(&self.header, &listed);
        }
        answer
    }
}

/// Finds the version: in the path, else the query, else a header, else a parameter of the accepted media type.
fn call(asked: &Asked) -> Call<'_> {
    let path = asked.path.strip_prefix("/api/").unwrap_or("");
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    let (first, after) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some(version) = first.strip_prefix('v').filter(|v| v.starts_with(|c: char| c.is_ascii_digit())) {
        return Call { name, version: Some(version.to_owned()), carrier: "path", rest: after };
    }
    let in_query = ["api-version", "version", "v"].iter().find_map(|name| asked.param(name));
    let in_header = ["api-version", "x-api-version", "accept-version"].iter().find_map(|h| asked.header(h));
    let (version, carrier) = match (in_query, in_header, asked.header("accept").and_then(media_parameter)) {
        (Some(version), ..) => (Some(version), "query"),
        (_, Some(version), _) => (Some(version.to_owned()), "header"),
        (_, _, Some(version)) => (Some(version), "accept"),
        _ => (None, "none"),
    };
    Call { name, version, carrier, rest }
}

/// `application/json;version=2` and `…; v="2"`.
fn media_parameter(accept: &str) -> Option<String> {
    let mut parameters = accept.split([';', ',']).filter_map(|part| part.trim().split_once('='));
    let (_, value) = parameters
        .find(|(name, _)| ["version", "v", "api-version"].iter().any(|n| name.eq_ignore_ascii_case(n)))?;
    Some(value.trim().trim_matches('"').to_owned())
}

/// What the APIs know. The shape of an order differs by version, as it does in life.
fn data(api: &str, version: &str, query: &str) -> Value {
    if api == "search" {
        const GOODS: [&str; 6] =
            ["Oak stool", "Linen apron", "Copper kettle", "Wool blanket", "Oak shelf", "Clay bowl"];
        let found: Vec<&str> =
            GOODS.into_iter().filter(|name| name.to_lowercase().contains(&query.to_lowercase())).collect();
        return json!(found);
    }
    let orders = [(1042, "Copper kettle", 4900), (1043, "Wool blanket", 8900), (1047, "Oak stool", 12000)];
    let order = |(number, title, cents): (u32, &str, u32)| match version {
        "1" => json!({ "number": number, "total": f64::from(cents) / 100.0 }),
        "2" => json!({ "number": number, "total": { "cents": cents, "currency": "EUR" } }),
        _ => json!({
            "number": number, "total": { "cents": cents, "currency": "EUR" }, "lines": [{ "title": title }],
        }),
    };
    json!(orders.map(order))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000_000;

    fn ask(api: Value, requests: &[Asked]) -> Vec<Answer> {
        let api: Api = serde_json::from_value(api).expect("an API");
        let mut apis = BTreeMap::from([("orders".to_owned(), api)]);
        requests.iter().map(|asked| answer(&mut apis, asked, b"", NOW, "http://other")).collect()
    }

    fn with_header(url: &str, name: &str, value: &str) -> Asked {
        let mut asked = Asked::of("GET", url);
        asked.headers.insert(name.to_owned(), value.to_owned());
        asked
    }

    #[test]
    fn the_version_is_found_in_every_carrier() {
        let served = |asked: Asked| {
            let answer = &ask(json!({"servers":[["1","2","3"]]}), &[asked])[0];
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            (body["version"].clone(), body["carrier"].clone())
        };
        assert_eq!(served(Asked::of("GET", "/api/orders/v2/9")), (json!("2"), json!("path")));
        assert_eq!(served(Asked::of("GET", "/api/orders/9?version=2")), (json!("2"), json!("query")));
        assert_eq!(served(with_header("/api/orders", "api-version", "2")), (json!("2"), json!("header")));
        let accept = with_header("/api/orders", "accept", "text/html, application/json; version=\"2\"");
        assert_eq!(served(accept), (json!("2"), json!("accept")));
        assert_eq!(served(Asked::of("GET", "/api/orders")), (json!("3"), json!("none")));
        assert_eq!(served(Asked::of("GET", "/api/orders/vips")), (json!("3"), json!("none")));
    }

    #[test]
    fn a_refusal_carries_the_sign_that_was_ordered() {
        let refused = |sign: &str| {
            let api = json!({"servers":[["3"]],"refusal":{"status":410,"sign":sign,"type":"urn:x"}});
            ask(api, &[Asked::of("GET", "/api/orders/v1")]).remove(0)
        };
        for (sign, header, problem) in
            [("header", true, false), ("problem", false, true), ("both", true, true), ("none", false, false)]
        {
            let answer = refused(sign);
            assert_eq!(answer.status, 410);
            assert_eq!(
                answer.headers.get("api-supported-versions").is_some_and(|v| v == "3"),
                header,
                "{sign}"
            );
            assert_eq!(String::from_utf8_lossy(&answer.body).contains("urn:x"), problem, "{sign}");
        }
    }

    #[test]
    fn two_servers_behind_one_address_answer_in_turn() {
        let asked = Asked::of("GET", "/api/orders/v1");
        let answers = ask(json!({"servers":[["1","2"],["2","3"]]}), &[asked.clone(), asked.clone(), asked]);
        assert_eq!(answers.iter().map(|a| a.status).collect::<Vec<_>>(), [200, 400, 200]);
    }

    #[test]
    fn a_deprecated_version_says_so_and_is_gone_after_its_sunset() {
        let asked = [Asked::of("GET", "/api/orders/v2")];
        let api = |sunset: i64| json!({"servers":[["2","3"]],"deprecated":{"2":{"deprecation":5,"sunset":sunset,"link":"/docs"}}});
        let before = &ask(api(NOW / 1000 + 1), &asked)[0];
        assert_eq!(before.status, 200);
        assert_eq!(before.headers["deprecation"], "@5");
        assert_eq!(before.headers["sunset"], http_date(NOW + 1000));
        assert!(before.headers["link"].contains("rel=\"deprecation\""));
        assert_eq!(ask(api(NOW / 1000), &asked)[0].status, 400);
    }

    #[test]
    fn a_substitution_is_silent_but_for_the_echo() {
        let answer = &ask(json!({"servers":[["2"]],"serveAs":"3"}), &[Asked::of("GET", "/api/orders/v2")])[0];
        assert_eq!((answer.status, answer.headers["api-version"].as_str()), (200, "3"));
    }
}
