//! What was asked of a world, and what became of it.

use super::fingerprint::{asked_of, is_json};
use crate::clock::Nanos;
use crate::protocol::address;
use crate::services::ServiceId;
use crate::world::{Answer, Caller, Reply, Request};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Entries of the access log that are kept.
const LOG: usize = 20_000;

/// One line of the access log.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    pub at: Nanos,
    pub account: String,
    pub arn: String,
    pub service: ServiceId,
    pub region: String,
    pub operation: String,
    pub request_id: String,
    /// 0 if no answer was given.
    pub status: u16,
    pub error: Option<String>,
    /// Whether the service did (or refused) it, whatever the client learnt.
    pub executed: bool,
    pub writes: bool,
    pub latency: Nanos,
    pub fault: Option<String>,
}

/// What was asked of a world, newest last, and a digest of all that was asked and answered.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Shared between forks until one of them is called.
    entries: Arc<VecDeque<Arc<Access>>>,
    /// Every request and answer since the beginning: equal for equal histories.
    pub digest: u64,
    pub calls: u64,
    /// How often each request (a hash of it and of whose key signed it) was asked.
    asked: Arc<BTreeMap<u64, u64>>,
    transcript: Option<Arc<Vec<u8>>>,
    requests: Option<Arc<Vec<Request>>>,
}

impl Log {
    /// From here on every request and answer is kept to the byte: see [`Log::transcript`].
    pub fn keep_transcript(&mut self) {
        self.transcript.get_or_insert_default();
    }

    /// Requests and answers in their order, if they are kept: what was asked of whom and when, without what a client makes up
    /// for each sending (signatures, its own ids) and with the members of JSON objects in order; the answer as it was sent.
    pub fn transcript(&self) -> Option<&[u8]> {
        self.transcript.as_deref().map(Vec::as_slice)
    }

    /// From here on every request is kept as it came: see [`Log::requests`].
    pub fn keep_requests(&mut self) {
        self.requests.get_or_insert_default();
    }

    /// The requests that are kept, to be sent once more.
    pub fn requests(&self) -> &[Request] {
        self.requests.as_deref().map_or(&[], Vec::as_slice)
    }

    pub(super) fn write(&mut self, at: Nanos, request: &Request, answer: &Answer) {
        if let Some(requests) = &mut self.requests {
            Arc::make_mut(requests).push(request.clone());
        }
        let Some(transcript) = &mut self.transcript else {
            return;
        };
        let out = Arc::make_mut(transcript);
        let target = address::header(request, "x-amz-target").unwrap_or("-");
        let head = format!(
            "{at} {} {} {} {target}\n",
            request.method,
            asked_of(request),
            request.target
        );
        out.extend_from_slice(head.as_bytes());
        match serde_json::from_slice::<Value>(&request.body) {
            Ok(mut body) if is_json(request) => {
                body.sort_all_objects();
                out.extend_from_slice(body.to_string().as_bytes());
            }
            _ => out.extend_from_slice(&request.body),
        }
        let (status, headers, body): (String, &[_], &[u8]) = match &answer.reply {
            Reply::Response(r) => (r.status.to_string(), &r.headers, &r.body),
            Reply::Reset => ("reset".into(), &[], &[]),
            Reply::Silence => ("silence".into(), &[], &[]),
        };
        out.extend_from_slice(format!("\n{} {status}\n", answer.latency).as_bytes());
        for (name, value) in headers {
            out.extend_from_slice(format!("{name}: {value}\n").as_bytes());
        }
        out.extend_from_slice(body);
        out.push(b'\n');
    }

    /// How often this has been asked before; counts it.
    pub(super) fn nth(&mut self, asked: u64) -> u64 {
        let times = Arc::make_mut(&mut self.asked).entry(asked).or_default();
        *times += 1;
        *times - 1
    }

    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &Access> {
        self.entries.iter().map(AsRef::as_ref)
    }

    pub(super) fn put(&mut self, access: Access) {
        let entries = Arc::make_mut(&mut self.entries);
        if entries.len() == LOG {
            entries.pop_front();
        }
        entries.push_back(Arc::new(access));
        self.calls += 1;
    }
}

/// A request that reached its service and may have changed the world: what a kept world is made of.
#[derive(Clone, Debug)]
pub struct Executed {
    pub at: Nanos,
    /// When it is executed, if it is held up.
    pub due: Option<Nanos>,
    pub caller: Caller,
    pub request: Request,
}
