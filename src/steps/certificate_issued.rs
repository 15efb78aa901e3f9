//! A certificate, issued and covering its names.

use crate::env::Env;
use drtool_engine::step::{Call, Claim, Cx, Effect, Made, Observed, Step, StepError, Undo};
use serde::{Deserialize, Serialize};

use drtool_engine::step::{Value, Yields};

pub const KIND: &str = "certificate-issued";
pub const SUMMARY: &str = "waits until a certificate is issued";
pub const EXAMPLE: &str = "\
id: certificate-issued
use: certificate-issued
with:
  certificate: arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012
  names: [redmine.sidpotti.infracourse.cloud]
";

/// The certificate to wait for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CertificateIssued {
    pub certificate: Value<String>,
    /// Every name that it must cover.
    pub names: Vec<String>,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct IssuedCertificate {
    pub arn: String,
}

impl Yields for IssuedCertificate {
    const NAME: &'static str = "certificate issued";
}

impl Step for CertificateIssued {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = IssuedCertificate;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Reads
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<IssuedCertificate>, StepError> {
        let arn = cx.value(&self.certificate)?;
        let found = cx
            .env
            .cloud
            .certificate(cx.place().as_str(), &arn, cx.look())
            .await?;
        let Some(certificate) = found.as_ref() else {
            return Ok(Observed::Unseen(format!(
                "certificate {arn} is not visible yet"
            )));
        };
        match certificate.status.as_str() {
            "ISSUED" => match self.names.iter().find(|name| !certificate.covers(name)) {
                None => Ok(Observed::Ready(IssuedCertificate { arn }, Claim::AsWanted)),
                Some(name) => Err(StepError::fail(
                    "E4341",
                    format!("certificate {arn} does not cover {name}"),
                )),
            },
            "PENDING_VALIDATION" => Ok(Observed::underway("ACM looks for the validation records")),
            status @ ("FAILED" | "VALIDATION_TIMED_OUT" | "REVOKED" | "EXPIRED" | "INACTIVE") => {
                Err(StepError::fail(
                    "E4340",
                    format!(
                        "certificate {arn} is {status} {}",
                        certificate.failure.as_deref().unwrap_or_default()
                    ),
                ))
            }
            other => Ok(Observed::underway(other)),
        }
    }

    async fn begin(&self, _: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        Err(StepError::wait(
            "E4342",
            "the certificate is issued by ACM, not by a call",
        ))
    }

    async fn undo(
        &self,
        _: &Cx<'_, Env>,
        _: &Made<IssuedCertificate, ()>,
    ) -> Result<Undo, StepError> {
        Ok(Undo::Done)
    }
}
