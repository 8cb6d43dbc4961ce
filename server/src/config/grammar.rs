//! The parameters made of several words: `save`, `bind`, `client-output-buffer-limit` and their like.

use super::parameter::Grammar;
use super::value::{memory_bytes, print_memory};

/// `save 3600 1 300 100`: pairs of seconds and changes. Lines of one file add up; `""` empties the list.
pub static SAVE: Grammar = Grammar { is_multi: true, parse: save, lines: save_lines };
/// `bind 127.0.0.1 -::1`: addresses; a minus in front lets the server start without it.
pub static BIND: Grammar = Grammar { is_multi: true, parse: bind, lines: one_line };
/// `client-output-buffer-limit normal 0 0 0`: for each class a hard limit, a soft limit and the soft limit's seconds.
pub static OUTPUT_LIMITS: Grammar = Grammar { is_multi: true, parse: output_limits, lines: output_limit_lines };
/// `latency-tracking-info-percentiles 50 99 99.9`.
pub static PERCENTILES: Grammar = Grammar { is_multi: true, parse: percentiles, lines: one_line };
/// `oom-score-adj-values 0 200 800`.
pub static OOM_VALUES: Grammar = Grammar { is_multi: true, parse: oom_values, lines: one_line };
/// `notify-keyspace-events KEA`: event classes by letter.
pub static EVENT_CLASSES: Grammar = Grammar { is_multi: false, parse: event_classes, lines: quoted_line };
/// `replicaof host port`.
pub static REPLICAOF: Grammar = Grammar { is_multi: true, parse: replicaof, lines: replicaof_lines };

/// How many pairs `save` takes.
const SAVE_POINTS_MAX: usize = 1000;
/// How many addresses `bind` takes.
const BIND_MAX: usize = 16;

/// The classes of clients in `client-output-buffer-limit`, in the order in which they are printed.
pub const CLIENT_CLASSES: [&str; 3] = ["normal", "slave", "pubsub"];

/// All words in one line.
fn one_line(words: &[String], _: &[String]) -> Vec<(String, bool)> {
    vec![(if words.is_empty() { "\"\"".to_owned() } else { words.join(" ") }, true)]
}

fn quoted_line(words: &[String], _: &[String]) -> Vec<(String, bool)> {
    vec![(format!("\"{}\"", words.join(" ")), true)]
}

/// A pair a line.
fn save_lines(words: &[String], default: &[String]) -> Vec<(String, bool)> {
    match words {
        [] => one_line(words, default),
        words => words.chunks(2).map(|pair| (pair.join(" "), true)).collect(),
    }
}

/// A class a line; those with their default limits need none.
fn output_limit_lines(words: &[String], default: &[String]) -> Vec<(String, bool)> {
    let bytes = |word: &String| number(word).map_or_else(|| word.clone(), print_memory);
    let line = |limit: &[String]| {
        let class = if limit[0] == "slave" { "replica" } else { &limit[0] };
        format!("{class} {} {} {}", bytes(&limit[1]), bytes(&limit[2]), limit[3])
    };
    words.chunks(4).zip(default.chunks(4)).map(|(limit, default)| (line(limit), limit != default)).collect()
}

/// Nothing if there is none.
fn replicaof_lines(words: &[String], _: &[String]) -> Vec<(String, bool)> {
    if words.is_empty() { Vec::new() } else { vec![(words.join(" "), true)] }
}

/// A number as C's `strtol` reads it, but without blanks before it and anything after it.
fn number<T: std::str::FromStr>(word: &str) -> Option<T> {
    word.parse().ok()
}

fn save(words: &[&str], before: &[String], adds: bool) -> Result<Vec<String>, String> {
    if matches!(words, [""]) {
        return Ok(Vec::new());
    }
    let valid =
        |pair: &[&str]| matches!(pair, [s, c] if number::<i64>(s).is_some_and(|s| s >= 1) && number::<i32>(c).is_some_and(|c| c >= 0));
    if words.is_empty() || !words.chunks(2).all(valid) {
        return Err("Invalid save parameters".to_owned());
    }
    if words.len() + before.len() > SAVE_POINTS_MAX * 2 {
        return Err(format!("more than {SAVE_POINTS_MAX} save points"));
    }
    let mut list = if adds { before.to_vec() } else { Vec::new() };
    list.extend(words.iter().filter_map(|word| number::<i64>(word)).map(|number| number.to_string()));
    Ok(list)
}

fn bind(words: &[&str], _: &[String], _: bool) -> Result<Vec<String>, String> {
    if words.len() > BIND_MAX {
        return Err("Too many bind addresses specified.".to_owned());
    }
    if matches!(words, [""]) {
        return Ok(Vec::new());
    }
    let is_address = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b".:*%-_".contains(&b));
    if let Some(word) = words.iter().find(|word| !is_address(word.strip_prefix('-').unwrap_or(word))) {
        return Err(format!("'{word}' is not an address"));
    }
    Ok(words.iter().map(|word| (*word).to_owned()).collect())
}

fn output_limits(words: &[&str], before: &[String], _: bool) -> Result<Vec<String>, String> {
    if words.is_empty() || !words.len().is_multiple_of(4) {
        return Err("Wrong number of arguments in buffer limit configuration.".to_owned());
    }
    let mut limits = match before {
        [] => CLIENT_CLASSES.iter().flat_map(|class| [*class, "0", "0", "0"]).map(str::to_owned).collect(),
        before => before.to_vec(),
    };
    for group in words.chunks(4) {
        let class = CLIENT_CLASSES
            .iter()
            .position(|class| class.eq_ignore_ascii_case(group[0]) || (*class == "slave" && group[0].eq_ignore_ascii_case("replica")))
            .ok_or("Invalid client class specified in buffer limit configuration.")?;
        let error = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
        let bytes = |word: &str| memory_bytes(word).filter(|n| i64::try_from(*n).is_ok()).ok_or(error);
        let seconds = number::<i64>(group[3]).filter(|s| *s >= 0).ok_or(error)?;
        let at = class * 4;
        limits[at + 1] = bytes(group[1])?.to_string();
        limits[at + 2] = bytes(group[2])?.to_string();
        limits[at + 3] = seconds.to_string();
    }
    Ok(limits)
}

fn percentiles(words: &[&str], _: &[String], _: bool) -> Result<Vec<String>, String> {
    if matches!(words, [""]) {
        return Ok(Vec::new());
    }
    let name = "latency-tracking-info-percentiles";
    let one = |word: &&str| {
        let percent = number::<f64>(word).ok_or(format!("Invalid {name} parameters"))?;
        match (0.0..=100.0).contains(&percent) {
            true => Ok(six_decimals(percent)),
            false => Err(format!("{name} parameters should sit between [0.0,100.0]")),
        }
    };
    words.iter().map(one).collect()
}

/// As C's `%f`, without the zeros at its end.
fn six_decimals(number: f64) -> String {
    format!("{number:.6}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn oom_values(words: &[&str], _: &[String], _: bool) -> Result<Vec<String>, String> {
    if words.len() != 3 {
        return Err("wrong number of arguments".to_owned());
    }
    let range = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
    let one = |word: &&str| match number::<i32>(word).filter(|n| (-2000..=2000).contains(n)) {
        Some(value) => Ok(value.to_string()),
        None => Err(range.to_owned()),
    };
    words.iter().map(one).collect()
}

/// Every class in the order in which it is printed. `A` stands for all of [`EVENTS_IN_ALL`].
const EVENT_ORDER: &str = "g$lshzxetdnKEm";
const EVENTS_IN_ALL: &str = "g$lshzxetd";

fn event_classes(words: &[&str], _: &[String], _: bool) -> Result<Vec<String>, String> {
    let [letters] = words else { return Err("wrong number of arguments".to_owned()) };
    if !letters.chars().all(|c| c == 'A' || EVENT_ORDER.contains(c)) {
        return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".to_owned());
    }
    let has = |class: char| letters.contains(class) || (letters.contains('A') && EVENTS_IN_ALL.contains(class));
    let all = EVENTS_IN_ALL.chars().all(has);
    let rest = EVENT_ORDER.chars().filter(|c| has(*c) && !(all && EVENTS_IN_ALL.contains(*c)));
    let printed: String = all.then_some('A').into_iter().chain(rest).collect();
    Ok(if printed.is_empty() { Vec::new() } else { vec![printed] })
}

fn replicaof(words: &[&str], _: &[String], _: bool) -> Result<Vec<String>, String> {
    match words {
        [""] => Ok(Vec::new()),
        [host, port] if host.eq_ignore_ascii_case("no") && port.eq_ignore_ascii_case("one") => Ok(Vec::new()),
        [host, port] => Ok(vec![(*host).to_owned(), (*port).to_owned()]),
        _ => Err("wrong number of arguments".to_owned()),
    }
}
