//! The data plane of a balancer: which listener, certificate, rule, action and target one request meets. It changes
//! nothing; what a request does inside the target is the caller's to carry out.

use super::state::{Balancer, Kind, Listener, Rule, State, TargetGroup};
use super::{actions, conditions, health};
use crate::plane::{self, Endpoint, HttpRequest};
use crate::services::acm;
use crate::services::ecs::{self, TaskAnswer};
use crate::world::World;
use serde_json::Value;

/// What a connection to a balancer came to.
#[derive(Clone, Debug, PartialEq)]
pub enum BalancerAnswer {
    /// No listener on that port.
    Refused,
    /// No answer; `reason` is for engineers, clients see silence.
    TimedOut {
        reason: String,
    },
    TlsFailed {
        reason: String,
    },
    Answer(Answered),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The ARN of the certificate presented.
    pub certificate: Option<String>,
    /// The target that answered; `None` if the balancer answered itself.
    pub target: Option<Endpoint>,
    /// The ARN of who answered: the task, or the balancer.
    pub by: String,
}

/// Sends one request through the balancer of that ARN. Whether its nodes are reached is the caller's question.
/// `tls_name`: the client speaks TLS and asks for that name. `source`: the client's address.
pub fn serve(
    world: &World,
    balancer_arn: &str,
    port: u16,
    tls_name: Option<&str>,
    source: &str,
    request: &HttpRequest,
) -> BalancerAnswer {
    let Some((account, region)) = super::place_of(balancer_arn) else {
        return BalancerAnswer::Refused;
    };
    let Some(place) = world.seen_place(account, region) else {
        return BalancerAnswer::Refused;
    };
    let state = &place.elbv2;
    let Some(balancer) = state.balancers.get(balancer_arn) else {
        return BalancerAnswer::Refused;
    };
    if balancer.state != "active" {
        return BalancerAnswer::TimedOut {
            reason: format!("{} is {}", balancer.name, balancer.state),
        };
    }
    if world.faults.data_dark(region, world.now()).is_some() {
        return BalancerAnswer::TimedOut {
            reason: format!("{region} is dark"),
        };
    }
    let here = Here {
        world,
        state,
        balancer,
        account,
        region,
    };
    let listening = |l: &&Listener| l.balancer_arn == balancer_arn && l.port == port;
    let Some(listener) = state.listeners.iter().map(|(_, l)| l).find(listening) else {
        return BalancerAnswer::Refused;
    };
    let certificate = match (listener.protocol.as_str(), tls_name) {
        ("HTTPS" | "TLS", Some(name)) => match here.certificate(listener, name) {
            Some(arn) => Some(arn),
            None => {
                return BalancerAnswer::TlsFailed {
                    reason: "the listener has no usable certificate".into(),
                };
            }
        },
        ("HTTPS", None) => {
            return here.own(400, "text/html", "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head></html>", None);
        }
        ("TLS", None) => {
            return BalancerAnswer::TimedOut {
                reason: "the listener expects TLS".into(),
            };
        }
        ("HTTP", Some(_)) => {
            return BalancerAnswer::TlsFailed {
                reason: "the listener does not speak TLS".into(),
            };
        }
        _ => None,
    };
    if balancer.kind == Kind::Network {
        return here.act(&listener.actions, source, request, certificate);
    }
    if request.host.is_empty() {
        return here.own(400, "text/html", &page("400 Bad Request"), certificate);
    }
    let mut rules: Vec<&Rule> = state
        .rules
        .iter()
        .map(|(_, r)| r)
        .filter(|r| r.listener_arn == listener.arn)
        .collect();
    rules.sort_by_key(|r| r.priority);
    let met = rules.into_iter().find(|r| {
        r.conditions
            .iter()
            .all(|c| conditions::condition_holds(c, request, source))
    });
    here.act(
        met.map_or(&listener.actions, |r| &r.actions),
        source,
        request,
        certificate,
    )
}

struct Here<'w> {
    world: &'w World,
    state: &'w State,
    balancer: &'w Balancer,
    account: &'w str,
    region: &'w str,
}

fn page(title: &str) -> String {
    format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    )
}

impl Here<'_> {
    /// The certificate for a name: the listed one that covers it most narrowly, else the default.
    fn certificate(&self, listener: &Listener, name: &str) -> Option<String> {
        let usable: Vec<&String> = listener
            .certificates
            .iter()
            .filter(|arn| acm::certificate(self.world, arn).is_some_and(|c| c.status == "ISSUED"))
            .collect();
        let covering = usable.iter().filter_map(|arn| {
            let certificate = acm::certificate(self.world, arn)?;
            let exact = certificate
                .names
                .iter()
                .any(|n| n.eq_ignore_ascii_case(name));
            (exact || acm::covers(certificate, name)).then_some((exact, *arn))
        });
        let mut best: Option<(bool, &String)> = None;
        for candidate in covering {
            if best.is_none_or(|(exact, _)| !exact && candidate.0) {
                best = Some(candidate);
            }
        }
        best.map(|(_, arn)| arn)
            .or(usable.first().copied())
            .cloned()
    }

    /// An answer of the balancer itself.
    fn own(
        &self,
        status: u16,
        kind: &str,
        body: &str,
        certificate: Option<String>,
    ) -> BalancerAnswer {
        BalancerAnswer::Answer(Answered {
            status,
            headers: vec![
                ("server".into(), "awselb/2.0".into()),
                ("content-type".into(), kind.into()),
                ("content-length".into(), body.len().to_string()),
            ],
            body: body.to_owned(),
            certificate,
            target: None,
            by: self.balancer.arn.clone(),
        })
    }

    fn act(
        &self,
        actions: &[Value],
        source: &str,
        request: &HttpRequest,
        certificate: Option<String>,
    ) -> BalancerAnswer {
        // Authentication actions come before the routing one; this world's users have signed in.
        let Some(action) = actions
            .iter()
            .max_by_key(|a| a["Order"].as_i64().unwrap_or(i64::MAX))
        else {
            return self.own(
                503,
                "text/html",
                &page("503 Service Temporarily Unavailable"),
                certificate,
            );
        };
        match action["Type"].as_str().unwrap_or_default() {
            "fixed-response" => {
                let config = &action["FixedResponseConfig"];
                let status = config["StatusCode"]
                    .as_str()
                    .and_then(|s| s.parse().ok())
                    .unwrap_or(503);
                let kind = config["ContentType"].as_str().unwrap_or("text/plain");
                self.own(
                    status,
                    kind,
                    config["MessageBody"].as_str().unwrap_or_default(),
                    certificate,
                )
            }
            "redirect" => self.redirect(&action["RedirectConfig"], request, certificate),
            _ => self.forward(action, source, request, certificate),
        }
    }

    fn redirect(
        &self,
        config: &Value,
        request: &HttpRequest,
        certificate: Option<String>,
    ) -> BalancerAnswer {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let (host, port) = request.host.rsplit_once(':').unwrap_or((&request.host, ""));
        let protocol = if certificate.is_some() {
            "https"
        } else {
            "http"
        };
        let port = match port {
            "" if certificate.is_some() => "443",
            "" => "80",
            given => given,
        };
        let fill = |name: &str, default: &str| {
            config[name]
                .as_str()
                .unwrap_or(default)
                .replace("#{protocol}", protocol)
                .replace("#{host}", host)
                .replace("#{port}", port)
                .replace("#{path}", path.trim_start_matches('/'))
                .replace("#{query}", query)
        };
        let (protocol, host, port) = (
            fill("Protocol", "#{protocol}").to_ascii_lowercase(),
            fill("Host", "#{host}"),
            fill("Port", "#{port}"),
        );
        let (path, query) = (fill("Path", "/#{path}"), fill("Query", "#{query}"));
        let question = if query.is_empty() {
            String::new()
        } else {
            format!("?{query}")
        };
        // AWS always writes the port.
        let location = format!("{protocol}://{host}:{port}{path}{question}");
        let (status, title) = match config["StatusCode"].as_str() {
            Some("HTTP_302") => (302, "302 Found"),
            _ => (301, "301 Moved Permanently"),
        };
        let mut answer = self.own(status, "text/html", &page(title), certificate);
        if let BalancerAnswer::Answer(answered) = &mut answer {
            answered.headers.push(("location".into(), location));
        }
        answer
    }

    fn forward(
        &self,
        action: &Value,
        source: &str,
        request: &HttpRequest,
        certificate: Option<String>,
    ) -> BalancerAnswer {
        let name = &self.balancer.arn;
        let hash = self.world.dice.hash(
            &[name, source, &request.host, &request.path],
            self.world.now(),
        );
        let Some(group) = self.group(action, hash) else {
            return self.nothing("503 Service Temporarily Unavailable", 503, certificate);
        };
        let candidates = health::candidates(self.state, group);
        if candidates.is_empty() {
            return self.nothing("503 Service Temporarily Unavailable", 503, certificate);
        }
        let target = candidates[(hash >> 8) as usize % candidates.len()];
        let to = Endpoint {
            account: self.account.to_owned(),
            region: self.region.to_owned(),
            vpc: group.vpc_id.clone(),
            ip: target.id.clone(),
            port: target.port,
        };
        let node = (hash >> 24) as usize % self.balancer.nodes.len().max(1);
        let Some(node) = self.balancer.nodes.get(node) else {
            return self.nothing("503 Service Temporarily Unavailable", 503, certificate);
        };
        let from = plane::From::Interface {
            account: self.account.to_owned(),
            region: self.region.to_owned(),
            id: node.interface_id.clone(),
        };
        if let Err(blocked) = plane::reach(
            self.world,
            &from,
            &plane::To::Address(target.id.clone()),
            target.port,
        ) {
            return match self.balancer.kind {
                Kind::Application => {
                    self.own(504, "text/html", &page("504 Gateway Time-out"), certificate)
                }
                Kind::Network => BalancerAnswer::TimedOut {
                    reason: blocked.to_string(),
                },
            };
        }
        let mut forwarded = request.clone();
        if self.balancer.kind == Kind::Application {
            let protocol = if certificate.is_some() {
                "https"
            } else {
                "http"
            };
            forwarded
                .headers
                .push(("x-forwarded-for".into(), source.to_owned()));
            forwarded
                .headers
                .push(("x-forwarded-proto".into(), protocol.to_owned()));
        }
        match ecs::answer(self.world, &to, &forwarded) {
            TaskAnswer::Answer {
                status,
                headers,
                body,
                by,
            } => BalancerAnswer::Answer(Answered {
                status,
                headers,
                body,
                certificate,
                target: Some(to),
                by,
            }),
            TaskAnswer::Refused => self.nothing("502 Bad Gateway", 502, certificate),
            TaskAnswer::Silent if self.balancer.kind == Kind::Network => BalancerAnswer::TimedOut {
                reason: format!("{}:{} accepts and does not answer", to.ip, to.port),
            },
            TaskAnswer::Silent => {
                self.own(504, "text/html", &page("504 Gateway Time-out"), certificate)
            }
        }
    }

    /// An application balancer says so; a network balancer has no words and resets.
    fn nothing(&self, title: &str, status: u16, certificate: Option<String>) -> BalancerAnswer {
        match self.balancer.kind {
            Kind::Application => self.own(status, "text/html", &page(title), certificate),
            Kind::Network => BalancerAnswer::Refused,
        }
    }

    /// The target group of a forward action: by weight where there are several.
    fn group(&self, action: &Value, hash: u64) -> Option<&TargetGroup> {
        let mut weighted = actions::forwards_to(action);
        let total: u64 = actions::forwards_to(action).map(|(_, weight)| weight).sum();
        let mut at = hash % total.max(1);
        let (arn, _) = weighted.find(|(_, weight)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        })?;
        self.state.groups.get(arn)
    }
}
