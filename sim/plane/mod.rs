//! The data plane: reachability, DNS, balancers, tasks, databases, users.

#[derive(Clone, Default)]
pub struct Plane {}
