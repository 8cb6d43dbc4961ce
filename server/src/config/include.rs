//! `include`: the files that a pattern names.

use std::path::{Path, PathBuf};

use graven_engine::glob;

/// The files that match, in order of their names. A pattern without wildcards names one file, which must exist later; a
/// pattern with wildcards may match nothing.
pub(super) fn matching(dir: &Path, pattern: &str, files_max: usize) -> Result<Vec<PathBuf>, String> {
    let path = dir.join(pattern);
    if !has_wildcard(pattern) {
        return Ok(vec![path]);
    }
    let mut found = vec![PathBuf::new()];
    for component in path.components() {
        let part = component.as_os_str().to_string_lossy();
        if !has_wildcard(&part) {
            found.iter_mut().for_each(|path| path.push(component));
            continue;
        }
        let mut deeper = Vec::new();
        for parent in &found {
            let Ok(entries) = std::fs::read_dir(parent) else { continue };
            let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
            let visible = names.filter(|name| !name.starts_with('.') || part.starts_with('.'));
            deeper.extend(visible.filter(|name| glob::matches(part.as_bytes(), name.as_bytes(), false)).map(|name| parent.join(name)));
            if deeper.len() > files_max {
                return Err(format!("the pattern names more than {files_max} files"));
            }
        }
        found = deeper;
    }
    found.retain(|path| path.exists());
    found.sort();
    Ok(found)
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '['])
}
