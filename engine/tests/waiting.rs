//! Which replies wait for the log (`appendfsync always`), and what it takes to know.

mod support;

use graven_engine::Settings;
use support::World;

fn always() -> World {
    World::new(Settings { track_reads: true, ..Settings::default() })
}

#[test]
fn commands_that_change_nothing_leave_nothing_to_remember_once_the_log_is_durable() {
    let mut world = always();
    world.run("SET k v");
    let written = world.engine.effects.lsn();
    for n in 0..100 {
        assert_eq!(world.run(&format!("DEL missing:{n}")), "0");
    }
    world.engine.settle(written - 1);
    assert!(world.engine.unsettled_writes() > 0, "the write is still under way");
    world.engine.settle(written);
    assert_eq!(world.engine.unsettled_writes(), 0);
}
