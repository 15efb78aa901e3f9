//! drtool moves an application stack on AWS to another region: on purpose, as a rehearsal, or because the region is
//! gone.

pub mod cloud;
pub mod probe;
pub mod sandbox;
