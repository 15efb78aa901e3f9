//! Whom a request is for: service and region from the host, else from the signature's scope, else from what it carries.

use crate::model::Protocol;
use crate::services::ServiceId;
use crate::world::Request;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    pub service: ServiceId,
    pub region: String,
    /// The bucket that the host names (virtual-host style).
    pub bucket: Option<String>,
}

/// What a signature says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    pub access_key: String,
    pub date: String,
    pub region: String,
    pub service: String,
}

/// The region of the services that have only one.
pub const GLOBAL_REGION: &str = "us-east-1";

pub fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request
        .headers
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.as_str())
}

/// The credential scope: `AKID/20270115/eu-west-1/rds/aws4_request`, from the header or the presigned query.
pub fn scope(request: &Request) -> Option<Scope> {
    if let Some(value) = header(request, "authorization") {
        let Some((_, rest)) = value.split_once("Credential=") else {
            return old_scope(value.strip_prefix("AWS ")?.split(':').next()?);
        };
        let end = rest.bytes().position(|byte| matches!(byte, b',' | b' '));
        return scope_of(&rest[..end.unwrap_or(rest.len())]);
    }
    let pairs = super::text::pairs(request.target.split_once('?')?.1);
    let part = |name: &str| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v);
    match part("X-Amz-Credential") {
        Some(credential) => scope_of(credential),
        None => old_scope(part("AWSAccessKeyId")?),
    }
}

fn scope_of(credential: &str) -> Option<Scope> {
    let mut parts = credential.rsplitn(5, '/').skip(1);
    let mut part = || parts.next().map(str::to_owned);
    let (service, region, date) = (part()?, part()?, part()?);
    Some(Scope {
        access_key: part()?,
        date,
        region,
        service,
    })
}

/// Version 2 of the signature, which S3 still takes: it names a key and nothing else.
fn old_scope(access_key: &str) -> Option<Scope> {
    Some(Scope {
        access_key: access_key.to_owned(),
        service: String::from("s3"),
        ..Scope::default()
    })
}

/// The bucket that a request to S3 names, in its host or in its path.
pub fn bucket_of(address: &Address, request: &Request) -> String {
    match &address.bucket {
        Some(bucket) => bucket.clone(),
        None => {
            let path = request.target.split(['?', '#']).next().unwrap_or("");
            super::text::unescape(
                path.trim_start_matches('/').split('/').next().unwrap_or(""),
                false,
            )
        }
    }
}

/// The request's service and region, if anything tells them.
pub fn find(request: &Request, scope: Option<&Scope>) -> Option<Address> {
    if let Some(address) = by_host(&request.host, scope) {
        return Some(address);
    }
    let region = scope.map_or(GLOBAL_REGION, |s| s.region.as_str());
    let by_scope = scope.and_then(|s| {
        ServiceId::ALL
            .iter()
            .copied()
            .find(|id| id.signing() == s.service)
    });
    let service = by_scope.or_else(|| by_content(request))?;
    let bucket = (service == ServiceId::S3)
        .then(|| local_bucket(&request.host))
        .flatten();
    Some(Address {
        service,
        region: region_of(service, region),
        bucket,
    })
}

fn region_of(service: ServiceId, region: &str) -> String {
    let global = matches!(service, ServiceId::Iam | ServiceId::Route53)
        || region == "aws-global"
        || region.is_empty();
    if global {
        GLOBAL_REGION.to_owned()
    } else {
        region.to_owned()
    }
}

fn by_host(host: &str, scope: Option<&Scope>) -> Option<Address> {
    let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    let name = [".amazonaws.com", ".api.aws", ".amazonaws.com.cn"]
        .iter()
        .find_map(|end| host.strip_suffix(end))?;
    if let Some(address) = s3_host(name, scope) {
        return Some(address);
    }
    for service in ServiceId::ALL {
        let prefix = &service.model().metadata.endpoint_prefix;
        let Some(region) = behind(name, prefix) else {
            continue;
        };
        let region = region
            .or(scope.map(|s| s.region.as_str()))
            .unwrap_or_default();
        return Some(Address {
            service: *service,
            region: region_of(*service, region),
            bucket: None,
        });
    }
    None
}

/// The label behind a prefix at the head of a host's name, each of whose labels may be that of a FIPS endpoint. `None`:
/// the name does not begin so.
fn behind<'h>(name: &'h str, prefix: &str) -> Option<Option<&'h str>> {
    let mut rest = Some(name);
    for part in prefix.split('.') {
        let after = rest?.strip_prefix(part)?;
        let after = after.strip_prefix("-fips").unwrap_or(after);
        rest = match after.strip_prefix('.') {
            Some(after) => Some(after),
            None if after.is_empty() => None,
            None => return None,
        };
    }
    Some(rest.map(|rest| rest.split_once('.').map_or(rest, |(label, _)| label)))
}

/// `s3`, `s3.region`, `s3-region`, `s3.dualstack.region`, each perhaps behind a bucket's name (which may have dots).
fn s3_host(name: &str, scope: Option<&Scope>) -> Option<Address> {
    let is_s3 = |label: &str| {
        label == "s3" || (label.starts_with("s3-") && !label.starts_with("s3-website"))
    };
    if !name.split('.').any(is_s3) {
        return None;
    }
    let labels: Vec<&str> = name.split('.').collect();
    let at = labels.iter().rposition(|label| is_s3(label))?;
    let after: Vec<&str> = labels[at + 1..]
        .iter()
        .copied()
        .filter(|l| *l != "dualstack")
        .collect();
    let region = match (labels[at].strip_prefix("s3-"), after.as_slice()) {
        (Some("fips"), [region]) | (None, [region]) => (*region).to_owned(),
        (Some("accelerate") | None, []) => {
            scope.map_or(GLOBAL_REGION.to_owned(), |s| s.region.clone())
        }
        (Some(region), []) => region.to_owned(),
        _ => return None,
    };
    let bucket = (at > 0).then(|| labels[..at].join("."));
    Some(Address {
        service: ServiceId::S3,
        region: region_of(ServiceId::S3, &region),
        bucket,
    })
}

/// `bucket.localhost`: how clients write virtual hosts for a server on this machine.
fn local_bucket(host: &str) -> Option<String> {
    let host = host.split(':').next().unwrap_or(host);
    let bucket = host.strip_suffix(".localhost")?;
    let bucket = bucket.strip_suffix(".s3").unwrap_or(bucket);
    (!bucket.is_empty() && bucket != "s3").then(|| bucket.to_owned())
}

/// Unsigned requests: by their target prefix, their API version, their path.
fn by_content(request: &Request) -> Option<ServiceId> {
    let models = || {
        ServiceId::ALL
            .iter()
            .copied()
            .map(|id| (id, &id.model().metadata))
    };
    if let Some((prefix, _)) = header(request, "x-amz-target").and_then(|t| t.split_once('.')) {
        return models()
            .find(|(_, m)| m.target_prefix.as_deref() == Some(prefix))
            .map(|(id, _)| id);
    }
    let form = header(request, "content-type")
        .is_some_and(|t| t.starts_with("application/x-www-form-urlencoded"));
    if form {
        let pairs = super::text::pairs(std::str::from_utf8(&request.body).ok()?);
        let version = &pairs.iter().find(|(k, _)| k == "Version")?.1;
        return models()
            .find(|(_, m)| {
                m.api_version == *version
                    && m.protocols
                        .iter()
                        .any(|p| matches!(p, Protocol::Query | Protocol::Ec2))
            })
            .map(|(id, _)| id);
    }
    if request.target.starts_with("/2013-04-01/") {
        return Some(ServiceId::Route53);
    }
    // What is left is what browsers and curl send: S3 objects.
    matches!(request.method.as_str(), "GET" | "HEAD" | "PUT").then_some(ServiceId::S3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn request(host: &str, scope: &str) -> Request {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20270115/{scope}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let headers = if scope.is_empty() {
            vec![]
        } else {
            vec![("Authorization".to_owned(), authorization)]
        };
        Request {
            method: "POST".into(),
            host: host.into(),
            target: "/".into(),
            headers,
            body: Bytes::new(),
        }
    }

    fn found(host: &str, scope_text: &str) -> Option<(ServiceId, String, Option<String>)> {
        let request = request(host, scope_text);
        find(&request, scope(&request).as_ref()).map(|a| (a.service, a.region, a.bucket))
    }

    #[test]
    fn a_host_names_service_and_region() {
        let plain = |service, region: &str| Some((service, region.to_owned(), None));
        assert_eq!(
            found("rds.eu-west-1.amazonaws.com", ""),
            plain(ServiceId::Rds, "eu-west-1")
        );
        assert_eq!(
            found("api.ecr.eu-west-1.amazonaws.com:443", ""),
            plain(ServiceId::Ecr, "eu-west-1")
        );
        assert_eq!(
            found("iam.amazonaws.com", "us-east-1/iam"),
            plain(ServiceId::Iam, "us-east-1")
        );
        assert_eq!(
            found("sts.amazonaws.com", "us-east-1/sts"),
            plain(ServiceId::Sts, "us-east-1")
        );
        assert_eq!(
            found("monitoring.us-west-2.amazonaws.com", ""),
            plain(ServiceId::Cloudwatch, "us-west-2")
        );
        assert_eq!(
            found("127.0.0.1:4566", "eu-west-1/elasticloadbalancing"),
            plain(ServiceId::Elbv2, "eu-west-1")
        );
        assert_eq!(
            found("127.0.0.1:4566", "us-east-1/route53"),
            plain(ServiceId::Route53, "us-east-1")
        );
        assert_eq!(
            found("rds-fips.us-east-1.amazonaws.com", ""),
            plain(ServiceId::Rds, "us-east-1")
        );
        assert_eq!(
            found("api-fips.ecr-fips.us-east-1.amazonaws.com", ""),
            plain(ServiceId::Ecr, "us-east-1")
        );
        assert_eq!(found("api.ecrs.us-east-1.amazonaws.com", ""), None);
        assert_eq!(found("unheard-of.eu-west-1.amazonaws.com", ""), None);
    }

    #[test]
    fn a_host_may_name_a_bucket() {
        let bucket = |region: &str, bucket: &str| {
            Some((ServiceId::S3, region.to_owned(), Some(bucket.to_owned())))
        };
        assert_eq!(
            found("my.bucket.s3.eu-west-1.amazonaws.com", ""),
            bucket("eu-west-1", "my.bucket")
        );
        assert_eq!(
            found("b.s3-eu-west-1.amazonaws.com", ""),
            bucket("eu-west-1", "b")
        );
        assert_eq!(
            found("b.s3.dualstack.eu-west-1.amazonaws.com", ""),
            bucket("eu-west-1", "b")
        );
        assert_eq!(
            found("b.s3.amazonaws.com", "eu-west-1/s3"),
            bucket("eu-west-1", "b")
        );
        assert_eq!(
            found("b.localhost:80", "eu-west-1/s3"),
            bucket("eu-west-1", "b")
        );
        assert_eq!(
            found("s3.eu-west-1.amazonaws.com", ""),
            Some((ServiceId::S3, "eu-west-1".to_owned(), None))
        );
    }
}
