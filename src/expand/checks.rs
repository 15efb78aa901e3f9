//! What must be true of the target before users are sent there, and what is looked at after.

use drtool_engine::plan::{Milestone, Passes, Proof};
use drtool_engine::step::{Effect, Value};

use super::{Expansion, databases, edge, questions, shown, slug};
use crate::composed::Composed;
use crate::manifest::HttpCheck;
use crate::steps;

/// Where requests to a service's balancer go: its HTTPS listener if it has one.
fn door(e: &Expansion<'_>, service: &str) -> Option<(String, u16, bool)> {
    let arn = e.balancer(service)?;
    let balancer = e.capture.balancers.iter().find(|b| b.arn == arn)?;
    let secure = balancer.listeners.iter().find(|l| l.protocol == "HTTPS");
    let plain = balancer.listeners.iter().find(|l| l.protocol == "HTTP");
    secure
        .or(plain)
        .map(|l| (arn.to_owned(), l.port, l.protocol == "HTTPS"))
}

/// The service that a check is about: the one it names, that of the first record, or the first.
fn service_of(e: &Expansion<'_>, http: &HttpCheck) -> Option<String> {
    let named = http.service.as_ref().map(|s| s.to_string());
    named
        .or_else(|| e.manifest.dns.first().map(|r| r.to.to_string()))
        .or_else(|| e.manifest.services.first().map(|s| s.name.to_string()))
}

pub(super) fn checks(e: &mut Expansion<'_>, _: usize) {
    let to = e.asked.to.to_string();
    for (number, check) in e.manifest.checks.iter().enumerate() {
        if let Some(http) = &check.http {
            let Some(service) = service_of(e, http) else {
                continue;
            };
            let Some((arn, port, tls)) = door(e, &service) else {
                e.fault(
                    "E1103",
                    http.at,
                    format!("service {service} has no balancer that the capture knows"),
                    "this check",
                    "",
                );
                continue;
            };
            let balancer = e.of(&format!("{arn}#dnsName"), "the balancer");
            // Every name that users know it by has to work, not only the first.
            let mut hosts: Vec<Option<String>> = match &http.host {
                Some(host) => vec![Some(host.to_string())],
                None => e
                    .manifest
                    .dns
                    .iter()
                    .filter(|r| r.to.as_str() == service)
                    .map(|r| Some(r.record.to_string()))
                    .collect(),
            };
            if hosts.is_empty() {
                hosts.push(None);
            }
            for host in hosts {
                let shown = host
                    .clone()
                    .unwrap_or_else(|| "the balancer's own name".to_owned());
                let name = match &host {
                    Some(host) => format!("http-{}-{}", slug(host), number + 1),
                    None => format!("http-{}", number + 1),
                };
                let title = format!(
                    "{}://{shown}{} answers {}{}",
                    if tls { "https" } else { "http" },
                    http.path.value,
                    http.expect.value,
                    http.body
                        .as_ref()
                        .map(|b| format!(" with “{b}”"))
                        .unwrap_or_default()
                );
                e.step(
                    &name,
                    steps::http_check::KIND,
                    &to,
                    Effect::Reads,
                    title,
                    &steps::http_check::HttpCheck {
                        balancer: balancer.clone(),
                        port,
                        tls,
                        host: host
                            .map_or_else(|| Composed(vec![balancer.clone()]), Composed::known),
                        path: http.path.value.clone(),
                        expect: http.expect.value,
                        body: http.body.clone(),
                    },
                );
                e.last().proof = Some(Proof::Health);
                e.last().milestone = Some(Milestone::Proven);
            }
        }
        if let Some(tcp) = &check.tcp {
            let Some(arn) = e.balancer(tcp.service.as_str()).map(str::to_owned) else {
                e.fault(
                    "E1103",
                    tcp.at,
                    format!(
                        "service {} has no balancer that the capture knows",
                        tcp.service.value
                    ),
                    "this check",
                    "",
                );
                continue;
            };
            let balancer = e.of(&format!("{arn}#dnsName"), "the balancer");
            let title = format!(
                "the balancer of {} accepts a connection on port {}",
                tcp.service.value, tcp.port.value
            );
            e.step(
                &format!("tcp-{}", number + 1),
                steps::tcp_check::KIND,
                &to,
                Effect::Reads,
                title,
                &steps::tcp_check::TcpCheck {
                    balancer,
                    port: tcp.port.value,
                },
            );
            e.last().proof = Some(Proof::Health);
            e.last().milestone = Some(Milestone::Proven);
        }
    }
    unchanged(e);
}

/// The source, still as it was noted at the fence: whoever goes on writing there by a way that no fence closes (a connection
/// of a program's own that outlives every rule) would lose what it writes.
fn unchanged(e: &mut Expansion<'_>) {
    let from = e.capture.region.clone();
    for database in &e.manifest.databases {
        let name = database.name.value.clone();
        let (Some(watermark), Some(probe), Some(log_group)) = (
            e.roles.get(&format!("watermark {name}")).cloned(),
            e.roles.get(&format!("probe {name}")).cloned(),
            databases::task_log_group(e, database),
        ) else {
            continue;
        };
        e.step(
            &format!("unchanged-{name}"),
            steps::sql_check::KIND,
            &from,
            Effect::Reads,
            format!(
                "{} has in {from} exactly the rows that it had at the fence",
                shown(&name)
            ),
            &steps::sql_check::SqlCheck {
                probe: Value::later(probe.clone(), "taskArn"),
                log_group,
                log_stream: Value::later(probe, "logStream"),
                question: questions::CONTENT.to_owned(),
                expect: Some(Value::later(watermark, "content")),
                moment: None,
            },
        );
        e.last().proof = Some(Proof::Fence);
        e.hold_in_drill(serde_json::json!({ "answer": "not compared: a drill sets no fence" }));
    }
}

/// What users ask for, by name: the first HTTP check of the service, or its front page.
fn request(e: &Expansion<'_>, index: usize) -> Option<(steps::watch::Request, String)> {
    let record = &e.manifest.dns[index];
    let (arn, port, tls) = door(e, record.to.as_str())?;
    let about = |http: &&crate::manifest::Located<HttpCheck>| {
        service_of(e, http).as_deref() == Some(record.to.as_str())
    };
    let http = e
        .manifest
        .checks
        .iter()
        .filter_map(|c| c.http.as_ref())
        .find(about);
    let request = steps::watch::Request {
        host: record.record.to_string(),
        port,
        tls,
        path: http.map_or_else(|| "/".to_owned(), |h| h.path.value.clone()),
        expect: http.map_or(200, |h| h.expect.value),
        body: http.and_then(|h| h.body.clone()),
    };
    Some((request, arn))
}

/// The record, asked from outside, and the stack behind it.
pub(super) fn outside(e: &mut Expansion<'_>, index: usize) {
    let record = &e.manifest.dns[index];
    let Some((request, arn)) = request(e, index) else {
        return;
    };
    let balancer = e.of(&format!("{arn}#dnsName"), "the balancer");
    let kind = edge::captured(e, index).map_or_else(|| "A".to_owned(), |r| r.kind.clone());
    let title = format!(
        "{} is reached from outside and answers {}",
        record.record.value, request.expect
    );
    e.step(
        "",
        steps::outside_check::KIND,
        "global",
        Effect::Reads,
        title,
        &steps::outside_check::OutsideCheck {
            host: request.host,
            kind,
            balancer,
            port: request.port,
            tls: request.tls,
            path: request.path,
            expect: request.expect,
            body: request.body,
        },
    );
    e.last().milestone = Some(Milestone::Serving);
    e.hold_in_drill(serde_json::json!({ "status": 0, "resolvers": [] }));
    // Records of one zone are cut together, by a step that bears the name of the first.
    if let Some(cut) = e.roles.get(&format!("cut {index}")).cloned() {
        e.need(cut);
    }
    e.role(format!("outside {index}"), &e.last_id());
}

/// The same requests, for a while.
pub(super) fn watch(e: &mut Expansion<'_>, _: usize) {
    let requests: Vec<steps::watch::Request> = (0..e.manifest.dns.len())
        .filter_map(|index| request(e, index))
        .map(|(request, _)| request)
        .collect();
    if requests.is_empty() {
        return;
    }
    let outside: Vec<_> = (0..e.manifest.dns.len())
        .filter_map(|index| e.roles.get(&format!("outside {index}")).cloned())
        .collect();
    e.step(
        "requests",
        steps::watch::KIND,
        "global",
        Effect::Reads,
        "the same requests, ten times over a minute",
        &steps::watch::Watch { requests },
    );
    e.hold_in_drill(serde_json::json!({ "answered": 0 }));
    for step in outside {
        e.need(step.clone());
        if let Some(need) = e.last().needs.iter_mut().find(|need| need.step == step) {
            need.settle = Some(Passes {
                count: 10,
                over: 60,
            });
        }
    }
}
