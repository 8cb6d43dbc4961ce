//! What a disk does wrong while a server works.

use crate::world::World;
use graven_aof::sim::{EINTR, EIO, ENOSPC, Fault, Op};

/// "Disk quota exceeded".
const EDQUOT: i32 = 122;

impl World<'_> {
    /// Something that may go wrong soon.
    pub(crate) fn break_something(&mut self) {
        self.is_healthy = false;
        self.totals.faults += 1;
        let dice = &mut self.dice;
        let nth = 1 + dice.below(4) as u64;
        let errno = [EIO, ENOSPC, EDQUOT][dice.below(3)];
        let (op, fault) = match dice.below(12) {
            0..3 => (Op::Sync, Fault::Errno(EIO)),
            3 => (Op::Write, Fault::Errno(errno)),
            4 => (Op::Write, Fault::Errno(EINTR)),
            5 => (Op::Write, Fault::Short(dice.below(200))),
            6 => (Op::Write, Fault::ShortThen(dice.below(200), errno)),
            7 => {
                self.disk.plant(Op::SetLen, 1, Fault::Errno(EIO));
                (Op::Write, Fault::ShortThen(dice.below(200), errno))
            }
            8 => (Op::Create, Fault::Errno(errno)),
            9 => ([Op::Rename, Op::SyncDir, Op::Remove][dice.below(3)], Fault::Errno(EIO)),
            10 => {
                let op = [Op::Write, Op::Sync, Op::Create, Op::Rename][dice.below(4)];
                self.disk.fail_all(op, errno);
                self.note(|| format!("disk: error {errno} at every {op:?} from now on"));
                return;
            }
            _ => {
                let room = dice.below(4_000) as u64;
                self.disk.set_capacity(Some(self.disk.used() + room));
                self.note(|| format!("the disk has {room} bytes left"));
                return;
            }
        };
        self.disk.plant(op, nth, fault);
        self.note(|| format!("disk: {fault:?} at {op:?} number {nth} from now"));
    }

    /// Something that may go wrong while a server starts.
    pub(crate) fn break_start(&mut self) {
        self.totals.faults += 1;
        let dice = &mut self.dice;
        let op = [Op::Open, Op::Read, Op::Sync, Op::SyncDir, Op::Create, Op::Rename, Op::SetLen, Op::Write, Op::Remove][dice.below(9)];
        let nth = 1 + dice.below(4) as u64;
        let errno = [EIO, ENOSPC, EINTR][dice.below(3)];
        self.disk.plant(op, nth, Fault::Errno(errno));
        self.note(|| format!("disk: error {errno} at {op:?} number {nth} of the start"));
    }
}
