//! What is near: `GEOSEARCH`, `GEOSEARCHSTORE`, and `GEORADIUS` in its four forms, which they replace.

use super::hash::Place;
use super::shape::{Extent, Reach, Shape};
use super::text::reply_distance;
use super::{place_at, places_of, reply_place, unit_at};
use crate::commands::destination;
use crate::commands::sorted_set::store;
use crate::commands::string::reply_string;
use crate::context::Context;
use crate::error::{Error, NOT_INTEGER, SYNTAX, quotable};
use crate::notify::EventClass;
use graven_resp::Reply;
use graven_resp::number::{parse_f64, parse_i64};
use graven_store::{ScoreRange, SortedSetBuilder, SortedSetRef, StringRef};

const NO_SUCH_MEMBER: &str = "ERR could not decode requested zset member";

/// So many members are read at once.
const FEW: usize = 256;

/// Which command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `GEORADIUS`: around a place.
    Radius {
        read_only: bool,
    },
    /// `GEORADIUSBYMEMBER`
    RadiusByMember {
        read_only: bool,
    },
    Search,
    SearchStore,
}

impl Form {
    fn is_search(self) -> bool {
        matches!(self, Form::Search | Form::SearchStore)
    }

    fn may_store(self) -> bool {
        matches!(self, Form::Radius { read_only: false } | Form::RadiusByMember { read_only: false })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// What is asked for.
struct Query {
    centre: Option<Place>,
    extent: Option<Extent>,
    /// Metres of the unit that distances are shown in.
    metres: f64,
    count: usize,
    any: bool,
    order: Option<Order>,
    with_distance: bool,
    with_hash: bool,
    with_place: bool,
    /// The argument that names where the result goes.
    target: Option<usize>,
    store_distances: bool,
    /// A place was named, perhaps by a member of a set that does not exist.
    is_placed: bool,
}

/// A length that is no number, or a negative one.
fn length(cx: &Context<'_>, i: usize, not_numeric: &'static str) -> Result<f64, Error> {
    parse_f64(cx.args.at(i)).ok_or(not_numeric.into())
}

impl Query {
    fn radius(&mut self, cx: &Context<'_>, i: usize) -> Result<(), Error> {
        let radius = length(cx, i, "ERR need numeric radius")?;
        if radius < 0.0 {
            return Err("ERR radius cannot be negative".into());
        }
        self.metres = unit_at(cx, i + 1)?;
        self.extent = Some(Extent::Circle { radius: radius * self.metres });
        Ok(())
    }

    fn rectangle(&mut self, cx: &Context<'_>, i: usize) -> Result<(), Error> {
        let width = length(cx, i, "ERR need numeric width")?;
        let height = length(cx, i + 1, "ERR need numeric height")?;
        if width < 0.0 || height < 0.0 {
            return Err("ERR height or width cannot be negative".into());
        }
        self.metres = unit_at(cx, i + 2)?;
        self.extent = Some(Extent::Box { width: width * self.metres, height: height * self.metres });
        Ok(())
    }

    /// The place of a member. Without a set the arguments are read on, and there is nothing to find.
    fn member(&mut self, set: Option<SortedSetRef<'_>>, member: &[u8]) -> Result<(), Error> {
        self.is_placed = true;
        if let Some(set) = set {
            self.centre = Some(Place::of_score(set.score(member).ok_or(NO_SUCH_MEMBER)?));
        }
        Ok(())
    }

    fn parse(cx: &Context<'_>, form: Form, set: Option<SortedSetRef<'_>>) -> Result<Query, Error> {
        let mut query = Query {
            centre: None,
            extent: None,
            metres: 1.0,
            count: 0,
            any: false,
            order: None,
            with_distance: false,
            with_hash: false,
            with_place: false,
            target: (form == Form::SearchStore).then_some(1),
            store_distances: false,
            is_placed: false,
        };
        let first = match form {
            Form::Radius { .. } => {
                query.centre = Some(place_at(cx, 2)?);
                query.radius(cx, 4)?;
                6
            }
            Form::RadiusByMember { .. } => {
                if set.is_some() {
                    query.member(set, cx.args.at(2))?;
                    query.radius(cx, 3)?;
                }
                5
            }
            Form::Search => 2,
            Form::SearchStore => 3,
        };
        query.options(cx, form, set, first)?;
        query.check(cx, form)?;
        Ok(query)
    }

    fn options(&mut self, cx: &Context<'_>, form: Form, set: Option<SortedSetRef<'_>>, first: usize) -> Result<(), Error> {
        let (mut from_member, mut from_place, mut by_radius, mut by_box) = (false, false, false, false);
        let mut i = first;
        while i < cx.args.len() {
            let left = cx.args.len() - i - 1;
            let search = form.is_search();
            i += match () {
                () if cx.is(i, "withdist") => {
                    self.with_distance = true;
                    1
                }
                () if cx.is(i, "withhash") => {
                    self.with_hash = true;
                    1
                }
                () if cx.is(i, "withcoord") => {
                    self.with_place = true;
                    1
                }
                () if cx.is(i, "any") => {
                    self.any = true;
                    1
                }
                () if cx.is(i, "asc") => {
                    self.order = Some(Order::Ascending);
                    1
                }
                () if cx.is(i, "desc") => {
                    self.order = Some(Order::Descending);
                    1
                }
                () if cx.is(i, "count") && left >= 1 => {
                    let count = parse_i64(cx.args.at(i + 1)).ok_or(NOT_INTEGER)?;
                    self.count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or("ERR COUNT must be > 0")?;
                    2
                }
                () if form.may_store() && left >= 1 && (cx.is(i, "store") || cx.is(i, "storedist")) => {
                    self.target = Some(i + 1);
                    self.store_distances = cx.is(i, "storedist");
                    2
                }
                () if search && left >= 1 && cx.is(i, "frommember") && !from_place => {
                    from_member = true;
                    self.member(set, cx.args.at(i + 1))?;
                    2
                }
                () if search && left >= 2 && cx.is(i, "fromlonlat") && !from_member => {
                    from_place = true;
                    self.is_placed = true;
                    self.centre = Some(place_at(cx, i + 1)?);
                    3
                }
                () if search && left >= 2 && cx.is(i, "byradius") && !by_box => {
                    by_radius = true;
                    self.radius(cx, i + 1)?;
                    3
                }
                () if search && left >= 3 && cx.is(i, "bybox") && !by_radius => {
                    by_box = true;
                    self.rectangle(cx, i + 1)?;
                    4
                }
                () if form == Form::SearchStore && cx.is(i, "storedist") => {
                    self.store_distances = true;
                    1
                }
                () => return Err(SYNTAX.into()),
            };
        }
        Ok(())
    }

    /// Options that do not go together.
    fn check(&mut self, cx: &Context<'_>, form: Form) -> Result<(), Error> {
        let name = quotable(cx.args.at(0), usize::MAX);
        if self.target.is_some() && (self.with_distance || self.with_hash || self.with_place) {
            let what = if form == Form::SearchStore { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(format!("ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options").into());
        }
        if form.is_search() && !self.is_placed {
            return Err([b"ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ", name].concat().into());
        }
        if form.is_search() && self.extent.is_none() {
            return Err([b"ERR exactly one of BYRADIUS and BYBOX can be specified for ", name].concat().into());
        }
        if self.any && self.count == 0 {
            return Err("ERR the ANY argument requires COUNT argument".into());
        }
        if self.count > 0 && self.order.is_none() && !self.any {
            self.order = Some(Order::Ascending);
        }
        Ok(())
    }

    /// All that is found, in the order that is asked for, as many as are asked for.
    fn run<'s>(&self, set: SortedSetRef<'s>) -> Vec<Found<'s>> {
        let (Some(centre), Some(extent)) = (self.centre, self.extent) else { return Vec::new() };
        let shape = Shape { centre, extent };
        let mut search = Search { reach: shape.reach(), most: if self.any { self.count } else { usize::MAX }, found: Vec::new() };
        // A few members are gone through once rather than once for each cell.
        let few: Option<Vec<_>> = (set.len() <= FEW).then(|| set.iter().collect());
        for cell in shape.cells() {
            let (min, end) = cell.scores();
            let (min, end) = (min as f64, end as f64);
            let go_on = match &few {
                Some(members) => {
                    let first = members.partition_point(|(_, score)| *score < min);
                    search.visit(members[first..].iter().copied().take_while(|(_, score)| *score < end))
                }
                None => search.visit(set.by_score(&ScoreRange { max_excluded: true, ..ScoreRange::new(min, end) })),
            };
            if !go_on {
                break;
            }
        }
        self.arrange(search.found)
    }

    /// In the order and the number that are asked for. Those at equal distances stay in the order in which they were found.
    fn arrange<'s>(&self, mut found: Vec<Found<'s>>) -> Vec<Found<'s>> {
        if let Some(order) = self.order {
            let compare = |one: &Found<'_>, other: &Found<'_>| {
                let by_distance = match order {
                    Order::Ascending => one.distance.total_cmp(&other.distance),
                    Order::Descending => other.distance.total_cmp(&one.distance),
                };
                by_distance.then(one.nth.cmp(&other.nth))
            };
            if self.count > 0 && self.count < found.len() {
                found.select_nth_unstable_by(self.count - 1, compare);
                found.truncate(self.count);
            }
            found.sort_unstable_by(compare);
        }
        if self.count > 0 {
            found.truncate(self.count);
        }
        found
    }
}

/// A member within the shape.
struct Found<'s> {
    member: StringRef<'s>,
    score: f64,
    place: Place,
    /// Metres from the centre.
    distance: f64,
    /// How many were found before it.
    nth: usize,
}

/// What was found so far.
struct Search<'s> {
    reach: Reach,
    /// Enough.
    most: usize,
    found: Vec<Found<'s>>,
}

impl<'s> Search<'s> {
    /// Takes those that lie in the shape; false if there are enough.
    fn visit(&mut self, members: impl Iterator<Item = (StringRef<'s>, f64)>) -> bool {
        for (member, score) in members {
            let place = Place::of_score(score);
            if let Some(distance) = self.reach.of(place) {
                self.found.push(Found { member, score, place, distance, nth: self.found.len() });
                if self.found.len() >= self.most {
                    return false;
                }
            }
        }
        true
    }
}

fn search(cx: &mut Context<'_>, form: Form) -> Result<(), Error> {
    let key = cx.key(if form == Form::SearchStore { 2 } else { 1 });
    // The set is looked at while the arguments are read, and the engine is free again afterwards.
    let exists = cx.engine.read(cx.session, key).is_some();
    let set = match cx.engine.keyspace.db(cx.session.db).get(key).filter(|_| exists) {
        None => None,
        Some(entry) => Some(places_of(entry)?),
    };
    let query = Query::parse(cx, form, set)?;
    let found = set.map(|set| query.run(set));
    match (query.target, found) {
        (Some(target), None) => {
            let target = cx.key(target);
            destination::store(cx, target, None, EventClass::ZSET, "");
            cx.reply.int(0);
        }
        (Some(target), Some(found)) => {
            let mut result = SortedSetBuilder::new(found.len(), &cx.engine.settings.thresholds, cx.engine.keyspace.hasher());
            let mut scratch = [0; 20];
            for each in &found {
                result.insert(
                    each.member.to_bytes(&mut scratch),
                    if query.store_distances { each.distance / query.metres } else { each.score },
                );
            }
            let (target, stored) = (cx.key(target), found.len() as u64);
            store(cx, target, result, if form == Form::SearchStore { "geosearchstore" } else { "georadiusstore" });
            cx.engine.dirty += stored.saturating_sub(1);
        }
        (None, None) => cx.reply.array(0),
        (None, Some(found)) => reply_found(&mut cx.reply, &query, &found),
    }
    Ok(())
}

fn reply_found(reply: &mut Reply<'_>, query: &Query, found: &[Found<'_>]) {
    let extras = [query.with_distance, query.with_hash, query.with_place].into_iter().filter(|wanted| *wanted).count();
    reply.array(found.len());
    for each in found {
        if extras > 0 {
            reply.array(extras + 1);
        }
        reply_string(reply, each.member);
        if query.with_distance {
            reply_distance(reply, each.distance / query.metres);
        }
        if query.with_hash {
            reply.int(each.score as i64);
        }
        if query.with_place {
            reply_place(reply, each.place);
        }
    }
}

/// `GEOSEARCH key FROMMEMBER member | FROMLONLAT longitude latitude BYRADIUS radius unit | BYBOX width height unit [ASC | DESC]
/// [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]`
pub fn geosearch(cx: &mut Context<'_>) -> Result<(), Error> {
    search(cx, Form::Search)
}

/// `GEOSEARCHSTORE destination source …`, as `GEOSEARCH`, with `STOREDIST` and without what it only shows.
pub fn geosearchstore(cx: &mut Context<'_>) -> Result<(), Error> {
    search(cx, Form::SearchStore)
}

/// `GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]`
pub fn georadius(cx: &mut Context<'_>) -> Result<(), Error> {
    search(cx, Form::Radius { read_only: false })
}

/// `GEORADIUS_RO`: without `STORE`.
pub fn georadius_ro(cx: &mut Context<'_>) -> Result<(), Error> {
    search(cx, Form::Radius { read_only: true })
}

/// `GEORADIUSBYMEMBER key member radius unit …`
pub fn georadiusbymember(cx: &mut Context<'_>) -> Result<(), Error> {
    search(cx, Form::RadiusByMember { read_only: false })
}

/// `GEORADIUSBYMEMBER_RO`: without `STORE`.
pub fn georadiusbymember_ro(cx: &mut Context<'_>) -> Result<(), Error> {
    search(cx, Form::RadiusByMember { read_only: true })
}
