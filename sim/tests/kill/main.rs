//! A served world and SIGKILL.

#[cfg(test)]
mod sigkill;
