//! A world that is served and kept survives SIGKILL at any moment: every change that was answered is there afterwards.

use aws_sim::clock::Dice;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const ROUNDS: usize = 100;
const CLIENTS: usize = 4;

struct Server {
    process: Child,
    address: String,
}

fn start(file: &Path) -> Server {
    let mut process = Command::new(env!("CARGO_BIN_EXE_aws-sim"))
        .args([
            "--port",
            "0",
            "--no-throttle",
            "--read-lag",
            "0",
            "--region",
            "eu-west-1",
            "--keep",
        ])
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = ready["aws"]
        .as_str()
        .unwrap()
        .trim_start_matches("http://")
        .to_owned();
    Server { process, address }
}

/// What a client changes: one service each, every one in a protocol of its own.
const SERVICES: [&str; CLIENTS] = ["iam", "ssm", "s3", "secretsmanager"];
const BUCKET: &str = "/kept-by-the-world";

/// One request; what it is about, if it changes something, is called `name`.
struct Wire {
    service: &'static str,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

fn json(service: &'static str, operation: &str, body: serde_json::Value) -> Wire {
    let prefix = match service {
        "ssm" => "AmazonSSM",
        service => service,
    };
    Wire {
        service,
        method: "POST",
        path: "/".to_owned(),
        headers: vec![
            ("Content-Type", "application/x-amz-json-1.1".to_owned()),
            ("X-Amz-Target", format!("{prefix}.{operation}")),
        ],
        body: body.to_string(),
    }
}

fn iam(action: &str, user: &str) -> Wire {
    Wire {
        service: "iam",
        method: "POST",
        path: "/".to_owned(),
        headers: vec![],
        body: format!("Action={action}&Version=2010-05-08&UserName={user}"),
    }
}

fn s3(method: &'static str, path: String, body: &str) -> Wire {
    Wire {
        service: "s3",
        method,
        path,
        headers: vec![("x-amz-content-sha256", "UNSIGNED-PAYLOAD".to_owned())],
        body: body.to_owned(),
    }
}

/// Makes `name` in a client's service.
fn make(client: usize, name: &str) -> Wire {
    match SERVICES[client] {
        "iam" => iam("CreateUser", name),
        "ssm" => json(
            "ssm",
            "PutParameter",
            serde_json::json!({ "Name": name, "Value": name, "Type": "String" }),
        ),
        "s3" => s3("PUT", format!("{BUCKET}/{name}"), name),
        _ => json(
            "secretsmanager",
            "CreateSecret",
            serde_json::json!({ "Name": name, "SecretString": name }),
        ),
    }
}

/// Looks for it.
fn look(client: usize, name: &str) -> Wire {
    match SERVICES[client] {
        "iam" => iam("GetUser", name),
        "ssm" => json("ssm", "GetParameter", serde_json::json!({ "Name": name })),
        "s3" => s3("GET", format!("{BUCKET}/{name}"), ""),
        _ => json(
            "secretsmanager",
            "GetSecretValue",
            serde_json::json!({ "SecretId": name }),
        ),
    }
}

/// Status and body of the answer; `None` if the connection broke before all of it was there.
fn ask(address: &str, wire: &Wire) -> Option<(u16, String)> {
    let region = match wire.service {
        "iam" => "us-east-1",
        _ => "eu-west-1",
    };
    let mut request = format!(
        "{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20270115/{region}/{}/aws4_request, SignedHeaders=host, Signature=0\r\n",
        wire.method,
        wire.path,
        wire.body.len(),
        wire.service,
    );
    for (name, value) in &wire.headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(&wire.body);
    let mut stream = TcpStream::connect(address).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then_some(value)
    })?;
    if length.parse() != Ok(body.len()) {
        return None;
    }
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// What clients have changed: which client, and the name.
type Changes = Vec<(usize, String)>;

/// What was answered is there, with what was put into it.
fn there(address: &str, (client, name): &(usize, String), when: &str) {
    let (status, body) = ask(address, &look(*client, name)).unwrap();
    let service = SERVICES[*client];
    assert_eq!(status, 200, "{service} {name} is gone {when}: {body}");
    assert!(
        body.contains(name.as_str()),
        "{service} {name} {when}: {body}"
    );
}

#[test]
fn every_answered_change_is_there_after_sigkill_under_load() {
    let file = std::env::temp_dir().join(format!("aws-sim-kill-{}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let (mut answered, mut last): (Changes, Changes) = Default::default();
    for round in 0..ROUNDS {
        let mut server = start(&file);
        if round == 0 {
            let place = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
            let bucket = ask(&server.address, &s3("PUT", BUCKET.to_owned(), place)).unwrap();
            assert_eq!(bucket.0, 200, "{}", bucket.1);
        }
        for change in &last {
            there(&server.address, change, &format!("in round {round}"));
        }
        let count = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (address, count) = (server.address.clone(), Arc::clone(&count));
                std::thread::spawn(move || {
                    let mut done = Vec::new();
                    for n in 0.. {
                        let name = format!("u-{round}-{client}-{n}");
                        match ask(&address, &make(client, &name)) {
                            Some((200, _)) => done.push((client, name)),
                            Some((status, body)) => panic!("{name}: {status} {body}"),
                            None => break,
                        }
                        count.fetch_add(1, Ordering::SeqCst);
                    }
                    done
                })
            })
            .collect();
        // After another number of answers each time, drawn by the round, and in the middle of others: every client asks
        // again as soon as it is answered.
        let answers = 1 + Dice(7).hash(&["kill"], round as u64) as usize % 60;
        while count.load(Ordering::SeqCst) < answers {
            std::thread::yield_now();
        }
        server.process.kill().unwrap();
        server.process.wait().unwrap();
        last.clear();
        for client in clients {
            last.extend(client.join().unwrap());
        }
        answered.extend_from_slice(&last);
    }
    assert!(answered.len() > 20 * ROUNDS, "{} changes", answered.len());
    // Every service was under load.
    for (client, service) in SERVICES.iter().enumerate() {
        let of = answered.iter().filter(|(by, _)| *by == client).count();
        assert!(of > ROUNDS, "{service}: {of} changes");
    }
    let mut server = start(&file);
    for change in &answered {
        there(&server.address, change, "in the end");
    }
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    std::fs::remove_file(&file).unwrap();
}
