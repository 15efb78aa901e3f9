//! The simulated AWS, as drtool's users meet it.

pub mod seed;
