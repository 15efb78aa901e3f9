//! What goes wrong on purpose: rules, scripted or drawn, that a call or the data plane asks.
//!
//! A rule says which requests it meets (service, operation, resource, place, time, how often, how likely) and what
//! becomes of them. It knows no service: what an error looks like is the affair of the call path.

use crate::clock::{Dice, Nanos, SECOND};
use crate::services::ServiceId;
use crate::world::{Event, Request};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One rule, as written in JSON: `{"service":"rds","operation":"CopyDBSnapshot","count":1,"fault":"reply-lost"}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// Whoever reads or removes rules knows it by this; the world gives one if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// botocore's name or the signing name: `rds`, `elbv2`, `monitoring`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// An operation's name; a `*` at its end stands for any rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// A piece of the request's path or body: an identifier, mostly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Only operations that change something (`true`), only those that read (`false`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes: Option<bool>,
    /// How many matching requests pass before the first is met.
    #[serde(skip_serializing_if = "is_zero")]
    pub skip: u64,
    /// How many requests are met; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How likely a matching request is met; absent: always.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Seconds since the world began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
    pub fault: Fault,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What becomes of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// Throttled, in the service's own way. Not executed.
    #[default]
    Throttle,
    /// 500 or 503, before anything was done, or after.
    Broken {
        #[serde(default = "five_hundred")]
        status: u16,
        #[serde(default)]
        executed: bool,
    },
    /// Any error of the service's, instead of the operation: a quota, a lack of capacity, a `NotFound` that is not so.
    Error {
        code: String,
        #[serde(default)]
        message: String,
        #[serde(default)]
        status: Option<u16>,
    },
    /// No answer ever comes.
    Silence {
        #[serde(default)]
        executed: bool,
    },
    /// The connection breaks instead of an answer, before the operation was done.
    Reset,
    /// The operation is done; the connection breaks before the answer is there.
    ReplyLost,
    /// The connection breaks, and the operation is done so many seconds later (900 at most).
    Late {
        seconds: f64,
    },
    /// The operation is done; the body ends in the middle.
    Truncated,
    /// The operation is done; the body is not what the protocol says.
    Malformed,
    AccessDenied,
    ExpiredToken,
    /// The answer takes so many seconds more.
    Slow {
        seconds: f64,
    },
    /// The first status in the answer is one that no client knows.
    UnknownStatus {
        #[serde(default = "odd_status")]
        value: String,
    },
    /// A list comes without its second half, and without a token for it.
    Partial,
    /// A page after the first is refused with a 500.
    LaterPage,
    /// A page after the first begins with the last item of the page before it.
    Repeat,
    /// The answer has a member that no client knows.
    UnknownMember,
    /// What a service is doing by itself does not go on. The operation is the event's word (`snapshot-done`, `task`), the
    /// resource a piece of its id.
    Stuck,
    /// Region, service or everything is dark.
    Blackout {
        #[serde(default)]
        plane: Dark,
        /// Refuse connections at once, instead of never answering.
        #[serde(default)]
        fails_fast: bool,
        /// Flapping: dark for so many seconds, lit for so many, and so on.
        #[serde(default)]
        flaps: Option<f64>,
    },
}

fn five_hundred() -> u16 {
    500
}

fn odd_status() -> String {
    String::from("reconsidering")
}

/// Which plane of a region is dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dark {
    #[default]
    Both,
    Control,
    Data,
}

/// What a request is, as far as a rule looks.
pub struct Met<'r> {
    pub service: ServiceId,
    pub operation: &'r str,
    pub account: &'r str,
    pub region: &'r str,
    pub writes: bool,
    /// The ordinal of the request's chance.
    pub draw: u64,
    pub request: &'r Request,
}

#[derive(Clone, Debug, PartialEq)]
struct Standing {
    rule: Rule,
    /// Requests that matched, and those that were met.
    matched: u64,
    met: u64,
}

/// How far a rule that counts has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counted {
    id: String,
    matched: u64,
    met: u64,
}

/// The rules of a world.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Vec<Standing>,
    given: u64,
    /// The rules whose counts went on since somebody asked.
    counted: BTreeSet<String>,
    /// Requests that will be executed after their connection broke.
    pub(crate) late: BTreeMap<(Nanos, u64), (Request, crate::world::Caller)>,
}

impl Faults {
    /// Adds a rule, and answers the id that it goes by.
    pub fn add(&mut self, mut rule: Rule) -> String {
        self.given += 1;
        let id = rule
            .id
            .get_or_insert_with(|| format!("fault-{}", self.given))
            .clone();
        self.rules.retain(|s| s.rule.id.as_deref() != Some(&id));
        self.rules.push(Standing {
            rule,
            matched: 0,
            met: 0,
        });
        id
    }

    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.rules.len();
        self.rules.retain(|s| s.rule.id.as_deref() != Some(id));
        self.rules.len() < before
    }

    pub fn clear(&mut self) {
        self.rules.clear();
        self.late.clear();
    }

    /// The rules, each with how many requests it has met.
    pub fn rules(&self) -> impl Iterator<Item = (&Rule, u64)> {
        self.rules.iter().map(|s| (&s.rule, s.met))
    }

    /// Whether the control plane of a region is dark for a service, and whether connections are refused at once.
    /// S3 is a data plane: it is dark when data planes are.
    pub fn control_dark(&self, service: ServiceId, region: &str, now: Nanos) -> Option<bool> {
        let lit = if service == ServiceId::S3 {
            Dark::Control
        } else {
            Dark::Data
        };
        self.dark(Some(service), region, now, lit)
    }

    /// Whether no region is dark and nothing is stuck.
    pub fn is_calm(&self, now: Nanos) -> bool {
        let holds = |fault: &Fault| matches!(fault, Fault::Blackout { .. } | Fault::Stuck);
        !self
            .rules
            .iter()
            .any(|s| holds(&s.rule.fault) && s.rule.is_due(now))
    }

    /// Whether the data plane of a region is dark (balancers, tasks, databases, registries).
    pub fn data_dark(&self, region: &str, now: Nanos) -> Option<bool> {
        self.dark(None, region, now, Dark::Control)
    }

    fn dark(
        &self,
        service: Option<ServiceId>,
        region: &str,
        now: Nanos,
        lit: Dark,
    ) -> Option<bool> {
        self.rules.iter().find_map(|s| {
            let Fault::Blackout {
                plane,
                fails_fast,
                flaps,
            } = &s.rule.fault
            else {
                return None;
            };
            let meant = match (&s.rule.service, service) {
                (Some(_), None) => false,
                (Some(name), Some(service)) => is_named(service, name),
                (None, _) => true,
            };
            let here = s.rule.region.as_deref().is_none_or(|r| r == region);
            let flapped = flaps.is_some_and(|period| {
                let since = now.saturating_sub(nanos(s.rule.from.unwrap_or(0.0)));
                let period = nanos(period).max(1);
                (since / period) % 2 == 1
            });
            (*plane != lit && meant && here && s.rule.is_due(now) && !flapped)
                .then_some(*fails_fast)
        })
    }

    /// Whether what a service does by itself goes no further for now.
    pub fn stuck(&self, event: &Event, now: Nanos) -> bool {
        self.rules.iter().any(|standing| {
            let rule = &standing.rule;
            let fits =
                |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w == is);
            matches!(rule.fault, Fault::Stuck)
                && rule.is_due(now)
                && rule.names(event.what)
                && fits(&rule.region, &event.region)
                && fits(&rule.account, &event.account)
                && rule
                    .service
                    .as_deref()
                    .is_none_or(|name| is_named(event.service, name))
                && rule
                    .resource
                    .as_deref()
                    .is_none_or(|piece| event.id.contains(piece))
        })
    }

    /// How far the rules have come that count and have met a request since this was last asked.
    pub(crate) fn counted(&mut self) -> Vec<Counted> {
        let ids = std::mem::take(&mut self.counted);
        let of = |s: &&Standing| s.rule.id.as_ref().is_some_and(|id| ids.contains(id));
        self.rules
            .iter()
            .filter(of)
            .map(|s| Counted {
                id: s.rule.id.clone().unwrap_or_default(),
                matched: s.matched,
                met: s.met,
            })
            .collect()
    }

    /// Puts a rule's counts where they were in an earlier life.
    pub(crate) fn recount(&mut self, counted: &Counted) {
        let id = Some(&counted.id);
        if let Some(standing) = self.rules.iter_mut().find(|s| s.rule.id.as_ref() == id) {
            (standing.matched, standing.met) = (counted.matched, counted.met);
        }
    }

    /// The fault that meets a request, if one does. Counts it.
    pub fn meet(&mut self, dice: Dice, now: Nanos, met: &Met<'_>) -> Option<Fault> {
        let counted = &mut self.counted;
        self.rules.iter_mut().find_map(|standing| {
            let rule = &standing.rule;
            if matches!(rule.fault, Fault::Blackout { .. } | Fault::Stuck)
                || !rule.is_due(now)
                || !rule.matches(met)
            {
                return None;
            }
            if rule.count.is_some_and(|count| standing.met >= count) {
                return None;
            }
            if let Some(probability) = rule.probability {
                // By what the request is, not by how many others came before: one more read changes nothing else.
                let id = rule.id.as_deref().unwrap_or("");
                let place = [id, met.operation, met.region, met.account];
                if dice.unit(&place, met.draw) >= probability {
                    return None;
                }
            }
            standing.matched += 1;
            if rule.count.is_some() || rule.skip > 0 {
                counted.extend(rule.id.clone());
            }
            if standing.matched <= rule.skip {
                return None;
            }
            standing.met += 1;
            Some(rule.fault.clone())
        })
    }

    /// Queues a request that reaches its service late.
    pub(crate) fn postpone(&mut self, at: Nanos, request: Request, caller: crate::world::Caller) {
        self.given += 1;
        self.late.insert((at, self.given), (request, caller));
    }
}

fn nanos(seconds: f64) -> Nanos {
    (seconds.max(0.0) * SECOND as f64) as Nanos
}

fn is_named(service: ServiceId, name: &str) -> bool {
    name == service.id() || name == service.signing() || name == service.action_prefix()
}

impl Rule {
    fn is_due(&self, now: Nanos) -> bool {
        self.from.is_none_or(|from| now >= nanos(from))
            && self.until.is_none_or(|until| now < nanos(until))
    }

    fn names(&self, operation: &str) -> bool {
        self.operation
            .as_deref()
            .is_none_or(|name| match name.strip_suffix('*') {
                Some(start) => operation.starts_with(start),
                None => operation == name,
            })
    }

    fn matches(&self, met: &Met<'_>) -> bool {
        self.names(met.operation)
            && self
                .service
                .as_deref()
                .is_none_or(|name| is_named(met.service, name))
            && self.region.as_deref().is_none_or(|r| r == met.region)
            && self.account.as_deref().is_none_or(|a| a == met.account)
            && self.writes.is_none_or(|w| w == met.writes)
            && self.resource.as_deref().is_none_or(|piece| {
                met.request.target.contains(piece)
                    || (!piece.is_empty()
                        && met
                            .request
                            .body
                            .windows(piece.len())
                            .any(|w| w == piece.as_bytes()))
            })
    }

    /// Reads the JSON form.
    pub fn from_json(text: &str) -> Result<Rule, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod kinds;

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &str) -> Request {
        Request {
            method: "POST".into(),
            host: "rds.eu-west-1.amazonaws.com".into(),
            target: "/".into(),
            headers: vec![],
            body: body.to_owned().into(),
        }
    }

    fn met<'r>(request: &'r Request, operation: &'r str) -> Met<'r> {
        Met {
            service: ServiceId::Rds,
            operation,
            account: "111122223333",
            region: "eu-west-1",
            writes: true,
            draw: 0,
            request,
        }
    }

    #[test]
    fn a_rule_meets_what_it_names_as_often_as_it_says() {
        let mut faults = Faults::default();
        let rule = r#"{"service":"rds","operation":"Copy*","resource":"snap-1","skip":1,"count":2,"fault":"reply-lost"}"#;
        assert_eq!(faults.add(Rule::from_json(rule).unwrap()), "fault-1");
        let (this, other) = (request("Snapshot=snap-1"), request("Snapshot=snap-2"));
        let mut meets = |r, o| faults.meet(Dice(1), 0, &met(r, o)).is_some();
        assert!(!meets(&other, "CopyDBSnapshot"));
        assert!(!meets(&this, "DeleteDBSnapshot"));
        assert_eq!(
            [0; 5].map(|_| meets(&this, "CopyDBSnapshot")),
            [false, true, true, false, false]
        );
    }

    #[test]
    fn a_misspelt_rule_is_refused() {
        assert!(Rule::from_json(r#"{"sevice":"rds","fault":"throttle"}"#).is_err());
        assert!(Rule::from_json(r#"{"fault":"thottle"}"#).is_err());
        assert!(Rule::from_json(r#"{"fault":{"late":{"second":1}}}"#).is_err());
    }

    #[test]
    fn a_blackout_has_planes_a_window_and_flaps() {
        let mut faults = Faults::default();
        let rule = r#"{"region":"us-west-2","from":10,"until":40,"fault":{"blackout":{"plane":"control","flaps":10}}}"#;
        faults.add(Rule::from_json(rule).unwrap());
        let dark = |at: u64| {
            faults
                .control_dark(ServiceId::Rds, "us-west-2", at * SECOND)
                .is_some()
        };
        assert_eq!(
            [5, 15, 25, 35, 45].map(dark),
            [false, true, false, true, false]
        );
        assert_eq!(faults.data_dark("us-west-2", 15 * SECOND), None);
        assert_eq!(
            faults.control_dark(ServiceId::Rds, "eu-west-1", 15 * SECOND),
            None
        );
    }
}
