//! Virtual time, and durations that repeat.
//!
//! All times are nanoseconds since the world began. A duration is drawn by hash(seed, resource, operation, ordinal),
//! never from a stream, so that one call more or less does not shift any other.

/// Nanoseconds since the world began.
pub type Nanos = u64;

pub const MILLI: Nanos = 1_000_000;
pub const SECOND: Nanos = 1_000 * MILLI;
pub const MINUTE: Nanos = 60 * SECOND;
pub const HOUR: Nanos = 60 * MINUTE;
pub const DAY: Nanos = 24 * HOUR;

/// Unix time, in seconds, of the world's first instant: 2027-01-15T08:00:00Z. Fixed, so that worlds repeat.
pub const EPOCH: i64 = 1_800_000_000;

/// Minimum, typical and maximum seconds of something AWS takes time for. Sampled as a PERT distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pert(pub f64, pub f64, pub f64);

impl Pert {
    /// The duration at quantile-like position `u` in `0.0..1.0`: two uniform draws blended around the typical value.
    /// The mean is near PERT's `(min + 4·typ + max) / 6`; the bounds are exact.
    pub fn at(self, u: f64, v: f64) -> Nanos {
        let Pert(min, typ, max) = self;
        // Half of the mass is a triangular draw, half a narrow one around the mode: PERT's shape without a beta function.
        let triangular = triangle(min, typ, max, u);
        let narrow = triangle(min + (typ - min) * 0.6, typ, typ + (max - typ) * 0.25, u);
        let seconds = if v < 0.5 { triangular } else { narrow };
        (seconds.max(0.0) * SECOND as f64) as Nanos
    }

    /// The same distribution, every bound multiplied.
    pub fn times(self, factor: f64) -> Pert {
        Pert(self.0 * factor, self.1 * factor, self.2 * factor)
    }
}

fn triangle(min: f64, mode: f64, max: f64, u: f64) -> f64 {
    if max <= min {
        return min;
    }
    let split = (mode - min) / (max - min);
    if u < split {
        min + (u * (max - min) * (mode - min)).sqrt()
    } else {
        max - ((1.0 - u) * (max - min) * (max - mode)).sqrt()
    }
}

/// The only source of chance: a hash of what is asked, never a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dice(pub u64);

impl Dice {
    /// A 64-bit hash of the seed, the words and the ordinal. FNV-1a with a finaliser: fixed for ever.
    pub fn hash(self, words: &[&str], ordinal: u64) -> u64 {
        let mut h = 0xcbf2_9ce4_8422_2325_u64 ^ mix(self.0);
        for word in words {
            for byte in word.bytes().chain([0xff]) {
                h = (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        mix(h ^ mix(ordinal.wrapping_add(0x9e37_79b9_7f4a_7c15)))
    }

    /// A number in `0.0..1.0`.
    pub fn unit(self, words: &[&str], ordinal: u64) -> f64 {
        (self.hash(words, ordinal) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A duration from `pert`.
    pub fn duration(self, pert: Pert, words: &[&str], ordinal: u64) -> Nanos {
        let h = self.hash(words, ordinal);
        let u = (h >> 11) as f64 / (1_u64 << 53) as f64;
        let v = (mix(h) >> 11) as f64 / (1_u64 << 53) as f64;
        pert.at(u, v)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_stays_within_its_bounds_and_repeats() {
        let pert = Pert(10.0, 20.0, 90.0);
        for ordinal in 0..1_000 {
            let taken = Dice(7).duration(pert, &["rds", "copy"], ordinal);
            assert!((10 * SECOND..=90 * SECOND).contains(&taken), "{taken}");
            assert_eq!(taken, Dice(7).duration(pert, &["rds", "copy"], ordinal));
        }
    }

    #[test]
    fn another_seed_gives_another_sample() {
        let pert = Pert(10.0, 20.0, 90.0);
        let differing = (0..100)
            .filter(|n| Dice(1).duration(pert, &["x"], *n) != Dice(2).duration(pert, &["x"], *n));
        assert!(differing.count() > 95);
    }
}
