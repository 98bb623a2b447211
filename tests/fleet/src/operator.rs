//! The operator: deploys, rolls back, restores, raises and lowers, pauses, and errs.

use crate::dice::Dice;
use crate::law::{Build, FLAWS, Flaw, Law, Manifest, Urgency};
use crate::report::{Fault, Told};
use crate::site;
use crate::world::{Ev, World};
use crate::{EPOCH, HOUR, MINUTE, SECOND};

pub struct Operator {
    /// What is meant to be in force: its place in the law.
    pub published: usize,
    /// Until when the last change is rolled out.
    busy: i64,
    versions: bool,
    /// Of this run: how often a poll, over how long a force.
    every: i64,
    spread: i64,
    version: u32,
}

impl Operator {
    pub fn new(dice: &mut Dice, law: &mut Law) -> Operator {
        let versions = dice.happens(0.85);
        let every = dice.pick(&[15, 60, 60, 120, 300, 300, 300, 600, 1800]) * SECOND;
        let spread = dice.pick(&[0, 60, 300, 300, 900, 3600]) * SECOND;
        law.builds.push(versions.then_some(1));
        let mut first = Manifest {
            serial: EPOCH as u64 / 1000,
            current: 0,
            minimum: None,
            recommended: None,
            deadline: None,
            blocked: Vec::new(),
            urgency: Urgency::Normal,
            spread,
            share: 1.0,
            paused: false,
            every,
            flaw: None,
            text: "".into(),
        };
        first.text = first.write(law, first.serial).into();
        law.manifests.push(first);
        Operator { published: 0, busy: 0, versions, every, spread, version: 1 }
    }
}

impl World {
    pub fn begin(&mut self) {
        let (operate, incident) = (self.dice.wait(20 * MINUTE), self.dice.wait(30 * MINUTE));
        self.after(operate, Ev::Operate);
        self.after(incident, Ev::Incident);
    }

    /// Something is published.
    pub fn operate(&mut self) {
        let wait = self.dice.wait(25 * MINUTE);
        if self.now + wait < self.stop {
            self.after(wait, Ev::Operate);
        }
        if self.now < self.operator.busy {
            return;
        }
        let now = self.law.manifests[self.operator.published].clone();
        // From what is meant to hold: not from what was published by mistake.
        let mut next = Manifest { serial: self.serial(), flaw: None, deadline: None, ..now.clone() };
        match self.dice.below(20) {
            0..=6 => {
                self.deploy(&mut next);
                return self.roll_out(next);
            }
            7 | 8 => return self.roll_back(next),
            9 | 10 => return self.restore(),
            11 | 12 => {
                self.report.fault(Fault::RaisedMinimum);
                next.minimum = self.law.builds[next.current];
                next.recommended = next.minimum;
            }
            13 => {
                self.report.fault(Fault::LoweredMinimum);
                next.minimum = None;
                next.recommended = None;
                next.blocked.retain(|build| *build == usize::MAX);
            }
            14 => {
                self.report.fault(Fault::Deadline);
                next.recommended = self.law.builds[next.current];
                next.minimum = None;
                next.deadline = Some((self.now + self.dice.between(MINUTE, HOUR)) / SECOND * SECOND);
            }
            15 => {
                self.report.fault(Fault::Paused);
                next.paused = !next.paused;
            }
            16 => {
                next.urgency = self.urgency();
                next.share = self.dice.pick(&[0.0, 0.5, 1.0, 1.0]);
                next.every =
                    self.dice.pick(&[self.operator.every, self.operator.every, 15 * SECOND, 300 * SECOND]);
                next.spread = self.dice.pick(&[self.operator.spread, self.operator.spread, 300 * SECOND]);
            }
            17 | 18 => return self.err(next),
            _ => return self.contradict(next),
        }
        next.paused &= next.paused != now.paused || self.dice.happens(0.5);
        self.publish(next);
    }

    fn serial(&self) -> u64 {
        let last = self.law.manifests[self.operator.published].serial;
        ((EPOCH + self.now) / 1000).max(last as i64 + 1) as u64
    }

    fn urgency(&mut self) -> Urgency {
        self.dice.pick(&[Urgency::Low, Urgency::Normal, Urgency::Normal, Urgency::High, Urgency::Critical])
    }

    fn deploy(&mut self, next: &mut Manifest) {
        // A build of the same version as the one before is told apart by its id.
        if self.dice.happens(0.85) {
            self.operator.version += 1;
        }
        let version = self.operator.versions.then_some(self.operator.version);
        self.law.builds.push(version);
        next.current = self.law.builds.len() - 1;
        next.urgency = self.urgency();
        next.paused = false;
        if self.dice.happens(0.4) {
            next.minimum = version;
            next.recommended = version;
        }
        if self.without_version_order(next) {
            next.minimum = None;
            next.recommended = None;
        }
    }

    fn without_version_order(&self, next: &Manifest) -> bool {
        let current = self.law.builds[next.current];
        next.minimum > current || next.recommended > current
    }

    fn roll_back(&mut self, mut next: Manifest) {
        let bad = next.current;
        let older: Vec<Build> = (0..bad).filter(|build| !next.blocked.contains(build)).collect();
        if older.is_empty() {
            return;
        }
        self.report.fault(Fault::RollBack);
        next.current = older[older.len() - 1 - self.dice.below(older.len().min(3))];
        next.blocked.push(bad);
        let current = self.law.builds[next.current];
        next.minimum = next.minimum.min(current);
        next.recommended = next.recommended.min(current);
        self.roll_out(next);
    }

    /// The host brings back an old file, and the page that belongs to it.
    fn restore(&mut self) {
        let good: Vec<usize> = (0..self.law.manifests.len())
            .filter(|index| {
                let manifest = &self.law.manifests[*index];
                manifest.flaw.is_none()
                    && manifest.serial < self.law.manifests[self.operator.published].serial
            })
            .collect();
        if good.is_empty() {
            return;
        }
        self.report.fault(Fault::RestoredManifest);
        let index = good[good.len() - 1 - self.dice.below(good.len().min(4))];
        let shell = self.law.manifests[index].current;
        self.say(Told::World("an old manifest is restored", index as i64));
        self.operator.published = index;
        for server in 0..self.site.servers.len() {
            self.switch(server, Some(index), Some(shell));
        }
    }

    /// A broken manifest, which would force everybody if it were taken; mended some minutes later.
    fn err(&mut self, mut next: Manifest) {
        self.report.fault(Fault::BrokenManifest);
        let flaw = self.dice.pick(&FLAWS);
        if flaw == Flaw::Future && !self.site.dated {
            return;
        }
        next.flaw = Some(flaw);
        next.urgency = Urgency::Critical;
        next.share = 1.0;
        next.paused = false;
        if flaw == Flaw::Future {
            next.serial = ((EPOCH + self.now) / 1000) as u64 + 86_400 + self.dice.between(20, 99_999) as u64;
        }
        if flaw != Flaw::BlocksCurrent {
            next.blocked.clear();
        }
        if self.dice.happens(0.5) {
            next.minimum = self.law.builds[next.current];
            next.recommended = next.minimum;
        }
        self.mistake(next);
    }

    /// Another manifest under the serial that is published.
    fn contradict(&mut self, mut next: Manifest) {
        self.report.fault(Fault::SameSerial);
        next.serial = self.law.manifests[self.operator.published].serial;
        next.urgency = Urgency::Critical;
        next.spread = 7 * SECOND;
        self.mistake(next);
    }

    fn mistake(&mut self, next: Manifest) {
        let right = self.operator.published;
        let wrong = self.add(next);
        let mended = self.now + self.dice.between(MINUTE, 20 * MINUTE);
        self.say(Told::World("a mistake is published", wrong as i64));
        for server in 0..self.site.servers.len() {
            self.switch(server, Some(wrong), None);
            self.at(mended, Ev::Switch { server, manifest: Some(right), shell: None });
        }
        self.operator.busy = mended;
    }

    /// Without a new build: on all servers at once, or one after the other.
    fn publish(&mut self, next: Manifest) {
        let shell = next.current;
        let index = self.add(next);
        self.operator.published = index;
        self.say(Told::World("published", index as i64));
        let roll = self.dice.pick(&[1, MINUTE]);
        self.operator.busy = self.now + roll;
        for server in 0..self.site.servers.len() {
            let wait = self.dice.between(0, roll);
            // After a restored manifest the current page may be served no more.
            self.after(wait, Ev::Switch { server, manifest: Some(index), shell: Some(shell) });
        }
    }

    /// A new build, on one server after the other; the manifest with it, before it or, as it should be, after it.
    fn roll_out(&mut self, next: Manifest) {
        let shell = next.current;
        let index = self.add(next);
        self.operator.published = index;
        self.say(Told::World("deployed", shell as i64));
        let roll = self.dice.pick(&[1, 30 * SECOND, 3 * MINUTE, 15 * MINUTE]);
        let servers = self.site.servers.len();
        if roll > 1 && servers > 1 {
            self.report.fault(Fault::RollingDeploy);
        }
        self.operator.busy = self.now + roll;
        let order = self.dice.below(3);
        for server in 0..servers {
            let wait = self.dice.between(0, roll);
            let manifest = [wait, 0, roll][order];
            self.after(wait, Ev::Switch { server, manifest: None, shell: Some(shell) });
            self.after(manifest, Ev::Switch { server, manifest: Some(index), shell: None });
        }
    }

    fn add(&mut self, mut next: Manifest) -> usize {
        next.text = next.write(&self.law, next.serial).into();
        self.law.manifests.push(next);
        self.law.manifests.len() - 1
    }

    pub fn switch(&mut self, server: usize, manifest: Option<usize>, shell: Option<Build>) {
        let server = &mut self.site.servers[server];
        if let Some(index) = manifest {
            server.manifest = index;
        }
        if let Some(build) = shell {
            server.shell = build;
        }
    }

    /// An incident begins, or an edge goes stale.
    pub fn incident(&mut self) {
        let wait = self.dice.wait(25 * MINUTE);
        if self.now + wait < self.stop {
            self.after(wait, Ev::Incident);
        }
        let until = self.now + self.dice.between(10 * SECOND, 25 * MINUTE);
        if self.dice.happens(0.35) {
            self.say(Told::World("an edge goes stale until", until));
            self.site.stall(&mut self.dice, until);
        } else if self.site.incident.is_none() {
            let incident = site::incident(&mut self.dice);
            self.say(Told::World("an incident until", until));
            self.crowds.disturb();
            self.site.incident = Some(incident);
            self.at(until, Ev::Resolved);
        }
    }
}
