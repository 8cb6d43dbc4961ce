//! Patterns that lead from an element to a value: `weight_*`, `user_*->name`, `#`.
//!
//! As in Redis, a pattern is read as a C string: what follows a zero byte is not searched for `*` and `->`.

use crate::context::Context;
use crate::engine::Engine;
use crate::error::quotable;
use crate::session::Session;
use graven_store::StringRef;

pub(super) enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// Without a `*`: it leads nowhere.
    Constant,
    /// A key, and a field if that is a hash.
    Key { before: &'a [u8], after: &'a [u8], field: Option<&'a [u8]> },
}

impl<'a> Pattern<'a> {
    pub(super) fn parse(pattern: &'a [u8]) -> Pattern<'a> {
        let searched = quotable(pattern, usize::MAX);
        if searched == b"#" {
            return Pattern::Element;
        }
        let Some(star) = searched.iter().position(|byte| *byte == b'*') else { return Pattern::Constant };
        let (before, after) = (&pattern[..star], &pattern[star + 1..]);
        // An arrow with nothing after it belongs to the key.
        let arrow = searched[star + 1..].windows(2).position(|pair| pair == b"->").filter(|arrow| star + 1 + arrow + 2 < searched.len());
        match arrow {
            Some(arrow) => Pattern::Key { before, after: &after[..arrow], field: Some(&after[arrow + 2..]) },
            None => Pattern::Key { before, after, field: None },
        }
    }

    /// Whether it leads to the same for all elements: sorting by it is not sorting.
    pub(super) fn is_constant(&self) -> bool {
        !matches!(self, Pattern::Key { .. })
    }
}

/// Where patterns look.
pub(super) struct Lookup<'c> {
    pub(super) engine: &'c mut Engine,
    pub(super) session: &'c Session,
    /// The key that is looked up.
    pub(super) key: Vec<u8>,
    /// What is found goes into a key.
    pub(super) stores: bool,
}

impl<'c> Lookup<'c> {
    pub(super) fn new(cx: &'c mut Context<'_>, stores: bool) -> Lookup<'c> {
        Lookup { engine: cx.engine, session: cx.session, key: Vec::new(), stores }
    }

    /// Shows the value that a pattern leads to; `None` if there is none.
    pub(super) fn find<R>(&mut self, pattern: &Pattern<'_>, element: &[u8], look: impl FnOnce(StringRef<'_>) -> R) -> Option<R> {
        let (before, after, field) = match *pattern {
            Pattern::Element => return Some(look(StringRef::Bytes(element))),
            Pattern::Constant => return None,
            Pattern::Key { before, after, field } => (before, after, field),
        };
        self.key.clear();
        [before, element, after].iter().for_each(|part| self.key.extend_from_slice(part));
        let key = self.engine.keyspace.key(&self.key);
        if self.stores
            && let Some(field) = field
        {
            // A replay does not know what is due: it must find the field removed.
            self.engine.expire_named_fields(self.session.db, key, std::iter::once(field));
        }
        let due_before = self.engine.due_before();
        let entry = self.engine.read(self.session, key)?;
        let value = match field {
            None => entry.string()?,
            Some(field) => entry.hash()?.get(field).filter(|field| !field.is_due(due_before))?.value,
        };
        Some(look(value))
    }
}
