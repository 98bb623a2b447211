//! Tabs that hear one force together: at most half of them go within any tenth of the spread.

use crate::law::Build;
use crate::watch::Verdict;
use crate::world::{Id, World};
use crate::{MINUTE, SECOND};
use trueup::core::window::Action;

/// Fewer than this are no crowd.
const CROWD: usize = 40;

#[derive(Default)]
pub struct Crowds {
    open: Vec<Crowd>,
    done: u64,
    /// For each tab: the target to which it is forced, and since when.
    forced: Vec<Option<(u32, Build, i64)>>,
    bad: Option<String>,
}

/// Tabs of one browser that are forced to one target since the same second.
struct Crowd {
    browser: usize,
    target: Build,
    since: i64,
    spread: i64,
    members: Vec<Id>,
    gone: Vec<i64>,
    /// Something came between: an outage, a sleep, another word of the operator.
    disturbed: bool,
}

impl Crowds {
    /// Whatever was heard together is not seen through together.
    pub fn disturb(&mut self) {
        self.open.iter_mut().for_each(|crowd| crowd.disturbed = true);
    }

    pub fn gone(&mut self, id: Id, now: i64) {
        for crowd in self.open.iter_mut().filter(|crowd| crowd.members.contains(&id)) {
            crowd.gone.push(now);
        }
    }

    /// The tab is no more.
    pub fn left(&mut self, id: Id) {
        if let Some(forced) = self.forced.get_mut(id.tab) {
            *forced = None;
        }
    }

    /// The crowds that were seen, and whether one of them stampeded.
    pub fn judge(&mut self) -> (u64, Verdict) {
        self.close(i64::MAX);
        (self.done, self.bad.take().map_or(Ok(()), Err))
    }

    fn close(&mut self, now: i64) {
        for crowd in std::mem::take(&mut self.open) {
            if now - crowd.since < crowd.spread + 5 * MINUTE {
                self.open.push(crowd);
                continue;
            }
            if crowd.disturbed || crowd.members.len() < CROWD || crowd.gone.len() < CROWD / 2 {
                continue;
            }
            self.done += 1;
            let tenth = crowd.spread / 10;
            let mut gone = crowd.gone;
            gone.sort_unstable();
            let most = gone
                .iter()
                .enumerate()
                .map(|(at, from)| gone[at..].iter().take_while(|to| **to - from < tenth).count())
                .max();
            if let Some(most) = most.filter(|most| *most * 2 > crowd.members.len()) {
                self.bad.get_or_insert(format!(
                    "{most} of {} tabs that heard of b{} together reload within a tenth of {} s",
                    crowd.members.len(),
                    crowd.target,
                    crowd.spread / SECOND
                ));
            }
        }
    }
}

impl World {
    /// Looks whether a tab has become forced, or is so no more.
    pub fn crowd(&mut self, tab: usize) {
        let (id, browser, now) = (self.id(tab), self.tabs[tab].browser, self.now);
        if self.crowds.forced.len() <= tab {
            self.crowds.forced.resize(tab + 1, None);
        }
        let Some(page) = &self.tabs[tab].page else { return };
        let manifest = page.seen.court.in_force.map(|index| &self.law.manifests[index]);
        let forced = manifest
            .filter(|m| m.share > 0.0 && !m.paused && page.seen.due(&self.law, now)[0] == Action::Force);
        let Some(manifest) = forced else {
            if self.crowds.forced[tab].take().is_some() {
                self.crowds
                    .open
                    .iter_mut()
                    .filter(|c| c.members.contains(&id))
                    .for_each(|c| c.disturbed = true);
            }
            return;
        };
        if matches!(self.crowds.forced[tab], Some((life, target, _)) if life == id.life && target == manifest.current)
        {
            return;
        }
        let other = self.crowds.forced[tab].is_some_and(|(life, ..)| life == id.life);
        self.crowds.forced[tab] = Some((id.life, manifest.current, now));
        // Who was forced to another target before keeps the share of the spread that it drew.
        if other || manifest.spread < MINUTE || self.site.incident.is_some() {
            return;
        }
        let (target, spread) = (manifest.current, manifest.spread);
        self.crowds.close(now);
        if let Some(what) = self.crowds.bad.take() {
            return self.check(Err(what));
        }
        let place = self.crowds.open.iter().position(|crowd| {
            crowd.browser == browser && crowd.target == target && now - crowd.since <= SECOND
        });
        let place = place.unwrap_or_else(|| {
            self.crowds.open.push(Crowd {
                browser,
                target,
                since: now,
                spread,
                members: Vec::new(),
                gone: Vec::new(),
                disturbed: false,
            });
            self.crowds.open.len() - 1
        });
        self.crowds.open[place].members.push(id);
    }
}
