//! A repository's address: which registry, which region, which repository.

/// `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub host: String,
    pub region: String,
    pub repository: String,
}

impl Name {
    pub fn read(uri: &str) -> Result<Name, String> {
        let wrong = || {
            format!("`{uri}` is not an ECR repository (ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME)")
        };
        let (host, repository) = uri.split_once('/').ok_or_else(wrong)?;
        let region = region(host).ok_or_else(wrong)?;
        if repository.is_empty() || repository.contains(['@', ':', '?', '#']) {
            return Err(wrong());
        }
        Ok(Name {
            host: host.to_owned(),
            region: region.to_owned(),
            repository: repository.to_owned(),
        })
    }
}

/// The region in the host name of an ECR registry.
pub fn region(host: &str) -> Option<&str> {
    let mut parts = host.split('.');
    let (account, registry, service, region) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let aws = matches!(
        (parts.next(), parts.next()),
        (Some("amazonaws"), Some("com"))
    );
    (aws && registry == "dkr"
        && matches!(service, "ecr" | "ecr-fips")
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && !region.is_empty())
    .then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ecr_address_tells_its_region_and_repository() {
        let name = Name::read("111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/redmine").unwrap();
        assert_eq!(
            (name.region.as_str(), name.repository.as_str()),
            ("eu-west-1", "team/redmine")
        );
        assert_eq!(
            region("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn"),
            Some("cn-north-1")
        );
    }

    #[test]
    fn another_registry_or_a_tagged_address_is_refused() {
        assert!(Name::read("registry.example.com/redmine").is_err());
        assert!(Name::read("111122223333.dkr.ecr.eu-west-1.amazonaws.com/redmine:5.1").is_err());
        assert!(Name::read("111122223333.dkr.ecr.eu-west-1.example.com/redmine").is_err());
    }
}
