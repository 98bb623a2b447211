//! Stamps: a step whose inputs have the same content as last time is not run again.
//!
//! Content, not time: a checkout, a rebase or a copied `target/` touches files without changing them.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The content of a step's inputs, summed up.
pub struct Stamp(DefaultHasher);

impl Stamp {
    /// A stamp of what is not in a file: the recipe (flags, versions of tools).
    pub fn of(recipe: &str) -> Stamp {
        let mut hasher = DefaultHasher::new();
        part(&mut hasher, recipe.as_bytes());
        Stamp(hasher)
    }

    /// Adds a file, or a directory with all that is in it, by name and content. What is absent counts as absent.
    pub fn add(mut self, path: &Path) -> Result<Stamp> {
        let mut files = BTreeSet::new();
        walk(path, &mut files)?;
        for file in files {
            part(&mut self.0, file.to_string_lossy().as_bytes());
            part(&mut self.0, &fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
        }
        part(&mut self.0, &[]);
        Ok(self)
    }

    fn digest(&self) -> String {
        format!("{:016x}", self.0.finish())
    }

    /// Whether `file` holds this stamp: the step ran on these inputs.
    pub fn is_at(&self, file: &Path) -> bool {
        fs::read_to_string(file).is_ok_and(|kept| kept == self.digest())
    }

    /// Keeps this stamp in `file`, once the step has succeeded.
    pub fn keep_at(&self, file: &Path) -> Result<()> {
        fs::write(file, self.digest()).with_context(|| format!("cannot write {}", file.display()))
    }
}

/// Length first, so that two parts never read as one.
fn part(hasher: &mut DefaultHasher, bytes: &[u8]) {
    hasher.write_usize(bytes.len());
    hasher.write(bytes);
}

fn walk(path: &Path, files: &mut BTreeSet<PathBuf>) -> Result<()> {
    if path.is_file() {
        files.insert(path.to_path_buf());
    } else if path.is_dir() {
        for entry in fs::read_dir(path).with_context(|| format!("cannot list {}", path.display()))? {
            let entry = entry?;
            if entry.file_name() != "node_modules" {
                walk(&entry.path(), files)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(dir: &Path) -> String {
        Stamp::of("recipe").add(dir).expect("readable").digest()
    }

    #[test]
    fn a_stamp_follows_content_and_names_and_nothing_else() {
        let dir = std::env::temp_dir().join(format!("trueup-stamp-{}", std::process::id()));
        fs::create_dir_all(dir.join("a")).expect("temporary directory");
        fs::write(dir.join("a/one"), "1").expect("written");
        let first = digest(&dir);
        fs::write(dir.join("a/one"), "1").expect("written");
        assert_eq!(first, digest(&dir), "the same content, written again");
        fs::write(dir.join("a/one"), "2").expect("written");
        let second = digest(&dir);
        assert_ne!(first, second, "other content");
        fs::rename(dir.join("a/one"), dir.join("a/two")).expect("renamed");
        assert_ne!(second, digest(&dir), "another name");
        assert_ne!(Stamp::of("a").digest(), Stamp::of("b").digest(), "another recipe");
        fs::remove_dir_all(&dir).expect("removed");
    }
}
