//! ACM: certificates, validated by looking at Route 53.

use super::{Service, ServiceId, nothing_happens, whole_service};
use crate::error::AwsError;
use crate::table::Table;
use crate::world::{Cx, Input, Output, World};

pub const SERVICE: Service = Service {
    id: ServiceId::Acm,
    handle,
    happen: nothing_happens,
    wants: whole_service,
};

#[derive(Clone, Default)]
pub struct State {
    /// By ARN.
    certificates: Table<Certificate>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    pub arn: String,
    /// The domain name and the subject alternative names.
    pub names: Vec<String>,
    /// `PENDING_VALIDATION`, `ISSUED`, …
    pub status: String,
}

/// The certificate of an ARN, in whichever region that names.
pub fn certificate<'w>(world: &'w World, arn: &str) -> Option<&'w Certificate> {
    let mut parts = arn.split(':');
    let region = parts.nth(3)?;
    let account = parts.next()?;
    world.seen_place(account, region)?.acm.certificates.get(arn)
}

/// Whether a certificate is valid for a host name; a wildcard stands for exactly one label.
pub fn covers(certificate: &Certificate, name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    certificate.names.iter().any(|covered| {
        let covered = covered.to_ascii_lowercase();
        match (covered.strip_prefix("*."), name.split_once('.')) {
            (Some(parent), Some((label, rest))) => {
                !label.is_empty() && label != "*" && parent == rest || covered == name
            }
            _ => covered == name,
        }
    })
}

fn handle(cx: &mut Cx<'_>, _operation: &str, _input: &Input) -> Result<Output, AwsError> {
    Err(cx.not_simulated())
}
