use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One request by hand, and status and body of its answer.
async fn ask(address: &str, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or(("", ""));
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|s| s.parse().ok())
        .unwrap_or(0);
    (status, body.to_owned())
}

async fn json_of(address: &str, method: &str, path: &str, body: &str) -> Value {
    let (status, body) = ask(address, method, path, "", body).await;
    serde_json::from_str(&body).unwrap_or_else(|_| panic!("{status} {body}"))
}

/// Serves a new world while `test` runs.
fn with_server<F>(speed: Speed, test: impl FnOnce(String) -> F)
where
    F: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let serving = Serving {
        world: Kept::in_memory(World::new(1)),
        speed,
        port: 0,
        regions: vec!["eu-west-1".into()],
        stand: None,
        opened: Box::new(|_| {}),
    };
    let ready = |addresses: &Addresses| {
        let _ = sender.send(addresses.aws.trim_start_matches("http://").to_owned());
    };
    runtime.block_on(async {
        let stop = async move { test(receiver.await.unwrap()).await };
        serve(serving, ready, stop).await.unwrap();
    });
}

const SIGNED: &str = "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20270115/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0\r\n";

#[test]
fn an_aws_call_is_answered_and_logged() {
    with_server(Speed::Instant, |address| async move {
        let (status, body) = ask(
            &address,
            "POST",
            "/",
            SIGNED,
            "Action=GetCallerIdentity&Version=2011-06-15",
        )
        .await;
        assert_eq!(status, 200, "{body}");
        let log = json_of(&address, "GET", "/_sandbox/log", "").await;
        assert_eq!(log["entries"][0]["operation"], "GetCallerIdentity");
    });
}

#[test]
fn time_stands_until_every_registered_client_waits_and_then_jumps() {
    with_server(Speed::Instant, |address| async move {
        for client in ["a", "b"] {
            let body = format!("{{\"client\":\"{client}\"}}");
            json_of(&address, "POST", "/_sandbox/clock/register", &body).await;
        }
        let start = json_of(&address, "GET", "/_sandbox/clock", "").await["now"]
            .as_u64()
            .unwrap();
        let minute = 60_000_000_000;
        let wait = |client: &str, minutes: u64| {
            let until = start + minutes * minute;
            let (address, body) = (
                address.clone(),
                format!("{{\"client\":\"{client}\",\"until\":{until}}}"),
            );
            async move {
                json_of(&address, "POST", "/_sandbox/clock/wait", &body).await["now"]
                    .as_u64()
                    .unwrap()
            }
        };
        let later = wait("b", 20);
        let mut later = std::pin::pin!(later);
        // Only one of the two waits: nothing moves.
        tokio::select! {
            biased;
            _ = &mut later => panic!("time moved while a client computed"),
            now = async { json_of(&address, "GET", "/_sandbox/clock", "").await } => assert_eq!(now["now"], start),
        }
        // Both wait: the first instant comes, and then, as `a` waits again, the second.
        let first = async {
            assert_eq!(wait("a", 10).await, start + 10 * minute);
            wait("a", 30).await
        };
        tokio::select! {
            biased;
            _ = first => panic!("the later of two instants came first"),
            now = later => assert_eq!(now, start + 20 * minute),
        }
    });
}

#[test]
fn a_fault_is_added_listed_and_removed_and_a_lost_reply_breaks_the_connection() {
    with_server(Speed::Instant, |address| async move {
        let rule = r#"{"service":"sts","count":1,"fault":"reply-lost"}"#;
        let added = json_of(&address, "POST", "/_sandbox/faults", rule).await;
        assert_eq!(added["id"], "fault-1");
        let call = || {
            ask(
                &address,
                "POST",
                "/",
                SIGNED,
                "Action=GetCallerIdentity&Version=2011-06-15",
            )
        };
        assert_eq!(call().await.0, 0);
        assert_eq!(call().await.0, 200);
        let rules = json_of(&address, "GET", "/_sandbox/faults", "").await;
        assert_eq!(rules[0]["met"], 1);
        json_of(&address, "DELETE", "/_sandbox/faults/fault-1", "").await;
        assert_eq!(
            json_of(&address, "GET", "/_sandbox/faults", "").await,
            json!([])
        );
        let (status, body) = ask(
            &address,
            "POST",
            "/_sandbox/faults",
            "",
            r#"{"fault":"thottle"}"#,
        )
        .await;
        assert_eq!(status, 400);
        assert!(body.contains("unknown variant"), "{body}");
    });
}

/// One request on a connection that stays open, and the JSON of its answer.
async fn on(stream: &mut TcpStream, path: &str, body: &str) -> Value {
    let length = body.len();
    let text =
        format!("POST {path} HTTP/1.1\r\nHost: sandbox\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        answer.push(stream.read_u8().await.unwrap());
        let text = String::from_utf8_lossy(&answer);
        if let Some(value) = text
            .split_once("\r\n\r\n")
            .and_then(|(_, body)| serde_json::from_str(body).ok())
        {
            return value;
        }
    }
}

#[test]
fn who_holds_the_clock_by_a_connection_makes_time_stand_until_the_connection_ends() {
    with_server(Speed::Fast { factor: 1e9 }, |address| async move {
        let mut held = TcpStream::connect(&address).await.unwrap();
        let at = on(
            &mut held,
            "/_sandbox/clock/register",
            r#"{"client":"a","hold":true}"#,
        )
        .await;
        let now = || async { json_of(&address, "GET", "/_sandbox/clock", "").await["now"].clone() };
        assert_eq!(now().await, at["now"]);
        assert_eq!(now().await, at["now"], "it computes, and time stands");
        let until = at["now"].as_u64().unwrap() + 60_000_000_000;
        let wait = format!(r#"{{"client":"a","until":{until}}}"#);
        let waited = on(&mut held, "/_sandbox/clock/wait", &wait).await;
        assert!(waited["now"].as_u64().unwrap() >= until);
        let stood = now().await;
        assert_eq!(now().await, stood);
        drop(held);
        while now().await == stood {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_client_that_keeps_the_clock_is_told_what_an_answer_takes_and_what_becomes_of_it() {
    with_server(Speed::Instant, |address| async move {
        let call = |headers: String| {
            let address = address.clone();
            async move {
                let mut stream = TcpStream::connect(&address).await.unwrap();
                let body = "Action=GetCallerIdentity&Version=2011-06-15";
                let text = format!(
                    "POST / HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\nContent-Length: {}\r\n{SIGNED}{headers}\r\n{body}",
                    body.len()
                );
                stream.write_all(text.as_bytes()).await.unwrap();
                let mut answer = String::new();
                let _ = stream.read_to_string(&mut answer).await;
                answer
            }
        };
        let answer = call(format!("{CLIENT}: a\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains(&format!("{REPLY}: answer")), "{answer}");
        assert!(answer.contains(LATENCY) && answer.contains(NOW), "{answer}");
        let rule = r#"{"service":"sts","fault":"reply-lost"}"#;
        json_of(&address, "POST", "/_sandbox/faults", rule).await;
        let lost = call(format!("{CLIENT}: a\r\n")).await;
        assert!(lost.contains(&format!("{REPLY}: reset")), "{lost}");
        assert_eq!(
            call(String::new()).await,
            "",
            "anybody else's connection breaks"
        );
    });
}
