//! The servers behind one address: which of them answers a request, and what each of them serves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::Document;

/// One server, or one group of equal servers.
#[derive(Clone, Debug)]
pub struct Server {
    /// The id of the build that it serves.
    pub build: String,
    /// Its part of the requests, in proportion to the shares of the others.
    pub share: f64,
    pub manifest: Document,
}

/// How the load balancer chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// In turn, in proportion to the shares, for each kind of request by itself: repeats exactly.
    #[default]
    Turn,
    /// By chance, from a fixed seed.
    Chance,
    /// Always the same server for the same tab, as with sticky sessions.
    Tab,
}

/// The balancer's memory.
#[derive(Clone, Debug, Default)]
pub struct Balancer {
    pub by: By,
    /// For each kind of request, how much each server is owed.
    owed: BTreeMap<String, Vec<f64>>,
    chance: u64,
}

impl Balancer {
    /// The index of the server that answers this request; 0 for a fleet of one.
    pub fn choose(&mut self, shares: &[f64], kind: &str, tab: Option<&str>) -> usize {
        let total: f64 = shares.iter().sum();
        if shares.len() < 2 || total <= 0.0 {
            return 0;
        }
        match self.by {
            By::Turn => self.next_in_turn(shares, kind, total),
            By::Chance => point(shares, self.draw() * total),
            By::Tab => point(shares, fraction(hash(tab.unwrap_or(""))) * total),
        }
    }

    /// Forgets what is owed; to be called whenever the servers change.
    pub fn restart(&mut self, by: By) {
        *self = Balancer { by, ..Balancer::default() };
    }

    /// Smooth weighted round robin, as in nginx: everyone earns its share, the richest serves and pays the total.
    fn next_in_turn(&mut self, shares: &[f64], kind: &str, total: f64) -> usize {
        let owed = self.owed.entry(kind.to_owned()).or_default();
        owed.resize(shares.len(), 0.0);
        let mut richest = 0;
        for (index, share) in shares.iter().enumerate() {
            owed[index] += share;
            // A tiny margin, so that rounding does not break ties in favour of the later one.
            if owed[index] > owed[richest] + 1e-9 {
                richest = index;
            }
        }
        owed[richest] -= total;
        richest
    }

    fn draw(&mut self) -> f64 {
        // splitmix64
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        fraction(mixed ^ (mixed >> 31))
    }
}

fn point(shares: &[f64], mut at: f64) -> usize {
    for (index, share) in shares.iter().enumerate() {
        if at < *share {
            return index;
        }
        at -= share;
    }
    shares.len() - 1
}

fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// FNV-1a with a finish that spreads short keys over all bits.
fn hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    }
    (hash ^ (hash >> 32)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(balancer: &mut Balancer, shares: &[f64], requests: usize) -> Vec<usize> {
        (0..requests).map(|_| balancer.choose(shares, "manifest", None)).collect()
    }

    #[test]
    fn two_equal_servers_answer_in_turn() {
        assert_eq!(chosen(&mut Balancer::default(), &[0.5, 0.5], 6), [0, 1, 0, 1, 0, 1]);
    }

    #[test]
    fn a_tenth_of_the_requests_reaches_the_new_build() {
        let chosen = chosen(&mut Balancer::default(), &[0.9, 0.1], 100);
        assert_eq!(chosen.iter().filter(|&&server| server == 1).count(), 10);
    }

    #[test]
    fn one_kind_of_request_does_not_disturb_the_turns_of_another() {
        let mut balancer = Balancer::default();
        let shares = [0.5, 0.5];
        assert_eq!(balancer.choose(&shares, "manifest", None), 0);
        assert_eq!(balancer.choose(&shares, "shell", None), 0);
        assert_eq!(balancer.choose(&shares, "manifest", None), 1);
    }

    #[test]
    fn chance_keeps_to_the_shares_and_repeats() {
        let mut balancer = Balancer { by: By::Chance, ..Balancer::default() };
        let first = chosen(&mut balancer, &[0.75, 0.25], 1000);
        let new = first.iter().filter(|&&server| server == 1).count();
        assert!((200..300).contains(&new), "{new}");
        assert_eq!(
            chosen(&mut Balancer { by: By::Chance, ..Balancer::default() }, &[0.75, 0.25], 1000),
            first
        );
    }

    #[test]
    fn a_sticky_tab_stays_with_its_server() {
        let mut balancer = Balancer { by: By::Tab, ..Balancer::default() };
        let mut of = |tab: &str| balancer.choose(&[0.5, 0.5], "shell", Some(tab));
        let servers: Vec<usize> = (0..32).map(|tab| of(&tab.to_string())).collect();
        assert_eq!(servers, (0..32).map(|tab| of(&tab.to_string())).collect::<Vec<_>>());
        assert!(servers.contains(&0) && servers.contains(&1));
    }
}
