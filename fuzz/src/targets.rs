//! What each target does with arbitrary bytes. `tests/fuzz_corpus.rs` does the same with the kept corpus, without nightly.

use trueup::core::Client;
use trueup::core::config::{Build, Mark};
use trueup::core::event::{Answer, Effect, Event, Start};
use trueup::core::flags::Numbers;
use trueup::core::manifest::Manifest;
use trueup::core::refresh::shell::{ShellAnswer, Worker};
use trueup::core::time::is_day;
use trueup::core::time::{NEVER, Now};
use trueup::core::value::{Value, read};
use trueup::core::version::{below, is_version, order, same};

const EPOCH: i64 = 1_795_392_000_000;
const FULL: &str = r#"{"trueup":1,"serial":1795392001,"current":{"id":"b2","version":"2"},"supported":{"minimum":"1","recommended":"2","deadline":"2026-11-23T01:00:00Z","blocked":[{"version":"1.5"},{"id":"x"}]},"refresh":{"urgency":"high","spreadSeconds":30,"share":1,"paused":false,"notes":{"en":"new"},"link":"/new"},"poll":{"everySeconds":60},"apis":{"orders":{"supported":["2","3"],"preferred":"3","deprecated":{"2":{"sunset":"2026-11-23T02:00:00Z"}}}},"flags":{"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[{"sem_ver":[{"var":"$build.version"},">=","1"]},"on","off"]}}}}}"#;

fn parse(text: &str) -> Option<Value> {
    read(&mut serde_json::Deserializer::from_str(text)).ok()
}

/// What the page tells where nothing is booked.
static NOTHING: Value = Value::Array(Vec::new());

/// Any text is a manifest or is refused with a place in it; what is a manifest holds what the design asks of one.
pub fn manifest(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(tree) = parse(text) else { return };
    let Some(manifest) = Manifest::decode(tree, &mut Vec::new()) else { return };
    assert!(!manifest.current.id.is_empty() && manifest.serial < 1 << 53);
    assert!((15_000..=3_600_000).contains(&manifest.every));
    assert!(
        (0..=3_600_000).contains(&manifest.refresh.spread) && (0.0..=1.0).contains(&manifest.refresh.share)
    );
    assert!(!manifest.blocks(&manifest.current), "current is blocked");
    for (low, high) in [
        (&manifest.minimum, &manifest.recommended),
        (&manifest.minimum, &manifest.current.version),
        (&manifest.recommended, &manifest.current.version),
    ] {
        assert!(!below(high, low), "{low} is above {high}");
    }
}

/// Two lines: versions, in an order that is one.
pub fn version(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let versions: Vec<&str> = text.lines().take(3).filter(|line| is_version(line)).collect();
    for a in &versions {
        assert!(same(a, a) && !below(a, a));
        for b in &versions {
            let forth = order(a, b);
            assert_eq!(forth, order(b, a).map(std::cmp::Ordering::reverse));
            assert_eq!(forth.is_some(), is_day(a) == is_day(b));
            for c in &versions {
                assert!(!(below(a, b) && below(b, c)) || below(a, c), "the order is transitive");
            }
        }
    }
}

/// Bytes, taken one after the other; zeros where there are no more.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    fn number(&mut self) -> i64 {
        i64::from(self.byte()) << 8 | i64::from(self.byte())
    }

    fn on(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    fn text(&mut self) -> String {
        let length = usize::from(self.byte()).min(self.0.len());
        let text = self.0.split_off(..length).unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    }

    /// A manifest: the full one with a few bytes changed, or with members of its own, or any text.
    fn manifest(&mut self) -> String {
        match self.byte() % 4 {
            0 => self.text(),
            1 => {
                let (serial, build) = (EPOCH / 1000 + self.number(), self.byte() % 4);
                let urgency = ["low", "normal", "high", "critical"][usize::from(self.byte() % 4)];
                let (minimum, paused, spread) = (self.byte() % 4, self.on(), self.byte());
                format!(
                    r#"{{"trueup":1,"serial":{serial},"current":{{"id":"b{build}","version":"{build}"}},"supported":{{"minimum":"{minimum}"}},"refresh":{{"urgency":"{urgency}","paused":{paused},"spreadSeconds":{spread}}},"poll":{{"everySeconds":15}}}}"#
                )
            }
            2 => FULL.to_owned(),
            _ => {
                let mut text = FULL.as_bytes().to_vec();
                for _ in 0..self.byte() % 8 {
                    let at = self.number() as usize % text.len();
                    text[at] = self.byte();
                }
                String::from_utf8_lossy(&text).into_owned()
            }
        }
    }

    fn answer(&mut self) -> Answer {
        Answer {
            status: [200, 200, 200, 304, 404, 503, 0, u16::MAX][usize::from(self.byte() % 8)],
            foreign: self.byte() % 16 == 1,
            known: self.on() && self.byte() % 2 == 1,
            at: if self.on() { EPOCH + self.number() * 1000 } else { NEVER },
            date: if self.on() { EPOCH + self.number() * 1000 } else { NEVER },
            retry_delay: if self.byte() % 4 == 1 { self.number() * 1000 - 5000 } else { NEVER },
            retry_date: if self.byte() % 4 == 1 { self.number() * 1000 - 5000 } else { NEVER },
            text: if self.byte() % 8 == 1 { None } else { Some(self.manifest()) },
            too_long: self.byte() % 32 == 1,
        }
    }
}

/// A client that is told anything, in any order: it never panics, never asks to be woken again and again at one moment,
/// never has two polls under way, never reloads unasked without storage or the current build, and never says that it does
/// without having saved.
pub fn client(data: &[u8]) {
    let mut bytes = Bytes(data);
    let (mut mono, mut skew) = (0i64, 0i64);
    let mark = Mark { build: Build { id: "b1".into(), version: "1".into() }, app: String::new() };
    let seed = bytes.byte().into();
    let state = parse(r#"{"format":1,"at":1795392000000,"next":1795392060000,"serial":1795392001}"#);
    let state = state.unwrap_or(Value::Null);
    let text = bytes.on().then(|| bytes.manifest());
    let session = (bytes.byte() % 4 > 0).then_some(&NOTHING);
    let inline = (bytes.byte() % 4 == 1).then(|| bytes.manifest());
    let start = Start {
        seed,
        kept: text.as_deref().map(|text| (&state, text)),
        session,
        inline: inline.as_deref(),
        mark: (bytes.byte() % 4 > 0).then_some(mark),
        visible: bytes.byte() % 4 > 0,
        online: bytes.byte() % 4 > 0,
        locks: bytes.on(),
        ..Start::default()
    };
    let stored = start.session.is_some();
    let mut storage = stored;
    let options = parse(
        r#"{"build":{"id":"b1","version":"1"},"worker":{"activate":true},"apis":{"orders":["3","2"]}}"#,
    );
    let clock = |mono: i64, skew: i64| Now { mono, wall: EPOCH + mono + skew };
    let options = options.unwrap_or(Value::Null);
    let Ok(mut client) = Client::new(&options, start, parse, Numbers::native(), clock(mono, skew)) else {
        return;
    };
    let mut polling = false;
    for _ in 0..400 {
        let (mut same, mut more) = (0, true);
        while more {
            for effect in client.effects() {
                match effect {
                    Effect::Poll => {
                        assert!(!polling, "two polls at a time");
                        polling = true;
                    }
                    Effect::Abort => polling = false,
                    Effect::Reload => {
                        let asked = client.refresh().asked;
                        let standing = client.standing().status.name();
                        assert!(asked || storage, "unasked without storage");
                        assert!(
                            asked || standing != "current" && standing != "unknown",
                            "unasked: {standing}"
                        );
                    }
                    _ => {}
                }
            }
            polling &= client.schedule().running().is_some();
            let now = clock(mono, skew);
            // What is due now is done now, or it would be asked for for ever.
            more = client.next_wake(now).is_some_and(|wake| wake.at <= mono);
            if more {
                same += 1;
                assert!(same < 20, "it spins: {:?}", client.next_wake(now));
                client.handle(now, Event::Wake);
            }
        }
        if bytes.0.is_empty() {
            return;
        }
        let event = match bytes.byte() % 32 {
            0..=4 => {
                let wake = client.next_wake(clock(mono, skew)).map_or(mono, |wake| wake.at);
                mono = mono.max(wake);
                Event::Wake
            }
            5 => {
                mono += bytes.number();
                Event::Wake
            }
            6 => {
                mono += bytes.number() * 1000;
                Event::Wake
            }
            7 => {
                skew += (bytes.number() - 32_768) * 10_000;
                Event::Wake
            }
            8..=10 => Event::Answer { answer: bytes.answer(), told: None },
            11 | 12 => {
                let told = Some(bytes.number() * 10 - 1000);
                Event::Answer { answer: bytes.answer(), told }
            }
            13 => Event::Answer { answer: Answer::default(), told: bytes.on().then(|| bytes.number() * 10) },
            14 => Event::Visible(bytes.on()),
            15 => Event::Online(bytes.on()),
            16 => Event::PageShow,
            17 => Event::PageHide,
            18 => Event::Resume,
            19 => Event::Lead(bytes.on()),
            20 => Event::Hello,
            21 => Event::Chunk,
            22 => Event::Header(EPOCH as u64 / 1000 + bytes.number() as u64),
            23 => Event::Check,
            24 | 25 => {
                let build = bytes.byte() % 4;
                Event::Shell(ShellAnswer {
                    status: if bytes.byte() % 4 == 1 { 404 } else { 200 },
                    redirected: bytes.byte() % 8 == 1,
                    html: bytes.byte() % 8 != 1,
                    text: match bytes.byte() % 4 {
                        0 => bytes.text(),
                        _ => {
                            format!(r#"<meta name="trueup-build" content="b{build}" data-version="{build}">"#)
                        }
                    },
                    worker: [Worker::Settled, Worker::Settled, Worker::Busy, Worker::Waiting]
                        [usize::from(bytes.byte() % 4)],
                })
            }
            26 => Event::Holds(
                (0..bytes.byte() % 3).map(|_| (bytes.text(), mono + bytes.number() * 10)).collect(),
            ),
            27 => Event::Now,
            28 => Event::Defer,
            29 => Event::Navigate("/a".into()),
            30 => Event::Saved,
            _ => match bytes.byte() % 4 {
                0 => {
                    storage = false;
                    Event::Unbooked
                }
                1 => {
                    storage = true;
                    Event::Session(NOTHING.clone())
                }
                2 => Event::Refused(parse(&bytes.text()).unwrap_or(Value::Null)),
                _ => Event::Context(parse(&bytes.text()).unwrap_or(Value::Null)),
            },
        };
        client.handle(clock(mono, skew), event);
    }
}
