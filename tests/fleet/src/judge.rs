//! After the faults have stopped every visible client stands right, within the time that the design allows.

use trueup::core::refresh::Phase;
use trueup::core::refresh::shell::Shell;
use trueup::core::time::NEVER;
use trueup::core::window::{Action, Status};

use crate::law::due;
use crate::watch::Verdict;
use crate::world::{Ev, World};
use crate::{MINUTE, SECOND};

impl World {
    /// The faults stop: answers are right again, everybody is awake, nobody does anything any more.
    pub fn calm_down(&mut self) {
        let published = self.operator.published;
        let current = self.law.manifests[published].current;
        self.crowds.disturb();
        self.site.heal();
        for server in 0..self.site.servers.len() {
            self.switch(server, Some(published), Some(current));
        }
        for browser in 0..self.browsers.len() {
            self.morning(browser);
            self.online(browser, true);
            self.browsers[browser].local = true;
            self.browsers[browser].session = true;
        }
        for tab in 0..self.tabs.len() {
            self.thaw(tab);
            self.come_back(tab);
        }
        // What is on its way arrives, and what hangs is given up.
        self.after(30 * SECOND, Ev::Settled);
    }

    /// From here on each visible tab has its time to stand right.
    pub fn settled(&mut self) {
        for tab in 0..self.tabs.len() {
            if self.tabs[tab].page.is_some() && self.tabs[tab].visible {
                let wait = self.patience(tab);
                self.after(wait, Ev::Judge(tab));
            }
        }
    }

    /// The longest wait outstanding plus 1.2·T + spread + countdown; for a restored old manifest more.
    fn patience(&mut self, tab: usize) -> i64 {
        let published = &self.law.manifests[self.operator.published];
        let mono = self.mono(tab);
        let browser = &self.browsers[self.tabs[tab].browser];
        let mut wait = published.deadline.map_or(0, |deadline| deadline - self.now).max(0);
        // A follower depends on its leader, and hears from it.
        for other in &browser.tabs {
            let Some(page) = &self.tabs[*other].page else { continue };
            wait = wait.max(until(page.client.schedule().wake().0, mono));
            // What hangs now fails in the end, and backs off.
            if page.request.is_some() || page.seen.looking.is_some() {
                wait = wait.max(15 * SECOND + page.seen.every(&self.law) + 17 * MINUTE);
            }
        }
        let Some(page) = &self.tabs[tab].page else { return 0 };
        let wall = self.now + browser.jumps;
        if let Some(from) = self.tabs[tab].ledger.from(page.seen.build, published.current) {
            wait = wait.max(from - wall);
        }
        let holds = page.holds.iter().map(|(_, until)| until - mono).max();
        wait = wait.max(holds.unwrap_or(0));
        wait = wait.max(until(page.client.refresh().state.until, mono));
        let shell = &page.client.refresh().shell;
        if matches!(shell.state, Shell::Lagging(_)) {
            wait = wait.max(shell.at - mono);
        }
        wait = wait.max(until(shell.limit, mono));
        let in_force = page.seen.court.in_force.map(|index| &self.law.manifests[index]);
        let every = browser.tabs.iter().filter_map(|other| self.tabs[*other].page.as_ref());
        let every = every.map(|page| page.seen.every(&self.law)).max().unwrap_or(0).max(published.every);
        // Somebody may have heard, or kept, a higher serial than the one that is published in the end.
        let restored = self.law.manifests.iter().any(|m| m.serial > published.serial);
        let spread = published.spread.max(in_force.map_or(0, |m| m.spread));
        let more = if restored { (30 * MINUTE).max(every * 36 / 5) } else { 0 };
        // A request in flight takes up to 10 s, a look at the shell 3, `onSave` 5.
        wait + every * 6 / 5 + spread + MINUTE + more + 30 * SECOND
    }

    pub fn judge(&mut self, tab: usize) {
        if self.tabs[tab].page.is_none() || !self.tabs[tab].visible {
            return;
        }
        // Whoever has gone since then has its time from its new beginning.
        let born = self.tabs[tab].page.as_ref().map_or(0, |page| page.born);
        if born > self.stop && self.now < born + self.patience(tab) {
            let wait = born + self.patience(tab) - self.now;
            return self.after(wait, Ev::Judge(tab));
        }
        let verdict = self.right(tab);
        self.check_tab(tab, verdict);
    }

    fn right(&mut self, tab: usize) -> Verdict {
        let published = self.operator.published;
        let manifest = &self.law.manifests[published];
        let Some(page) = &self.tabs[tab].page else { return Ok(()) };
        let (client, seen) = (&page.client, &page.seen);
        let (state, standing) = (&client.refresh().state, client.standing());
        let passed = manifest.deadline.is_some_and(|deadline| self.now >= deadline) && self.site.dated;
        let status = self.law.standing(seen.build, manifest, passed);
        let in_force = client.in_force();
        let serial = in_force.manifest.as_ref().map(|m| m.serial);
        if serial > Some(manifest.serial) {
            // A restored old manifest: what it does not want is withdrawn, and nothing is forced.
            self.report.restored += 1;
            self.report.judged += 1;
            let regressed = in_force.regressed.as_ref().map(|m| m.serial);
            if regressed != Some(manifest.serial) {
                return Err(format!("it has not come back to serial {}: {regressed:?}", manifest.serial));
            }
            let action = due(status, manifest.urgency, false);
            let shown =
                matches!(state.phase, Phase::Offering | Phase::Urging | Phase::Holding | Phase::Counting);
            if shown && (action == Action::None || state.phase == Phase::Counting) {
                return Err(format!("{:?} is shown after an old manifest was restored", state.phase));
            }
            return Ok(());
        }
        if serial == Some(manifest.serial) && in_force.text != *manifest.text {
            // Published under one serial with two contents: whoever heard the other first keeps it.
            return Ok(());
        }
        if serial != Some(manifest.serial) {
            let schedule = client.schedule();
            let (at, why) = schedule.wake();
            let next = (until(at, self.mono(tab)), why);
            return Err(format!(
                "it has serial {serial:?}, published is {}; it is {:?}, polls in {next:?}",
                manifest.serial, schedule.role
            ));
        }
        if standing.status != status {
            return Err(format!("b{} stands {:?}, and should {status:?}", seen.build, standing.status));
        }
        let action = due(status, manifest.urgency, seen.lost && state.action == Action::Urge);
        let current = matches!(status, Status::Current | Status::Ahead);
        // Its own budget, a worker that may not be activated, and a page without a mark may keep it waiting.
        let wall = self.now + self.browsers[self.tabs[tab].browser].jumps;
        let skewed = self.browsers[self.tabs[tab].browser].skewed;
        // A clock that was set back counts as no time passed.
        let late = skewed && state.phase == Phase::Refused;
        let spent =
            late || self.tabs[tab].ledger.from(seen.build, manifest.current).is_none_or(|from| wall < from);
        let worker = self.browsers[self.tabs[tab].browser].worker.is_some();
        let excused = spent || worker || !self.site.marked || manifest.paused || manifest.share < 1.0;
        if excused && !current {
            self.report.unjudged += 1;
            return Ok(());
        }
        self.report.judged += 1;
        let right = match action {
            Action::None => state.phase == Phase::Idle,
            Action::Navigate => state.phase == Phase::Navigation,
            Action::Offer => matches!(state.phase, Phase::Offering | Phase::Deferred),
            Action::Urge => matches!(state.phase, Phase::Urging | Phase::Deferred),
            // Without storage it urges; else it has gone.
            Action::Force => matches!(state.phase, Phase::Urging | Phase::Deferred) && !page.storage,
        };
        if right {
            return Ok(());
        }
        Err(format!(
            "b{} should {action:?} to b{}, and is {:?}: {}",
            seen.build,
            manifest.current,
            state.phase,
            state.reason.name()
        ))
    }
}

/// How long it is until then; no time until what does not come.
fn until(at: i64, now: i64) -> i64 {
    if at == NEVER { 0 } else { at - now }
}
