//! What can be done to a world, or asked of it, from outside the AWS APIs: one vocabulary for the control endpoints,
//! for tests, and for the file that keeps a world.

use crate::clock::{MILLI, Nanos, SECOND};
use crate::faults::Rule;
use crate::oracle;
use crate::plane::tasks::Image;
use crate::plane::users::SessionLogin;
use crate::plane::{From, HttpRequest};
use crate::services::{ServiceId, ecr, rds};
use crate::world::{Request, Response, Settings, World};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One action, as JSON: `{"resolve": {"name": "www.example.com", "type": "A", "from": {…}}}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    AddFault {
        rule: Rule,
    },
    RemoveFault {
        id: String,
    },
    ClearFaults,
    Configure {
        settings: Settings,
    },
    /// A name, through a resolver that may cache it.
    Resolve {
        name: String,
        #[serde(default = "address_record", rename = "type")]
        kind: String,
        from: From,
    },
    /// A connection to an address, and one HTTP request over it.
    Dial {
        from: From,
        address: String,
        port: u16,
        #[serde(default)]
        tls_name: Option<String>,
        request: HttpRequest,
    },
    /// A login to a database, and one statement.
    Sql {
        from: From,
        host: String,
        port: u16,
        user: String,
        password: String,
        database: String,
        #[serde(default)]
        tls: bool,
        #[serde(default)]
        application: String,
        sql: String,
    },
    /// Users of a page, who write rows from now on.
    AddUsers {
        name: String,
        host: String,
        #[serde(default)]
        https: bool,
        path: String,
        count: u32,
        /// Seconds between two rows of one user.
        every: f64,
    },
    /// A program that writes rows over a database connection of its own.
    AddSession {
        name: String,
        from: From,
        login: SessionLogin,
        /// What it says to the database in place of writing a row. No row, so it is none that can be lost.
        #[serde(default)]
        statement: Option<String>,
        /// Seconds between two rows.
        every: f64,
        #[serde(default)]
        reconnects: bool,
    },
    /// Those whose names begin so do nothing more.
    StopUsers {
        name: String,
    },
    /// One AWS operation as the account's root, in botocore's names: how stacks are built without a wire.
    Call {
        account: String,
        region: String,
        service: String,
        operation: String,
        #[serde(default)]
        input: Value,
    },
    /// What databases have accepted after an instant (nanoseconds since the world began), what they lack of the rows
    /// that users were told are stored, and when users first succeeded after it.
    Since {
        after: Nanos,
    },
    /// What images of a name do.
    ScriptImage {
        image: Image,
    },
    /// How many Fargate tasks a region has room for; without a number, any.
    LimitCapacity {
        region: String,
        provider: String,
        #[serde(default)]
        tasks: Option<u64>,
    },
    /// How many seconds a read replica is behind its source from now on.
    SetReplicaLag {
        account: String,
        region: String,
        instance: String,
        seconds: f64,
    },
    /// Whether a region offers a database class (`db.t4g.medium`) or family (`t4g`).
    OfferDatabaseClass {
        account: String,
        region: String,
        class: String,
        offered: bool,
    },
    /// Whether a zone has run out of a database class.
    ExhaustDatabaseClass {
        account: String,
        region: String,
        class: String,
        zone: String,
        exhausted: bool,
    },
    /// What the work of `service/cluster/name` costs, in percent of one task.
    SetLoad {
        account: String,
        region: String,
        resource: String,
        cpu: f64,
        memory: f64,
    },
    /// Several, each so long after the first: all of them are kept, or none.
    Sequence {
        steps: Vec<Timed>,
    },
    /// A request to a region's container registry. The body is in base64.
    Registry {
        region: String,
        method: String,
        target: String,
        headers: Vec<(String, String)>,
        #[serde(default)]
        body: String,
    },
}

/// One of several actions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timed {
    /// Nanoseconds since the sequence began.
    pub after: Nanos,
    pub action: Action,
}

/// At least a millisecond: users that never pause would never let time pass.
fn nanos(seconds: f64) -> Nanos {
    ((seconds.max(0.0) * SECOND as f64) as Nanos).max(MILLI)
}

fn address_record() -> String {
    String::from("A")
}

impl Action {
    /// Whether the world may be another one afterwards.
    pub fn changes(&self) -> bool {
        match self {
            Action::Since { .. } => false,
            Action::Sequence { steps } => steps.iter().any(|step| step.action.changes()),
            Action::Registry { method, .. } => !matches!(method.as_str(), "GET" | "HEAD"),
            _ => true,
        }
    }

    pub fn registry(region: &str, request: &Request) -> Action {
        Action::Registry {
            region: region.to_owned(),
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.clone(),
            body: STANDARD.encode(&request.body),
        }
    }
}

/// Does it, and answers what there is to answer.
pub fn act(world: &mut World, action: &Action) -> Value {
    match action {
        Action::AddFault { rule } => json!({"id": world.faults.add(rule.clone())}),
        Action::RemoveFault { id } => json!({"removed": world.faults.remove(id)}),
        Action::ClearFaults => {
            world.faults.clear();
            json!({})
        }
        Action::Configure { settings } => {
            world.settings = settings.clone();
            json!({})
        }
        Action::Resolve { name, kind, from } => plain(&world.resolve_through(name, kind, from)),
        Action::Dial {
            from,
            address,
            port,
            tls_name,
            request,
        } => plain(&world.dial(from, address, *port, tls_name.as_deref(), request)),
        Action::Sql {
            from,
            host,
            port,
            user,
            password,
            database,
            tls,
            application,
            sql,
        } => {
            let login = rds::Login {
                from,
                host,
                port: *port,
                user,
                password,
                database,
                application,
                tls: *tls,
            };
            let rows = match rds::open(world, &login) {
                Ok(connection) => {
                    let rows = rds::query_in_session(world, &connection, sql);
                    rds::close(world, &connection);
                    rows
                }
                Err(error) => return json!({"error": error.to_string(), "connected": false}),
            };
            match rows {
                Ok(rows) => json!({"rows": rows, "connected": true}),
                Err(error) => json!({"error": error, "connected": true}),
            }
        }
        Action::AddUsers {
            name,
            host,
            https,
            path,
            count,
            every,
        } => {
            world.add_users(name, host, *https, path, *count, nanos(*every));
            json!({})
        }
        Action::AddSession {
            name,
            from,
            login,
            statement,
            every,
            reconnects,
        } => {
            let (from, login) = (from.clone(), login.clone());
            let statement = statement.as_deref();
            world.add_session(name, from, login, statement, nanos(*every), *reconnects);
            json!({})
        }
        Action::StopUsers { name } => {
            world.stop_users(name);
            json!({})
        }
        Action::Call {
            account,
            region,
            service,
            operation,
            input,
        } => {
            let Some(service) = ServiceId::named(service) else {
                return json!({"error": {"code": "NotSimulated", "message": format!("there is no service {service}")}});
            };
            // Clients of Route 53 take the prefix off the ids that it answers; so does this one.
            let mut input = input.clone();
            for member in ["HostedZoneId", "Id"] {
                if let Some(Value::String(id)) = input.get_mut(member)
                    && service == ServiceId::Route53
                    && let Some(bare) = id
                        .strip_prefix("/hostedzone/")
                        .or_else(|| id.strip_prefix("/change/"))
                {
                    *id = bare.to_owned();
                }
            }
            match world.invoke(account, region, service, operation, input) {
                Ok(output) => json!({"output": output}),
                Err(error) => json!({"error": {"code": error.code, "message": error.message}}),
            }
        }
        Action::Since { after } => oracle::since(world, *after),
        Action::ScriptImage { image } => {
            world.script_image(image.clone());
            json!({})
        }
        Action::LimitCapacity {
            region,
            provider,
            tasks,
        } => {
            world.limit_capacity(region, provider, *tasks);
            json!({})
        }
        Action::SetReplicaLag {
            account,
            region,
            instance,
            seconds,
        } => {
            rds::set_lag(world, account, region, instance, nanos(*seconds));
            json!({})
        }
        Action::OfferDatabaseClass {
            account,
            region,
            class,
            offered,
        } => {
            rds::withdraw(world, account, region, class, *offered);
            json!({})
        }
        Action::ExhaustDatabaseClass {
            account,
            region,
            class,
            zone,
            exhausted,
        } => {
            rds::exhaust(world, account, region, class, zone, *exhausted);
            json!({})
        }
        Action::SetLoad {
            account,
            region,
            resource,
            cpu,
            memory,
        } => {
            world.set_load(account, region, resource, *cpu, *memory);
            json!({})
        }
        Action::Sequence { steps } => {
            let begun = world.now();
            let answers = steps.iter().map(|step| {
                world.advance_to(begun.saturating_add(step.after));
                act(world, &step.action)
            });
            Value::Array(answers.collect())
        }
        Action::Registry { .. } => {
            let response = registry(world, action);
            json!({
                "status": response.status,
                "headers": response.headers,
                "body": STANDARD.encode(&response.body),
            })
        }
    }
}

/// A registry's answer, before it is JSON.
pub fn registry(world: &mut World, action: &Action) -> Response {
    let Action::Registry {
        region,
        method,
        target,
        headers,
        body,
    } = action
    else {
        return Response {
            status: 500,
            headers: Vec::new(),
            body: Bytes::new(),
        };
    };
    let host = headers
        .iter()
        .find(|(n, _)| n.eq_ignore_ascii_case("host"))
        .map(|(_, v)| v.clone());
    let request = Request {
        method: method.clone(),
        host: host.unwrap_or_default(),
        target: target.clone(),
        headers: headers.clone(),
        body: Bytes::from(STANDARD.decode(body).unwrap_or_default()),
    };
    ecr::registry::serve(world, region, &request)
}

fn plain(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}
