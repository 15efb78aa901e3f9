//! Certificates, load balancers and the DNS records that lead to them.

mod balancers;
mod certificates;
mod records;

use crate::capture::edge::Balancer;
use crate::expand::Expansion;

pub(super) use balancers::balancers;
pub(super) use certificates::certificates;
pub(super) use records::{captured, cut, in_sync, lower_ttl, restore_ttl};

/// The balancers in front of the manifest's services, each once.
fn wanted<'a>(e: &Expansion<'a>) -> Vec<&'a Balancer> {
    let mut found: Vec<&Balancer> = vec![];
    for service in &e.manifest.services {
        if let Some(arn) = e.balancer(service.name.as_str())
            && let Some(balancer) = e.capture.balancers.iter().find(|b| b.arn == arn)
            && !found.iter().any(|b| b.arn == balancer.arn)
        {
            found.push(balancer);
        }
    }
    found
}
