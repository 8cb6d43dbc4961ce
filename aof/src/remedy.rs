//! What to do about damage, in words. The remedy must fit the damage: cutting is right for what a crash leaves at the end, and
//! wrong where good commands follow, as after an edit by hand, which makes checksums and positions false from there on.

/// Nothing follows the damage, in the last file.
pub fn of_a_tail(bytes: u64, manifest: &str) -> String {
    format!(
        "If this is what a loss of power left, set 'aof-load-corrupt-tail-max-size' to at least {bytes} to cut the damaged tail, or make a backup of your AOF file, then use graven check-aof --fix {manifest}. If you edited the last block by hand, undo that or delete its '#BLK' line"
    )
}

/// Good commands follow the damage, in the last file. A process that ends leaves no such thing, but a loss of power may: of
/// the blocks that were not fsynced yet a disk may have kept the later ones.
pub fn before_a_whole_block(at: u64, bytes: u64, manifest: &str) -> String {
    format!(
        "A whole block stands at offset {at}, so this is not what a crash of the server leaves. If power was lost, blocks that were not fsynced may have reached the disk out of order: then set 'aof-load-corrupt-tail-max-size' to at least {bytes} to cut off the last {bytes} bytes. {AFTER_AN_EDIT}. If neither happened, restore the files from a backup. Only to give up good commands: make a backup of your AOF file, then use graven check-aof --fix {manifest}, which cuts off the same bytes"
    )
}

/// It is not the last file, so good commands follow in any case.
pub fn of_an_earlier_file(manifest: &str) -> String {
    format!(
        "Later files follow, so this is not what a crash leaves. {AFTER_AN_EDIT}. If nobody edited it, restore the files from a backup. Only to give up everything later: make a backup of the directory, delete the lines of all later files from {manifest}, then use graven check-aof --fix {manifest}"
    )
}

/// The same, where a cut has been or might be asked for.
pub fn instead_of_a_cut(at: u64) -> String {
    format!("A whole block stands at offset {at}, so this is not what a crash leaves, and a cut loses good commands. {AFTER_AN_EDIT}.")
}

const AFTER_AN_EDIT: &str =
    "If you edited the log by hand, undo that, or delete the '#BLK' lines of the edited block and of all later blocks, also in later files";
