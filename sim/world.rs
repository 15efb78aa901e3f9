//! The world, the queue of its events, and the context in which an operation runs.

use crate::call::{Executed, Log, throttle};
use crate::clock::{Dice, EPOCH, Nanos, Pert};
use crate::error::AwsError;
use crate::faults::Faults;
use crate::plane::Plane;
use crate::services::{self, Account, Place, ServiceId};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

mod places;
mod queue;

/// One HTTP request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// `host[:port]` as the client named it: AWS-style hosts choose service and region.
    pub host: String,
    /// Path and query, as sent.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// What became of a request. The state has changed (or not) when `call` returns; the client learns of it after `latency`.
#[derive(Clone, Debug)]
pub struct Answer {
    pub latency: Nanos,
    pub reply: Reply,
}

#[derive(Clone, Debug)]
pub enum Reply {
    Response(Response),
    /// The connection breaks after `latency`; nobody tells whether the request was executed.
    Reset,
    /// No answer, ever.
    Silence,
}

/// Something that will happen in the world. Plain data, so that a world can be forked, saved and compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub service: ServiceId,
    pub account: String,
    pub region: String,
    /// What happens, in the service's own words.
    pub what: &'static str,
    /// The resource it happens to.
    pub id: String,
    /// Further facts; `Null` mostly.
    pub detail: Value,
}

/// A simulated AWS at one instant. `Clone` forks it.
#[derive(Clone)]
pub struct World {
    pub dice: Dice,
    pub(crate) now: Nanos,
    events: BTreeMap<(Nanos, u64), Event>,
    sequence: u64,
    /// How often something of a name has been drawn, by a hash of the name: the ordinals of [`Dice`] and of ids.
    ordinals: BTreeMap<u64, u64>,
    /// What was drawn, by name and ordinal, while a transcript is kept.
    sampled: BTreeMap<(String, u64), Nanos>,
    /// Boxed, as the places are: a node of the map has room for eleven, and most worlds have one.
    pub accounts: BTreeMap<String, Box<Account>>,
    /// By account and region.
    pub places: BTreeMap<(String, String), Box<Place>>,
    /// Buckets: their names are global.
    pub s3: services::s3::State,
    /// Sessions: access keys are global.
    pub sts: services::sts::State,
    pub faults: Faults,
    pub plane: Plane,
    pub(crate) buckets: throttle::Buckets,
    /// What was asked of this world, and a digest of every request and answer.
    pub log: Log,
    /// Who made what, and when.
    pub(crate) births: crate::oracle::Births,
    /// Whether `executed` is filled: somebody keeps this world.
    pub(crate) recording: bool,
    pub(crate) executed: Vec<Executed>,
    /// When what no reader sees any more was last forgotten.
    forgot: Nanos,
    /// Where the world is served, if it is: links into it lead there.
    pub(crate) front: Option<String>,
    /// What the world is told to do: how long reads lag, whether signatures are checked, quotas lifted.
    pub settings: Settings,
}

/// The choices of whoever made the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long a read may lag a write: drawn per write between zero and this.
    pub read_lag: Nanos,
    /// Whether SigV4 signatures are verified against the secret keys that IAM holds.
    pub check_signatures: bool,
    /// Whether the date of a signature must be the world's, give or take 15 minutes. A server on real clients' clocks
    /// does without.
    pub check_dates: bool,
    /// How likely a status in the answer to a read is one that no client knows. AWS adds statuses without asking.
    pub odd_statuses: f64,
    /// Whether token buckets throttle.
    pub throttle: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            read_lag: 3 * crate::clock::SECOND,
            check_signatures: false,
            check_dates: true,
            odd_statuses: 0.001,
            throttle: true,
        }
    }
}

impl World {
    pub fn new(seed: u64) -> World {
        World {
            dice: Dice(seed),
            now: 0,
            events: BTreeMap::new(),
            sequence: 0,
            ordinals: BTreeMap::new(),
            sampled: BTreeMap::new(),
            accounts: BTreeMap::new(),
            places: BTreeMap::new(),
            s3: services::s3::State::default(),
            sts: services::sts::State::default(),
            faults: Faults::default(),
            plane: Plane::default(),
            buckets: throttle::Buckets::default(),
            log: Log::default(),
            births: crate::oracle::Births::default(),
            recording: false,
            executed: Vec::new(),
            forgot: 0,
            front: None,
            settings: Settings::default(),
        }
    }

    pub fn now(&self) -> Nanos {
        self.now
    }

    /// Unix seconds of an instant of this world, with its fraction: what AWS writes into timestamps.
    pub fn unix(&self, at: Nanos) -> f64 {
        // Milliseconds, as AWS has them; a finer fraction would not survive a JSON round trip.
        EPOCH as f64 + (at / crate::clock::MILLI) as f64 / 1_000.0
    }

    /// Sends one request into the world at instant `at` (or now, if that has passed).
    pub fn call(&mut self, request: &Request, at: Nanos) -> Answer {
        self.advance_to(at);
        crate::call::serve(self, request)
    }

    /// Executes one operation without a wire, as the root of an account: the door of unit tests and of services that act
    /// as clients of others. Validated as a call is; neither throttled nor met by faults, and lists come whole.
    pub fn invoke(
        &mut self,
        account: &str,
        region: &str,
        service: ServiceId,
        operation: &str,
        input: Value,
    ) -> Result<Value, AwsError> {
        crate::call::invoke(self, account, region, service, operation, input)
    }

    /// The same by any principal: what it may not do is refused.
    pub fn invoke_as(
        &mut self,
        caller: Caller,
        region: &str,
        service: ServiceId,
        operation: &str,
        input: Value,
    ) -> Result<Value, AwsError> {
        crate::call::invoke_as(self, caller, region, service, operation, input)
    }

    /// Another world with the same past. Cheap: rows are shared until one of the two changes them.
    pub fn fork(&self) -> World {
        self.clone()
    }

    /// The global state of an account, made on first use.
    pub fn account(&mut self, account: &str) -> &mut Account {
        if !self.accounts.contains_key(account) {
            self.accounts
                .insert(account.to_owned(), Box::new(Account::new(account)));
        }
        self.accounts
            .get_mut(account)
            .unwrap_or_else(|| unreachable!("inserted above"))
    }

    /// The next ordinal of a name, counted from 0.
    pub fn ordinal(&mut self, name: &str) -> u64 {
        let next = self
            .ordinals
            .entry(crate::call::hash(name.as_bytes()))
            .or_default();
        *next += 1;
        *next - 1
    }

    /// Draws a duration for what `operation` does to `resource`. The ordinal counts how often that was drawn.
    pub fn sample(&mut self, pert: Pert, resource: &str, operation: &str) -> Nanos {
        let name = format!("{operation}/{resource}");
        let ordinal = self.ordinal(&format!("t/{name}"));
        let taken = self.dice.duration(pert, &[resource, operation], ordinal);
        if self.log.transcript().is_some() {
            self.sampled.insert((name, ordinal), taken);
        }
        taken
    }

    /// What has been drawn since a transcript is kept: what took place with what, for which time, and how long it takes.
    pub fn sampled(&self) -> impl Iterator<Item = (&str, u64, Nanos)> {
        self.sampled
            .iter()
            .map(|((name, ordinal), taken)| (name.as_str(), *ordinal, *taken))
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Caller {
    pub account: String,
    /// `arn:aws:iam::…:root`, `…:user/x` or `arn:aws:sts::…:assumed-role/x/session`.
    pub arn: String,
    /// The unique id of the principal (`AIDA…`, `AROA…:session`), or the account for root.
    pub id: String,
    pub access_key: String,
}

/// What an operation sees while it runs: the world, who calls, and in which region.
pub struct Cx<'w> {
    pub world: &'w mut World,
    pub caller: Caller,
    pub region: String,
    pub service: ServiceId,
    pub operation: String,
    pub request_id: String,
}

impl Cx<'_> {
    pub fn now(&self) -> Nanos {
        self.world.now
    }

    /// Now, as AWS writes it into timestamps: unix seconds.
    pub fn unix_now(&self) -> f64 {
        self.world.unix(self.world.now)
    }

    pub fn account_id(&self) -> &str {
        &self.caller.account
    }

    /// The state of the caller's account in the called region.
    pub fn place(&mut self) -> &mut Place {
        let (account, region) = (self.caller.account.clone(), self.region.clone());
        self.world.place(&account, &region)
    }

    /// The state of the caller's account in another region.
    pub fn place_in(&mut self, region: &str) -> &mut Place {
        let account = self.caller.account.clone();
        self.world.place(&account, region)
    }

    /// The global state of the caller's account.
    pub fn account(&mut self) -> &mut Account {
        let account = self.caller.account.clone();
        self.world.account(&account)
    }

    /// An ARN in the called region and the caller's account.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!(
            "arn:aws:{service}:{}:{}:{resource}",
            self.region, self.caller.account
        )
    }

    /// When a write made now becomes visible to readers: drawn per resource, within the world's read lag.
    pub fn visible_at(&mut self, resource: &str) -> Nanos {
        let lag = self.world.settings.read_lag;
        if lag == 0 {
            return self.world.now;
        }
        let name = format!("lag/{}/{}", self.operation, resource);
        let ordinal = self.world.ordinal(&name);
        let unit = self
            .world
            .dice
            .unit(&["lag", &self.operation, resource], ordinal);
        self.world.now + (unit * lag as f64) as Nanos
    }

    /// A new id such as `vpc-0a1b…`: `prefix` and 17 hexadecimal digits, the same in every world of the same history.
    pub fn new_id(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.hex(prefix, 17))
    }

    /// `digits` hexadecimal digits that no other call for the same `name` has got.
    pub fn hex(&mut self, name: &str, digits: usize) -> String {
        let key = format!("id/{}/{}/{name}", self.caller.account, self.region);
        let ordinal = self.world.ordinal(&key);
        let high = self.world.dice.hash(&[&key], ordinal);
        let low = self.world.dice.hash(&[&key, "low"], ordinal);
        format!("{high:016x}{low:016x}")
            .chars()
            .take(digits)
            .collect()
    }

    /// A UUID of that kind.
    pub fn uuid(&mut self, name: &str) -> String {
        let h = self.hex(name, 32);
        format!(
            "{}-{}-4{}-8{}-{}",
            &h[0..8],
            &h[8..12],
            &h[13..16],
            &h[17..20],
            &h[20..32]
        )
    }

    /// Schedules an event of this service, account and region.
    pub fn later(&mut self, after: Nanos, what: &'static str, id: &str) {
        self.later_with(after, what, id, Value::Null);
    }

    pub fn later_with(&mut self, after: Nanos, what: &'static str, id: &str, detail: Value) {
        let event = Event {
            service: self.service,
            account: self.caller.account.clone(),
            region: self.region.clone(),
            what,
            id: id.to_owned(),
            detail,
        };
        self.world.schedule(after, event);
    }

    /// The refusal of an operation that AWS has and this simulation has not.
    pub fn not_simulated(&self) -> AwsError {
        AwsError::not_simulated(self.service.id(), &self.operation)
    }
}

/// The members of an operation's input, in the model's names.
#[derive(Clone, Debug, Default)]
pub struct Input {
    pub value: Value,
    /// The body of an operation whose payload is bytes (S3 objects).
    pub body: Bytes,
}

impl Input {
    pub fn str(&self, member: &str) -> Option<&str> {
        self.value.get(member)?.as_str()
    }

    pub fn i64(&self, member: &str) -> Option<i64> {
        self.value.get(member)?.as_i64()
    }

    pub fn bool(&self, member: &str) -> Option<bool> {
        self.value.get(member)?.as_bool()
    }

    pub fn list(&self, member: &str) -> &[Value] {
        self.value
            .get(member)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// The strings of a list member.
    pub fn strings(&self, member: &str) -> Vec<String> {
        self.list(member)
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    }

    pub fn has(&self, member: &str) -> bool {
        self.value.get(member).is_some_and(|v| !v.is_null())
    }
}

/// The members of an operation's output, in the model's names. A member that the model does not know fails a test.
#[derive(Clone, Debug, Default)]
pub struct Output {
    pub value: Value,
    /// The body of an operation whose payload is bytes.
    pub body: Option<Bytes>,
    /// Further headers, beyond those the model places.
    pub headers: Vec<(String, String)>,
    /// Another status than the model's (206 for a range, for instance).
    pub status: Option<u16>,
}

impl From<Value> for Output {
    fn from(value: Value) -> Output {
        Output {
            value,
            ..Output::default()
        }
    }
}
