//! Sorting: replies, and what of it is logged.

mod support;

use support::{World, expect, world};

#[test]
fn weights_and_values_are_found_by_patterns() {
    let mut world = world(&[
        "RPUSH l 1 2 3",
        "MSET w_1 30 w_2 -1 w_3 2.5 v_1 one v_3 three",
        "HSET h_1 w 1 name first",
        "HSET h_2 w 9",
        "SET h_3 text",
    ]);
    expect(
        &mut world,
        &[
            ("SORT l BY w_*", r#"["2", "3", "1"]"#),
            ("SORT l BY w_* DESC LIMIT 1 1", r#"["3"]"#),
            ("SORT l BY w_* GET v_* GET #", r#"[nil, "2", "three", "3", "one", "1"]"#),
            ("SORT l BY h_*->w GET h_*->name", r#"[nil, "first", nil]"#),
            ("SORT l BY nosort DESC LIMIT 0 2", r#"["3", "2"]"#),
            ("SORT l GET h_*-> GET h_*", r#"[nil, nil, nil, nil, nil, "text"]"#),
            ("SORT l BY v_*", "ERR One or more scores can't be converted into double"),
            ("SORT l BY v_* ALPHA", r#"["2", "1", "3"]"#),
            ("SORT l LIMIT 5 1", "[]"),
            ("SORT l LIMIT 0 9223372036854775807", r#"["1", "2", "3"]"#),
            ("SORT l LIMIT -9223372036854775808 -9223372036854775808", r#"["1", "2", "3"]"#),
            ("SORT_RO l STORE x", "ERR syntax error"),
            ("SORT w_1", "WRONGTYPE Operation against a key holding the wrong kind of value"),
            ("SORT missing", "[]"),
        ],
    );
}

#[test]
fn what_is_stored_is_logged_as_called_and_replaces_whatever_was_there() {
    let mut world = world(&["RPUSH l 3 1 2", "SET d text EX 100"]);
    assert_eq!(world.logged("SORT l STORE d"), ["SORT l STORE d"]);
    expect(&mut world, &[("LRANGE d 0 -1", r#"["1", "2", "3"]"#), ("TTL d", "-1")]);
    assert_eq!(world.logged("SORT l DESC STORE l"), ["SORT l DESC STORE l"]);
    assert_eq!(world.run("LRANGE l 0 -1"), r#"["3", "2", "1"]"#);
    assert_eq!(world.logged("SORT l GET none_* STORE d"), ["SORT l GET none_* STORE d"]);
    assert_eq!(world.run("LRANGE d 0 -1"), r#"["", "", ""]"#);
    assert_eq!(world.logged("SORT missing STORE d"), ["SORT missing STORE d"]);
    assert_eq!(world.run("EXISTS d"), "0");
    assert_eq!(world.logged("SORT missing STORE d"), [""; 0]);
    assert_eq!(world.logged("SORT l BY none_* LIMIT 9 1"), [""; 0]);
    assert_eq!(world.replayed().data_set(), world.data_set());
}

#[test]
fn what_is_stored_of_a_set_does_not_depend_on_how_the_set_is_held() {
    let mut world = World::default();
    let members: Vec<String> = (0..300).map(|i| format!("member{}", i * 7919 % 1000)).collect();
    world.run(&format!("SADD s {}", members.join(" ")));
    world.run("SET w_member1 x");
    for line in
        ["SORT s BY nosort STORE a", "SORT s ALPHA STORE b", "SORT s BY w_* ALPHA STORE c", "SORT s BY none_* DESC LIMIT 3 40 STORE d"]
    {
        world.run(line);
    }
    let mut replayed = world.replayed();
    replayed.engine.loading = false;
    for key in ["a", "b", "c", "d"] {
        let line = format!("LRANGE {key} 0 -1");
        assert_eq!(replayed.run(&line), world.run(&line), "{key}");
    }
    assert_eq!(world.run("LRANGE a 0 -1"), world.run("LRANGE b 0 -1"));
}

#[test]
fn few_of_many_are_those_that_a_full_sort_would_give() {
    let mut world = World::default();
    let mut line = "RPUSH l".to_owned();
    (0..500).for_each(|i: u64| line += &format!(" {}", i * 7919 % 97));
    world.run(&line);
    let all = world.run("SORT l");
    let all: Vec<&str> = all.trim_matches(['[', ']']).split(", ").collect();
    for (offset, count) in [(0, 10), (490, 10), (250, 3), (499, 1), (0, 500)] {
        let expected = format!("[{}]", all[offset..offset + count].join(", "));
        assert_eq!(world.run(&format!("SORT l LIMIT {offset} {count}")), expected);
    }
}

#[test]
fn what_is_stored_by_due_fields_is_what_a_replay_stores() {
    let mut world = world(&["RPUSH l x y", "HSET w_y w 50"]);
    let names: Vec<String> = (0..6000).map(|i| format!("f{i}")).collect();
    for names in names.chunks(1000) {
        let pairs: Vec<String> = names.iter().map(|name| format!("{name} v")).collect();
        world.run(&format!("HSET w_x {}", pairs.join(" ")));
        world.run(&format!("HPEXPIRE w_x 100 FIELDS {} {}", names.len(), names.join(" ")));
    }
    // Some of these are not among the first that a look takes out.
    let weights = ["w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9"];
    for weight in weights {
        world.run(&format!("HSET w_x {weight} 100"));
        world.run(&format!("HPEXPIRE w_x 100 FIELDS 1 {weight}"));
    }
    world.advance(101);
    for weight in weights {
        world.run(&format!("SORT l BY w_*->w GET w_*->{weight} GET # STORE {weight}"));
        assert_eq!(world.run(&format!("LRANGE {weight} 0 -1")), r#"["", "x", "", "y"]"#);
    }
    let mut replayed = world.replayed();
    let (of_world, of_replayed) = (world.data_set(), replayed.data_set());
    for weight in weights {
        let key = (0, weight.as_bytes().to_vec());
        assert_eq!(of_replayed[&key], of_world[&key], "{weight}");
    }
    assert_eq!(of_replayed, of_world);
}
