//! The loads of the data types, all pipelined: there the servers differ, not the sockets.

use super::data::Data;
use super::throughput::{Ask, Load, load};

const fn test(name: &'static str, test: &'static str, requests: u64) -> Load {
    load(name, Ask::Test(test), 50, 16, requests)
}

const fn command(name: &'static str, words: &'static str, requests: u64, data: Data) -> Load {
    Load { data, ..load(name, Ask::Command(words), 50, 16, requests) }
}

pub const LOADS: &[Load] = &[
    test("hset-p16", "hset", 1_500_000),
    test("zadd-p16", "zadd", 1_000_000),
    test("sadd-p16", "sadd", 1_500_000),
    test("lpush-p16", "lpush", 2_000_000),
    test("rpush-p16", "rpush", 2_000_000),
    Load { data: Data::List, ..test("lpop-p16", "lpop", 1_000_000) },
    Load { data: Data::List, ..test("rpop-p16", "rpop", 1_000_000) },
    Load { data: Data::Set, ..test("spop-p16", "spop", 500_000) },
    Load { data: Data::SortedSet, ..test("zpopmin-p16", "zpopmin", 500_000) },
    test("mset-p16", "mset", 300_000),
    command("lrange-100-p16", "LRANGE mylist 0 99", 300_000, Data::List),
    command("xadd-p16", "XADD mystream * field value", 1_000_000, Data::Nothing),
    command("sinter-2x10000", "SINTER set:a set:b", 2_000, Data::TwoSets),
    command("zadd-1m-p16", "ZADD myzset __rand_int__ element:__rand_int__", 1_000_000, Data::MillionSortedSet),
    command("hset-field-p16", "HSET myhash field:__rand_int__ value", 1_000_000, Data::Nothing),
    command("geoadd-p16", "GEOADD mygeo __rand_int__e-4 __rand_int__e-5 point:__rand_int__", 500_000, Data::Nothing),
    command("geopos-p16", "GEOPOS mygeo point:__rand_int__", 500_000, Data::Points),
    command("geohash-p16", "GEOHASH mygeo point:__rand_int__", 500_000, Data::Points),
    command("geodist-p16", "GEODIST mygeo point:__rand_int__ point:__rand_int__ km", 500_000, Data::Points),
    command("geosearch-radius-p16", "GEOSEARCH mygeo FROMLONLAT __rand_int__e-4 __rand_int__e-5 BYRADIUS 20 km", 20_000, Data::Points),
    command(
        "geosearch-nearest-p16",
        "GEOSEARCH mygeo FROMMEMBER point:__rand_int__ BYRADIUS 20 km ASC COUNT 10 WITHDIST WITHCOORD",
        20_000,
        Data::Points,
    ),
    command("geosearch-box-p16", "GEOSEARCH mygeo FROMLONLAT __rand_int__e-4 __rand_int__e-5 BYBOX 40 40 km ASC", 20_000, Data::Points),
];
