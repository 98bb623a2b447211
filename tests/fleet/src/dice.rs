//! All chance of a run, from its seed (SplitMix64, Steele 2014).

/// A stream of chance.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        let mut dice = Dice(seed.wrapping_mul(0xd134_2543_de82_ef95));
        dice.next();
        dice
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// U(0, 1), never 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something of this probability happens.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of `from..to`.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        from + (self.unit() * (to - from) as f64) as i64
    }

    /// One of `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.between(0, n as i64) as usize
    }

    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// The time until something that happens every `mean` on the average, at most five times that.
    pub fn wait(&mut self, mean: i64) -> i64 {
        let wait = -(1.0 - self.unit()).ln() * mean as f64;
        1 + (wait as i64).min(5 * mean)
    }
}
