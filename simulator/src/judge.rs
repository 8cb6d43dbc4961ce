//! What must come back: every data set that existed, and which of them the first is that a crash may leave.
//!
//! A state is the data set at the end of a turn. What a reply promises is a state that must be reached: for something that was
//! changed, the one in which it was; for something shown, the one in which that came to be.

use graven_server::simulation::Item;
use std::collections::HashMap;
use std::rc::Rc;

/// The data set at the end of a turn.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) items: Rc<Vec<Item>>,
    /// The end of the log then.
    pub(crate) lsn: u64,
    pub(crate) at_us: u64,
}

/// In which states a key changed last and the time before.
#[derive(Clone, Copy, Default)]
struct Changes {
    last: usize,
    before: usize,
}

/// The states of one life, the last one being the present.
pub(crate) struct Judge {
    states: Vec<State>,
    changes: HashMap<(usize, Vec<u8>), Changes>,
    /// When anything did.
    all: Changes,
    /// The first state that a kill may leave, and the first that a loss of power may.
    pub(crate) kill: Promise,
    pub(crate) power: Promise,
    /// The first that the snapshot may be of.
    pub(crate) saved: Promise,
}

/// A state that must be reached, and what said so.
#[derive(Clone, Debug, Default)]
pub(crate) struct Promise {
    pub(crate) state: usize,
    pub(crate) by: String,
}

impl Promise {
    /// This one too.
    pub(crate) fn add(&mut self, state: usize, by: impl FnOnce() -> String) {
        if state > self.state {
            *self = Promise { state, by: by() };
        }
    }
}

/// What is left at a moment.
fn alive(items: &[Item], now_ms: u64) -> impl Iterator<Item = &Item> {
    items.iter().filter(move |item| item.deadline_ms.is_none_or(|deadline| deadline > now_ms))
}

impl Judge {
    /// A life begins with what came back.
    pub(crate) fn new(first: State) -> Judge {
        Judge {
            states: vec![first],
            changes: HashMap::new(),
            all: Changes::default(),
            kill: Promise::default(),
            power: Promise::default(),
            saved: Promise::default(),
        }
    }

    pub(crate) fn present(&self) -> usize {
        self.states.len() - 1
    }

    pub(crate) fn state(&self, index: usize) -> &State {
        &self.states[index]
    }

    /// A turn has changed something, or may have.
    pub(crate) fn observe(&mut self, state: State) {
        let before = self.states.last().expect("a life begins with a state");
        if *before.items == *state.items && before.lsn == state.lsn {
            return;
        }
        let index = self.states.len();
        let note = |changes: &mut Changes| {
            if changes.last != index {
                *changes = Changes { last: index, before: changes.last };
            }
        };
        // Both are in order: what is only in one of them was changed.
        let (mut old, mut new) = (before.items.iter().peekable(), state.items.iter().peekable());
        loop {
            let changed = match (old.peek(), new.peek()) {
                (None, None) => break,
                (Some(a), Some(b)) if a == b => {
                    old.next();
                    new.next();
                    continue;
                }
                (Some(a), Some(b)) if a > b => new.next(),
                (None, Some(_)) => new.next(),
                (Some(_), _) => old.next(),
            };
            let changed = changed.expect("it was peeked at");
            note(self.changes.entry((changed.db, changed.key.clone())).or_default());
            note(&mut self.all);
        }
        self.states.push(state);
    }

    /// The state that the reply to a command shows which was executed in the turn that ended with state `at`. `is_alone`: nothing else
    /// was executed then, so what changed did so by this command.
    pub(crate) fn shown(&self, db: usize, keys: Option<&[Vec<u8>]>, at: usize, is_effective: bool, is_alone: bool) -> usize {
        if is_effective {
            return at;
        }
        let of = |changes: &Changes| {
            // Later changes are not what was shown.
            if changes.last < at || changes.last == at && is_alone {
                changes.last
            } else if changes.before < at {
                changes.before
            } else {
                0
            }
        };
        match keys {
            None => of(&self.all),
            Some(keys) => keys.iter().filter_map(|key| self.changes.get(&(db, key.clone()))).map(of).max().unwrap_or(0),
        }
    }

    /// The last state that ends at or before a position of the log.
    pub(crate) fn up_to(&self, lsn: u64) -> usize {
        self.states.partition_point(|state| state.lsn <= lsn).saturating_sub(1)
    }

    /// The last state that is no younger.
    pub(crate) fn until(&self, at_us: u64) -> usize {
        self.states.partition_point(|state| state.at_us <= at_us).saturating_sub(1)
    }

    /// The last state, from `first` on, that the data set found is.
    pub(crate) fn find(&self, found: &[Item], first: usize, now_ms: u64) -> Option<usize> {
        (first..self.states.len()).rev().find(|&index| is_same(&self.states[index].items, found, now_ms))
    }

    /// How a data set differs from the state that is most like it.
    pub(crate) fn difference(&self, found: &[Item], now_ms: u64) -> String {
        let show = |item: &Item| {
            let field = item.field.as_ref().map_or(String::new(), |field| format!(".{}", field.escape_ascii()));
            format!("{}:{}{field} {:x} {:?}", item.db, item.key.escape_ascii(), item.fingerprint & 0xffff, item.deadline_ms)
        };
        let only = |items: &[Item], others: &[Item]| -> Vec<String> {
            alive(items, now_ms).filter(|item| others.binary_search(item).is_err()).map(show).collect()
        };
        let differences = self.states.iter().enumerate().map(|(n, state)| (n, only(&state.items, found), only(found, &state.items)));
        let least = differences.min_by_key(|(_, lost, more)| lost.len() + more.len());
        let (n, lost, more) = least.expect("a life begins with a state");
        format!("next to state {n} it has lost {lost:?} and has {more:?}")
    }

    /// All states, for those that must be one that ever existed.
    pub(crate) fn all_items(&self) -> impl Iterator<Item = &Rc<Vec<Item>>> {
        self.states.iter().map(|state| &state.items)
    }
}

/// Whether two data sets are one at a moment.
pub(crate) fn is_same(one: &[Item], other: &[Item], now_ms: u64) -> bool {
    alive(one, now_ms).eq(alive(other, now_ms))
}
