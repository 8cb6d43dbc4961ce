//! Unions, intersections and differences of sorted sets and sets, whose members count as having the score 1.
//!
//! Results are the same to the bit as Redis's: sums of doubles depend on the order of the summands, so the sources are taken
//! in the order of their sizes, as there.

use crate::commands::sorted_set::{begin_pairs, reply_pair, store};
use crate::commands::string::reply_string;
use crate::context::Context;
use crate::error::{Error, SYNTAX, WRONG_TYPE};
use graven_resp::number::{parse_f64, parse_i64};
use graven_store::{Entry, Key, ObjectType, SetRef, SortedSetBuilder, SortedSetRef, StringRef};
use hashbrown::HashMap;
use std::hash::RandomState;
use std::ops::ControlFlow;

/// The score of a set's member.
const SCORE_IN_SET: f64 = 1.0;

/// `ZUNION numkeys key [key …] [WEIGHTS weight [weight …]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]`
pub fn zunion(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_result(cx, Operation::Union)
}

/// `ZINTER numkeys key [key …] [WEIGHTS weight [weight …]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]`
pub fn zinter(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_result(cx, Operation::Intersection)
}

/// `ZDIFF numkeys key [key …] [WITHSCORES]`
pub fn zdiff(cx: &mut Context<'_>) -> Result<(), Error> {
    reply_result(cx, Operation::Difference)
}

/// `ZUNIONSTORE destination numkeys key [key …] [WEIGHTS weight [weight …]] [AGGREGATE <SUM | MIN | MAX>]`
pub fn zunionstore(cx: &mut Context<'_>) -> Result<(), Error> {
    store_result(cx, Operation::Union, "zunionstore")
}

/// `ZINTERSTORE destination numkeys key [key …] [WEIGHTS weight [weight …]] [AGGREGATE <SUM | MIN | MAX>]`
pub fn zinterstore(cx: &mut Context<'_>) -> Result<(), Error> {
    store_result(cx, Operation::Intersection, "zinterstore")
}

/// `ZDIFFSTORE destination numkeys key [key …]`
pub fn zdiffstore(cx: &mut Context<'_>) -> Result<(), Error> {
    store_result(cx, Operation::Difference, "zdiffstore")
}

/// `ZINTERCARD numkeys key [key …] [LIMIT limit]`
pub fn zintercard(cx: &mut Context<'_>) -> Result<(), Error> {
    let request = Request::parse(cx, 1, Operation::Intersection, Form::Count)?;
    let sources = request.sources(cx);
    let (first, others) = sources.split_first().expect("there is at least one key");
    let mut count = 0;
    let mut scratch = [0; 20];
    first.visit(&mut |member, _| {
        let member = member.to_bytes(&mut scratch);
        count += u64::from(others.iter().all(|other| other.score(member).is_some()));
        request.limit == 0 || count < request.limit
    });
    cx.reply.int(count as i64);
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// What becomes of the result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Reply,
    Store,
    Count,
}

#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Least,
    Greatest,
}

impl Aggregate {
    /// Puts another source's score to those before. Infinities of both signs sum up to 0; NaN is never less or greater.
    fn add(self, sum: f64, score: f64) -> f64 {
        match self {
            Aggregate::Sum if (sum + score).is_nan() => 0.0,
            Aggregate::Sum => sum + score,
            Aggregate::Least => {
                if score < sum {
                    score
                } else {
                    sum
                }
            }
            Aggregate::Greatest => {
                if score > sum {
                    score
                } else {
                    sum
                }
            }
        }
    }
}

/// A score times a weight; 0 times infinity is 0.
fn weighted(score: f64, weight: f64) -> f64 {
    let product = score * weight;
    if product.is_nan() { 0.0 } else { product }
}

/// What is asked for.
struct Request<'a> {
    operation: Operation,
    /// Keys that exist, and the others as `None`.
    keys: Vec<Option<Key<'a>>>,
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// 0: none.
    limit: u64,
}

impl<'a> Request<'a> {
    /// Reads the number of keys at argument `at` and what follows it. Keys of other types are refused before the options
    /// are looked at.
    fn parse(cx: &mut Context<'a>, at: usize, operation: Operation, form: Form) -> Result<Request<'a>, Error> {
        let count = cx.int(at)?;
        if count < 1 {
            return Err(format!("ERR at least 1 input key is needed for '{}' command", cx.spec.name).into());
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > cx.args.len() - (at + 1) {
            return Err(SYNTAX.into());
        }
        let mut keys = Vec::with_capacity(count);
        for i in at + 1..at + 1 + count {
            let key = cx.key(i);
            let found = cx.engine.read(cx.session, key);
            if found.is_some_and(|entry| !matches!(entry.object_type(), ObjectType::SortedSet | ObjectType::Set)) {
                return Err(WRONG_TYPE.into());
            }
            keys.push(found.is_some().then_some(key));
        }
        let mut request = Request { operation, keys, weights: Vec::new(), aggregate: Aggregate::Sum, with_scores: false, limit: 0 };
        request.parse_options(cx, at + 1 + count, form)?;
        Ok(request)
    }

    fn parse_options(&mut self, cx: &Context<'_>, mut i: usize, form: Form) -> Result<(), Error> {
        let count = self.keys.len();
        let combines = self.operation != Operation::Difference && form != Form::Count;
        while i < cx.args.len() {
            let left = cx.args.len() - i;
            if combines && left > count && cx.is(i, "weights") {
                let weights = cx.args.skip(i + 1).take(count);
                self.weights = weights.map(|text| parse_f64(text).ok_or("ERR weight value is not a float")).collect::<Result<_, _>>()?;
                i += 1 + count;
            } else if combines && left >= 2 && cx.is(i, "aggregate") {
                self.aggregate = match cx.args.at(i + 1) {
                    word if word.eq_ignore_ascii_case(b"sum") => Aggregate::Sum,
                    word if word.eq_ignore_ascii_case(b"min") => Aggregate::Least,
                    word if word.eq_ignore_ascii_case(b"max") => Aggregate::Greatest,
                    _ => return Err(SYNTAX.into()),
                };
                i += 2;
            } else if form == Form::Reply && cx.is(i, "withscores") {
                self.with_scores = true;
                i += 1;
            } else if form == Form::Count && left >= 2 && cx.is(i, "limit") {
                let limit = parse_i64(cx.args.at(i + 1)).and_then(|limit| u64::try_from(limit).ok());
                self.limit = limit.ok_or("ERR LIMIT can't be negative")?;
                i += 2;
            } else {
                return Err(SYNTAX.into());
            }
        }
        Ok(())
    }

    /// The sources, in the order in which they are combined: from the smallest on, unless one is taken from the others.
    fn sources<'s>(&self, cx: &'s Context<'_>) -> Vec<Source<'s>> {
        let db = cx.engine.keyspace.db(cx.session.db);
        let content = |key: &Option<Key<'_>>| Content::of(key.and_then(|key| db.get(key)));
        let weights = self.weights.iter().copied().chain(std::iter::repeat(1.0));
        let mut sources: Vec<_> = self.keys.iter().zip(weights).map(|(key, weight)| Source { content: content(key), weight }).collect();
        if self.operation != Operation::Difference {
            sources.sort_by_key(|source| source.content.len());
        }
        sources
    }

    /// The result in order.
    fn result(&self, cx: &Context<'_>) -> Vec<(Vec<u8>, f64)> {
        let sources = self.sources(cx);
        let mut result = match self.operation {
            Operation::Union => self.union(&sources),
            Operation::Intersection => self.intersection(&sources),
            Operation::Difference => difference(&sources),
        };
        result.sort_unstable_by(|(one, one_score), (other, other_score)| {
            one_score.partial_cmp(other_score).expect("scores are never NaN").then_with(|| one.cmp(other))
        });
        result
    }

    fn union(&self, sources: &[Source<'_>]) -> Vec<(Vec<u8>, f64)> {
        let mut sums: HashMap<Vec<u8>, f64, RandomState> = HashMap::default();
        let mut scratch = [0; 20];
        for source in sources {
            source.visit(&mut |member, score| {
                let score = weighted(score, source.weight);
                let sum = sums.entry_ref(member.to_bytes(&mut scratch));
                sum.and_modify(|sum| *sum = self.aggregate.add(*sum, score)).or_insert(score);
                true
            });
        }
        sums.into_iter().collect()
    }

    fn intersection(&self, sources: &[Source<'_>]) -> Vec<(Vec<u8>, f64)> {
        let (first, others) = sources.split_first().expect("there is at least one key");
        let (mut result, mut scratch) = (Vec::new(), [0; 20]);
        first.visit(&mut |member, score| {
            let member = member.to_bytes(&mut scratch);
            let sum = others
                .iter()
                .try_fold(weighted(score, first.weight), |sum, other| Some(self.aggregate.add(sum, other.score(member)? * other.weight)));
            result.extend(sum.map(|sum| (member.to_vec(), sum)));
            true
        });
        result
    }
}

fn difference(sources: &[Source<'_>]) -> Vec<(Vec<u8>, f64)> {
    let (first, others) = sources.split_first().expect("there is at least one key");
    let (mut result, mut scratch) = (Vec::new(), [0; 20]);
    first.visit(&mut |member, score| {
        let member = member.to_bytes(&mut scratch);
        if others.iter().all(|other| other.score(member).is_none()) {
            result.push((member.to_vec(), score));
        }
        true
    });
    result
}

/// One of the sets that are combined.
struct Source<'a> {
    content: Content<'a>,
    weight: f64,
}

enum Content<'a> {
    Nothing,
    SortedSet(SortedSetRef<'a>),
    Set(SetRef<'a>),
}

impl<'a> Content<'a> {
    fn of(entry: Option<&'a Entry>) -> Content<'a> {
        let Some(entry) = entry else { return Content::Nothing };
        let set = || entry.set().map_or(Content::Nothing, Content::Set);
        entry.sorted_set().map_or_else(set, Content::SortedSet)
    }

    fn len(&self) -> usize {
        match self {
            Content::Nothing => 0,
            Content::SortedSet(set) => set.len(),
            Content::Set(set) => set.len(),
        }
    }
}

impl Source<'_> {
    /// The score of a member, without the weight.
    fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.content {
            Content::Nothing => None,
            Content::SortedSet(set) => set.score(member),
            Content::Set(set) => set.contains(member).then_some(SCORE_IN_SET),
        }
    }

    /// Visits members and scores until `visit` returns false.
    fn visit(&self, visit: &mut dyn FnMut(StringRef<'_>, f64) -> bool) {
        match &self.content {
            Content::Nothing => {}
            Content::SortedSet(set) => {
                set.iter().all(|(member, score)| visit(member, score));
            }
            Content::Set(set) => set.for_each(|member| match visit(member, SCORE_IN_SET) {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }),
        }
    }
}

fn reply_result(cx: &mut Context<'_>, operation: Operation) -> Result<(), Error> {
    let request = Request::parse(cx, 1, operation, Form::Reply)?;
    let result = request.result(cx);
    if request.with_scores {
        begin_pairs(&mut cx.reply, result.len());
        result.iter().for_each(|(member, score)| reply_pair(&mut cx.reply, StringRef::Bytes(member), *score));
    } else {
        cx.reply.array(result.len());
        result.iter().for_each(|(member, _)| reply_string(&mut cx.reply, StringRef::Bytes(member)));
    }
    Ok(())
}

fn store_result(cx: &mut Context<'_>, operation: Operation, event: &str) -> Result<(), Error> {
    let request = Request::parse(cx, 2, operation, Form::Store)?;
    let members = request.result(cx);
    let (thresholds, hasher) = (cx.engine.settings.thresholds, cx.engine.keyspace.hasher());
    // It is large from its beginning if it will be: a small one would not keep the sign of a zero.
    let stays_small = members.iter().all(|(member, _)| member.len() <= thresholds.zset_max_listpack_value);
    let expected = if stays_small { members.len() } else { usize::MAX };
    let mut result = SortedSetBuilder::new(expected, &thresholds, hasher);
    for (member, score) in &members {
        result.insert(member, *score);
    }
    let key = cx.key(1);
    store(cx, key, result, event);
    Ok(())
}
