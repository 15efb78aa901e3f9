//! Scheduled actions: `at(…)`, `rate(…)` and `cron(…)`, in UTC.

use super::{DIMENSION, NAMESPACE, actor, not_registered, validation};
use crate::clock::{EPOCH, Nanos, SECOND};
use crate::error::AwsError;
use crate::services::ServiceId;
use crate::world::{Cx, Event, Input, World};
use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    pub arn: String,
    pub name: String,
    pub resource: String,
    pub schedule: String,
    pub starts: Option<f64>,
    pub ends: Option<f64>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub created: f64,
    /// Counted at each change: an event that names another is out of date.
    pub version: u64,
}

pub(super) fn put(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let resource = input.str("ResourceId").unwrap_or("").to_owned();
    let name = input.str("ScheduledActionName").unwrap_or("").to_owned();
    if !cx.place().autoscaling.targets.contains(&resource) {
        return Err(not_registered(&resource));
    }
    if !matches!(input.str("Timezone"), None | Some("UTC" | "Etc/UTC")) {
        return Err(AwsError::not_simulated(
            "application-autoscaling",
            "PutScheduledAction with a time zone",
        ));
    }
    let key = super::policies::key(&resource, &name);
    let old = cx.place().autoscaling.actions.get(&key).cloned();
    let schedule = match (input.str("Schedule"), &old) {
        (Some(schedule), _) => schedule.to_owned(),
        (None, Some(old)) => old.schedule.clone(),
        (None, None) => {
            return Err(validation(
                "Schedule is required for a new scheduled action.",
            ));
        }
    };
    let invalid = || validation(format!("Invalid schedule expression: {schedule}"));
    let now = cx.unix_now();
    parse(&schedule).ok_or_else(invalid)?;
    let action = &input.value["ScalableTargetAction"];
    let bound =
        |member: &str, before: Option<i64>| action.get(member).and_then(Value::as_i64).or(before);
    let (min, max) = (
        bound("MinCapacity", old.as_ref().and_then(|o| o.min)),
        bound("MaxCapacity", old.as_ref().and_then(|o| o.max)),
    );
    if min.is_none() && max.is_none() {
        return Err(validation(
            "ScalableTargetAction must have MinCapacity, MaxCapacity or both.",
        ));
    }
    if min.zip(max).is_some_and(|(min, max)| max < min) {
        return Err(validation(
            "Maximum capacity cannot be less than minimum capacity",
        ));
    }
    let (arn, created, version) = match &old {
        Some(old) => (old.arn.clone(), old.created, old.version + 1),
        None => {
            let id = cx.uuid("scheduled-action");
            let path = format!(
                "scheduledAction:{id}:resource/{NAMESPACE}/{resource}:scheduledActionName/{name}"
            );
            (cx.arn("autoscaling", &path), now, 0)
        }
    };
    let time = |member: &str| input.value.get(member).and_then(Value::as_f64);
    let action = Action {
        arn,
        name,
        resource,
        schedule,
        starts: time("StartTime").or(old.as_ref().and_then(|o| o.starts)),
        ends: time("EndTime").or(old.as_ref().and_then(|o| o.ends)),
        min,
        max,
        created,
        version,
    };
    let fresh = cx.visible_at(&key);
    let (account, region) = (cx.account_id().to_owned(), cx.region.clone());
    arm(cx.world, &account, &region, &key, &action);
    cx.place().autoscaling.actions.put(key, action, fresh);
    Ok(json!({}))
}

/// Schedules the next time of an action, if there is one.
fn arm(world: &mut World, account: &str, region: &str, key: &str, action: &Action) {
    let now = world.unix(world.now());
    let Some(schedule) = parse(&action.schedule) else {
        return;
    };
    let from = action.starts.unwrap_or(action.created).max(now);
    let anchor = action.starts.unwrap_or(action.created);
    let Some(next) = schedule.after(from as i64, anchor as i64) else {
        return;
    };
    if action.ends.is_some_and(|ends| next as f64 > ends) {
        return;
    }
    let due = (next - EPOCH).max(0) as Nanos * SECOND;
    let after = due.saturating_sub(world.now());
    let event = Event {
        service: ServiceId::Autoscaling,
        account: account.to_owned(),
        region: region.to_owned(),
        what: "scheduled",
        id: key.to_owned(),
        detail: json!(action.version),
    };
    world.schedule(after, event);
}

pub(super) fn due(world: &mut World, account: &str, region: &str, key: &str, detail: &Value) {
    let Some(action) = world
        .place(account, region)
        .autoscaling
        .actions
        .get(key)
        .cloned()
    else {
        return;
    };
    if detail.as_u64() != Some(action.version) {
        return;
    }
    let suspended = world
        .place(account, region)
        .autoscaling
        .targets
        .get(&action.resource)
        .is_none_or(|t| t.suspended.scheduled);
    if !suspended {
        world
            .place(account, region)
            .autoscaling
            .targets
            .settle(&action.resource, |t| {
                t.min = action.min.unwrap_or(t.min);
                t.max = action.max.unwrap_or(t.max).max(t.min);
            });
        actor::keep_limits(world, account, region, &action.resource);
    }
    arm(world, account, region, key, &action);
}

pub(super) fn describe(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let now = cx.now();
    let (names, resource) = (
        input.strings("ScheduledActionNames"),
        input.str("ResourceId").map(str::to_owned),
    );
    let rows: Vec<Value> = cx
        .place()
        .autoscaling
        .actions
        .seen_all(now)
        .map(|(_, a)| a)
        .filter(|a| names.is_empty() || names.contains(&a.name))
        .filter(|a| resource.as_ref().is_none_or(|r| a.resource == *r))
        .map(|a| {
            let mut bounds = json!({});
            for (member, bound) in [("MinCapacity", a.min), ("MaxCapacity", a.max)] {
                if let Some(bound) = bound {
                    bounds[member] = bound.into();
                }
            }
            let mut value = json!({
                "ScheduledActionName": a.name,
                "ScheduledActionARN": a.arn,
                "ServiceNamespace": NAMESPACE,
                "Schedule": a.schedule,
                "ResourceId": a.resource,
                "ScalableDimension": DIMENSION,
                "ScalableTargetAction": bounds,
                "CreationTime": a.created,
            });
            for (member, at) in [("StartTime", a.starts), ("EndTime", a.ends)] {
                if let Some(at) = at {
                    value[member] = at.into();
                }
            }
            value
        })
        .collect();
    Ok(json!({ "ScheduledActions": rows }))
}

pub(super) fn delete(cx: &mut Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (resource, name) = (
        input.str("ResourceId").unwrap_or(""),
        input.str("ScheduledActionName").unwrap_or(""),
    );
    let key = super::policies::key(resource, name);
    if !cx.place().autoscaling.actions.contains(&key) {
        return Err(AwsError::new(
            "ObjectNotFoundException",
            format!("No scheduled action found: {name}"),
        ));
    }
    let gone = cx.visible_at(&key);
    cx.place().autoscaling.actions.remove(&key, gone);
    Ok(json!({}))
}

#[derive(Clone, Debug, PartialEq)]
enum Schedule {
    /// Unix seconds.
    At(i64),
    /// Seconds.
    Rate(i64),
    Cron(Box<Cron>),
}

#[derive(Clone, Debug, PartialEq)]
struct Cron {
    minutes: Vec<bool>,
    hours: Vec<bool>,
    days: Vec<bool>,
    months: Vec<bool>,
    /// 1 = Sunday.
    weekdays: Vec<bool>,
    years: Vec<bool>,
    /// Whether the day of the month, or that of the week, is the one that counts (the other is `?`).
    by_weekday: bool,
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const YEARS: (usize, usize) = (1970, 2199);

fn parse(expression: &str) -> Option<Schedule> {
    let inside = |name: &str| {
        expression
            .strip_prefix(name)?
            .strip_prefix('(')?
            .strip_suffix(')')
    };
    if let Some(at) = inside("at") {
        let (date, time) = at.split_once('T')?;
        let date: Vec<i64> = date
            .split('-')
            .map(|p| p.parse().ok())
            .collect::<Option<_>>()?;
        let time: Vec<i64> = time
            .split(':')
            .map(|p| p.parse().ok())
            .collect::<Option<_>>()?;
        let ([year, month, day], [hour, minute, second]) = (date.as_slice(), time.as_slice())
        else {
            return None;
        };
        return Some(Schedule::At(
            days(*year, *month, *day) * 86_400 + hour * 3_600 + minute * 60 + second,
        ));
    }
    if let Some(rate) = inside("rate") {
        let (number, unit) = rate.split_once(' ')?;
        let number: i64 = number.parse().ok().filter(|n| *n > 0)?;
        let unit = match unit {
            "minute" | "minutes" => 60,
            "hour" | "hours" => 3_600,
            "day" | "days" => 86_400,
            _ => return None,
        };
        return Some(Schedule::Rate(number * unit));
    }
    let fields: Vec<&str> = inside("cron")?.split_whitespace().collect();
    let [minutes, hours, days, months, weekdays, years] = fields.as_slice() else {
        return None;
    };
    if (*days == "?") == (*weekdays == "?") {
        return None;
    }
    Some(Schedule::Cron(Box::new(Cron {
        minutes: field(minutes, 0, 59, &[])?,
        hours: field(hours, 0, 23, &[])?,
        days: field(days, 1, 31, &[])?,
        months: field(months, 1, 12, &MONTHS)?,
        weekdays: field(weekdays, 1, 7, &WEEKDAYS)?,
        years: field(years, YEARS.0, YEARS.1, &[])?,
        by_weekday: *days == "?",
    })))
}

/// `*`, `?`, `5`, `1-5`, `*/15`, `MON-FRI`, and lists of them.
fn field(text: &str, min: usize, max: usize, names: &[&str]) -> Option<Vec<bool>> {
    let mut set = vec![false; max + 1];
    let value = |word: &str| {
        let named = names
            .iter()
            .position(|n| n.eq_ignore_ascii_case(word))
            .map(|at| at + min);
        named
            .or_else(|| word.parse().ok())
            .filter(|n| (min..=max).contains(n))
    };
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|s| *s > 0)?),
            None => (part, 1),
        };
        let (from, to) = match range {
            "*" | "?" => (min, max),
            range => match range.split_once('-') {
                Some((from, to)) => (value(from)?, value(to)?),
                None if part.contains('/') => (value(range)?, max),
                None => (value(range)?, value(range)?),
            },
        };
        (from..=to).step_by(step).for_each(|n| set[n] = true);
    }
    Some(set)
}

impl Schedule {
    /// The first time after `from`; both in Unix seconds. `anchor`: where a rate begins to count.
    fn after(&self, from: i64, anchor: i64) -> Option<i64> {
        match self {
            Schedule::At(at) => (*at > from).then_some(*at),
            Schedule::Rate(every) => Some(anchor + ((from - anchor).max(0) / every + 1) * every),
            Schedule::Cron(cron) => {
                let today = from.div_euclid(86_400);
                for day in today..today + 366 * 5 {
                    if cron.on(day) {
                        let mut minute = if day == today {
                            from.rem_euclid(86_400) / 60 + 1
                        } else {
                            0
                        };
                        while minute < 1_440 {
                            if cron.hours[(minute / 60) as usize]
                                && cron.minutes[(minute % 60) as usize]
                            {
                                return Some(day * 86_400 + minute * 60);
                            }
                            minute += 1;
                        }
                    }
                }
                None
            }
        }
    }
}

impl Cron {
    fn on(&self, day: i64) -> bool {
        let (year, month, of_month) = civil(day);
        // 1970-01-01 was a Thursday, and Sunday is 1.
        let weekday = (day + 4).rem_euclid(7) as usize + 1;
        let year_fits = usize::try_from(year).is_ok_and(|y| self.years.get(y) == Some(&true));
        let day_fits = if self.by_weekday {
            self.weekdays[weekday]
        } else {
            self.days[of_month as usize]
        };
        year_fits && self.months[month as usize] && day_fits
    }
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_back_and_forth() {
        assert_eq!(civil(days(2027, 1, 15)), (2027, 1, 15));
        assert_eq!(days(2027, 1, 15) * 86_400 + 8 * 3_600, EPOCH);
    }

    #[test]
    fn a_cron_expression_finds_its_next_time() {
        let schedule = parse("cron(30 18 ? * MON-FRI *)").unwrap();
        // The world begins on a Friday at 08:00.
        let friday = schedule.after(EPOCH, EPOCH).unwrap();
        assert_eq!(friday, EPOCH + 10 * 3_600 + 1_800);
        assert_eq!(schedule.after(friday, EPOCH).unwrap(), friday + 3 * 86_400);
    }

    #[test]
    fn expressions_that_are_none_are_refused() {
        for wrong in [
            "cron(* * * * * *)",
            "rate(0 minutes)",
            "at(tomorrow)",
            "every day",
            "cron(61 * ? * * *)",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
