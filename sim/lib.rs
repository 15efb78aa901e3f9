//! A simulated AWS that real clients believe.
//!
//! # Bird's-eye view
//!
//! A [`World`] is a value: everything that exists in a simulated AWS at one instant of one virtual clock. It has
//! three doors and no other:
//!
//! * [`World::call`]: the bytes of one HTTP request go in, the bytes of the answer come out;
//! * [`World::advance_to`]: time passes, and what was due happens, in order;
//! * the data plane, [`plane`]: what a user on the internet (or a task inside a VPC) can resolve, reach and write.
//!
//! [`oracle`] looks at the truth from outside every API. A world is cloned to fork it, and its accepted requests are
//! appended to a log to keep it.
//!
//! # Map, in reading order
//!
//! * [`clock`]: virtual time, and durations sampled by hash(seed, resource, operation, ordinal).
//! * [`table`]: how state is kept: cheap to fork, with reads that may lag writes.
//! * [`error`]: an AWS error, before it is written in a protocol.
//! * [`model`]: operation and shape facts, generated from the published service models.
//! * [`protocol`]: the wire protocols, one codec each, driven by the model.
//! * [`call`]: the path of one call: caller, throttle, faults, validation, IAM, pages.
//! * [`world`]: the world, the queue of its events, and the context in which an operation runs.
//! * [`services`]: one file or folder per service: its state, its operations, its events.
//! * [`plane`]: reachability, DNS, balancers, tasks, databases, users.
//! * [`faults`]: what goes wrong on purpose. [`oracle`]: ground truth.
//! * [`action`]: what is done to a world, or asked of it, from outside the AWS APIs.
//! * `object`: JSON objects built without copies. [`canonical`]: a world in a form that can be compared.
//! * [`server`]: a world on 127.0.0.1. [`keep`]: a world that survives the death of its process.
//!
//! # Invariants, as absences
//!
//! * Nothing here knows of drtool, and no AWS SDK crate is in its tree.
//! * No clock but the world's; no randomness but [`clock::Dice`]; no map without an order.
//! * A read changes nothing that another operation can see.
//! * A service never writes bytes: it takes and returns JSON values in the model's member names.

#[macro_use]
mod object;

pub mod action;
pub mod call;
pub mod canonical;
pub mod clock;
pub mod error;
pub mod faults;
pub mod keep;
pub mod model;
pub mod oracle;
pub mod plane;
pub mod protocol;
pub mod server;
pub mod services;
pub mod table;
pub mod world;

pub use clock::Nanos;
pub use error::AwsError;
pub use world::{Answer, Request, Response, World};
