//! Where a command works: flags that every command takes.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use drtool_engine::clock::Speed;

use crate::failure::Failure;
use crate::manifest::Region;
use crate::session::{Reach, Session};

/// Where runs are kept if nobody says otherwise.
const DIRECTORY: &str = ".drtool";

#[derive(Clone, Debug, Args)]
pub struct Whither {
    /// Work in the simulated AWS of this process instead of AWS. Its world is kept between commands. Counts as `--yes`.
    #[arg(long, global = true)]
    pub sandbox: bool,
    /// How fast the sandbox's time passes: a whole move takes some 20 seconds when fast. A served sandbox has its own.
    #[arg(long, global = true, value_enum, default_value_t = Pace::Fast, hide_default_value = true, value_name = "SPEED")]
    pub sandbox_speed: Pace,
    /// Where runs are kept.
    #[arg(long, global = true, default_value = DIRECTORY, value_name = "DIR", value_parser = folder)]
    pub state: PathBuf,
    /// The AWS profile to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Ask this endpoint instead of AWS's own; a sandbox that is served there is recognised.
    #[arg(long, global = true, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Use this address instead of the registry that ECR names in a region. Repeatable, once a region.
    #[arg(long, global = true, value_name = "REGION=URL", value_parser = registry_endpoint)]
    pub registry_endpoint: Vec<(Region, String)>,
    /// Ask this name server, on port 53, instead of those of this machine and of the public.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub resolver: Option<IpAddr>,
    /// Agree in advance to everything that would be asked.
    #[arg(long, global = true)]
    pub yes: bool,
    /// Ask before the cut in the sandbox too, where everything counts as agreed to otherwise.
    #[arg(long, global = true, requires = "sandbox", conflicts_with = "yes")]
    pub ask: bool,
}

/// A folder of this machine. An address would otherwise become a folder named `s3:`, and the run would be kept where nobody looks.
fn folder(text: &str) -> Result<PathBuf, String> {
    match text.split_once("://") {
        Some((scheme, _)) => Err(format!(
            "runs are kept in a folder of this machine; this version keeps none at {scheme}://"
        )),
        None => Ok(PathBuf::from(text)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Pace {
    Instant,
    Fast,
    Real,
}

impl Pace {
    pub fn speed(self) -> Speed {
        match self {
            Pace::Instant => Speed::Instant,
            Pace::Fast => Speed::Times(120.0),
            Pace::Real => Speed::Times(1.0),
        }
    }
}

impl Whither {
    /// Where runs are kept, without opening anything.
    pub fn runs(&self) -> PathBuf {
        if self.sandbox {
            self.state.join("sandbox")
        } else {
            self.state.clone()
        }
    }

    pub fn session(&self) -> Result<Session, Failure> {
        if self.sandbox {
            Session::sandbox(&self.state, self.sandbox_speed.speed())
        } else {
            let reach = Reach {
                endpoint: self.endpoint_url.clone(),
                profile: self.profile.clone(),
                registries: self
                    .registry_endpoint
                    .iter()
                    .map(|(region, url)| (region.to_string(), url.clone()))
                    .collect(),
                resolver: self.resolver,
            };
            match &self.endpoint_url {
                Some(endpoint) => Session::at(&self.state, endpoint, reach),
                None => Ok(Session::aws(&self.state, reach)),
            }
        }
    }

    /// Whether there is an AWS to ask: a sandbox, an endpoint, or credentials that somebody meant for this command.
    pub fn answers(&self) -> bool {
        const CREDENTIALS: [&str; 5] = [
            "AWS_ACCESS_KEY_ID",
            "AWS_PROFILE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ];
        self.sandbox
            || self.endpoint_url.is_some()
            || self.profile.is_some()
            || CREDENTIALS
                .iter()
                .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
    }

    /// What has to be typed after a command that is to find the same runs again.
    pub fn again(&self) -> String {
        let mut words = String::new();
        if self.sandbox {
            words.push_str(" --sandbox");
        }
        if let Some(url) = &self.endpoint_url {
            words.push_str(&format!(" --endpoint-url {url}"));
        }
        for (region, url) in &self.registry_endpoint {
            words.push_str(&format!(" --registry-endpoint {region}={url}"));
        }
        if let Some(address) = &self.resolver {
            words.push_str(&format!(" --resolver {address}"));
        }
        if let Some(profile) = &self.profile {
            words.push_str(&format!(" --profile {profile}"));
        }
        if self.state != std::path::Path::new(DIRECTORY) {
            words.push_str(&format!(" --state {}", self.state.display()));
        }
        words
    }

    /// Whether nobody will be asked.
    pub fn agreed(&self) -> bool {
        self.yes || (self.sandbox && !self.ask)
    }
}

/// `eu-west-1=https://registry.example`: a password is sent there, so plain HTTP is for this very machine only.
fn registry_endpoint(text: &str) -> Result<(Region, String), String> {
    let (region, url) = text
        .split_once('=')
        .ok_or("it is written REGION=URL, for instance eu-west-1=https://registry.example")?;
    let region = Region::new(region).map_err(|_| format!("`{region}` is not a region"))?;
    let uri: http::Uri = url
        .parse()
        .map_err(|why| format!("`{url}` is not an address: {why}"))?;
    let secret = uri.scheme_str() == Some("https");
    let here = uri.scheme_str() == Some("http") && uri.host() == Some("127.0.0.1");
    if !secret && !here {
        return Err(format!(
            "`{url}` begins neither with https:// nor with http://127.0.0.1"
        ));
    }
    if !uri.path().trim_end_matches('/').is_empty() || uri.query().is_some() {
        return Err(format!("`{url}` is more than a host and a port"));
    }
    if uri.authority().is_none_or(|a| a.as_str().contains('@')) {
        return Err("it holds a name or a password: ECR's own token is used".to_owned());
    }
    Ok((region, url.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_endpoint_is_a_region_and_a_host() {
        let (region, url) = registry_endpoint("us-west-2=http://127.0.0.1:5001").unwrap();
        assert_eq!(
            (region.as_str(), url.as_str()),
            ("us-west-2", "http://127.0.0.1:5001")
        );
        assert!(registry_endpoint("eu-west-1=https://registry.example:8443/").is_ok());
    }

    #[test]
    fn a_registry_endpoint_that_would_leak_or_mislead_is_refused() {
        for wrong in [
            "http://127.0.0.1:5001",
            "nowhere=http://127.0.0.1:5001",
            "eu-west-1=http://registry.example",
            "eu-west-1=http://127.0.0.1.example",
            "eu-west-1=registry.example",
            "eu-west-1=https://registry.example/v2/",
            "eu-west-1=https://somebody:word@registry.example",
            "eu-west-1=ftp://127.0.0.1",
            "eu-west-1=",
        ] {
            assert!(registry_endpoint(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn state_is_a_folder_and_no_address() {
        assert_eq!(folder("runs/here"), Ok(PathBuf::from("runs/here")));
        for address in ["s3://bucket/prefix", "https://example.com/x"] {
            assert!(folder(address).unwrap_err().contains("this version"));
        }
    }
}
