//! Listpacks from files: what is to be known of them before they are kept.

use std::cmp::Ordering;

use graven_listpack::{Item, Listpack, extend, new};

use crate::{Error, Result, ValueDamage};

/// Up to so many names are compared each with each.
const FEW: usize = 16;

/// Checks that bytes are a listpack, and makes integers of strings that should have been stored as such.
pub(crate) fn checked(bytes: Vec<u8>, offset: u64) -> Result<Vec<u8>> {
    let listpack = Listpack::validate(&bytes).map_err(|damage| Error::BadValue { offset, damage: ValueDamage::Listpack(damage) })?;
    let is_canonical = |item: Item<'_>| match item {
        Item::Bytes(string) => Item::of(string) == item,
        Item::Int(_) => true,
    };
    if listpack.iter().all(is_canonical) {
        return Ok(bytes);
    }
    let mut canonical = new();
    let items = listpack.iter().map(|item| match item {
        Item::Bytes(string) => Item::of(string),
        item => item,
    });
    extend(&mut canonical, items);
    Ok(canonical)
}

/// Checks that the items come in groups of `step`, and that no group begins with an item that another begins with.
pub(crate) fn no_duplicates(bytes: &[u8], step: usize, offset: u64) -> Result<()> {
    let listpack = Listpack::new(bytes);
    let (mut few, mut names, mut left) = ([Item::Int(0); FEW], 0, 0);
    for item in listpack.iter() {
        if left == 0 {
            left = step;
            if let Some(place) = few.get_mut(names) {
                *place = item;
            }
            names += 1;
        }
        left -= 1;
    }
    if left > 0 {
        return Err(Error::BadValue { offset, damage: ValueDamage::Items });
    }
    let is_twice = match few.get(..names) {
        Some(few) => few.iter().enumerate().any(|(i, name)| few[..i].contains(name)),
        None => {
            let mut sorted: Vec<Item<'_>> = listpack.iter().step_by(step).collect();
            sorted.sort_unstable_by(|one, other| order(*one, *other));
            sorted.windows(2).any(|pair| pair[0] == pair[1])
        }
    };
    if is_twice { Err(Error::BadValue { offset, damage: ValueDamage::Duplicate }) } else { Ok(()) }
}

fn order(one: Item<'_>, other: Item<'_>) -> Ordering {
    match (one, other) {
        (Item::Int(one), Item::Int(other)) => one.cmp(&other),
        (Item::Bytes(one), Item::Bytes(other)) => one.cmp(other),
        (Item::Int(_), Item::Bytes(_)) => Ordering::Less,
        (Item::Bytes(_), Item::Int(_)) => Ordering::Greater,
    }
}
