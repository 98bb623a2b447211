//! Where things lie in this repository.

use std::env;
use std::path::{Path, PathBuf};

/// The repository's root: from cargo when it started us, else from where we were compiled.
pub fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).filter(|dir| dir.ends_with("xtask"));
    let here = here.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    here.parent().map(Path::to_path_buf).unwrap_or(here)
}

/// Everything that we make; cargo's own directory of native builds lies in it too.
pub fn target() -> PathBuf {
    root().join("target")
}

/// The npm package as shipped.
pub fn package() -> PathBuf {
    target().join("pkg")
}

/// The tarball of the npm package.
pub fn tarball() -> PathBuf {
    target().join(format!("trueup-{VERSION}.tgz"))
}

/// The version of the workspace, of the crate and of the npm package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
