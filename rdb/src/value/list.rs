//! Lists: nodes, each a listpack of items or one item as it is.

use std::io::Read;

use graven_listpack::{Item, Listpack};

use crate::compact::{listpack, ziplist};
use crate::format::value_type;
use crate::source::Source;
use crate::value::Strings;
use crate::{Error, Result, ValueDamage};

/// A list.
#[derive(Debug, Clone, PartialEq)]
pub enum List {
    /// The items in order.
    Items(Strings),
    /// The nodes in order, of which none is empty.
    Nodes(Vec<ListNode>),
}

/// A node of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListNode {
    /// A listpack of items.
    Packed(Vec<u8>),
    /// One item, too long for a listpack.
    Plain(Vec<u8>),
}

/// How a node is stored.
pub(crate) mod container {
    pub const PLAIN: u64 = 1;
    pub const PACKED: u64 = 2;
}

impl List {
    /// Shows the items in order.
    pub fn for_each(&self, mut each: impl FnMut(&[u8])) {
        match self {
            List::Items(items) => items.iter().for_each(each),
            List::Nodes(nodes) => {
                for node in nodes {
                    match node {
                        ListNode::Plain(item) => each(item),
                        ListNode::Packed(bytes) => {
                            Listpack::new(bytes).iter().for_each(|item: Item<'_>| each(item.to_bytes(&mut [0; 20])));
                        }
                    }
                }
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            List::Items(items) => items.is_empty(),
            List::Nodes(nodes) => nodes.is_empty(),
        }
    }

    pub(super) fn read<R: Read>(code: u8, source: &mut Source<R>) -> Result<List> {
        const EXPECTED: &str = "a list";
        if code == value_type::LIST_ZIPLIST {
            let mut nodes = Vec::new();
            read_ziplist(source, &mut nodes)?;
            return Ok(List::Nodes(nodes));
        }
        let count = source.length(EXPECTED)?;
        if code == value_type::LIST {
            return Ok(List::Items(source.strings(count, EXPECTED)?));
        }
        let mut nodes = Vec::new();
        for _ in 0..count {
            if code == value_type::LIST_QUICKLIST {
                read_ziplist(source, &mut nodes)?;
                continue;
            }
            let offset = source.offset();
            match source.length(EXPECTED)? {
                container::PLAIN => nodes.push(ListNode::Plain(source.string(EXPECTED)?)),
                container::PACKED => push_packed(&mut nodes, listpack::checked(source.string(EXPECTED)?, offset)?),
                _ => return Err(Error::BadValue { offset, damage: ValueDamage::ListNode }),
            }
        }
        Ok(List::Nodes(nodes))
    }
}

fn read_ziplist<R: Read>(source: &mut Source<R>, nodes: &mut Vec<ListNode>) -> Result<()> {
    let offset = source.offset();
    let packed = ziplist::to_listpack(&source.string("a list")?).ok_or(Error::BadValue { offset, damage: ValueDamage::Ziplist })?;
    push_packed(nodes, packed);
    Ok(())
}

fn push_packed(nodes: &mut Vec<ListNode>, bytes: Vec<u8>) {
    if !Listpack::new(&bytes).is_empty() {
        nodes.push(ListNode::Packed(bytes));
    }
}
