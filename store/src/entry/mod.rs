//! A key, its deadline and its value in one allocation behind one pointer.
//!
//! ```text
//! u32       u8 or u32  u8 or u32      u64, if any    bytes  bytes
//! header    key length payload length deadline (ms)  key    payload
//! └ bits 0..24 access (LRU clock or LFU counter), 24..28 kind, 28..32 flags
//! ```
//!
//! The payload is the string itself, or the compact bytes of a small collection ([`Packed`]), or eight bytes: an integer, or a
//! pointer to a [`Large`] value. Numbers
//! are unaligned, in the machine's byte order. The allocation is as long as its size class, which follows from the
//! lengths, so its layout can always be recomputed and a value can change in place as long as the class stays.
//!
//! The upper 16 bits of the pointer word carry the entry's *position*: the hash bits that choose its home bucket, so
//! that a table can grow and a lookup can reject most wrong candidates without touching the entry itself. Its lowest bit is for
//! captures (`capture/`).
//!
//! # Why this is sound
//!
//! * [`Entry::allocate`] writes header, lengths, deadline and key before anyone can see the entry, and every
//!   constructor fills the payload before it returns; so all content bytes are initialised.
//! * Kind, flags and lengths change only through `&mut`, together with the layout they describe.
//! * Through `&` only the header's access bits change, atomically.
//! * A pointer from the allocator has its upper 16 bits and its lowest clear (checked), and is masked before each use.

mod shape;
mod string;

pub(crate) use shape::size_class;

use crate::large::Large;
use crate::prefetch::prefetch;
use crate::value::{Encoding, ObjectType, Packed, StringRef};
use shape::{HAS_DEADLINE, HEADER_BYTES, KIND_SHIFT, Kind, RAW, Shape, WIDE_KEY, WIDE_PAYLOAD, read_len, write_len};
use std::alloc::{alloc, dealloc, handle_alloc_error};
use std::num::NonZero;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The longest string, or run of compact bytes, that is stored beside its key, in bytes.
pub const EMBEDDED_MAX_BYTES: usize = 1024;

const ACCESS_MASK: u32 = 0x00ff_ffff;
const POSITION_SHIFT: u32 = 48;
/// The lowest bit of the pointer's word, which alignment leaves free: see [`Entry::is_seen`].
const SEEN: usize = 1;
const ADDRESS_MASK: usize = (1 << POSITION_SHIFT) - 1 - SEEN;

/// A key with its value and, possibly, a deadline.
#[repr(transparent)]
pub struct Entry(NonNull<u8>);

// SAFETY: an entry owns its allocation, and what a Large holds (vectors, tables of entries) is Send.
unsafe impl Send for Entry {}
// SAFETY: through a shared reference only the header changes, atomically; a Large's content is Sync.
unsafe impl Sync for Entry {}

impl Entry {
    /// A small collection, of which `bytes` are the compact form that `packed` says.
    pub fn new_packed(key: &[u8], packed: Packed, bytes: &[u8], deadline: Option<u64>, access: u32) -> Entry {
        if bytes.len() > EMBEDDED_MAX_BYTES {
            return Self::new_large(key, Large::Packed(packed, bytes.to_vec()), deadline, access);
        }
        let mut entry = Self::allocate(Kind::Packed(packed), false, key, deadline, access, bytes.len());
        entry.write_payload(0, bytes);
        entry
    }

    /// A large value.
    pub(crate) fn new_large(key: &[u8], large: Large, deadline: Option<u64>, access: u32) -> Entry {
        Self::new_boxed(key, Box::new(large), false, deadline, access)
    }

    fn new_boxed(key: &[u8], large: Box<Large>, raw: bool, deadline: Option<u64>, access: u32) -> Entry {
        let entry = Self::allocate(Kind::Large, raw, key, deadline, access, size_of::<*mut Large>());
        let pointer = Box::into_raw(large);
        // SAFETY: the payload of a new Large entry is 8 allocated bytes that nobody else sees; the pointer comes from a
        // Box that this entry owns from now on.
        unsafe { entry.payload_start().cast::<*mut Large>().write_unaligned(pointer) };
        entry
    }

    /// A new allocation with everything written except the payload, which the caller must fill.
    fn allocate(kind: Kind, raw: bool, key: &[u8], deadline: Option<u64>, access: u32, payload_len: usize) -> Entry {
        let shape = Shape::new(kind, raw, key.len(), payload_len, deadline.is_some());
        let layout = shape.layout();
        // SAFETY: the layout's size is at least 16.
        let start = unsafe { alloc(layout) };
        let Some(pointer) = NonNull::new(start) else { handle_alloc_error(layout) };
        assert!(start.addr() & !ADDRESS_MASK == 0, "the allocator returned an address above 2^48");
        let header = shape.header;
        // SAFETY: all writes are inside the new allocation, as Shape places them; the allocation is aligned to 8,
        // so the header is too, and everything else is written unaligned.
        unsafe {
            start.cast::<u32>().write(header | access & ACCESS_MASK);
            write_len(start.add(HEADER_BYTES), key.len(), header & WIDE_KEY != 0);
            write_len(start.add(Shape::payload_len_at(header)), payload_len, header & WIDE_PAYLOAD != 0);
            if let Some(deadline) = deadline {
                start.add(Shape::deadline_at(header)).cast::<u64>().write_unaligned(deadline);
            }
            start.add(Shape::key_at(header)).copy_from_nonoverlapping(key.as_ptr(), key.len());
        }
        Entry(pointer)
    }

    #[inline(always)]
    fn start(&self) -> *mut u8 {
        self.0.as_ptr().map_addr(|address| address & ADDRESS_MASK)
    }

    #[inline(always)]
    fn header(&self) -> &AtomicU32 {
        // SAFETY: the allocation begins with an aligned u32 that lives as long as the entry, and is accessed through
        // the atomic only, except under `&mut` or before the entry is visible.
        unsafe { AtomicU32::from_ptr(self.start().cast()) }
    }

    #[inline(always)]
    fn flags(&self) -> u32 {
        self.header().load(Relaxed)
    }

    #[inline(always)]
    fn kind(&self) -> Kind {
        Kind::of_code(self.flags() >> KIND_SHIFT & 0xf)
    }

    #[inline(always)]
    fn shape(&self) -> Shape {
        let header = self.flags();
        let start = self.start();
        // SAFETY: both lengths are where the header's flags say, written by allocate or write_payload_len.
        unsafe {
            let key_len = read_len(start.add(HEADER_BYTES), header & WIDE_KEY != 0);
            let payload_len = read_len(start.add(Shape::payload_len_at(header)), header & WIDE_PAYLOAD != 0);
            Shape { header, key_len, payload_len }
        }
    }

    #[inline(always)]
    fn payload_start(&self) -> *mut u8 {
        // SAFETY: the payload begins inside the allocation, or at its end if it is empty.
        unsafe { self.start().add(self.shape().payload_at()) }
    }

    #[inline(always)]
    fn payload(&self) -> &[u8] {
        let shape = self.shape();
        // SAFETY: payload_len bytes from payload_at on are inside the allocation and initialised.
        unsafe { std::slice::from_raw_parts(self.start().add(shape.payload_at()), shape.payload_len) }
    }

    /// The payload of a finished entry, to be overwritten in place.
    #[inline]
    fn payload_mut(&mut self) -> &mut [u8] {
        let shape = self.shape();
        // SAFETY: as in `payload`, and the entry is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start().add(shape.payload_at()), shape.payload_len) }
    }

    /// Writes `bytes` into the payload from `offset` on.
    fn write_payload(&mut self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.shape().payload_len, "the bytes fit the payload");
        // SAFETY: the range is inside the payload (checked above), and `bytes` cannot overlap memory that is borrowed
        // mutably here.
        unsafe { self.payload_start().add(offset).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    /// The large value, if it is one.
    #[inline]
    pub(crate) fn large(&self) -> Option<&Large> {
        if self.kind() != Kind::Large {
            return None;
        }
        // SAFETY: the payload of a Large entry is a pointer to a Box that the entry owns and nobody changes
        // while the entry is borrowed.
        Some(unsafe { &*self.payload_start().cast::<*mut Large>().read_unaligned() })
    }

    /// The large value, if it is one, to be changed.
    #[inline]
    pub(crate) fn large_mut(&mut self) -> Option<&mut Large> {
        if self.kind() != Kind::Large {
            return None;
        }
        // SAFETY: as in `large`, and the entry is borrowed mutably.
        Some(unsafe { &mut *self.payload_start().cast::<*mut Large>().read_unaligned() })
    }

    /// Takes the large value out and leaves an entry of eight meaningless bytes, to be replaced or dropped.
    fn take_large(&mut self) -> Option<Box<Large>> {
        if self.kind() != Kind::Large {
            return None;
        }
        let header = self.flags();
        self.header().store(header & !(0xf << KIND_SHIFT) | Kind::Bytes.code() << KIND_SHIFT, Relaxed);
        // SAFETY: the payload was a pointer from Box::into_raw that only this entry owned; it is bytes from now on, so that
        // nobody takes or drops it again.
        Some(unsafe { Box::from_raw(self.payload_start().cast::<*mut Large>().read_unaligned()) })
    }

    /// Makes a large value of the entry, whatever it was.
    pub(crate) fn set_large(&mut self, large: Large) {
        match self.large_mut() {
            Some(old) => *old = large,
            None => self.become_entry(Self::new_large(self.key(), large, self.deadline(), self.access())),
        }
    }

    /// What kind of compact bytes the value is, and the bytes, if it is a small collection.
    #[inline]
    pub fn packed(&self) -> Option<(Packed, &[u8])> {
        match self.kind() {
            Kind::Packed(packed) => Some((packed, self.payload())),
            Kind::Large => match self.large() {
                Some(Large::Packed(packed, bytes)) => Some((*packed, bytes)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The compact bytes of a small collection, to be changed without changing their number.
    #[inline]
    pub(crate) fn packed_mut(&mut self) -> Option<&mut [u8]> {
        match self.kind() {
            Kind::Packed(_) => Some(self.payload_mut()),
            Kind::Large => match self.large_mut() {
                Some(Large::Packed(_, bytes)) => Some(bytes),
                _ => None,
            },
            _ => None,
        }
    }

    /// Makes a small collection of the entry, whatever it was.
    pub(crate) fn set_packed(&mut self, packed: Packed, bytes: &[u8]) {
        if bytes.len() <= EMBEDDED_MAX_BYTES && self.reshape(Kind::Packed(packed), false, bytes.len()) {
            self.write_payload(0, bytes);
            return;
        }
        self.become_entry(Self::new_packed(self.key(), packed, bytes, self.deadline(), self.access()));
    }

    /// Turns the entry into one of the given kind and payload length if the allocation and all offsets stay as they are;
    /// the caller must fill what is
    /// new in the payload. A Large is never reshaped.
    fn reshape(&mut self, kind: Kind, raw: bool, payload_len: usize) -> bool {
        let old = self.shape();
        let new = Shape::new(kind, raw, old.key_len, payload_len, old.header & HAS_DEADLINE != 0);
        if self.kind() == Kind::Large || (old.header ^ new.header) & WIDE_PAYLOAD != 0 || old.layout() != new.layout() {
            return false;
        }
        self.header().store(new.header | old.header & ACCESS_MASK, Relaxed);
        // SAFETY: the payload length is where the (unchanged) WIDE_KEY flag says, and as wide as the (unchanged)
        // WIDE_PAYLOAD flag says; the new payload lies inside the allocation, whose size class is the same.
        unsafe {
            let start = self.start();
            write_len(start.add(Shape::payload_len_at(new.header)), payload_len, new.header & WIDE_PAYLOAD != 0);
        }
        true
    }

    /// Replaces the entry by `new`, keeping what the table has noted in the pointer.
    fn become_entry(&mut self, mut new: Entry) {
        new.set_position(self.position());
        new.set_seen(self.is_seen());
        *self = new;
    }

    /// The hash bits that the table stored with the pointer.
    #[inline(always)]
    pub(crate) fn position(&self) -> u16 {
        (self.0.addr().get() >> POSITION_SHIFT) as u16
    }

    #[inline(always)]
    pub(crate) fn set_position(&mut self, position: u16) {
        self.0 = self.0.map_addr(|address| {
            let address = address.get() & (ADDRESS_MASK | SEEN) | usize::from(position) << POSITION_SHIFT;
            NonZero::new(address).expect("the address bits are not all zero")
        });
    }

    /// A bit that the table's capture gives a meaning; clear in a new entry.
    #[inline(always)]
    pub(crate) fn is_seen(&self) -> bool {
        self.0.addr().get() & SEEN != 0
    }

    #[inline(always)]
    pub(crate) fn set_seen(&mut self, seen: bool) {
        self.0 = self.0.map_addr(|address| {
            let address = address.get() & !SEEN | usize::from(seen);
            NonZero::new(address).expect("the address bits are not all zero")
        });
    }

    /// Asks for the first two cache lines of the entry.
    #[inline(always)]
    pub(crate) fn prefetch(&self) {
        let start = self.start();
        prefetch(start);
        prefetch(start.wrapping_add(64));
    }

    /// The key.
    #[inline(always)]
    pub fn key(&self) -> &[u8] {
        let header = self.flags();
        let start = self.start();
        // SAFETY: the key's length and bytes are where the header's flags say, inside the allocation and initialised.
        unsafe {
            let len = read_len(start.add(HEADER_BYTES), header & WIDE_KEY != 0);
            std::slice::from_raw_parts(start.add(Shape::key_at(header)), len)
        }
    }

    /// When the key expires, in milliseconds since the Unix epoch.
    #[inline]
    pub fn deadline(&self) -> Option<u64> {
        let header = self.flags();
        if header & HAS_DEADLINE == 0 {
            return None;
        }
        // SAFETY: with this flag, an initialised u64 is at that place.
        Some(unsafe { self.start().add(Shape::deadline_at(header)).cast::<u64>().read_unaligned() })
    }

    /// Whether the deadline lies before `now_ms`, as Redis judges it: at the deadline itself a key still lives.
    #[inline]
    pub fn is_expired(&self, now_ms: u64) -> bool {
        self.deadline().is_some_and(|deadline| deadline < now_ms)
    }

    /// The first moment at which the key or one of its fields may be due.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        let fields = self.field_deadline();
        self.deadline().map_or(fields, |own| Some(fields.map_or(own, |first| first.min(own))))
    }

    /// The data type of the value.
    #[inline]
    pub fn object_type(&self) -> ObjectType {
        match self.kind() {
            Kind::Bytes | Kind::Int => ObjectType::String,
            Kind::Packed(packed) => packed.object_type(),
            Kind::Large => self.large().expect("the kind is Large").object_type(),
        }
    }

    /// How the value is stored, in Redis's words.
    pub fn encoding(&self) -> Encoding {
        match self.kind() {
            Kind::Int => return Encoding::Int,
            Kind::Packed(packed) => return packed.encoding(),
            Kind::Large => return self.large().expect("the kind is Large").encoding(),
            Kind::Bytes => {}
        }
        let len = self.string().map_or(0, StringRef::len);
        if self.flags() & RAW != 0 || len > Encoding::EMBSTR_MAX_BYTES { Encoding::Raw } else { Encoding::Embstr }
    }

    /// The 24 bits of the LRU clock or LFU counter.
    #[inline]
    pub fn access(&self) -> u32 {
        self.flags() & ACCESS_MASK
    }

    /// Sets the 24 bits of the LRU clock or LFU counter. Entries are read by many, but changed by one thread.
    #[inline]
    pub fn set_access(&self, access: u32) {
        let header = self.header();
        header.store(header.load(Relaxed) & !ACCESS_MASK | access & ACCESS_MASK, Relaxed);
    }

    /// Bytes this entry holds, including what the allocator rounds up.
    pub fn memory_usage(&self) -> usize {
        self.own_bytes() + self.large().map_or(0, Large::memory_usage)
    }

    /// How much work dropping the entry is: the number of allocations.
    pub fn cost(&self) -> usize {
        1 + self.large().map_or(0, Large::cost)
    }

    /// The same value, deadline and access bits under another key; a large value moves and is not copied.
    pub fn rename(mut self, new_key: &[u8]) -> Entry {
        let (deadline, access, raw) = (self.deadline(), self.access(), self.flags() & RAW != 0);
        match self.take_large() {
            Some(large) => Self::new_boxed(new_key, large, raw, deadline, access),
            None => self.clone_as(new_key),
        }
    }

    /// A copy of value, deadline and access bits under another key.
    pub fn clone_as(&self, new_key: &[u8]) -> Entry {
        self.rebuilt(new_key, self.deadline())
    }

    /// The same key, deadline and access bits with another large value.
    pub(crate) fn with_large(&self, large: Large) -> Entry {
        Self::new_boxed(self.key(), Box::new(large), self.flags() & RAW != 0, self.deadline(), self.access())
    }

    /// Bytes of the allocation itself, without those of a large value.
    #[inline]
    pub(crate) fn own_bytes(&self) -> usize {
        self.shape().layout().size()
    }

    fn rebuilt(&self, key: &[u8], deadline: Option<u64>) -> Entry {
        let raw = self.flags() & RAW != 0;
        match self.large() {
            Some(large) => Self::new_boxed(key, Box::new(large.clone()), raw, deadline, self.access()),
            None => {
                let payload = self.payload();
                let mut entry = Self::allocate(self.kind(), raw, key, deadline, self.access(), payload.len());
                entry.write_payload(0, payload);
                entry
            }
        }
    }

    /// Sets, changes or removes the deadline; adding or removing one reallocates.
    pub(crate) fn set_deadline(&mut self, deadline: Option<u64>) {
        let header = self.flags();
        match deadline {
            Some(deadline) if header & HAS_DEADLINE != 0 => {
                // SAFETY: with this flag, a u64 is at that place, and the entry is borrowed mutably.
                unsafe {
                    self.start().add(Shape::deadline_at(header)).cast::<u64>().write_unaligned(deadline);
                }
            }
            None if header & HAS_DEADLINE == 0 => {}
            _ => {
                let (access, raw) = (self.access(), header & RAW != 0);
                let new = match self.take_large() {
                    Some(large) => Self::new_boxed(self.key(), large, raw, deadline, access),
                    None => self.rebuilt(self.key(), deadline),
                };
                self.become_entry(new);
            }
        }
    }
}

impl Clone for Entry {
    fn clone(&self) -> Entry {
        let mut copy = self.clone_as(self.key());
        copy.set_position(self.position());
        copy
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let layout = self.shape().layout();
        drop(self.take_large());
        // SAFETY: the allocation was made with this layout: it follows from header and lengths, and those change only
        // when the layout stays the same (reshape).
        unsafe { dealloc(self.start(), layout) };
    }
}
