//! What the placeholders of the templates stand for.

use crate::rng::Rng;

/// A few keys, so that commands meet; some of them strange.
pub fn key(rng: &mut Rng) -> Vec<u8> {
    match rng.below(40) {
        0 => b"".to_vec(),
        1 => b"\x00\xff\r\n \x80".to_vec(),
        2 => vec![b'K'; 300],
        3 => b"h*llo[w]orld".to_vec(),
        _ => format!("k{}", rng.below(6)).into_bytes(),
    }
}

/// A key that probably holds a value of one type: its name begins with what `{k:prefix}` says. Seldom any other key, so that types meet.
fn typed_key(rng: &mut Rng, prefix: &str) -> Vec<u8> {
    match rng.below(40) {
        0 => key(rng),
        1 => format!("{}{}", rng.pick::<str>(&["list", "set", "hash", "zset", "stream", "bits", "hll", "geo"]), rng.below(4)).into_bytes(),
        _ => format!("{prefix}{}", rng.below(4)).into_bytes(),
    }
}

/// A field of a hash: a few that meet, and so many that a hash outgrows its listpack.
pub fn field(rng: &mut Rng) -> Vec<u8> {
    match rng.below(60) {
        0 => b"".to_vec(),
        1 => b"\x00\xff\r\n".to_vec(),
        2 if rng.chance(30) => vec![b'F'; 60 + rng.below(8) as usize],
        3..=9 => rng.below(12).to_string().into_bytes(),
        10..=30 => format!("f{}", rng.below(8)).into_bytes(),
        _ => format!("f{}", rng.below(900)).into_bytes(),
    }
}

/// A value of a field: mostly short.
pub fn field_value(rng: &mut Rng) -> Vec<u8> {
    match rng.below(200) {
        0 => value(rng),
        1..=6 => vec![b'v'; 58 + rng.below(8) as usize],
        7..=120 => integer(rng),
        121..=130 => float(rng),
        _ => rng.pick::<[u8]>(&[b"a", b"hello", b"", b"1", b"0.5", b"x y"]).to_vec(),
    }
}

/// Values of every kind that string commands tell apart.
pub fn value(rng: &mut Rng) -> Vec<u8> {
    match rng.below(20) {
        0..=6 => integer(rng),
        7..=8 => wild_integer(rng),
        9..=10 => float(rng),
        11 => b"".to_vec(),
        12 => {
            let len = rng.below(64) as usize;
            rng.bytes(len)
        }
        13 => vec![b'v'; 44 + rng.below(3) as usize - 1],
        14 => {
            let len = rng.below(600) as usize;
            rng.bytes(len)
        }
        15 if rng.chance(10) => vec![b'L'; 20_000 + rng.below(30_000) as usize],
        _ => rng.pick::<[u8]>(&[b"hello", b"foo", b"bar", b"ohmytext", b"mynewtext", b"abcabc", b"x"]).to_vec(),
    }
}

/// Identifiers of entries that may be there, and some that are strange.
fn stream_id(rng: &mut Rng) -> Vec<u8> {
    match rng.below(20) {
        0..=11 => format!("3-{}", rng.below(60)).into_bytes(),
        12..=15 => format!("{}-{}", rng.between(1, 2), rng.below(3)).into_bytes(),
        16 => rng.below(5).to_string().into_bytes(),
        17 => b"0-0".to_vec(),
        18 => b"0".to_vec(),
        _ => rng
            .pick::<[u8]>(&[
                b"18446744073709551615-18446744073709551615",
                b"18446744073709551616",
                b"3-18446744073709551615",
                b"-",
                b"+",
                b"$",
                b">",
                b"3-*",
                b" 3-1",
                b"3--01",
                b"3-",
                b"-3",
                b"03-07",
                b"3-1\x00x",
                b"abc",
                b"",
                b"3-1-1",
            ])
            .to_vec(),
    }
}

fn integer(rng: &mut Rng) -> Vec<u8> {
    let (low, high) = *rng.pick(&[&(-5, 5), &(0, 100), &(9_990, 10_010), &(-100_000, 100_000)]);
    rng.between(low, high).to_string().into_bytes()
}

/// Numbers at the edges, and texts that are nearly numbers. None lies between a megabyte and half a gigabyte, where
/// it would be a legal and costly offset, and none is a small positive number of seconds.
fn wild_integer(rng: &mut Rng) -> Vec<u8> {
    let choices: &[&[u8]] = &[
        b"0",
        b"1",
        b"-1",
        b"2",
        b"100",
        b"-100",
        b"9223372036854775807",
        b"-9223372036854775808",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"18446744073709551616",
        b"2147483647",
        b"2147483648",
        b"-2147483649",
        b"4294967296",
        b"4611686018427387904",
        b"",
        b" 1",
        b"1 ",
        b"+1",
        b"-0",
        b"01",
        b"1.0",
        b"1e3",
        b"0x10",
        b"abc",
        b"1\x00",
        b"--1",
        b"536870912",
        b"536870913",
    ];
    rng.pick(choices).to_vec()
}

/// None overflows: Redis 7.0 remembers that until a later `SORT`, which then fails.
fn float(rng: &mut Rng) -> Vec<u8> {
    let choices: &[&[u8]] = &[
        b"0.1",
        b"-0.1",
        b"1.5",
        b"3.0",
        b"1e5",
        b"5.0e3",
        b"-2.5e-3",
        b"1e308",
        b"-1e308",
        b"1e-300",
        b"1e17",
        b"1e21",
        b"inf",
        b"-inf",
        b"+inf",
        b"nan",
        b"Infinity",
        b"0x1p3",
        b"1.7976931348623157e308",
        b"0.30000000000000004",
        b"10.20",
        b"1.",
        b".5",
        b" 1.5",
        b"1.5 ",
        b"1,5",
        b"abc",
        b"",
        b"123456789.123456789",
        b"-0.0",
        b"1e",
        b"3.141592653589793238",
    ];
    rng.pick(choices).to_vec()
}

/// Members of sorted sets: few, so that they meet; in among them some that are long, binary or numbers.
fn member(rng: &mut Rng) -> Vec<u8> {
    match rng.below(30) {
        0 => b"".to_vec(),
        1 => b"\x00\xff\r\n".to_vec(),
        2 => vec![b'm'; 64 + rng.below(2) as usize],
        3..=8 => rng.between(-3, 12).to_string().into_bytes(),
        _ => format!("m{}", rng.below(24)).into_bytes(),
    }
}

/// Scores that are numbers: small ones that meet, fractions, infinities, zeros of both signs.
fn score(rng: &mut Rng) -> Vec<u8> {
    match rng.below(12) {
        0..=6 => rng.between(-4, 8).to_string().into_bytes(),
        7 => format!("{}.{}", rng.between(-4, 4), rng.below(1000)).into_bytes(),
        8 => integer(rng),
        9 => rng.pick::<[u8]>(&[b"inf", b"-inf", b"+inf"]).to_vec(),
        _ => rng.pick::<[u8]>(&[b"-0", b"0", b"0.1", b"0.2", b"1e9", b"-2.5e-3", b"1e300", b"3.0", b"9007199254740993"]).to_vec(),
    }
}

/// Members with scores.
pub fn score_pairs(rng: &mut Rng) -> Vec<Vec<u8>> {
    (0..rng.between(1, 4)).flat_map(|_| [score(rng), member(rng)]).collect()
}

/// A token of a template: itself, or a random value if it is a placeholder.
pub fn token(rng: &mut Rng, token: &str) -> Vec<u8> {
    match token {
        "{k}" if rng.chance(70) => key(rng),
        "{k}" => typed_key(rng, "k"),
        key if key.starts_with("{k:") && key.ends_with('}') => typed_key(rng, &key[3..key.len() - 1]),
        "{sid}" => stream_id(rng),
        "{newid}" => rng.pick::<[u8]>(&[b"1-*", b"2-*", b"3-*", b"3-*", b"3-*", b"3-*", b"3-*", b"2-1", b"3-5"]).to_vec(),
        "{sbound}" => match rng.below(6) {
            0 => b"-".to_vec(),
            1 => b"+".to_vec(),
            2 => [&b"("[..], &stream_id(rng)].concat(),
            _ => stream_id(rng),
        },
        "{group}" => rng.pick::<[u8]>(&[b"g1", b"g1", b"g1", b"g2", b"g2", b"g3", b""]).to_vec(),
        "{consumer}" => rng.pick::<[u8]>(&[b"alice", b"alice", b"bob", b"carol", b"\x00\xff"]).to_vec(),
        "{count}" => rng.pick::<[u8]>(&[b"1", b"2", b"3", b"10", b"100", b"0", b"-1", b"abc"]).to_vec(),
        "{v}" => value(rng),
        "{f}" => field(rng),
        "{fv}" => field_value(rng),
        "{fpat}" => rng.pick::<[u8]>(&[b"*", b"f*", b"f?", b"f[0-3]*", b"[0-9]", b"F*", b"", b"f1", b"*\xff*"]).to_vec(),
        "{badcount}" => rng
            .pick::<[u8]>(&[
                b"0",
                b"abc",
                b"",
                b"1.5",
                b"9223372036854775807",
                b"-9223372036854775808",
                b"9223372036854775808",
                b"4611686018427387904",
                b"99999999999999999999",
            ])
            .to_vec(),
        "{element}" => rng.below(100_000).to_string().into_bytes(),
        "{smalloffset}" => rng.between(0, 15).to_string().into_bytes(),
        "{sparse}" => rng.pick::<[u8]>(&[b"3000", b"100", b"40", b"0"]).to_vec(),
        "{town}" => format!("town{}", rng.below(12)).into_bytes(),
        "{lon}" => {
            let degrees = rng.between(-180_000_000, 180_000_000);
            let near = rng.between(10_000_000, 16_000_000);
            let chosen = if rng.chance(70) { near } else { degrees };
            format!("{:.6}", chosen as f64 / 1e6).into_bytes()
        }
        "{lat}" => {
            let degrees = rng.between(-85_000_000, 85_000_000);
            let near = rng.between(36_000_000, 40_000_000);
            let chosen = if rng.chance(70) { near } else { degrees };
            format!("{:.6}", chosen as f64 / 1e6).into_bytes()
        }
        "{far}" => rng.pick::<[u8]>(&[b"0", b"1", b"10", b"50.5", b"100", b"200", b"500", b"1000", b"5000", b"12000", b"30000"]).to_vec(),
        "{some}" => rng.between(1, 5).to_string().into_bytes(),
        "{unit}" => rng.pick::<[u8]>(&[b"m", b"km", b"ft", b"mi", b"KM"]).to_vec(),
        "{01}" => rng.pick::<[u8]>(&[b"0", b"1"]).to_vec(),
        "{bit}" => {
            let most = if rng.chance(90) { 300 } else { 20_000 };
            rng.between(0, most).to_string().into_bytes()
        }
        "{wildbit}" => rng
            .pick::<[u8]>(&[
                b"-1",
                b"4294967296",
                b"4294967295000",
                b"9223372036854775807",
                b"9223372036854775808",
                b"abc",
                b"1.5",
                b"",
                b"#1",
            ])
            .to_vec(),
        "{field}" => {
            let odd = rng.pick::<[u8]>(&[b"i64", b"u63", b"u64", b"i65", b"i0", b"u0", b"x8", b"i", b"I8", b"i-1", b"u08"]);
            let plain = format!("{}{}", rng.pick::<str>(&["i", "u"]), rng.between(1, 40));
            if rng.chance(85) { plain.into_bytes() } else { odd.to_vec() }
        }
        "{fieldat}" => rng.pick::<[u8]>(&[b"0", b"1", b"7", b"8", b"13", b"100", b"#0", b"#1", b"#7", b"#20", b"300"]).to_vec(),
        "{int}" => integer(rng),
        "{wild}" => wild_integer(rng),
        "{float}" => float(rng),
        "{s}" => rng.between(1_000, 1_000_000_000).to_string().into_bytes(),
        "{ms}" => rng.between(1_000_000, 1_000_000_000_000).to_string().into_bytes(),
        // Far in the future, few choices: GT and LT meet equal deadlines.
        "{at}" => (4_102_444_800 + rng.between(0, 3)).to_string().into_bytes(),
        "{atms}" => (4_102_444_800_000 + rng.between(0, 3)).to_string().into_bytes(),
        "{past}" => rng.pick::<[u8]>(&[b"1", b"1000", b"1600000000"]).to_vec(),
        "{badtime}" => rng
            .pick::<[u8]>(&[
                b"0",
                b"-1",
                b"-100",
                b"9223372036854775807",
                b"-9223372036854775808",
                b"9223372036854775",
                b"-9223372036854775",
                b"9223370000000000",
                b"abc",
                b"1.5",
                b"",
                b"18446744073709551616",
            ])
            .to_vec(),
        "{nxxx}" => rng.pick::<[u8]>(&[b"NX", b"XX", b"GT", b"LT", b"nx", b"Gt"]).to_vec(),
        "{off}" => rng.pick::<[u8]>(&[b"0", b"1", b"2", b"3", b"7", b"40", b"300", b"-1", b"-2", b"-5", b"-300"]).to_vec(),
        "{offset}" => rng.pick::<[u8]>(&[b"0", b"1", b"3", b"10", b"500", b"-1", b"536870912", b"9223372036854775807", b"abc"]).to_vec(),
        "{db}" => rng.pick::<[u8]>(&[b"0", b"0", b"1", b"2", b"3", b"1", b"2", b"15", b"16", b"-1", b"abc", b"99999999999"]).to_vec(),
        "{db3}" => rng.pick::<[u8]>(&[b"0", b"1", b"2"]).to_vec(),
        "{pat}" => rng
            .pick::<[u8]>(&[
                b"*",
                b"k*",
                b"k?",
                b"k[0-2]",
                b"k[^1]",
                b"\\*",
                b"h\\*llo*",
                b"",
                b"[",
                b"k[",
                b"*[w]*",
                b"k[3-1]",
                b"**k**",
                b"\\",
                b"x*",
                b"k[a-",
                b"k0",
            ])
            .to_vec(),
        "{junk}" => rng.pick::<[u8]>(&[b"junk", b"", b"0", b"-1", b"\xff\x00", b"KEEPTTL", b"GET", b"1.5", b"'\"\r\n"]).to_vec(),
        "{option}" => rng
            .pick::<[u8]>(&[
                b"NX",
                b"XX",
                b"GET",
                b"KEEPTTL",
                b"EX",
                b"PX",
                b"EXAT",
                b"PXAT",
                b"PERSIST",
                b"REPLACE",
                b"DB",
                b"LEN",
                b"IDX",
                b"MATCH",
                b"COUNT",
                b"TYPE",
                b"ASYNC",
                b"SYNC",
                b"GT",
                b"LT",
                b"WITHMATCHLEN",
                b"MINMATCHLEN",
                b"ABSTTL",
            ])
            .to_vec(),
        "{score}" => score(rng),
        "{member}" => member(rng),
        "{bound}" => match rng.below(3) {
            0 => [b"(".to_vec(), score(rng)].concat(),
            _ => score(rng),
        },
        "{zlex}" => format!("zlex{}", rng.below(2)).into_bytes(),
        "{lexbound}" => match rng.below(10) {
            0 => b"-".to_vec(),
            1 => b"+".to_vec(),
            2 => member(rng),
            3..=5 => [b"(".to_vec(), member(rng)].concat(),
            _ => [b"[".to_vec(), member(rng)].concat(),
        },
        "{zaddopt}" => rng.pick::<[u8]>(&[b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR", b"gt", b"MIN"]).to_vec(),
        "{zrangeopt}" => rng.pick::<[u8]>(&[b"BYSCORE", b"BYLEX", b"REV", b"WITHSCORES", b"LIMIT", b"withscores", b"WITHSCORE"]).to_vec(),
        "{zsetlimit}" => rng.pick::<[u8]>(&[b"128", b"8", b"8", b"64", b"20"]).to_vec(),
        "{badtimeout}" => rng.pick::<[u8]>(&[b"-1", b"abc", b"", b"-0.5", b"nan"]).to_vec(),
        // Keys of small numbers, and of nothing else.
        "{nums}" | "{numset}" | "{numzset}" => format!("{}{}", &token[1..token.len() - 1], rng.below(4)).into_bytes(),
        "{small}" => rng.between(0, 9).to_string().into_bytes(),
        // Nothing that overflows: Redis remembers that for later weights.
        "{weight}" => {
            rng.pick::<[u8]>(&[b"1.5", b"-2.5e-3", b"inf", b"-inf", b"abc", b" 1.5", b"1.5 ", b"0x1p3", b".5", b"", b"nan"]).to_vec()
        }
        "{sortopt}" => rng.pick::<[u8]>(&[b"ASC", b"DESC", b"ALPHA", b"LIMIT", b"GET", b"BY", b"desc", b"limit", b"#", b"nosort"]).to_vec(),
        "{end}" => rng.pick::<[u8]>(&[b"LEFT", b"RIGHT", b"left", b"Right"]).to_vec(),
        "{listsize}" => rng.pick::<[u8]>(&[b"-2", b"-1", b"-5", b"4", b"8", b"1", b"128"]).to_vec(),
        "{depth}" => rng.pick::<[u8]>(&[b"0", b"1", b"2"]).to_vec(),
        "{dna}" => {
            let len = rng.below(40) as usize;
            (0..len).map(|_| b"ACGT"[rng.below(4) as usize]).collect()
        }
        literal => literal.as_bytes().to_vec(),
    }
}
