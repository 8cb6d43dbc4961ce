//! Sets: replies, what is logged, what a replay makes of it.

mod support;

use support::World;

#[test]
fn a_random_pop_is_logged_as_the_removal_it_came_to() {
    let mut world = World::default();
    assert_eq!(world.run("SADD s a"), "1");
    assert_eq!(world.logged("SPOP s"), ["SREM s a"]);
    world.run("SADD s a b c");
    assert_eq!(world.logged("SPOP s 5"), ["DEL s"]);
    assert!(world.logged("SPOP s 5").is_empty());
    assert!(world.logged("SRANDMEMBER s -3").is_empty());
}

#[test]
fn commands_that_change_nothing_log_nothing() {
    let mut world = World::default();
    world.run("SADD s a 1");
    for line in
        ["SADD s a 1", "SREM s nobody", "SMOVE s t nobody", "SMOVE s s a", "SPOP s 0", "SDIFFSTORE gone s s", "SINTERSTORE gone s nokey"]
    {
        assert!(world.logged(line).is_empty(), "{line}");
    }
}

#[test]
fn a_replay_pops_what_was_popped() {
    let mut world = World::default();
    for i in 0..3_000 {
        world.run(&format!("SADD large m{i}"));
        world.run(&format!("SADD small{} {i}", i % 7));
    }
    world.run("SPOP large 2500");
    (0..7).for_each(|i| drop(world.run(&format!("SPOP small{i} 9"))));
    world.run("SUNIONSTORE all small0 small1 large");
    world.run("SMOVE large all m1");
    let mut replayed = world.replayed();
    assert_eq!(replayed.data_set(), world.data_set());
}
