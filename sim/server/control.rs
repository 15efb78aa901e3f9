//! The sandbox's own endpoints, in JSON under `/_sandbox/`.

use super::*;

/// `POST clock/wait`: answers when the world has come to `until` (nanoseconds since the world began).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wait {
    client: String,
    until: Nanos,
    /// Answers after so many real seconds at the latest, however far the world has come.
    patience: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    client: String,
    /// Whether the client is registered for as long as this connection stands.
    #[serde(default)]
    hold: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stack {
    stack: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    #[serde(default)]
    seed: u64,
}

/// Whom a sandbox takes for the root of its account: AWS's own example.
const EXAMPLE_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const EXAMPLE_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn json_response(status: u16, value: &Value) -> Response {
    Response {
        status,
        headers: vec![("Content-Type".into(), "application/json".into())],
        body: Bytes::from(format!("{value}\n")),
    }
}

fn refused(message: impl std::fmt::Display) -> Response {
    json_response(400, &json!({"error": message.to_string()}))
}

fn read<'b, T: Deserialize<'b>>(request: &'b Request) -> Result<T, Response> {
    let body: &[u8] = if request.body.is_empty() {
        b"{}"
    } else {
        &request.body
    };
    serde_json::from_slice(body).map_err(refused)
}

/// Answers one request.
pub(super) async fn answer(
    shared: &Shared,
    connection: u64,
    request: &Request,
) -> Result<Response, Break> {
    let path = request.target.split('?').next().unwrap_or("");
    let path = path.trim_start_matches("/_sandbox/").trim_end_matches('/');
    if (request.method.as_str(), path) == ("POST", "clock/wait") {
        return Ok(match read::<Wait>(request) {
            Ok(asked) => json_response(200, &wait(shared, asked).await),
            Err(response) => response,
        });
    }
    let answered = now(shared, connection, request, path);
    // Something may have changed that others wait for.
    shared.1.notify_waiters();
    Ok(answered.unwrap_or_else(|response| response))
}

fn clock(house: &mut House) -> Value {
    let now = house.tick();
    let next = house.world().next_event();
    json!({
        "now": now,
        "unix": house.world().unix(now),
        "next_event": next,
        "speed": house.speed,
        "clients": house.clients.keys().collect::<Vec<_>>(),
    })
}

fn now(
    shared: &Shared,
    connection: u64,
    request: &Request,
    path: &str,
) -> Result<Response, Response> {
    let mut house = shared.0.borrow_mut();
    let house = &mut *house;
    if (request.method.as_str(), path) == ("GET", "transcript") {
        let kept = house.world().log.transcript();
        return match kept {
            Some(bytes) => Ok(Response {
                status: 200,
                headers: vec![("Content-Type".into(), "application/octet-stream".into())],
                body: Bytes::copy_from_slice(bytes),
            }),
            None => Err(json_response(
                404,
                &json!({"error": "no transcript is kept: POST transcript first"}),
            )),
        };
    }
    let value = match (request.method.as_str(), path) {
        ("POST", "transcript") => {
            house.kept.keep_transcript();
            json!({"kept": true})
        }
        ("GET", "clock") => clock(house),
        ("POST", "clock/register") => {
            let named: Named = read(request)?;
            // Time stands from here on: what has passed has passed.
            house.tick();
            let client = house.clients.entry(named.client).or_default();
            client.seen = Some(Instant::now());
            if named.hold {
                client.held = Some(connection);
            }
            clock(house)
        }
        ("POST", "clock/leave") => {
            let named: Named = read(request)?;
            house.clients.remove(&named.client);
            let now = house.world().now();
            house.since = (now, Instant::now());
            clock(house)
        }
        ("POST", "clock/advance") => {
            let asked: Advance = read(request)?;
            let at = house.tick() + (asked.seconds.max(0.0) * 1e9) as Nanos;
            house.advance(at);
            house.since = (house.world().now(), Instant::now());
            clock(house)
        }
        ("POST", "speed") => {
            let speed: Speed = read(request)?;
            let now = house.tick();
            house.since = (now, Instant::now());
            house.speed = speed;
            clock(house)
        }
        ("GET", "hello") => json!({
            "sandbox": HELLO,
            "version": env!("CARGO_PKG_VERSION"),
            "seed": house.world().dice.0,
            "clock": clock(house),
        }),
        ("GET", "credentials") => {
            json!({"access_key": EXAMPLE_KEY, "secret_key": EXAMPLE_SECRET})
        }
        ("POST", "stand") => {
            let asked: Stack = read(request)?;
            house.tick();
            let Some(stand) = &house.stand else {
                return Err(json_response(
                    404,
                    &json!({"error": "this server builds no stacks"}),
                ));
            };
            stand(&mut house.kept, &asked.stack).map_err(refused)?;
            house.since = (house.kept.world().now(), Instant::now());
            clock(house)
        }
        ("GET", "addresses") => json!(house.addresses),
        ("GET", "faults") => {
            let rules = house.world().faults.rules();
            Value::Array(
                rules
                    .map(|(rule, met)| json!({"rule": rule, "met": met}))
                    .collect(),
            )
        }
        ("POST", "faults") => {
            let rule: Rule = read(request)?;
            house.act(&Action::AddFault { rule })
        }
        ("DELETE", "faults") => house.act(&Action::ClearFaults),
        ("DELETE", path) if path.starts_with("faults/") => {
            let id = path.trim_start_matches("faults/").to_owned();
            house.act(&Action::RemoveFault { id })
        }
        ("POST", "act") => {
            let action: Action = read(request)?;
            house.act(&action)
        }
        // The body of these is that of the action.
        (
            "POST",
            "resolve" | "dial" | "sql" | "configure" | "add-users" | "add-session" | "stop-users",
        ) => {
            let inner: Value = read(request)?;
            let action: Action = serde_json::from_value(json!({path: inner})).map_err(refused)?;
            house.act(&action)
        }
        ("GET", "users") => {
            house.tick();
            let users = &house.world().plane.users;
            json!({"acknowledged": users.acknowledged(), "failures": users.failures()})
        }
        ("GET", "settings") => json!(house.world().settings),
        ("GET", "oracle") => {
            house.tick();
            oracle::dump(house.world())
        }
        ("GET", "canonical") => {
            house.tick();
            house.world().canonical()
        }
        ("GET", "log") => log(house.world(), request),
        ("POST", "reset") => {
            let asked: Reset = read(request)?;
            if house.kept.is_on_disk() {
                return Err(refused(
                    "a world that is kept in a file is not reset: begin another file",
                ));
            }
            let mut world = World::new(asked.seed);
            world.settings = house.world().settings.clone();
            house.kept = Kept::in_memory(world);
            house.kept.front(&house.addresses.aws);
            house.since = (0, Instant::now());
            clock(house)
        }
        _ => {
            return Err(json_response(
                404,
                &json!({"error": format!("there is no {} {path}", request.method)}),
            ));
        }
    };
    Ok(json_response(200, &value))
}

/// The newest entries of the access log, oldest first; `?last=100` says how many.
fn log(world: &World, request: &Request) -> Value {
    let query = request.target.split_once('?').map_or("", |(_, q)| q);
    let last = query
        .strip_prefix("last=")
        .and_then(|n| n.parse().ok())
        .unwrap_or(1_000);
    let mut entries: Vec<Value> = world
        .log
        .entries()
        .rev()
        .take(last)
        .map(|a| {
            json!({
                "at": a.at, "account": a.account, "arn": a.arn, "service": a.service.id(), "region": a.region,
                "operation": a.operation, "request_id": a.request_id, "status": a.status, "error": a.error,
                "executed": a.executed, "writes": a.writes, "latency": a.latency, "fault": a.fault,
            })
        })
        .collect();
    entries.reverse();
    json!({"calls": world.log.calls, "digest": format!("{:016x}", world.log.digest), "entries": entries})
}

/// Takes its wait back when the client goes away.
struct Waiting {
    shared: Shared,
    client: String,
    number: u64,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Ok(mut house) = self.shared.0.try_borrow_mut() else {
            return;
        };
        if let Some(client) = house.clients.get_mut(&self.client) {
            client.waits.remove(&self.number);
            client.seen = Some(Instant::now());
        }
    }
}

async fn wait(shared: &Shared, asked: Wait) -> Value {
    let waiting = {
        let mut house = shared.0.borrow_mut();
        house.tick();
        house.waits += 1;
        let number = house.waits;
        let client = house.clients.entry(asked.client.clone()).or_default();
        client.seen = Some(Instant::now());
        client.waits.insert(number, asked.until);
        Waiting {
            shared: Rc::clone(shared),
            client: asked.client,
            number,
        }
    };
    let patience = asked
        .patience
        .map(|seconds| Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 60.0)));
    loop {
        let notified = shared.1.notified();
        let pause = {
            let mut house = shared.0.borrow_mut();
            if house.tick() >= asked.until || house.broken.is_some() {
                break;
            }
            if house.jump() {
                shared.1.notify_waiters();
                continue;
            }
            let pause = if house.stands() || house.computes() {
                // Another client computes: look again when it waits, or when it has been silent for too long.
                SILENCE / 8
            } else {
                let left = asked.until - house.world().now();
                let real =
                    Duration::from_secs_f64(left as f64 / 1e9 / house.speed.factor().max(1e-9));
                real.clamp(Duration::from_micros(200), Duration::from_secs(5))
            };
            match patience.map(|until| until.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => break,
                Some(left) => pause.min(left),
                None => pause,
            }
        };
        tokio::select! {
            biased;
            () = notified => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    drop(waiting);
    clock(&mut shared.0.borrow_mut())
}
