//! What goes wrong on purpose.

#[derive(Clone, Default)]
pub struct Faults {}
