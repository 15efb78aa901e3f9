//! How long a step of each kind usually takes, in seconds: the median and the 95th percentile.
//!
//! Assumptions until a stack has a history of its own; measured runs and published figures are their anchors. Pure data.

use drtool_engine::plan::Expected;

/// Kind, median, 95th percentile.
const TABLE: &[(&str, f64, f64)] = &[
    ("vpc", 2.0, 4.0),
    ("internet-gateway", 2.0, 4.0),
    ("subnet", 2.0, 4.0),
    ("elastic-ip", 1.0, 2.0),
    ("nat-gateway", 109.0, 149.0),
    ("route-table", 3.0, 6.0),
    ("security-group", 2.0, 4.0),
    ("security-group-rules", 2.0, 4.0),
    ("kms-key", 1.0, 1.0),
    ("role-access", 13.0, 17.0),
    ("secret-replica", 7.0, 13.0),
    ("secret-promotion", 3.0, 8.0),
    ("secret-rewrite", 2.0, 5.0),
    ("parameter", 1.0, 2.0),
    ("log-group", 1.0, 2.0),
    ("repository", 1.0, 2.0),
    ("image", 84.0, 184.0),
    ("certificate", 5.0, 10.0),
    ("validation-record", 35.0, 50.0),
    ("certificate-issued", 169.0, 365.0),
    ("load-balancer", 162.0, 234.0),
    ("target-group", 2.0, 4.0),
    ("listener", 2.0, 4.0),
    ("listener-rule", 2.0, 4.0),
    ("db-subnet-group", 2.0, 4.0),
    ("db-parameter-group", 2.0, 5.0),
    ("db-option-group", 5.0, 15.0),
    ("db-snapshot", 218.0, 404.0),
    ("db-snapshot-copy", 1170.0, 2305.0),
    ("db-instance", 541.0, 872.0),
    ("db-instance-settings", 777.0, 1982.0),
    ("cluster", 2.0, 5.0),
    ("task-definition", 1.0, 2.0),
    ("service", 104.0, 170.0),
    ("target-health", 12.0, 25.0),
    ("scalable-target", 1.0, 3.0),
    ("scaling-policy", 2.0, 4.0),
    ("dns-ttl", 35.0, 50.0),
    ("scaling-suspension", 1.0, 3.0),
    ("listener-fence", 2.0, 5.0),
    ("target-group-drain", 1.0, 3.0),
    ("service-scale", 66.0, 110.0),
    ("database-fence", 2.0, 5.0),
    ("probe-task", 45.0, 80.0),
    ("write-refused", 5.0, 12.0),
    ("watermark", 3.0, 8.0),
    ("sql-check", 3.0, 8.0),
    ("settings-diff", 1.0, 2.0),
    ("http-check", 2.0, 5.0),
    ("tcp-check", 1.0, 3.0),
    ("dns-cut", 2.0, 5.0),
    ("dns-in-sync", 35.0, 50.0),
    ("outside-check", 30.0, 65.0),
    ("watch", 2.0, 5.0),
    ("dns-ttl-restored", 35.0, 50.0),
    ("probe-removal", 35.0, 60.0),
    ("security-group-removal", 60.0, 300.0),
    ("security-group-rules-removal", 2.0, 4.0),
];

/// What is known of `kind`.
pub fn expected(kind: &str) -> Expected {
    let (p50, p95) = TABLE
        .iter()
        .find(|(name, ..)| *name == kind)
        .map_or((5.0, 15.0), |(_, p50, p95)| (*p50, *p95));
    Expected { p50, p95 }
}

/// A snapshot: the first is nearly whole, later ones carry the difference.
pub fn snapshot(gib: u32, first: bool) -> Expected {
    let scale = size(gib);
    if first {
        scaled(218.0, 404.0, scale)
    } else {
        scaled(103.0, 171.0, 1.0)
    }
}

/// A copy to another region.
pub fn snapshot_copy(gib: u32, first: bool) -> Expected {
    let scale = size(gib);
    if first {
        scaled(1170.0, 2305.0, scale)
    } else {
        scaled(353.0, 624.0, scale.sqrt())
    }
}

/// The time that bytes take grows with them; the time that AWS takes to begin does not. The table speaks of 100 GiB.
fn size(gib: u32) -> f64 {
    0.25 + 0.75 * f64::from(gib) / 100.0
}

fn scaled(p50: f64, p95: f64, by: f64) -> Expected {
    Expected {
        p50: (p50 * by).round(),
        p95: (p95 * by).round(),
    }
}

/// An image: `bytes` at 50 MB/s behind the time that replication takes to begin.
pub fn image(bytes: u64) -> Expected {
    let moving = bytes as f64 / 50e6;
    Expected {
        p50: (20.0 + moving).round(),
        p95: (60.0 + 2.0 * moving).round(),
    }
}

/// A service until it is steady: its tasks start, and its balancer has seen them pass `health` seconds of checks.
pub fn service(health: u32) -> Expected {
    Expected {
        p50: 90.0 + f64::from(health),
        p95: 150.0 + 1.5 * f64::from(health),
    }
}

/// A service until its last task is gone: `drain` seconds of deregistration come first.
pub fn scale_to_zero(drain: u32) -> Expected {
    Expected {
        p50: 30.0 + f64::from(drain),
        p95: 70.0 + f64::from(drain),
    }
}
