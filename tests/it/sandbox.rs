//! The sandbox builds the source stacks, and the real SDK sees them.

use aws_sim::world::Settings;
use drtool::cloud::Cloud;
use drtool::sandbox::Sandbox;
use drtool_engine::step::Look;

#[test]
fn the_source_stack_stands_and_the_sdk_sees_it() {
    let sandbox = Sandbox::in_memory(1, Settings::default());
    sandbox.build("redmine").unwrap();
    let seams = sandbox.seams();
    let seen = sandbox.clock().run(async move {
        let cloud = Cloud::load(seams).await;
        let look = Look::shared(1);
        let who = cloud.identity("us-west-2").await.unwrap();
        let database = cloud
            .db_instance("us-west-2", "redmine-db", look)
            .await
            .unwrap()
            .unwrap();
        let service = cloud
            .service("us-west-2", "redmine", "web", look)
            .await
            .unwrap();
        (
            who.account,
            database.status,
            service.as_ref().as_ref().map(|s| s.running),
        )
    });
    assert_eq!(
        seen.unwrap(),
        ("111122223333".to_owned(), "available".to_owned(), Some(2))
    );
}

/// Every stack that the sandbox knows stands in one world at once, and what runs in it has done its work.
#[test]
fn all_source_stacks_stand_in_one_world() {
    let sandbox = Sandbox::in_memory(1, Settings::default());
    for stack in drtool::sandbox::names() {
        sandbox
            .ensure(stack)
            .unwrap_or_else(|why| panic!("{stack}: {why}"));
    }
    let calls = sandbox.world().lock().world().log.calls;
    for stack in drtool::sandbox::names() {
        sandbox.ensure(stack).unwrap();
    }
    let again = sandbox.world().lock().world().log.calls - calls;
    assert!(
        again <= 4,
        "what stands is looked at and not built: {again} calls"
    );
    let kept = sandbox.world().lock();
    let truth = aws_sim::oracle::dump(kept.world());
    let found = truth["resources"].as_array().unwrap();
    let mut services: Vec<&str> = found
        .iter()
        .filter(|r| r["service"] == "ecs" && r["kind"] == "service")
        .map(|r| r["id"].as_str().unwrap().rsplit('/').next().unwrap())
        .collect();
    services.sort_unstable();
    assert_eq!(services, ["api", "app", "nj-service", "web"]);
}
