//! The engine.

pub mod name;
pub mod plan;
pub mod step;

pub use jiff::Timestamp;
pub use name::{Place, RunId, StepId};
