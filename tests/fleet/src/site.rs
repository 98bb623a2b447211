//! The servers, the CDN before them, and the network on the way.

use trueup::core::event::Answer;
use trueup::core::refresh::shell::{ShellAnswer, Worker};
use trueup::core::time::NEVER;

use crate::dice::Dice;
use crate::law::{Build, Law};
use crate::report::{Fault, Report};
use crate::{EPOCH, MINUTE, SECOND};

/// What stands between the operator and the tabs.
pub struct Site {
    pub servers: Vec<Server>,
    edges: Vec<Edge>,
    /// How long an edge keeps what it has; 0: it asks each time.
    lifetime: i64,
    /// Whether answers carry `Date`.
    pub dated: bool,
    /// Whether pages carry the mark.
    pub marked: bool,
    pub incident: Option<Incident>,
}

/// One server of the fleet.
#[derive(Clone, Copy)]
pub struct Server {
    pub manifest: usize,
    pub shell: Build,
}

#[derive(Clone, Copy, Default)]
struct Edge {
    manifest: Option<(usize, i64)>,
    shell: Option<(Build, i64)>,
    /// It does not ask the servers again before then.
    stale_until: i64,
}

/// A `Retry-After`, in ms from now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RetryAfter {
    /// The form in seconds.
    Delay(i64),
    /// The form of a date.
    Date(i64),
}

/// Something is wrong with every answer for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Incident {
    /// This status, perhaps with a `Retry-After`.
    Status(u16, Option<RetryAfter>),
    Html,
    Empty,
    CutOff,
    TooLong,
    OtherOrigin,
    Hang,
    Slow,
    Lost,
    /// The shell only: it is redirected, carries another app's mark, or is no HTML.
    Redirect,
    OtherApp,
    NoHtml,
}

/// A request: at which edge it arrives, and when; and whether the faults have stopped.
#[derive(Clone, Copy)]
pub struct Call {
    pub edge: usize,
    pub now: i64,
    pub calm: bool,
}

/// What comes back on a poll, and when.
pub struct Reply {
    pub after: i64,
    /// `None`: no answer.
    pub answer: Option<Answer>,
    /// The manifest in it, valid or not, where it is one of this site's.
    pub manifest: Option<usize>,
    pub date: Option<i64>,
    pub doubled: bool,
}

impl Site {
    pub fn new(dice: &mut Dice) -> Site {
        let servers = dice.pick(&[1, 2, 3, 4]);
        Site {
            servers: vec![Server { manifest: 0, shell: 0 }; servers],
            edges: vec![Edge::default(); dice.pick(&[1, 2, 3])],
            lifetime: dice.pick(&[0, 0, 10 * SECOND, MINUTE]),
            dated: dice.happens(0.9),
            marked: dice.happens(0.9),
            incident: None,
        }
    }

    pub fn edges(&self) -> usize {
        self.edges.len()
    }

    /// An edge stops asking the servers.
    pub fn stall(&mut self, dice: &mut Dice, until: i64) {
        let edge = dice.below(self.edges.len());
        self.edges[edge].stale_until = until;
    }

    /// The faults stop: every edge asks at once, and no answer is wrong.
    pub fn heal(&mut self) {
        self.incident = None;
        self.lifetime = 0;
        for edge in &mut self.edges {
            *edge = Edge::default();
        }
    }

    /// A poll reaches `edge`.
    pub fn poll(&mut self, dice: &mut Dice, law: &Law, report: &mut Report, call: Call) -> Reply {
        let Call { edge, now, calm } = call;
        let mut reply =
            Reply { after: dice.between(20, 400), answer: None, manifest: None, date: None, doubled: false };
        let mut wrong = self.incident;
        if !calm && wrong.is_none() && dice.happens(0.02) {
            match dice.below(3) {
                0 => wrong = Some(Incident::Lost),
                1 => {
                    report.fault(Fault::Late);
                    reply.after += dice.between(SECOND, 20 * SECOND);
                }
                _ => {
                    report.fault(Fault::Doubled);
                    reply.doubled = true;
                }
            }
        }
        let edge = &mut self.edges[edge];
        let (index, since) = match edge.manifest {
            Some((index, since)) if now < edge.stale_until || now - since < self.lifetime => {
                if index != self.servers[0].manifest {
                    report.fault(Fault::StaleManifest);
                }
                (index, since)
            }
            _ => (self.servers[dice.below(self.servers.len())].manifest, now),
        };
        if wrong.is_none() || wrong == Some(Incident::Slow) {
            edge.manifest = Some((index, since));
        }
        let date = since / SECOND * SECOND + (now - since) / SECOND * SECOND;
        let date = self.dated.then_some(EPOCH + date);
        let good = Answer {
            status: 200,
            date: date.unwrap_or(NEVER),
            text: Some(law.manifests[index].text.to_string()),
            ..Answer::default()
        };
        let bad = |status, text: &str| Answer {
            status,
            date: date.unwrap_or(NEVER),
            text: Some(text.into()),
            ..Answer::default()
        };
        reply.date = date;
        report.faults_of(wrong);
        reply.answer = match wrong {
            None => {
                reply.manifest = Some(index);
                Some(good)
            }
            Some(Incident::Slow) => {
                reply.after += 3 * SECOND;
                reply.manifest = Some(index);
                Some(good)
            }
            Some(Incident::Status(status, retry_after)) => {
                let (retry_delay, retry_date) = match retry_after {
                    Some(RetryAfter::Delay(ms)) => (ms, NEVER),
                    Some(RetryAfter::Date(ms)) => (NEVER, ms),
                    None => (NEVER, NEVER),
                };
                Some(Answer { retry_delay, retry_date, ..bad(status, "sorry") })
            }
            Some(Incident::Html) => Some(bad(200, "<!doctype html><title>Shop</title>")),
            Some(Incident::Empty) => Some(bad(200, "")),
            Some(Incident::CutOff) => Some(bad(200, &law.manifests[index].text[..40])),
            Some(Incident::TooLong) => Some(Answer { text: None, too_long: true, ..bad(200, "") }),
            // The worst case: another origin's manifest, which would be valid and newer here.
            Some(Incident::OtherOrigin) => Some(Answer { foreign: true, ..bad(200, FOREIGN) }),
            Some(Incident::Hang) => {
                reply.after = i64::MAX;
                None
            }
            Some(Incident::Lost) => None,
            Some(Incident::Redirect | Incident::OtherApp | Incident::NoHtml) => {
                reply.manifest = Some(index);
                Some(good)
            }
        };
        reply
    }

    /// What a load of the page brings now, past every cache but a stale edge's; `None`: nothing.
    pub fn page(&mut self, dice: &mut Dice, report: &mut Report, call: Call) -> Option<Build> {
        let Call { edge, now, calm } = call;
        let down = matches!(
            self.incident,
            Some(Incident::Status(..) | Incident::Hang | Incident::Lost | Incident::OtherOrigin)
        );
        if down || !calm && dice.happens(0.02) {
            report.fault(Fault::Lost);
            return None;
        }
        let edge = &mut self.edges[edge];
        let (build, since) = match edge.shell {
            Some((build, since)) if now < edge.stale_until || now - since < self.lifetime => {
                if build != self.servers[0].shell {
                    report.fault(Fault::StalePage);
                }
                (build, since)
            }
            _ => (self.servers[dice.below(self.servers.len())].shell, now),
        };
        edge.shell = Some((build, since));
        Some(build)
    }

    /// The answer to a look at the shell that brought `build`.
    pub fn shell(&self, law: &Law, build: Option<Build>, worker: Worker) -> ShellAnswer {
        let Some(build) = build else { return ShellAnswer { worker, ..ShellAnswer::default() } };
        let app = if self.incident == Some(Incident::OtherApp) { "blog" } else { "shop" };
        let version = law.builds[build].map_or(String::new(), |v| format!(r#" data-version="{v}""#));
        let text = if self.marked {
            format!(r#"<meta name="trueup-build" content="b{build}"{version} data-app="{app}">"#)
        } else {
            "<!doctype html><title>Shop</title>".into()
        };
        ShellAnswer {
            status: 200,
            redirected: self.incident == Some(Incident::Redirect),
            html: self.incident != Some(Incident::NoHtml),
            text,
            worker,
        }
    }
}

const FOREIGN: &str =
    r#"{"trueup":1,"serial":1795478399,"current":{"id":"b99","version":"99"},"supported":{"minimum":"99"}}"#;

/// Draws one.
pub fn incident(dice: &mut Dice) -> Incident {
    let seconds = dice.between(1, 2000) * SECOND;
    match dice.below(14) {
        0 => Incident::Status(500, None),
        1 => Incident::Status(503, Some(RetryAfter::Delay(seconds))),
        2 => Incident::Status(429, Some(RetryAfter::Date(seconds))),
        3 => Incident::Status(404, None),
        4 => Incident::Html,
        5 => Incident::Empty,
        6 => Incident::CutOff,
        7 => Incident::TooLong,
        8 => Incident::OtherOrigin,
        9 => Incident::Hang,
        10 => Incident::Slow,
        11 => Incident::Lost,
        12 => Incident::Redirect,
        _ => dice.pick(&[Incident::OtherApp, Incident::NoHtml]),
    }
}
