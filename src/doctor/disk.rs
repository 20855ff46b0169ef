//! Room on the disks that we write to: the data folder and, with SQLite, the database's.
//!
//! Invariant: nothing is written. The disk of a database server is its own administrator's business and not seen from here.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use crate::app::store_options;
use crate::config::Config;

const MEBIBYTE: u64 = 1 << 20;

/// `least_free` is in bytes.
pub(super) fn look(config: &Config, least_free: u64) -> Vec<Finding> {
    let database = store_options(config).file().ok().flatten().and_then(|file| file.parent().map(Path::to_owned));
    let mut folders = vec![existing(&config.data_dir)];
    if let Some(folder) = database.map(|folder| existing(&folder))
        && !folders.contains(&folder)
    {
        folders.push(folder);
    }
    folders.iter().map(|folder| room(folder, least_free)).collect()
}

/// The folder itself or, where it will only be made, the nearest one above it.
fn existing(folder: &Path) -> PathBuf {
    let here = Path::new(".");
    let found = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(here);
    if found.as_os_str().is_empty() { here.to_owned() } else { found.to_owned() }
}

fn room(folder: &Path, least_free: u64) -> Finding {
    let shown = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let shown = shown.display();
    let free = match rustix::fs::statvfs(folder) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return Finding::skipped(&format!("the disk of {shown}"), &error.to_string()),
    };
    let what = format!("the disk of {shown} has {} MiB free", free / MEBIBYTE);
    if free < least_free {
        let to_do =
            "make room or move the database: on a full disk no webhook can be accepted (retention.* says what is kept)";
        return Finding::problem("disk_nearly_full", what, to_do);
    }
    Finding::ok("disk", what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_yet_stands_on_the_disk_of_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(existing(&folder.path().join("not/yet")), folder.path());
        assert_eq!(existing(Path::new("no-such-folder")), Path::new("."));
        assert_eq!(room(folder.path(), 0).code, "disk");
        assert_eq!(room(folder.path(), u64::MAX).code, "disk_nearly_full");
        assert_eq!(room(&folder.path().join("absent"), 0).code, "skipped");
    }
}
