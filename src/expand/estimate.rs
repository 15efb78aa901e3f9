//! How long a plan takes: its critical path, its whole time and its downtime, each as a median and a 95th percentile.
//!
//! The path's times are summed by sampling, since percentiles do not add up. The samples are drawn from a fixed sequence: the same
//! plan always gives the same numbers. Pure.

use std::collections::BTreeMap;

use drtool_engine::StepId;
use drtool_engine::plan::{Expected, Milestone, Plan, Planned};
use drtool_engine::step::Effect;
use serde::{Deserialize, Serialize};

/// Seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Estimate {
    pub total: Range,
    /// From the first fence to the first user served; nothing for a plan without a fence.
    pub downtime: Option<Range>,
    /// From the beginning until the deep checks have passed: what a rehearsal measures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<Range>,
    /// The steps that decide when the run ends, in order, at their medians.
    pub critical_path: Vec<StepId>,
    /// The part of it inside the downtime.
    pub downtime_path: Vec<StepId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    pub p50: f64,
    pub p95: f64,
}

const SAMPLES: usize = 301;

/// The estimate of a plan whose steps stand in an order that satisfies their needs.
pub fn estimate(plan: &Plan) -> Estimate {
    let steps = &plan.steps;
    let positions: BTreeMap<&StepId, usize> = steps
        .iter()
        .enumerate()
        .map(|(index, step)| (&step.id, index))
        .collect();
    let needs: Vec<Vec<(usize, f64)>> = steps
        .iter()
        .map(|step| {
            step.needs
                .iter()
                .filter_map(|need| {
                    positions.get(&need.step).map(|at| {
                        (
                            *at,
                            need.settle.map_or(0.0, |passes| f64::from(passes.over)),
                        )
                    })
                })
                .collect()
        })
        .collect();
    let medians: Vec<f64> = steps.iter().map(median).collect();
    let (ends, causes) = finish(&needs, &medians);
    let last = (0..steps.len()).max_by(|a, b| ends[*a].total_cmp(&ends[*b]));
    let path = last.map(|last| trail(last, &causes)).unwrap_or_default();
    let fence = |ends: &[f64], durations: &[f64]| {
        (0..steps.len())
            .filter(|i| steps[*i].effect == Effect::Fences && !steps[*i].hold)
            .map(|i| ends[i] - durations[i])
            .min_by(f64::total_cmp)
    };
    let serving: Vec<usize> = (0..steps.len())
        .filter(|i| steps[*i].milestone == Some(Milestone::Serving))
        .collect();
    let proven: Vec<usize> = (0..steps.len())
        .filter(|i| steps[*i].milestone == Some(Milestone::Proven))
        .collect();
    let mut recoveries = vec![];
    let mut totals = vec![];
    let mut downtimes = vec![];
    let spreads: Vec<Option<Spread>> = (0..steps.len())
        .map(|index| Spread::of(&steps[index], index))
        .collect();
    let mut durations = vec![0.0; steps.len()];
    for sample in 0..SAMPLES {
        for (duration, spread) in durations.iter_mut().zip(&spreads) {
            *duration = spread.as_ref().map_or(0.0, |spread| spread.drawn(sample));
        }
        let (ends, _) = finish(&needs, &durations);
        totals.push(ends.iter().copied().fold(0.0, f64::max));
        recoveries.extend(proven.iter().map(|i| ends[*i]).max_by(f64::total_cmp));
        let served = serving.iter().map(|i| ends[*i]).max_by(f64::total_cmp);
        if let (Some(start), Some(end)) = (fence(&ends, &durations), served) {
            downtimes.push(end - start);
        }
    }
    let served = serving
        .iter()
        .copied()
        .max_by(|a, b| ends[*a].total_cmp(&ends[*b]));
    let start = fence(&ends, &medians);
    let downtime_path = match (start, served) {
        (Some(start), Some(served)) => trail(served, &causes)
            .into_iter()
            .filter(|i| ends[*i] > start)
            .collect(),
        _ => vec![],
    };
    let ids = |path: Vec<usize>| {
        path.into_iter()
            .filter(|i| medians[*i] > 0.0)
            .map(|i| steps[i].id.clone())
            .collect()
    };
    Estimate {
        total: range(totals),
        downtime: (!downtimes.is_empty()).then(|| range(downtimes)),
        recovery: (!recoveries.is_empty()).then(|| range(recoveries)),
        critical_path: ids(path),
        downtime_path: ids(downtime_path),
    }
}

fn median(step: &Planned) -> f64 {
    if step.hold {
        0.0
    } else {
        step.expected.map_or(0.0, |e| e.p50)
    }
}

/// When each step ends, and which need decided when it began.
fn finish(needs: &[Vec<(usize, f64)>], durations: &[f64]) -> (Vec<f64>, Vec<Option<usize>>) {
    let mut ends = vec![0.0; durations.len()];
    let mut causes = vec![None; durations.len()];
    for index in 0..durations.len() {
        let latest = needs[index]
            .iter()
            .map(|(need, wait)| (*need, ends[*need] + wait))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        ends[index] = latest.map_or(0.0, |(_, end)| end) + durations[index];
        causes[index] = latest.map(|(need, _)| need);
    }
    (ends, causes)
}

fn trail(last: usize, causes: &[Option<usize>]) -> Vec<usize> {
    let mut path: Vec<usize> = std::iter::successors(Some(last), |at| causes[*at]).collect();
    path.reverse();
    path
}

fn range(mut values: Vec<f64>) -> Range {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        values
            .get(((values.len().max(1) - 1) as f64 * share) as usize)
            .copied()
            .unwrap_or_default()
            .round()
    };
    Range {
        p50: at(0.5),
        p95: at(0.95),
    }
}

/// The durations of a step: log-normal through its two percentiles, at quantiles from a fixed additive sequence.
struct Spread {
    p50: f64,
    sigma: f64,
    stride: f64,
}

impl Spread {
    /// `None` for a step that takes no time.
    fn of(step: &Planned, index: usize) -> Option<Spread> {
        let Expected { p50, p95 } = step.expected.filter(|_| !step.hold)?;
        let golden = 0.618_033_988_749_894_9;
        (p50 > 0.0).then(|| Spread {
            p50,
            sigma: (p95.max(p50) / p50).ln() / 1.644_853_6,
            // Each step has its own stride, so that steps are not all slow together.
            stride: golden * (1.0 + index as f64 * 0.754_877_666_246_692_8),
        })
    }

    fn drawn(&self, sample: usize) -> f64 {
        let quantile = ((sample as f64 + 0.5) * self.stride)
            .fract()
            .clamp(0.001, 0.999);
        self.p50 * (self.sigma * normal(quantile)).exp()
    }
}

/// The quantile of the standard normal distribution, by Acklam's rational approximation (relative error below 1.2e-9).
fn normal(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_5,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] = [
        -54.476_098_798_224_06,
        161.585_836_858_040_9,
        -155.698_979_859_886_6,
        66.801_311_887_719_72,
        -13.280_681_552_885_72,
    ];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [
        0.007_784_695_709_041_462,
        0.322_467_129_070_039_8,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
    ];
    let tail = |q: f64| {
        let top = ((((C[0] * q + C[1]) * q + C[2]) * q + C[3]) * q + C[4]) * q + C[5];
        top / ((((D[0] * q + D[1]) * q + D[2]) * q + D[3]) * q + 1.0)
    };
    if p < 0.02425 {
        tail((-2.0 * p.ln()).sqrt())
    } else if p > 1.0 - 0.02425 {
        -tail((-2.0 * (1.0 - p).ln()).sqrt())
    } else {
        let q = p - 0.5;
        let r = q * q;
        let top = (((((A[0] * r + A[1]) * r + A[2]) * r + A[3]) * r + A[4]) * r + A[5]) * q;
        top / (((((B[0] * r + B[1]) * r + B[2]) * r + B[3]) * r + B[4]) * r + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_the_normal_distribution_are_right() {
        assert!(normal(0.5).abs() < 1e-9);
        assert!((normal(0.95) - 1.644_853_6).abs() < 1e-6);
        assert!((normal(0.01) + 2.326_347_9).abs() < 1e-6);
    }
}
