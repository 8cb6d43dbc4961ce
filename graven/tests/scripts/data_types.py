"""Ordinary use of every data type through redis-py. Argument: the port."""
import sys
import threading
import time

import redis

PORT = int(sys.argv[1])


def lists(r):
    assert r.rpush("l", "b", "c", "d") == 3 and r.lpush("l", "a") == 4
    assert r.lrange("l", 0, -1) == ["a", "b", "c", "d"] and r.lindex("l", -1) == "d" and r.llen("l") == 4
    assert r.lset("l", 1, "B") and r.linsert("l", "before", "c", "x") == 5 and r.lrem("l", 1, "x") == 1
    assert r.lpos("l", "c") == 2 and r.ltrim("l", 0, 2) and r.lpop("l") == "a" and r.rpop("l", 2) == ["c", "B"]
    r.rpush("l", "1", "2")
    assert r.lmove("l", "m", "LEFT", "RIGHT") == "1" and r.rpoplpush("l", "m") == "2"
    assert r.lmpop(2, "l", "m", direction="LEFT", count=5) == ["m", ["2", "1"]]
    assert r.blpop("nothing", timeout=0.05) is None


def sets(r):
    assert r.sadd("s", "a", "b", "c") == 3 and r.srem("s", "c") == 1 and r.scard("s") == 2
    assert r.smembers("s") == {"a", "b"} and r.sismember("s", "a") and r.smismember("s", ["a", "z"]) == [1, 0]
    r.sadd("t", "b", "d")
    assert r.sinter("s", "t") == {"b"} and r.sunion("s", "t") == {"a", "b", "d"} and r.sdiff("s", "t") == {"a"}
    assert r.sinterstore("u", "s", "t") == 1 and r.sintercard(2, ["s", "t"]) == 1 and r.smove("s", "t", "a")
    assert set(r.sscan_iter("t")) == {"a", "b", "d"} and r.spop("u") == "b" and r.srandmember("t") in {"a", "b", "d"}
    assert r.sadd("ints", *range(1000)) == 1000 and len(set(r.sscan_iter("ints"))) == 1000


def hashes(r):
    assert r.hset("h", mapping={"name": "x", "age": 3}) == 2 and r.hget("h", "name") == "x"
    assert r.hgetall("h") == {"name": "x", "age": "3"} and r.hmget("h", "age", "no") == ["3", None]
    assert r.hincrby("h", "age", 2) == 5 and r.hincrbyfloat("h", "age", 0.5) == 5.5 and r.hsetnx("h", "age", 1) == 0
    assert r.hexists("h", "name") and sorted(r.hkeys("h")) == ["age", "name"] and r.hlen("h") == 2 and r.hstrlen("h", "name") == 1
    assert r.hdel("h", "name") == 1 and dict(r.hscan_iter("h")) == {"age": "5.5"} and r.hrandfield("h") == "age"


def field_expiry(r):
    r.hset("e", mapping={"a": "1", "b": "2"})
    assert r.hexpire("e", 100, "a", "nosuch") == [1, -2] and 95 < r.httl("e", "a")[0] <= 100 and r.httl("e", "b") == [-1]
    assert r.hpersist("e", "a") == [1] and r.hpexpire("e", 20, "b") == [1]
    time.sleep(0.05)
    assert r.hgetall("e") == {"a": "1"}


def sorted_sets(r):
    assert r.zadd("z", {"a": 1, "b": 2, "c": 3.5}) == 3 and r.zscore("z", "c") == 3.5 and r.zcard("z") == 3
    assert [m for m, *_ in r.zrange("z", 0, -1, withscores=True)] == ["a", "b", "c"]
    assert r.zrangebyscore("z", 2, "+inf") == ["b", "c"] and r.zrevrange("z", 0, 0) == ["c"] and r.zrank("z", "b") == 1
    assert r.zincrby("z", 5, "a") == 6 and r.zcount("z", 3, 10) == 2 and r.zrem("z", "b") == 1 and r.zmscore("z", ["a", "q"]) == [6, None]
    r.zadd("y", {"a": 1, "d": 9})
    assert r.zunionstore("w", ["z", "y"]) == 3 and r.zinter(["z", "y"]) == ["a"] and r.zdiff(["z", "y"]) == ["c"]
    assert r.zpopmin("w")[0][0] in ("c", "c") and r.zlexcount("y", "-", "+") == 2 and r.zrandmember("y") in ("a", "d")
    assert {m for m, _ in r.zscan_iter("z")} == {"a", "c"} and r.zremrangebyrank("z", 0, 0) == 1


def streams(r):
    first = r.xadd("x", {"t": 1})
    r.xadd("x", {"t": 2}, id="*", maxlen=100)
    assert r.xlen("x") == 2 and r.xrange("x")[0] == (first, {"t": "1"}) and len(r.xrevrange("x", count=1)) == 1
    assert r.xgroup_create("x", "g", "0") and r.xinfo_groups("x")[0]["name"] == "g"
    got = r.xreadgroup("g", "me", {"x": ">"}, count=1)
    assert (got["x"][0] if isinstance(got, dict) else got[0][1]) and r.xpending("x", "g")["pending"] == 1
    assert r.xack("x", "g", first) == 1 and r.xinfo_stream("x")["length"] == 2
    assert r.xread({"x": "$"}, block=20) in ([], {}, None)
    assert r.xdel("x", first) == 1 and r.xtrim("x", maxlen=0) == 1 and r.xlen("x") == 0


def bits_and_more(r):
    assert r.setbit("b", 7, 1) == 0 and r.getbit("b", 7) == 1 and r.bitcount("b") == 1 and r.bitpos("b", 1) == 7
    assert r.bitop("NOT", "c", "b") == 1 and r.bitfield("b").incrby("u8", 8, 5).execute() == [5]
    assert r.pfadd("p", *range(1000)) == 1 and 980 < r.pfcount("p") < 1020 and r.pfmerge("q", "p")
    assert r.geoadd("g", (13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania")) == 2
    assert abs(r.geodist("g", "Palermo", "Catania", "km") - 166.2742) < 0.001
    assert r.geosearch("g", longitude=15, latitude=37, radius=200, unit="km", sort="ASC") == ["Catania", "Palermo"]
    r.rpush("n", 3, 1, 2)
    assert r.sort("n") == ["1", "2", "3"] and r.sort("n", desc=True, start=0, num=1) == ["3"]


def blocking(r, protocol):
    def feed():
        time.sleep(0.1)
        feeder = redis.Redis(port=PORT, protocol=protocol)
        feeder.rpush("queue", "job")
        feeder.close()

    thread = threading.Thread(target=feed)
    thread.start()
    assert tuple(r.blpop(["queue", "other"], timeout=5)) == ("queue", "job")
    thread.join()


def publishing(r):
    messages = r.pubsub()
    messages.subscribe("news")
    messages.psubscribe("weather.*")
    seen = [messages.get_message(timeout=2) for _ in range(2)]
    assert [m["type"] for m in seen] == ["subscribe", "psubscribe"], seen
    assert r.publish("news", "hello") == 1 and r.publish("weather.today", "rain") == 1
    one, other = messages.get_message(timeout=2), messages.get_message(timeout=2)
    assert (one["channel"], one["data"], other["pattern"], other["data"]) == ("news", "hello", "weather.*", "rain")
    assert r.pubsub_channels() == ["news"] and r.pubsub_numpat() == 1
    messages.close()


for protocol in (2, 3):
    r = redis.Redis(port=PORT, protocol=protocol, decode_responses=True)
    r.flushall()
    for use in (lists, sets, hashes, sorted_sets, streams, bits_and_more, publishing):
        use(r)
    blocking(r, protocol)
    if r.info("server").get("server_name") == "graven":
        field_expiry(r)
    r.close()
print("done")
