//! The elements: loaded, weighed and sorted.

use super::options::Options;
use super::pattern::{Lookup, Pattern};
use crate::context::Context;
use crate::error::{Error, WRONG_TYPE, quotable};
use graven_resp::number::parse_f64;
use graven_store::{Encoding, Entry, Key, ObjectType, Side, Slot, StringRef};
use std::cmp::Ordering;
use std::ops::{ControlFlow, Range};

/// Strings in one buffer.
#[derive(Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    spans: Vec<Range<usize>>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &[u8]) {
        let span = self.keep(text);
        self.spans.push(span);
    }

    fn keep(&mut self, text: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        start..self.bytes.len()
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.spans.iter().map(|span| &self.bytes[span.clone()])
    }
}

/// What is compared first.
#[derive(Clone)]
enum Weight {
    Number(f64),
    /// A string, found by a pattern.
    Text(Range<usize>),
    /// The element, or nothing was found.
    None,
}

struct Row {
    element: Range<usize>,
    weight: Weight,
}

/// The elements of the sorted key, those that are wanted first and alone in the end.
pub(super) struct Elements {
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

impl Elements {
    /// Copies the elements of argument 1. If they are to stay in their order, those that are not wanted are left out.
    pub(super) fn load(cx: &mut Context<'_>, options: &mut Options<'_>) -> Result<Elements, Error> {
        let key = cx.key(1);
        let mut elements = Elements { bytes: Vec::new(), rows: Vec::new() };
        let Some(entry) = cx.engine.read(cx.session, key) else { return Ok(elements) };
        let is_small_sorted_set = entry.encoding() == Encoding::Listpack && entry.object_type() == ObjectType::SortedSet;
        match entry.object_type() {
            ObjectType::List => elements.load_list(entry, options),
            ObjectType::SortedSet => elements.load_sorted_set(entry, options),
            ObjectType::Set => elements.load_set(entry, options),
            _ => return Err(WRONG_TYPE.into()),
        }
        if is_small_sorted_set {
            enlarge(cx, key);
        }
        Ok(elements)
    }

    fn push(&mut self, element: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(element);
        self.rows.push(Row { element: start..self.bytes.len(), weight: Weight::None });
    }

    fn load_list(&mut self, entry: &Entry, options: &Options<'_>) {
        let list = entry.list().expect("the type is list");
        let len = list.len();
        let wanted = if options.unsorted { options.range(len) } else { 0..len };
        if wanted.is_empty() {
            return;
        }
        let backwards = options.unsorted && options.descending;
        let (first, side) = if backwards { (len - 1 - wanted.start, Side::Right) } else { (wanted.start, Side::Left) };
        let _ = list.walk(first, side, |item| {
            self.push(item.to_bytes(&mut [0; 20]));
            if self.rows.len() == wanted.len() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    fn load_sorted_set(&mut self, entry: &Entry, options: &Options<'_>) {
        let set = entry.sorted_set().expect("the type is sorted set");
        let len = set.len();
        let wanted = if options.unsorted { options.range(len) } else { 0..len };
        let backwards = options.unsorted && options.descending;
        let ranks = if backwards { len - wanted.end..len - wanted.start } else { wanted };
        for (member, _) in set.range(ranks, backwards) {
            self.push(member.to_bytes(&mut [0; 20]));
        }
    }

    /// A set has no order. Where one is needed, and it is not asked for, or weights may be equal, its members' own is taken.
    fn load_set(&mut self, entry: &Entry, options: &mut Options<'_>) {
        let set = entry.set().expect("the type is set");
        set.iter().for_each(|member| self.push(member.to_bytes(&mut [0; 20])));
        if options.unsorted && options.destination.is_some() {
            options.unsorted = false;
            options.alphabetical = true;
            options.by = None;
        }
        if options.unsorted {
            self.keep(options.range(self.rows.len()));
        } else if options.alphabetical && options.by.is_some() {
            let bytes = &self.bytes;
            self.rows.sort_unstable_by(|one, other| bytes[one.element.clone()].cmp(&bytes[other.element.clone()]));
        }
    }

    fn keep(&mut self, wanted: Range<usize>) {
        self.rows.truncate(wanted.end);
        self.rows.drain(..wanted.start);
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.rows.iter().map(|row| &self.bytes[row.element.clone()])
    }

    /// Puts the wanted elements in order, and drops the others.
    pub(super) fn sort(&mut self, options: &Options<'_>, lookup: &mut Lookup<'_>) -> Result<(), Error> {
        if !self.weigh(options, lookup) {
            return Err("ERR One or more scores can't be converted into double".into());
        }
        let wanted = options.range(self.rows.len());
        let order = Order { bytes: &self.bytes, options };
        if wanted.len() * 4 < self.rows.len() && !wanted.is_empty() {
            // Few are wanted: the others are only told apart from them. Equal ones stay in their order by their numbers.
            let mut numbered: Vec<(usize, Row)> = self.rows.drain(..).enumerate().collect();
            let compare = |one: &(usize, Row), other: &(usize, Row)| order.compare(&one.1, &other.1).then(one.0.cmp(&other.0));
            if wanted.end < numbered.len() {
                numbered.select_nth_unstable_by(wanted.end, compare);
                numbered.truncate(wanted.end);
            }
            numbered.select_nth_unstable_by(wanted.start, compare);
            numbered.drain(..wanted.start);
            numbered.sort_unstable_by(compare);
            self.rows = numbered.into_iter().map(|(_, row)| row).collect();
        } else {
            self.rows.sort_by(|one, other| order.compare(one, other));
            self.keep(wanted);
        }
        Ok(())
    }

    /// Gives each element its weight; false if one is no number and should be.
    fn weigh(&mut self, options: &Options<'_>, lookup: &mut Lookup<'_>) -> bool {
        let mut all_are_numbers = true;
        let by = options.by.as_ref().unwrap_or(&Pattern::Element);
        if options.alphabetical && options.by.is_none() {
            return true;
        }
        for i in 0..self.rows.len() {
            let element = self.rows[i].element.clone();
            // The weights follow the elements in the buffer.
            let (mut text, bytes) = (Vec::new(), &self.bytes);
            let weight = lookup.find(by, &bytes[element], |value| match value {
                _ if options.alphabetical => {
                    text.extend_from_slice(value.to_bytes(&mut [0; 20]));
                    Weight::None
                }
                StringRef::Int(number) => Weight::Number(number as f64),
                StringRef::Bytes(bytes) => Weight::Number(number_of(bytes).unwrap_or_else(|| {
                    all_are_numbers = false;
                    0.0
                })),
            });
            self.rows[i].weight = match weight {
                Some(_) if options.alphabetical => {
                    let start = self.bytes.len();
                    self.bytes.extend_from_slice(&text);
                    Weight::Text(start..self.bytes.len())
                }
                Some(weight) => weight,
                None if options.alphabetical => Weight::None,
                None => Weight::Number(0.0),
            };
        }
        all_are_numbers
    }
}

/// A sorted set that has been sorted is a large one from then on, as in Redis: `OBJECT ENCODING` shows it.
fn enlarge(cx: &mut Context<'_>, key: Key<'_>) {
    let thresholds = cx.engine.settings.thresholds;
    if let Slot::Occupied(mut place) = cx.engine.slot(cx.session.db, key)
        && let Some(mut set) = place.sorted_set_mut()
    {
        set.expect_members(usize::MAX, &thresholds);
    }
}

/// How elements compare.
struct Order<'o> {
    bytes: &'o [u8],
    options: &'o Options<'o>,
}

impl Order<'_> {
    fn compare(&self, one: &Row, other: &Row) -> Ordering {
        let elements = || (&self.bytes[one.element.clone()], &self.bytes[other.element.clone()]);
        let order = match (&one.weight, &other.weight) {
            (Weight::Number(a), Weight::Number(b)) => a.partial_cmp(b).expect("no weight is NaN").then_with(|| {
                let (one, other) = elements();
                one.cmp(other)
            }),
            (Weight::Text(a), Weight::Text(b)) => self.collate(&self.bytes[a.clone()], &self.bytes[b.clone()]),
            (Weight::Text(_), _) => Ordering::Greater,
            (_, Weight::Text(_)) => Ordering::Less,
            // Nothing was found for both.
            _ if self.options.by.is_some() => Ordering::Equal,
            _ => {
                let (one, other) = elements();
                self.collate(one, other)
            }
        };
        if self.options.descending { order.reverse() } else { order }
    }

    /// What is stored is in the order of bytes; what is replied as the C library orders strings, which end at a zero byte.
    fn collate(&self, one: &[u8], other: &[u8]) -> Ordering {
        match self.options.destination {
            Some(_) => one.cmp(other),
            None => quotable(one, usize::MAX).cmp(quotable(other, usize::MAX)),
        }
    }
}

/// A weight as `strtod` reads it: up to a zero byte, after white space; an empty string is 0.
fn number_of(text: &[u8]) -> Option<f64> {
    let text = quotable(text, usize::MAX);
    if text.is_empty() {
        return Some(0.0);
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte)).unwrap_or(text.len());
    parse_f64(&text[start..])
}
