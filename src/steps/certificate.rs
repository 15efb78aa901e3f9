//! A certificate, asked for. It is issued once its validation records answer; `certificate-issued` waits for that.

use crate::cloud::certificates;
use crate::env::Env;
use crate::steps::ownership::{claim, made_here, ours, tags};
use drtool_engine::step::{
    Call, CallKind, Cx, Effect, Left, Made, Observed, Step, StepError, Undo,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::capture::Tags;
use drtool_engine::step::Yields;

pub const KIND: &str = "certificate";
pub const SUMMARY: &str = "a certificate, asked for";
pub const EXAMPLE: &str = "\
id: certificate
use: certificate
with:
  domainName: redmine.sidpotti.infracourse.cloud
  alternativeNames: []
  keyAlgorithm: RSA_2048
";

/// The certificate to ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Certificate {
    pub domain_name: String,
    /// Without the domain name itself.
    pub alternative_names: Vec<String>,
    pub key_algorithm: String,
    /// The source's own tags; ownership is tagged by every step itself.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What later steps may refer to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CertificateAsked {
    pub arn: String,
}

impl Yields for CertificateAsked {
    const NAME: &'static str = "certificate";
}

impl Certificate {
    /// Ours by tag. Certificates have no names of their own, so another one for the same domain is no conflict.
    async fn found(
        &self,
        cx: &Cx<'_, Env>,
    ) -> Result<Option<certificates::Certificate>, StepError> {
        let all = cx
            .env
            .cloud
            .certificates(cx.place().as_str(), cx.look())
            .await?;
        Ok(all
            .iter()
            .find(|c| cx.adopt() == Some(c.arn.as_str()) || ours(cx, &c.tags))
            .cloned())
    }
}

impl Step for Certificate {
    type Env = Env;
    const KIND: &'static str = KIND;
    const SUMMARY: &'static str = SUMMARY;
    const EXAMPLE: &'static str = EXAMPLE;
    type Output = CertificateAsked;
    type Before = ();

    fn effect(&self) -> Effect {
        Effect::Adds
    }

    async fn observe(&self, cx: &Cx<'_, Env>) -> Result<Observed<CertificateAsked>, StepError> {
        let Some(certificate) = self.found(cx).await? else {
            return Ok(Observed::Absent);
        };
        let claimed = match claim(cx, &certificate.tags, &certificate.arn, "the certificate") {
            Ok(claimed) => claimed,
            Err(why) => return Ok(Observed::Foreign(why)),
        };
        match certificate.status.as_str() {
            // ACM says what the validation records are a few seconds after the request.
            "PENDING_VALIDATION" if certificate.validation.is_empty() => Ok(Observed::underway(
                "ACM has not said yet how to prove the names",
            )),
            "PENDING_VALIDATION" | "ISSUED" => Ok(Observed::Ready(
                CertificateAsked {
                    arn: certificate.arn,
                },
                claimed,
            )),
            status @ ("FAILED" | "VALIDATION_TIMED_OUT" | "REVOKED" | "EXPIRED" | "INACTIVE") => {
                Err(StepError::fail(
                    "E4340",
                    format!(
                        "certificate for {} is {status} {}",
                        self.domain_name,
                        certificate.failure.unwrap_or_default()
                    ),
                )
                .left(Left::Something(format!("certificate {}", certificate.arn))))
            }
            // AWS adds statuses without asking: one that nobody knows is neither good nor bad.
            other => Ok(Observed::underway(other)),
        }
    }

    async fn begin(&self, cx: &Cx<'_, Env>) -> Result<Call<()>, StepError> {
        let tags = tags(cx, &self.tags);
        Ok(cx
            .env
            .cloud
            .request_certificate(
                cx.place().as_str(),
                &self.domain_name,
                &self.alternative_names,
                &self.key_algorithm,
                &cx.token(),
                &tags,
            )
            // ACM keeps a token for an hour.
            .call(CallKind::Token {
                ttl: Duration::from_secs(3600),
            }))
    }

    async fn undo(
        &self,
        cx: &Cx<'_, Env>,
        _: &Made<CertificateAsked, ()>,
    ) -> Result<Undo, StepError> {
        Ok(match self.found(cx).await? {
            Some(c) if made_here(cx, &c.tags) && !c.in_use_by.is_empty() => {
                Undo::Wait(format!("still used by {}", c.in_use_by.join(", ")))
            }
            Some(c) if made_here(cx, &c.tags) => Undo::Call(
                cx.env
                    .cloud
                    .delete_certificate(cx.place().as_str(), &c.arn)
                    .call(CallKind::Upsert),
            ),
            _ => Undo::Done,
        })
    }
}
