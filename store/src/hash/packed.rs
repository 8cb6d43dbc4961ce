//! The listpack of a small hash: pairs, or triples with deadlines.

use super::change::FieldDeadline;
use graven_listpack::{Item, Listpack, Place, append, insert, remove, replace};

/// How many items a field takes.
#[inline]
pub(super) fn step(with_deadlines: bool) -> usize {
    if with_deadlines { 3 } else { 2 }
}

/// How many fields there are.
#[inline]
pub(super) fn len(bytes: &[u8], with_deadlines: bool) -> usize {
    Listpack::new(bytes).len() / step(with_deadlines)
}

/// Where a field is.
#[inline]
pub(super) fn find(bytes: &[u8], with_deadlines: bool, field: &[u8]) -> Option<Place> {
    let listpack = Listpack::new(bytes);
    listpack.find(listpack.first(), field, step(with_deadlines))
}

/// A deadline as it is stored.
fn stored(deadline: Option<u64>) -> i64 {
    deadline.map_or(0, |ms| i64::try_from(ms.max(1)).unwrap_or(i64::MAX))
}

/// A deadline from its item.
#[inline]
pub(super) fn deadline_of(item: Item<'_>) -> Option<u64> {
    match item {
        Item::Int(ms @ 1..) => Some(ms as u64),
        _ => None,
    }
}

/// The deadline of the field at a place.
pub(super) fn deadline_at(listpack: Listpack<'_>, field: Place) -> Option<u64> {
    deadline_of(listpack.at(listpack.after(listpack.after(field))))
}

/// The earliest deadline: triples are in their order.
pub(super) fn first_deadline(bytes: &[u8]) -> Option<u64> {
    let listpack = Listpack::new(bytes);
    listpack.get(listpack.first())?;
    deadline_at(listpack, listpack.first())
}

/// Adds a field that is not there.
pub(super) fn add(bytes: &mut Vec<u8>, with_deadlines: bool, field: &[u8], value: Item<'_>, deadline: Option<u64>) {
    if !with_deadlines {
        append(bytes, Item::of(field));
        append(bytes, value);
        return;
    }
    let at = if deadline.is_some() { place_for(Listpack::new(bytes), stored(deadline)) } else { bytes.len() - 1 };
    let at = insert(bytes, at, Item::of(field));
    let at = insert(bytes, at, value);
    insert(bytes, at, Item::Int(stored(deadline)));
}

/// Before which triple one with this deadline belongs.
fn place_for(listpack: Listpack<'_>, deadline: i64) -> Place {
    let mut place = listpack.first();
    while place < listpack.end() {
        let at = listpack.after(listpack.after(place));
        match listpack.at(at) {
            Item::Int(there @ 1..) if there <= deadline => place = listpack.after(at),
            _ => break,
        }
    }
    place
}

/// Sets a field; true if it is new. A listpack of pairs is only given [`FieldDeadline::Keep`] or [`FieldDeadline::Clear`].
pub(super) fn set(bytes: &mut Vec<u8>, with_deadlines: bool, field: &[u8], value: &[u8], change: FieldDeadline) -> bool {
    debug_assert!(with_deadlines || !matches!(change, FieldDeadline::At(_)));
    let Some(at) = find(bytes, with_deadlines, field) else {
        add(bytes, with_deadlines, field, Item::of(value), change.applied_to(None));
        return true;
    };
    let value_at = Listpack::new(bytes).after(at);
    replace(bytes, value_at, Item::of(value));
    if with_deadlines {
        let old = deadline_at(Listpack::new(bytes), at);
        move_to(bytes, at, old, change.applied_to(old));
    }
    false
}

/// Gives the field at a place of a listpack of triples another deadline, and with it another place.
fn move_to(bytes: &mut Vec<u8>, at: Place, old: Option<u64>, new: Option<u64>) {
    if old == new {
        return;
    }
    let listpack = Listpack::new(bytes);
    let value_at = listpack.after(at);
    let (field, value) = (listpack.at(at).to_vec(), listpack.at(value_at).to_vec());
    remove(bytes, at, 3);
    add(bytes, true, &field, Item::of(&value), new);
}

/// Gives a field of a listpack of triples another deadline. False if there is no such field.
pub(super) fn set_deadline(bytes: &mut Vec<u8>, field: &[u8], deadline: Option<u64>) -> bool {
    let Some(at) = find(bytes, true, field) else { return false };
    let old = deadline_at(Listpack::new(bytes), at);
    move_to(bytes, at, old, deadline);
    true
}

/// Removes a field. False if there is none.
pub(super) fn take(bytes: &mut Vec<u8>, with_deadlines: bool, field: &[u8]) -> bool {
    let Some(at) = find(bytes, with_deadlines, field) else { return false };
    remove(bytes, at, step(with_deadlines));
    true
}

/// Removes the fields with a deadline before `before`, telling `on_taken` their names.
pub(super) fn take_due(bytes: &mut Vec<u8>, before: u64, on_taken: &mut dyn FnMut(&[u8])) {
    let listpack = Listpack::new(bytes);
    let (mut place, mut due) = (listpack.first(), 0);
    while place < listpack.end() && deadline_at(listpack, place).is_some_and(|ms| ms < before) {
        on_taken(listpack.at(place).to_bytes(&mut [0; 20]));
        place = listpack.after(listpack.after(listpack.after(place)));
        due += 1;
    }
    let first = listpack.first();
    remove(bytes, first, 3 * due);
}

/// The triples of a listpack of pairs.
pub(super) fn with_deadlines(pairs: &[u8]) -> Vec<u8> {
    let mut triples = graven_listpack::new();
    triples.reserve(pairs.len() + 2 * len(pairs, false));
    for (i, item) in Listpack::new(pairs).iter().enumerate() {
        append(&mut triples, item);
        if i % 2 == 1 {
            append(&mut triples, Item::Int(0));
        }
    }
    triples
}
