//! Changes of record sets: checked as a batch, applied wholly or not at all, and carried to the name servers.

use super::records::{Body, RecordSet, Records, Routing};
use super::{SERVERS, Zone, alias, bare, cidr, name, value, zones};
use crate::clock::Pert;
use crate::error::AwsError;
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) const RECORD_SETS_PER_ZONE: usize = 10_000;
const VALUES_PER_BATCH: usize = 1_000;
const CHARACTERS_PER_BATCH: usize = 32_000;
const VALUES_PER_SET: usize = 400;
const SETS_PER_NAME: usize = 100;

/// How long Route 53 works on a batch before it takes the next one of the same zone.
const PROCESSING: Pert = Pert(0.01, 0.05, 0.3);
/// From the acceptance of a batch until every name server answers by it.
const INSYNC: Pert = Pert(10.0, 35.0, 60.0);

fn invalid_batch(messages: &[String]) -> AwsError {
    AwsError::new("InvalidChangeBatch", format!("[{}]", messages.join(", ")))
        .status(400)
        .field("messages", messages.to_vec())
}

pub(super) fn refuse_while_busy(cx: &mut Cx<'_>, zone: &str) -> Result<(), AwsError> {
    let now = cx.now();
    // It is a kind of throttling: a world without throttles takes batches back to back.
    let throttled = cx.world.settings.throttle;
    let busy = cx
        .account()
        .route53
        .zones
        .get(zone)
        .is_some_and(|z| z.busy_until > now);
    if busy && throttled {
        let message =
            "The request was rejected because Route 53 was still processing a prior request.";
        return Err(AwsError::new("PriorRequestNotComplete", message).status(400));
    }
    Ok(())
}

pub(super) fn change(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let zone = zones::named(cx, input, "HostedZoneId")?.clone();
    let batch = &input.value["ChangeBatch"];
    let changes = batch["Changes"].as_array().map_or(&[][..], Vec::as_slice);
    let mut read = Vec::with_capacity(changes.len());
    for change in changes {
        let action = change["Action"].as_str().unwrap_or_default();
        read.push((
            action,
            RecordSet::read(action, &change["ResourceRecordSet"])?,
        ));
    }
    check_size(&read)?;
    refuse_while_busy(cx, &zone.id)?;
    check_references(cx, &read)?;
    let records = apply(cx, &zone, &read)?;
    let busy = cx
        .world
        .sample(PROCESSING, &zone.id, "ChangeResourceRecordSets");
    let now = cx.now();
    cx.account().route53.zones.change(&zone.id, now, |z| {
        z.records = Arc::new(records);
        z.version += 1;
        z.busy_until = now + busy;
    });
    let info = zones::submit(cx, &zone.id, batch["Comment"].as_str());
    Ok(json!({"ChangeInfo": info}))
}

/// A batch's bounds. An UPSERT counts twice, as the DELETE and the CREATE that it stands for.
fn check_size(read: &[(&str, RecordSet)]) -> Result<(), AwsError> {
    let (mut values, mut characters) = (0, 0);
    for (action, set) in read {
        let times = if *action == "UPSERT" { 2 } else { 1 };
        values += times * set.values().len().max(1);
        characters += times * set.values().iter().map(String::len).sum::<usize>();
    }
    if values > VALUES_PER_BATCH {
        return Err(invalid_batch(&[format!(
            "Number of records limit of {VALUES_PER_BATCH} exceeded."
        )]));
    }
    if characters > CHARACTERS_PER_BATCH {
        return Err(invalid_batch(&[format!(
            "Number of characters limit of {CHARACTERS_PER_BATCH} exceeded."
        )]));
    }
    Ok(())
}

/// Health checks and CIDR collections that the record sets name must be there.
fn check_references(cx: &mut Cx<'_>, read: &[(&str, RecordSet)]) -> Result<(), AwsError> {
    let account = cx.caller.account.clone();
    for (action, set) in read {
        if *action == "DELETE" {
            continue;
        }
        if let Some(check) = set
            .health_check
            .as_deref()
            .filter(|c| !cx.account().route53.checks.contains(c))
        {
            return Err(super::health::no_such_check(check));
        }
        if let Routing::Cidr { collection, .. } = &set.routing
            && !cidr::exists(cx.world, &account, collection)
        {
            let message = format!("No CIDR collection found with ID: {collection}");
            return Err(AwsError::new("NoSuchCidrCollectionException", message).status(404));
        }
    }
    Ok(())
}

/// The zone's records after the batch, or every reason why it is refused.
fn apply(cx: &mut Cx<'_>, zone: &Zone, read: &[(&str, RecordSet)]) -> Result<Records, AwsError> {
    let mut records = Records::clone(&zone.records);
    let mut wrong = Vec::new();
    for (action, set) in read {
        let before = wrong.len();
        check_shape(zone, set, *action == "DELETE", &mut wrong);
        if wrong.len() > before {
            continue;
        }
        let key = set.key();
        match *action {
            "DELETE" => match records.get(&key) {
                None => wrong.push(format!("Tried to delete resource record set {} but it was not found", set.shown())),
                Some(current) if !set.same(current) => wrong.push(format!(
                    "Tried to delete resource record set {} but the values provided do not match the current values",
                    set.shown()
                )),
                Some(_) => {
                    records.remove(&key);
                }
            },
            "CREATE" if records.contains_key(&key) => {
                wrong.push(format!("Tried to create resource record set {} but it already exists", set.shown()));
            }
            _ => {
                check_neighbours(zone, &records, set, &mut wrong);
                if wrong.len() == before {
                    records.insert(key, set.clone());
                }
            }
        }
    }
    check_apex(zone, &records, &mut wrong);
    // An alias may point at what the same batch makes, and must not be left behind by what it deletes.
    for (action, set) in read {
        if *action != "DELETE"
            && let Body::Alias {
                zone: target_zone,
                target,
                evaluate,
            } = &set.body
        {
            let alias = alias::Alias {
                rtype: &set.rtype,
                zone: target_zone,
                target,
                evaluate: *evaluate,
            };
            alias::check(cx, zone, &records, &alias, &mut wrong);
        }
    }
    if records.len() > RECORD_SETS_PER_ZONE && records.len() > zone.records.len() {
        wrong.push(format!(
            "Number of records limit of {RECORD_SETS_PER_ZONE} exceeded."
        ));
    }
    if wrong.is_empty() {
        Ok(records)
    } else {
        Err(invalid_batch(&wrong))
    }
}

/// What a record set must be whatever else the zone holds.
fn check_shape(zone: &Zone, set: &RecordSet, deletes: bool, wrong: &mut Vec<String>) {
    let resource = |code: &str, text: &str, value: &str| {
        format!(
            "Invalid Resource Record: 'FATAL problem: {code} ({text}) encountered with '{value}''"
        )
    };
    if let Err(fault) = name::canonical(&set.name) {
        wrong.push(resource(fault.code, fault.text, &set.name));
        return;
    }
    if !name::within(&set.name, &zone.name) {
        wrong.push(format!(
            "RRSet with DNS name {} is not permitted in zone {}",
            set.name, zone.name
        ));
        return;
    }
    if deletes {
        return;
    }
    let apex = set.name == zone.name;
    if set.rtype == "CNAME" && apex {
        wrong.push(format!(
            "RRSet of type CNAME with DNS name {} is not permitted at apex in zone {}",
            set.name, zone.name
        ));
    }
    if set.rtype == "SOA" && !apex {
        wrong.push(format!(
            "RRSet of type SOA with DNS name {} is not permitted in zone {}",
            set.name, zone.name
        ));
    }
    if set.rtype == "DS" && apex {
        wrong.push(format!(
            "RRSet of type DS with DNS name {} is not permitted at apex in zone {}",
            set.name, zone.name
        ));
    }
    if set.rtype == "NS" && name::labels(&set.name).next() == Some("\\052") {
        wrong.push(format!(
            "RRSet of type NS with DNS name {} is not permitted in zone {}",
            set.name, zone.name
        ));
    }
    if set.is_alias() && matches!(set.rtype.as_str(), "NS" | "SOA") {
        wrong.push(format!(
            "Alias record sets of type {} are not permitted",
            set.rtype
        ));
    }
    if matches!(set.rtype.as_str(), "CNAME" | "SOA") && set.values().len() > 1 {
        wrong.push(resource(
            "TooManyValues",
            &format!("{} takes exactly one value", set.rtype),
            &set.values()[1],
        ));
    }
    if set.values().len() > VALUES_PER_SET {
        wrong.push(format!(
            "Number of values limit of {VALUES_PER_SET} exceeded for {}",
            set.shown()
        ));
    }
    for (n, given) in set.values().iter().enumerate() {
        if let Err((code, text)) = value::check(&set.rtype, given) {
            wrong.push(resource(&code, &text, given));
        } else if set.values()[..n].contains(given) {
            wrong.push(format!("Duplicate Resource Record: '{given}'"));
        }
    }
}

/// What the other record sets of the name allow.
fn check_neighbours(zone: &Zone, records: &Records, set: &RecordSet, wrong: &mut Vec<String>) {
    let own_key = set.key();
    let of_name = records
        .range((own_key.0.clone(), String::new(), String::new())..)
        .take_while(|(key, _)| key.0 == own_key.0)
        .filter(|(key, _)| **key != own_key)
        .map(|(_, other)| other);
    let mut sets = 0;
    for other in of_name {
        if (set.rtype == "CNAME") != (other.rtype == "CNAME") {
            wrong.push(format!(
                "RRSet of type {} with DNS name {} is not permitted because a conflicting RRSet of type {} with the same \
                 DNS name already exists in zone {}",
                set.rtype, set.name, other.rtype, zone.name
            ));
            return;
        }
        if other.rtype != set.rtype {
            continue;
        }
        sets += 1;
        if other.routing.kind() != set.routing.kind() {
            wrong.push(mixed(set));
            return;
        }
        if collides(&set.routing, &other.routing) {
            wrong.push(format!(
                "RRSet with DNS name {}, type {}, SetIdentifier {}, and {} cannot be created because an RRSet with the \
                 same name, type and routing ({}) already exists",
                set.name,
                set.rtype,
                set.set.as_deref().unwrap_or("null"),
                shown_routing(&set.routing),
                other.set.as_deref().unwrap_or("null"),
            ));
            return;
        }
    }
    if sets >= SETS_PER_NAME {
        wrong.push(format!(
            "Number of RRSets limit of {SETS_PER_NAME} exceeded for {}",
            set.shown()
        ));
    }
}

fn mixed(set: &RecordSet) -> String {
    match &set.set {
        None => format!(
            "RRSet with DNS name {}, type {}, SetIdentifier null cannot be created as other RRSets exist with the same \
             name and type.",
            set.name, set.rtype
        ),
        Some(identifier) => format!(
            "RRSet with DNS name {}, type {}, SetIdentifier {identifier}, and {} cannot be created because a non-{} RRSet \
             with the same name and type already exists.",
            set.name,
            set.rtype,
            shown_routing(&set.routing),
            set.routing.kind(),
        ),
    }
}

fn shown_routing(routing: &Routing) -> String {
    match routing {
        Routing::Simple => "simple routing".into(),
        Routing::Weighted(weight) => format!("weight={weight}"),
        Routing::Latency(region) => format!("Region Name={region}"),
        Routing::Failover { primary } => format!(
            "Failover={}",
            if *primary { "PRIMARY" } else { "SECONDARY" }
        ),
        Routing::Geolocation {
            continent,
            country,
            subdivision,
        } => {
            let parts = [
                ("continent", continent),
                ("country", country),
                ("subdivision", subdivision),
            ];
            let named = parts
                .iter()
                .filter_map(|(k, v)| Some(format!("{k} = {}", v.as_ref()?)));
            format!("routing to [{}]", named.collect::<Vec<_>>().join(", "))
        }
        Routing::Multivalue => "MultiValueAnswer=true".into(),
        Routing::Geoproximity { region, group, .. } => {
            format!(
                "geoproximity to {}",
                region
                    .as_deref()
                    .or(group.as_deref())
                    .unwrap_or("coordinates")
            )
        }
        Routing::Cidr { location, .. } => format!("CIDR location {location}"),
    }
}

/// Whether two record sets of one policy claim the same askers.
fn collides(one: &Routing, other: &Routing) -> bool {
    match (one, other) {
        (Routing::Weighted(_), _) | (Routing::Multivalue, _) => false,
        (
            Routing::Geoproximity {
                region, group, at, ..
            },
            Routing::Geoproximity {
                region: r,
                group: g,
                at: a,
                ..
            },
        ) => (region, group, at) == (r, g, a),
        (
            Routing::Cidr {
                collection,
                location,
            },
            Routing::Cidr {
                collection: c,
                location: l,
            },
        ) => collection != c || location == l,
        (one, other) => one == other,
    }
}

/// A zone keeps its own NS and SOA records.
fn check_apex(zone: &Zone, records: &Records, wrong: &mut Vec<String>) {
    let apex = name::reversed(&zone.name);
    let has = |rtype: &str| records.contains_key(&(apex.clone(), rtype.to_owned(), String::new()));
    if !has("SOA") {
        wrong.push("A HostedZone must contain exactly one SOA record.".to_owned());
    }
    if !has("NS") {
        wrong.push(
            "A HostedZone must contain at least one NS record for the zone itself.".to_owned(),
        );
    }
}

/// Sends a change on its way: each name server answers by it in its own time, the last of them when it is in sync.
pub(super) fn propagate(cx: &mut Cx<'_>, zone: &str, change: &str) {
    let total = cx.world.sample(INSYNC, zone, "ChangeResourceRecordSets");
    for server in 0..SERVERS {
        let words = ["r53-server", zone, change];
        let share = 0.35 + 0.65 * cx.world.dice.unit(&words, server as u64);
        let after = (total as f64 * share) as u64;
        cx.later_with(after.min(total), "serve", change, json!({"server": server}));
    }
    cx.later(total, "insync", change);
}

/// One name server begins to answer by a change.
pub(super) fn serve(world: &mut World, event: &Event) {
    let Some(server) = event.detail["server"].as_u64().map(|n| n as usize) else {
        return;
    };
    let state = &mut world.account(&event.account).route53;
    let Some(change) = state.changes.get(&event.id).cloned() else {
        return;
    };
    let Some(records) = change.records else {
        return;
    };
    state.zones.settle(&change.zone, |zone| {
        if server < SERVERS && zone.served_version[server] < change.version {
            zone.served_version[server] = change.version;
            zone.served[server] = records;
        }
    });
}

/// Every name server answers by the change.
pub(super) fn insync(world: &mut World, event: &Event) {
    let state = &mut world.account(&event.account).route53;
    let Some(change) = state.changes.get(&event.id).cloned() else {
        return;
    };
    state.changes.settle(&event.id, |c| {
        c.insync = true;
        c.records = None;
    });
    let Some(records) = change.records else {
        return;
    };
    state.zones.settle(&change.zone, |zone| {
        for server in 0..SERVERS {
            if zone.served_version[server] < change.version {
                zone.served_version[server] = change.version;
                zone.served[server] = Arc::clone(&records);
            }
        }
    });
}

pub(super) fn get(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = bare(input.str("Id").unwrap_or_default());
    let changes = &cx.account().route53.changes;
    let change = changes.get(id).ok_or_else(|| {
        let message = format!("A change with the specified change ID does not exist: {id}");
        AwsError::new("NoSuchChange", message).status(404)
    })?;
    Ok(json!({"ChangeInfo": change.json(id)}))
}
