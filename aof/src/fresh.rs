//! Starting a log from what is in memory: a server that finds a snapshot and no log.
//!
//! The order: leave the mark of a log in the making ([`crate::rewrite`]), write the base and sync it, create the segment behind it, put the
//! manifest in place that names only these two, then remove the mark and what earlier manifests named. A stop before the manifest leaves
//! the old log as it was, or none, and files that the mark tells to be debris; a stop after it leaves the new log.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use crate::block::HeaderLine;
use crate::directory::Place;
use crate::directory::{self, segment_seq};
use crate::error::{Error, Result};
use crate::lock;
use crate::log::{Log, Opened};
use crate::manifest::{Entry, Kind, Manifest};
use crate::options::{Options, Runtime};
use crate::rewrite;
use crate::segment::{Segment, write_all_at};
use crate::storage::{Appender, File, OpenMode, Storage};
use crate::writer::Writer;

const BASE_BUFFER_BYTES: usize = 1 << 20;

/// What the base is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseFormat {
    /// `.base.rdb`
    Rdb,
    /// `.base.aof`: commands.
    Commands,
}

impl BaseFormat {
    /// The name of a base of this kind.
    pub(crate) fn base_name(self, file_name: &str, seq: u64) -> String {
        format!("{file_name}.{seq}.{}", self.suffix())
    }

    fn suffix(self) -> &'static str {
        match self {
            BaseFormat::Rdb => "base.rdb",
            BaseFormat::Commands => "base.aof",
        }
    }
}

impl<S: Storage> Log<S> {
    /// Starts a log at `lsn` whose base `write_base` writes, in place of any log that is there. Blocks until the base is
    /// durable; everything before `lsn` then is.
    ///
    /// # Errors
    /// The directory is another server's, or has segments whose manifest is missing; the base can't be written.
    pub fn create(
        storage: Arc<S>,
        options: Options,
        runtime: Runtime,
        lsn: u64,
        format: BaseFormat,
        write_base: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Self> {
        options.validate()?;
        let Options { dir_name, file_name, policy, block_checksums, limits, .. } = options;
        let place = Arc::new(Place { storage, dir: dir_name, file_name });
        let Place { storage, dir, file_name } = &*place;
        storage.create_dir(dir).map_err(|e| Error::io("create", storage.display(dir), e))?;
        storage.sync_dir("").map_err(|e| Error::io("sync", storage.display(""), e))?;
        let lock = lock::lock(&**storage, dir)?;
        let names = storage.list(dir).map_err(|e| Error::io("list", storage.display(dir), e))?;
        directory::refuse_orphans(&place, &names)?;
        let old: Vec<&String> = names.iter().filter(|name| segment_seq(file_name, name).is_some() || *name == file_name).collect();
        let seq = directory::next_seq(file_name, &rewrite::replaced_log(&place, &names), &names);
        rewrite::mark_creating(&place, seq).map_err(|e| place.error("mark", dir, e))?;

        let base = Entry { name: format.base_name(file_name, seq), seq, kind: Kind::Base };
        let base_bytes = write_whole_base(&place, &base.name, write_base).inspect_err(|_| {
            // It only takes space, and the next start would remove it as well.
            let _ = storage.remove(&place.path(&base.name));
        });
        let base_bytes = base_bytes.map_err(|e| place.error("write", &base.name, e))?;
        let incr = Entry { name: Manifest::incr_name(file_name, seq), seq, kind: Kind::Incr };
        let anchor = HeaderLine::new(lsn, &[]);
        let create = || {
            let segment = Segment::open(&**storage, dir, &incr.name, OpenMode::CreateNew, runtime.threads)?;
            write_all_at(&segment.file, 0, std::iter::once(anchor.as_bytes()))?;
            segment.file.sync_data()?;
            Ok(segment)
        };
        let segment = create().map_err(|e| place.error("create", &incr.name, e))?;
        let manifest = Manifest { base: Some(base), history: Vec::new(), incrs: vec![incr] };
        let manifest_name = Manifest::name(file_name);
        manifest.install(&place).map_err(|e| place.error("write", &manifest_name, e))?;
        for name in old {
            // What stays has lower numbers and is named by no manifest: it only takes space.
            let _ = storage.remove(&place.path(name));
        }
        rewrite::remove_unnamed(&place, &manifest, false);
        let writer = Writer::new(policy, block_checksums, limits, lsn, anchor.as_bytes().len() as u64);
        Log::new(Opened { writer, segment, directory: place.clone(), manifest, earlier_bytes: base_bytes, lock }, runtime)
    }
}

fn write_whole_base<S: Storage>(
    place: &Place<S>,
    name: &str,
    write_base: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<u64> {
    let file = place.storage.open(&place.path(name), OpenMode::CreateNew)?;
    let mut writer = BufWriter::with_capacity(BASE_BUFFER_BYTES, Appender::new(file));
    write_base(&mut writer)?;
    let file = writer.into_inner()?.file;
    file.sync_data()?;
    file.len()
}
