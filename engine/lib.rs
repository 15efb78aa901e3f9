//! The engine.

pub mod clock;
pub mod event;
pub mod journal;
pub mod name;
pub mod plan;
pub mod report;
pub mod run;
pub mod state;
pub mod step;

pub use jiff::Timestamp;
pub use name::{Place, RunId, StepId};
