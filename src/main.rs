//! drtool.

mod capture;
mod composed;
mod failure;
mod manifest;
mod printable;
mod steps;

fn main() {}
