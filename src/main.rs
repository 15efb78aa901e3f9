//! drtool.

fn main() {}
