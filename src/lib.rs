//! drtool moves an application stack on AWS to another region: on purpose, as a rehearsal, or because the region is
//! gone.

pub mod capture;
pub mod cli;
pub mod cloud;
pub mod composed;
pub mod discover;
pub mod env;
pub mod expand;
pub mod failure;
pub mod manifest;
pub mod preflight;
pub mod printable;
pub mod probe;
pub mod registry;
pub mod sandbox;
pub mod session;
pub mod steps;
pub mod vault;
pub mod wanted;

/// Most of what a call costs is memory that lives for that call.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;
