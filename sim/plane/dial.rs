//! Connections: what a vantage point gets when it opens one and sends a request.

use super::{CertificateFacts, DialAnswer, Endpoint, From, HttpRequest, To, reach, tasks};
use crate::services::ec2::{self, Interface};
use crate::services::ecs::{self, TaskAnswer};
use crate::services::elbv2::{self, BalancerAnswer};
use crate::services::{acm, rds};
use crate::world::World;

/// The balancer whose node an interface is: its description says so.
fn balancer_of(holder: &Holder) -> Option<String> {
    let path = holder.interface.description.strip_prefix("ELB ")?;
    Some(format!(
        "arn:aws:elasticloadbalancing:{}:{}:loadbalancer/{path}",
        holder.region, holder.account
    ))
}

/// Whose an address is.
struct Holder {
    account: String,
    region: String,
    interface: Interface,
}

impl World {
    /// Opens a connection from `from` to an address (never a name: resolve first) and sends one request, over TLS if
    /// `tls_name` says which name is expected. What the request does in the stack has been done when this returns.
    pub fn dial(
        &mut self,
        from: &From,
        address: &str,
        port: u16,
        tls_name: Option<&str>,
        request: &HttpRequest,
    ) -> DialAnswer {
        if let Err(blocked) = reach(self, from, &To::Address(address.to_owned()), port) {
            return DialAnswer::TimedOut {
                reason: blocked.to_string(),
            };
        }
        let Some(holder) = self.holder(from, address) else {
            return DialAnswer::TimedOut {
                reason: format!("nothing has the address {address}"),
            };
        };
        if self.faults.data_dark(&holder.region, self.now()).is_some() {
            return DialAnswer::TimedOut {
                reason: format!("{} is dark", holder.region),
            };
        }
        match holder.interface.requester.as_str() {
            "amazon-elb" => match balancer_of(&holder) {
                Some(arn) => self.dial_balancer(from, &arn, port, tls_name, request),
                None => DialAnswer::TimedOut {
                    reason: format!("no balancer owns {}", holder.interface.id),
                },
            },
            "amazon-rds" => self.dial_database(&holder, port, tls_name),
            _ => self.dial_task(holder, port, tls_name, request),
        }
    }

    fn holder(&self, from: &From, address: &str) -> Option<Holder> {
        if let From::Interface {
            account,
            region,
            id,
        } = from
            && let Some(own) = ec2::interface(self, account, region, id)
            && let Some(found) = ec2::holder_of_private(self, account, region, &own.vpc_id, address)
        {
            return Some(Holder {
                account: account.clone(),
                region: region.clone(),
                interface: found.clone(),
            });
        }
        let (account, region, interface) = ec2::holder_of_public(self, address)?;
        Some(Holder {
            account: account.to_owned(),
            region: region.to_owned(),
            interface: interface.clone(),
        })
    }

    fn dial_balancer(
        &mut self,
        from: &From,
        arn: &str,
        port: u16,
        tls_name: Option<&str>,
        request: &HttpRequest,
    ) -> DialAnswer {
        let source = self.address_of(from);
        let mut answered = match elbv2::serve(self, arn, port, tls_name, &source, request) {
            BalancerAnswer::Refused => return DialAnswer::Refused,
            BalancerAnswer::TimedOut { reason } => return DialAnswer::TimedOut { reason },
            BalancerAnswer::TlsFailed { reason } => return DialAnswer::TlsFailed { reason },
            BalancerAnswer::Answer(answered) => answered,
        };
        let accepted = (200..400).contains(&answered.status);
        if let (Some(target), true) = (&answered.target, accepted)
            && let Err(error) = tasks::web::store(self, target, request)
        {
            answered.status = 500;
            answered.body = format!("<h1>Internal Server Error</h1><p>{error}</p>");
        }
        DialAnswer::Answer {
            certificate: answered
                .certificate
                .as_deref()
                .and_then(|arn| self.facts_of(arn)),
            status: answered.status,
            headers: answered.headers,
            body: answered.body,
            by: answered.by,
        }
    }

    fn dial_task(
        &mut self,
        holder: Holder,
        port: u16,
        tls_name: Option<&str>,
        request: &HttpRequest,
    ) -> DialAnswer {
        let at = Endpoint {
            account: holder.account,
            region: holder.region,
            vpc: holder.interface.vpc_id.clone(),
            ip: holder.interface.private_address.clone(),
            port,
        };
        let answer = ecs::answer(self, &at, request);
        if tls_name.is_some() && answer != TaskAnswer::Refused {
            return DialAnswer::TlsFailed {
                reason: "the process does not speak TLS".into(),
            };
        }
        match answer {
            TaskAnswer::Refused => DialAnswer::Refused,
            TaskAnswer::Silent => DialAnswer::TimedOut {
                reason: "the process accepts and does not answer".into(),
            },
            TaskAnswer::Answer {
                status,
                headers,
                body,
                by,
            } => {
                if (200..400).contains(&status)
                    && let Err(error) = tasks::web::store(self, &at, request)
                {
                    return DialAnswer::Answer {
                        status: 500,
                        headers,
                        body: error,
                        certificate: None,
                        by,
                    };
                }
                DialAnswer::Answer {
                    status,
                    headers,
                    body,
                    certificate: None,
                    by,
                }
            }
        }
    }

    /// A database accepts the connection and does not understand HTTP.
    fn dial_database(&self, holder: &Holder, port: u16, tls_name: Option<&str>) -> DialAnswer {
        let listens = self
            .seen_place(&holder.account, &holder.region)
            .is_some_and(|place| {
                let at = |e: &rds::instance::Endpoint| {
                    e.interface == holder.interface.id && e.port == port
                };
                place
                    .rds
                    .instances
                    .iter()
                    .any(|(_, i)| i.up && i.endpoint.as_ref().is_some_and(at))
            });
        match (listens, tls_name) {
            (false, _) => DialAnswer::Refused,
            (true, Some(_)) => DialAnswer::TlsFailed {
                reason: "a database does not begin with TLS".into(),
            },
            (true, None) => DialAnswer::TimedOut {
                reason: "a database does not answer HTTP".into(),
            },
        }
    }

    /// The address that a vantage point is seen with.
    fn address_of(&self, from: &From) -> String {
        match from {
            From::Internet { ip } => ip.clone(),
            From::Resolver { .. } => "8.8.8.8".into(),
            From::Interface {
                account,
                region,
                id,
            } => ec2::interface(self, account, region, id)
                .map(|i| {
                    i.public_address
                        .clone()
                        .unwrap_or_else(|| i.private_address.clone())
                })
                .unwrap_or_default(),
        }
    }

    fn facts_of(&self, arn: &str) -> Option<CertificateFacts> {
        let certificate = acm::certificate(self, arn)?;
        Some(CertificateFacts {
            arn: certificate.arn.clone(),
            names: certificate.names.clone(),
            not_after: certificate.not_after,
        })
    }
}
