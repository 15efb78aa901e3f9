//! How benchmarks measure and say what they found: processor time, medians with their spread, claims with their limits.
//!
//! Must not know: what is measured.

// Every benchmark is a program of its own and uses its part of this.
#![allow(dead_code)]

use std::process::ExitCode;
use std::time::Instant;

/// Processor time of this thread. A busy machine stretches the wall clock, not this.
pub struct Stopwatch {
    processor: Option<u64>,
    wall: Instant,
}

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch {
            processor: processor(),
            wall: Instant::now(),
        }
    }

    /// Seconds on the processor; of the wall clock where the kernel keeps no such account.
    pub fn seconds(&self) -> f64 {
        match (self.processor, processor()) {
            (Some(then), Some(now)) => (now - then) as f64 / 1e9,
            _ => self.wall.elapsed().as_secs_f64(),
        }
    }
}

/// Nanoseconds that this thread has been on a processor.
fn processor() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok()
}

/// Bytes of memory that this process holds.
pub fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// Several measurements of the same thing.
pub struct Spread(Vec<f64>);

impl Spread {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Spread {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Spread(values)
    }

    /// The value below which this share of all lies.
    pub fn at(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let index = (share * last as f64).ceil() as usize;
        self.0.get(index.min(last)).copied().unwrap_or(f64::NAN)
    }

    pub fn median(&self) -> f64 {
        self.at(0.5)
    }
}

/// What a benchmark claims, and whether it held.
#[derive(Default)]
pub struct Claims {
    missed: usize,
}

/// Which side of its limit a value has to be on.
#[derive(Clone, Copy, PartialEq)]
pub enum Limit {
    AtLeast(f64),
    AtMost(f64),
}

impl Claims {
    /// One figure: a line for people, and one for machines.
    pub fn claim(&mut self, name: &str, unit: &str, value: f64, spread: &Spread, limit: Limit) {
        let (held, side, bound) = match limit {
            Limit::AtLeast(bound) => (value >= bound, "at least", bound),
            Limit::AtMost(bound) => (value <= bound, "at most", bound),
        };
        // A value that could not be measured holds nothing.
        let held = held && value.is_finite();
        self.missed += usize::from(!held);
        let (low, high) = (spread.at(0.0), spread.at(1.0));
        println!(
            "{} {name}: {value:.4} {unit} ({side} {bound}; {low:.4} to {high:.4} in {} runs)",
            if held { "held  " } else { "MISSED" },
            spread.0.len(),
        );
        println!(
            "{}",
            serde_json::json!({
                "claim": name, "unit": unit, "value": value, "limit": bound, "side": side, "held": held,
                "low": low, "median": spread.median(), "high": high, "runs": spread.0.len(),
            })
        );
    }

    pub fn end(self) -> ExitCode {
        if self.missed == 0 {
            ExitCode::SUCCESS
        } else {
            println!("{} claims missed", self.missed);
            ExitCode::FAILURE
        }
    }
}
