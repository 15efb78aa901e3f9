//! The engine's promises, each kept in a world that can go wrong.

mod crash;
mod stories;
mod together;
pub(crate) mod toy;
