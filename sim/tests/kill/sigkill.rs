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

/// Status of one IAM call; `None` if the connection broke.
fn iam(address: &str, action: &str, user: &str) -> Option<u16> {
    let body = format!("Action={action}&Version=2010-05-08&UserName={user}");
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20270115/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0\r\n\
         \r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    // Only a whole answer is one.
    answer
        .contains("</RequestId>")
        .then(|| answer.split(' ').nth(1)?.parse().ok())?
}

#[test]
fn every_answered_change_is_there_after_sigkill_under_load() {
    let file = std::env::temp_dir().join(format!("aws-sim-kill-{}", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let (mut answered, mut last): (Vec<String>, Vec<String>) = Default::default();
    for round in 0..ROUNDS {
        let mut server = start(&file);
        for user in &last {
            assert_eq!(
                iam(&server.address, "GetUser", user),
                Some(200),
                "{user} is gone in round {round}"
            );
        }
        let count = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (address, count) = (server.address.clone(), Arc::clone(&count));
                std::thread::spawn(move || {
                    let mut done = Vec::new();
                    for n in 0.. {
                        let user = format!("u-{round}-{client}-{n}");
                        match iam(&address, "CreateUser", &user) {
                            Some(200) => done.push(user),
                            Some(status) => panic!("{user}: {status}"),
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
    // Several clients were at it: what was answered is not one client's.
    for client in 0..CLIENTS {
        let of = |user: &&String| user.split('-').nth(2) == Some(&client.to_string());
        assert!(
            answered.iter().filter(of).count() > ROUNDS,
            "client {client}"
        );
    }
    let mut server = start(&file);
    for user in &answered {
        assert_eq!(
            iam(&server.address, "GetUser", user),
            Some(200),
            "{user} is gone"
        );
    }
    server.process.kill().unwrap();
    server.process.wait().unwrap();
    std::fs::remove_file(&file).unwrap();
}
