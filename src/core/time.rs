//! Clocks, server time, jitter, and the one table of deadlines.

/// One reading of the page's two clocks. The core never reads a clock itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds of a clock that never jumps (`performance.now()`).
    pub mono: i64,
    /// Milliseconds since 1970 by the visitor's clock (`Date.now()`), which may be wrong and may jump.
    pub wall: i64,
}

/// One second, in the unit of all core times.
pub const SECOND: i64 = 1_000;
/// One minute.
pub const MINUTE: i64 = 60 * SECOND;
/// One hour.
pub const HOUR: i64 = 60 * MINUTE;
/// One day.
pub const DAY: i64 = 24 * HOUR;

/// A wall clock that moves this far against the monotonic one has been set, or the machine slept.
const JUMP: i64 = 30 * SECOND;
const SAMPLES: usize = 5;

/// What the servers' clock says, from the `Date` and `Age` of their answers.
///
/// The median of the last five samples, carried by the monotonic clock. A jump of the wall clock by more than
/// 30 s against the monotonic one drops the samples: the monotonic clock of some systems stands still in sleep.
#[derive(Clone, Debug, Default)]
pub struct ServerTime {
    /// Server minus monotonic clock, in order of arrival.
    samples: Vec<i64>,
    /// Wall minus monotonic clock when last looked at.
    wall: Option<i64>,
    /// Server minus monotonic clock, as it was kept over loads: serves until the server is heard.
    kept: Option<i64>,
}

impl ServerTime {
    /// At the start of a page: what was kept, as server minus wall clock.
    pub fn new(now: Now, kept: Option<i64>) -> ServerTime {
        ServerTime { kept: kept.map(|kept| kept + now.wall - now.mono), ..ServerTime::default() }
    }

    /// The server was heard: from now on only its own word counts.
    pub fn heard(&mut self) {
        self.kept = None;
    }

    /// Takes an answer's `Date` + `Age`, in ms since 1970, which arrived now.
    pub fn sample(&mut self, now: Now, date: i64) {
        self.observe(now);
        if self.samples.len() == SAMPLES {
            self.samples.remove(0);
        }
        self.samples.push(date - now.mono);
    }

    /// Looks whether the wall clock jumped; to be called with every event. Says whether samples were dropped.
    pub fn observe(&mut self, now: Now) -> bool {
        let wall = now.wall - now.mono;
        let jumped = self.wall.is_some_and(|before| (before - wall).abs() > JUMP);
        // Only a jump moves the reference: slow drift that adds up is a jump too, in the end.
        if jumped || self.wall.is_none() {
            self.wall = Some(wall);
        }
        if jumped {
            self.samples.clear();
            self.kept = None;
        }
        jumped
    }

    /// Milliseconds since 1970 by the servers' clock; `None` without a sample, or where nothing was kept.
    pub fn at(&self, now: Now) -> Option<i64> {
        self.offset().map(|offset| offset + now.mono)
    }

    /// The same by samples of this page's life alone: what was kept takes nothing away.
    pub fn own(&self, now: Now) -> Option<i64> {
        self.at(now).filter(|_| self.kept.is_none())
    }

    /// The monotonic time at which the servers' clock shows `time`.
    pub fn mono_of(&self, time: i64) -> Option<i64> {
        self.offset().map(|offset| time - offset)
    }

    fn offset(&self) -> Option<i64> {
        let mut sorted = self.samples.clone();
        sort(&mut sorted);
        sorted.get(sorted.len().wrapping_sub(1) / 2).copied().or(self.kept)
    }
}

/// Insertion sort: the lists are of five, and the standard library's sort is 1.8 KB.
fn sort(list: &mut [i64]) {
    for i in 1..list.len() {
        let mut j = i;
        while j > 0 && list[j - 1] > list[j] {
            list.swap(j - 1, j);
            j -= 1;
        }
    }
}

/// The stream of chance that the shell seeded: PCG-XSH-RR 64/32 (O'Neill 2014).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// A stream from a seed.
    pub fn new(seed: u64) -> Chance {
        let mut chance = Chance(seed);
        chance.next();
        chance
    }

    fn next(&mut self) -> u32 {
        let state = self.0;
        self.0 = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((((state >> 18) ^ state) >> 27) as u32).rotate_right((state >> 59) as u32)
    }

    /// U(0, 1), never 1.
    pub fn unit(&mut self) -> f64 {
        self.next() as f64 / 4294967296.0
    }

    /// U(from, to) in milliseconds.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        from + (self.unit() * (to - from) as f64) as i64
    }
}

/// Failure n (from 0) is tried again after U(0.5, 1) · max(T, min(900 s, 2T·2ⁿ)).
pub fn backoff(failures: u32, every: i64, chance: &mut Chance) -> i64 {
    let longest = every.max((every << (failures.min(20) + 1)).min(15 * MINUTE));
    (longest as f64 * (0.5 + 0.5 * chance.unit())) as i64
}

/// The days of a month of the Gregorian calendar; `month` is 1 to 12.
pub const fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Reads an RFC 3339 date-time with an offset as milliseconds since 1970.
pub fn rfc3339(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    let number = |from: usize, to: usize| {
        let digits = b.get(from..to)?;
        digits.iter().try_fold(0i64, |n, d| d.is_ascii_digit().then(|| n * 10 + (d - b'0') as i64))
    };
    let is = |at: usize, c: u8| b.get(at).is_some_and(|x| x.eq_ignore_ascii_case(&c));
    let clock = |hour: i64, minute: i64| (hour < 24 && minute < 60).then_some(hour * HOUR + minute * MINUTE);

    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let second = number(17, 19)?;
    if !(is(4, b'-') && is(7, b'-') && (is(10, b't') || is(10, b' ')) && is(13, b':') && is(16, b':'))
        || !(1..=12).contains(&month)
        || !(1..=days_in_month(year, month as u32) as i64).contains(&day)
        || second > 60
    {
        return None;
    }
    let mut at = 19;
    let mut millis = 0;
    if is(at, b'.') {
        let start = at + 1;
        at = start;
        while b.get(at).is_some_and(u8::is_ascii_digit) {
            if at < start + 3 {
                millis = millis * 10 + (b[at] - b'0') as i64;
            }
            at += 1;
        }
        if at == start {
            return None;
        }
        for _ in at..start + 3 {
            millis *= 10;
        }
    }
    let offset = if is(at, b'z') {
        at += 1;
        0
    } else {
        let sign = if is(at, b'+') {
            1
        } else if is(at, b'-') {
            -1
        } else {
            return None;
        };
        let offset = clock(number(at + 1, at + 3)?, number(at + 4, at + 6)?)?;
        if !is(at + 3, b':') {
            return None;
        }
        at += 6;
        sign * offset
    };
    if at != b.len() {
        return None;
    }
    Some(
        days_from_civil(year, month, day) * DAY
            + clock(number(11, 13)?, number(14, 16)?)?
            + second * SECOND
            + millis
            - offset,
    )
}

/// Days since 1970-01-01 of the proleptic Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // The year begins in March, so that the leap day is its last.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono: i64, wall: i64) -> Now {
        Now { mono, wall }
    }

    #[test]
    fn date_times_are_read_as_rfc_3339_has_them() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-24T00:00:00Z", 1795478400000),
            ("2026-11-24t01:30:00.25+01:30", 1795478400250),
            ("2000-02-29 12:00:00-00:01", 951825660000),
            ("1969-12-31T23:59:59.9999Z", -1),
        ] {
            assert_eq!(rfc3339(text), Some(ms), "{text}");
        }
        for bad in [
            "",
            "2026-11-24",
            "2026-11-24T00:00:00",
            "2026-02-30T00:00:00Z",
            "2026-11-24T24:00:00Z",
            "2026-11-24T00:00:61Z",
            "2026-11-24T00:00:00.Z",
            "2026-11-24T00:00:00+0100",
            "2026-11-24T00:00:00Zx",
            "20261124T000000Z",
            "2026-11-24T00:00:00+24:00",
        ] {
            assert_eq!(rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn server_time_is_the_median_of_five_carried_by_the_monotonic_clock() {
        let mut time = ServerTime::default();
        assert_eq!(time.at(at(0, 0)), None);
        for (i, date) in [1000, 1000, 99_000, 1000, 1000].into_iter().enumerate() {
            time.sample(at(i as i64, i as i64), date + i as i64);
        }
        assert_eq!(time.at(at(500, 500)), Some(1500));
    }

    #[test]
    fn a_wall_clock_that_is_set_drops_older_samples() {
        let mut time = ServerTime::default();
        time.sample(at(0, 0), 1000);
        assert!(!time.observe(at(1000, 1000 + JUMP)));
        assert_eq!(time.at(at(1000, 1000)), Some(2000));
        assert!(time.observe(at(1001, 1002 + JUMP)));
        assert_eq!(time.at(at(1001, 0)), None);
        time.sample(at(2000, 2001 + JUMP), 7000);
        assert_eq!(time.at(at(2000, 0)), Some(7000));
    }

    #[test]
    fn chance_fills_its_range_and_repeats_from_its_seed() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            (0..1000).map(|_| chance.between(10, 20)).collect::<Vec<_>>()
        };
        let numbers = draw(7);
        assert_eq!(numbers, draw(7));
        assert_ne!(numbers, draw(8));
        assert!((10..20).all(|n| numbers.contains(&n)));
        assert!(numbers.iter().all(|n| (10..20).contains(n)));
    }
}
