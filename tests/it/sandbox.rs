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
        let look = Look {
            epoch: 1,
            shared: true,
        };
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
