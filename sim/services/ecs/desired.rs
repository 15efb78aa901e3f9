//! The desired count of a service, for those who scale it from outside ECS.

use super::Scope;
use super::scheduler::poke;
use super::shown::counts;
use crate::clock::SECOND;
use crate::world::World;

/// The services of a place, for those who scale them: cluster and name.
pub fn scalable(
    world: &World,
    account: &str,
    region: &str,
    resource: &str,
) -> Option<(u64, usize)> {
    let key = resource.strip_prefix("service/")?;
    let scope = Scope {
        account: account.to_owned(),
        region: region.to_owned(),
    };
    let service = scope
        .seen(world)?
        .services
        .get(key)
        .filter(|s| s.status == "ACTIVE")?;
    let (running, _) = counts(world, &scope, service, None);
    Some((service.desired, running))
}

/// Sets a service's desired count, as Application Auto Scaling does.
pub fn set_desired(
    world: &mut World,
    account: &str,
    region: &str,
    resource: &str,
    desired: u64,
) -> bool {
    let scope = Scope {
        account: account.to_owned(),
        region: region.to_owned(),
    };
    let Some(key) = resource.strip_prefix("service/").map(str::to_owned) else {
        return false;
    };
    let active = scope
        .state(world)
        .services
        .get(&key)
        .is_some_and(|s| s.status == "ACTIVE");
    if active {
        scope
            .state(world)
            .services
            .settle(&key, |s| s.desired = desired);
        poke(world, &scope, &key, SECOND);
    }
    active
}
