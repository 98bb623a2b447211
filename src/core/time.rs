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

/// Later than any time that is reckoned with: what does not come. As a date it is beyond the year 9999.
pub const NEVER: i64 = 1 << 48;
/// Before all times that are reckoned with: what has not been. As a date it is before the year 0.
pub const LONG_AGO: i64 = -NEVER;

/// A wall clock that moves this far against the monotonic one has been set, or the machine slept.
const JUMP: i64 = 30 * SECOND;
const SAMPLES: usize = 5;

/// What the servers' clock says, from the `Date` and `Age` of their answers.
///
/// The median of the last five samples, carried by the monotonic clock. A jump of the wall clock by more than
/// 30 s against the monotonic one drops the samples: the monotonic clock of some systems stands still in sleep.
#[derive(Clone, Debug)]
pub struct ServerTime {
    /// Server minus monotonic clock; [`NEVER`] where there is none.
    samples: [i64; SAMPLES],
    /// Which of them is the oldest.
    oldest: usize,
    /// Wall minus monotonic clock when last looked at.
    wall: i64,
    /// Server minus monotonic clock, as it was kept over loads: serves until the server is heard. Or [`NEVER`].
    kept: i64,
}

impl ServerTime {
    /// At the start of a page, before the clocks are looked at for the first time: that is a jump.
    pub const UNKNOWN: ServerTime =
        ServerTime { samples: [NEVER; SAMPLES], oldest: 0, wall: NEVER, kept: NEVER };

    /// Takes what was kept, as server minus wall clock, or [`NEVER`].
    pub fn keep(&mut self, now: Now, kept: i64) {
        if kept != NEVER {
            self.kept = kept + now.wall - now.mono;
        }
    }

    /// The server was heard: from now on only its own word counts.
    pub fn heard(&mut self) {
        self.kept = NEVER;
    }

    /// Takes an answer's `Date` + `Age`, in ms since 1970, which arrived now.
    pub fn sample(&mut self, now: Now, date: i64) {
        self.observe(now);
        self.samples[self.oldest] = date - now.mono;
        self.oldest = (self.oldest + 1) % SAMPLES;
    }

    /// Looks whether the wall clock jumped; to be called with every event. Says whether samples were dropped.
    pub fn observe(&mut self, now: Now) -> bool {
        let wall = now.wall - now.mono;
        let jumped = (self.wall - wall).abs() > JUMP;
        // Only a jump moves the reference: slow drift that adds up is a jump too, in the end.
        if jumped {
            self.samples.fill(NEVER);
            self.kept = NEVER;
            self.wall = wall;
        }
        jumped
    }

    /// Milliseconds since 1970 by the servers' clock; [`LONG_AGO`] without a sample, or where nothing was kept: no deadline
    /// has passed.
    pub fn at(&self, now: Now) -> i64 {
        match self.offset() {
            NEVER => LONG_AGO,
            offset => offset + now.mono,
        }
    }

    /// The same by samples of this page's life alone: what was kept takes nothing away.
    pub fn own(&self, now: Now) -> i64 {
        if self.kept == NEVER { self.at(now) } else { LONG_AGO }
    }

    /// The monotonic time at which the servers' clock shows `time`, or [`NEVER`].
    pub fn mono_of(&self, time: i64) -> i64 {
        let offset = self.offset();
        if offset == NEVER || time == NEVER { NEVER } else { time - offset }
    }

    fn offset(&self) -> i64 {
        // The lowest one that no more are above than are not. (The standard library's sort is 1.8 KB.)
        let mut median = NEVER;
        for sample in &self.samples {
            let mut balance = 0;
            for other in &self.samples {
                if *other != NEVER {
                    balance += if other > sample { -1 } else { 1 };
                }
            }
            if balance >= 0 {
                median = median.min(*sample);
            }
        }
        if median == NEVER { self.kept } else { median }
    }
}

/// The stream of chance that the shell seeded: PCG-XSH-RR 64/32 (O'Neill 2014).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Not seeded yet.
    pub const NONE: Chance = Chance(0);

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

/// Whether a text of the form `2026-11-24` names a day that exists; `None` where it is of another form.
pub fn is_day(text: &str) -> Option<bool> {
    let mut fields = [0; FIELDS];
    let form = text.len() == 10 && read(text.as_bytes(), 0, b"0000-00-00", &mut fields, 0);
    form.then(|| day(&fields) != WRONG)
}

/// Reads an RFC 3339 date-time with an offset as milliseconds since 1970; [`NEVER`] where it is none.
pub fn rfc3339(text: &str) -> i64 {
    let text = text.as_bytes();
    let mut fields = [0; FIELDS];
    let byte = |at| text.get(at).copied().unwrap_or(0);
    if !read(text, 0, b"0000-00-00T00:00:00", &mut fields, 0) {
        return NEVER;
    }
    let (mut at, mut millis, mut worth) = (19, 0, 1000);
    if byte(at) == b'.' {
        at += 1;
        while byte(at).is_ascii_digit() {
            worth /= 10;
            millis += (byte(at) - b'0') as i32 * worth;
            at += 1;
        }
        if worth == 1000 {
            return NEVER;
        }
    }
    let sign = byte(at);
    if sign | 0x20 != b'z' {
        if !read(text, at, b"+00:00", &mut fields, SECONDS) {
            return NEVER;
        }
        at += 5;
    }
    let day = day(&fields);
    let [_, _, _, hour, minute, second, hours, minutes] = fields;
    if at + 1 != text.len() || day == WRONG || second > 60 {
        return NEVER;
    }
    if hour.max(hours) > 23 || minute.max(minutes) > 59 {
        return NEVER;
    }
    let ahead = hours * 60 + minutes;
    let minutes = hour * 60 + minute + if sign == b'-' { ahead } else { -ahead };
    day as i64 * DAY + minutes as i64 * MINUTE + (second * 1000 + millis) as i64
}

/// Year, month, day, hour, minute, second, and the hours and minutes of the zone.
const FIELDS: usize = 8;
const SECONDS: usize = 5;

/// Reads the numbers of what stands there, if it is like the pattern: `0` stands for any digit, `T` for a blank too, and `+` for
/// either sign. All but digits end one number and begin the next.
fn read(text: &[u8], mut at: usize, pattern: &[u8], to: &mut [i32; FIELDS], mut field: usize) -> bool {
    for like in pattern {
        let byte = text.get(at).copied().unwrap_or(0);
        at += 1;
        let like = match byte {
            b'0'..=b'9' => {
                if let Some(number) = to.get_mut(field) {
                    *number = *number * 10 + (byte - b'0') as i32;
                }
                *like == b'0'
            }
            b' ' | b't' => *like == b'T',
            b'-' if *like == b'+' => true,
            _ => byte == *like,
        };
        field += usize::from(!byte.is_ascii_digit());
        if !like {
            return false;
        }
    }
    true
}

/// There is none.
const WRONG: i32 = i32::MIN;

/// The day, counted from 1970-01-01, if there is such a day.
fn day(fields: &[i32; FIELDS]) -> i32 {
    let [year, month, day, ..] = *fields;
    if !(1..=12).contains(&month) || day < 1 {
        return WRONG;
    }
    let day = first_day(year, month) + day - 1;
    if day < first_day(year, month + 1) { day } else { WRONG }
}

/// The first day of a month of the proleptic Gregorian calendar; the 13th is the next year's first.
fn first_day(year: i32, month: i32) -> i32 {
    // The year begins in March, so that the leap day is its last; 400 years on, for all numbers to be positive.
    let (y, m) = if month > 2 { (year + 400, month - 3) } else { (year + 399, month + 9) };
    365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 - 719_468 - 146_097
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
            ("0000-01-01T00:00:00Z", -62167219200000),
            ("0000-02-29T23:59:60Z", -62162035200000),
            ("9999-12-31T23:59:59.9-23:59", 253402387139900),
        ] {
            assert_eq!(rfc3339(text), ms, "{text}");
        }
        for bad in [
            "",
            "2026-11-24",
            "2026-11-24T00:00:00",
            "2026-02-30T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-12-32T00:00:00Z",
            "2026-12-00T00:00:00Z",
            "2026-12-1aT00:00:00Z",
            "2o26-12-10T00:00:00Z",
            "2026/12-10T00:00:00Z",
            "2026-12/10T00:00:00Z",
            "2026-12-10_00:00:00Z",
            "2026-12-10T00-00:00Z",
            "2026-12-10T00:00-00Z",
            "2026-12-10T00:60:00Z",
            "2026-11-24T00:00:00*01:00",
            "2026-11-24T00:00:00+01-00",
            "2026-11-24T00:00:00+01:60",
            "2026-11-24T00:00:00:",
            "2026-11-24T24:00:00Z",
            "2026-11-24T00:00:61Z",
            "2026-11-24T00:00:00.Z",
            "2026-11-24T00:00:00+0100",
            "2026-11-24T00:00:00Zx",
            "20261124T000000Z",
            "2026-11-24T00:00:00+24:00",
        ] {
            assert_eq!(rfc3339(bad), NEVER, "{bad}");
        }
    }

    #[test]
    fn server_time_is_the_median_of_five_carried_by_the_monotonic_clock() {
        let mut time = ServerTime::UNKNOWN;
        time.observe(at(0, 0));
        assert_eq!(time.at(at(0, 0)), LONG_AGO);
        for (i, date) in [1000, 1000, 99_000, 1000, 1000].into_iter().enumerate() {
            time.sample(at(i as i64, i as i64), date + i as i64);
        }
        assert_eq!(time.at(at(500, 500)), 1500);
    }

    #[test]
    fn a_wall_clock_that_is_set_drops_older_samples() {
        let mut time = ServerTime::UNKNOWN;
        time.sample(at(0, 0), 1000);
        assert!(!time.observe(at(1000, 1000 + JUMP)));
        assert_eq!(time.at(at(1000, 1000)), 2000);
        assert!(time.observe(at(1001, 1002 + JUMP)));
        assert_eq!(time.at(at(1001, 0)), LONG_AGO);
        time.sample(at(2000, 2001 + JUMP), 7000);
        assert_eq!(time.at(at(2000, 0)), 7000);
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
