//! What the tests need beside the Rust toolchain: a real Redis (the oracle), its tools, a C compiler for the faulty
//! disk, and what mounts the disk that loses power.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};

use crate::step;

/// Programs, and the Debian packages that have them.
const NEEDED: &[(&str, &str)] = &[
    ("redis-server", "redis-server"),
    ("redis-cli", "redis-tools"),
    ("redis-benchmark", "redis-tools"),
    ("redis-check-aof", "redis-tools"),
    ("cc", "gcc"),
    ("fusermount3", "fuse3"),
];

/// Installs the packages of missing programs; needs to be root only if something is missing.
pub fn run() -> Result<()> {
    let mut packages: Vec<&str> = NEEDED.iter().filter(|(program, _)| find(program).is_none()).map(|(_, package)| *package).collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    let wanted = packages.join(" ");
    if find("apt-get").is_none() {
        bail!("missing: {wanted} (Debian's names). This is no Debian system: install them with its own package manager");
    }
    let installed = step::program("apt-get", &["update", "-qq"]).and_then(|()| {
        let mut args = vec!["install", "-y", "-qq", "--no-install-recommends"];
        args.extend(&packages);
        step::program("apt-get", &args)
    });
    if let Err(error) = installed {
        bail!("missing: {wanted}, and installing failed ({error:#}). As root: apt-get install {wanted}");
    }
    for (program, package) in NEEDED {
        ensure!(find(program).is_some(), "{program} is still missing after installing {package}");
    }
    Ok(())
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}
