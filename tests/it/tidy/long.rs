//! The files that are longer than they should be, each with its reason.

/// Files longer than 500 lines today, and why each is still one. A line goes when its file is split; none comes, and none grows.
pub const LONG: &[(&str, usize, &str)] = &[
    (
        "engine/clock.rs",
        565,
        "one clock with its two times and its ways to stop",
    ),
    (
        "engine/run/executor/forward.rs",
        541,
        "one order of doing: look, gate, write down, send, look again",
    ),
    (
        "engine/state/mod.rs",
        570,
        "one fold: every event's meaning in one match",
    ),
    (
        "sim/oracle/resources.rs",
        725,
        "a table: a few lines for every sort of resource",
    ),
    (
        "sim/server.rs",
        507,
        "one server: a connection from its first byte to its last",
    ),
    (
        "sim/services/ec2/endpoints.rs",
        505,
        "a sort of resource with all its operations",
    ),
    (
        "sim/services/ec2/interfaces.rs",
        620,
        "a sort of resource with all its operations",
    ),
    (
        "sim/services/ec2/routes.rs",
        586,
        "a sort of resource with all its operations",
    ),
    (
        "sim/services/ec2/rules.rs",
        589,
        "a sort of resource with all its operations",
    ),
    (
        "sim/services/ecr/mod.rs",
        518,
        "a service's state, its operations by name and what they share",
    ),
    (
        "sim/services/ecs/scheduler.rs",
        563,
        "one loop that every rule of a deployment takes part in",
    ),
    (
        "sim/services/ecs/services.rs",
        527,
        "a sort of resource with all its operations",
    ),
    (
        "sim/services/ecs/tasks.rs",
        518,
        "a sort of resource with all its operations",
    ),
    (
        "sim/services/elbv2/balancers.rs",
        571,
        "a sort of resource with all its operations",
    ),
    (
        "sim/services/histories.rs",
        775,
        "tests alone: one random history and what must hold after each call",
    ),
    (
        "sim/services/iam/builtin.rs",
        531,
        "a table: AWS's managed policies",
    ),
    (
        "sim/services/iam/evaluate.rs",
        560,
        "one decision, and the facts it is made from",
    ),
    (
        "sim/services/rds/cluster/snapshot.rs",
        594,
        "a sort of resource with all its operations",
    ),
    (
        "sim/services/rds/create.rs",
        599,
        "one path for create, restore and replica, so that none checks less",
    ),
    (
        "sim/services/rds/engines.rs",
        535,
        "a table: what can be ordered where",
    ),
    (
        "sim/services/rds/lifecycle.rs",
        545,
        "one machine of states",
    ),
    (
        "sim/services/rds/option_group.rs",
        506,
        "a sort of resource with all its operations",
    ),
    (
        "sim/services/rds/parameters/mod.rs",
        549,
        "a sort of resource with all its operations",
    ),
    (
        "sim/services/rds/snapshot.rs",
        593,
        "a sort of resource with all its operations",
    ),
    (
        "sim/services/route53/answer.rs",
        503,
        "one answer, from the root to the record",
    ),
    (
        "src/cli/show/mod.rs",
        509,
        "one page: the plan, from its head to its foot",
    ),
    (
        "src/manifest/check.rs",
        673,
        "a list of checks, each a few lines; to be split by section when it grows",
    ),
    (
        "src/manifest/mod.rs",
        551,
        "the manifest's format, as one page to read",
    ),
    (
        "src/manifest/typed.rs",
        756,
        "one visitor: what serde asks of a tree of nodes",
    ),
    (
        "tests/it/variants.rs",
        550,
        "tests: one world with three sorts of records, cut, half cut and undone",
    ),
];
