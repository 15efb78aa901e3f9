//! The promises of drtool, one file each: the real SDK against the simulated AWS, in this process, in virtual time.

mod images;
mod moves;
mod sandbox;
