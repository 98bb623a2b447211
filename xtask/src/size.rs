//! `cargo xtask size`: what a page loads, and whether it is small enough.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use brotli::enc::{BrotliCompress, BrotliEncoderParams};
use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;

use crate::toolchain::Web;
use crate::{package, workspace};

/// The most that an entry may weigh with all that it loads, in bytes of brotli.
const CEILINGS: &[(&str, usize)] = &[("trueup", 32_768), ("trueup/react", 1_024)];

/// Measures the release build; fails when an entry is above its ceiling. Those are for what is shipped: a build on rustup's
/// prebuilt std, which weighs more, is only told of.
pub fn size(sources: bool) -> Result<ExitCode> {
    package::build(package::Mode::Release)?;
    let meta = workspace::target().join("pkg-meta");
    println!("\n{:<28}{:>9}{:>9}{:>9}", "bytes", "raw", "gzip", "brotli");
    println!(
        "parts of the entry trueup, each compressed by itself (together they compress a little better):"
    );
    weigh(&package::wasm_dir().join("trueup_bg.wasm"))?.print("wasm", "");
    for part in ["glue", "client", "prompt"] {
        let file = meta.join(format!("parts/{part}.js"));
        if file.exists() {
            weigh(&file)?.print(part, "");
        }
    }
    println!("entries, with all that they load of the package:");
    let entries: Vec<Entry> = serde_json::from_str(&fs::read_to_string(meta.join("entries.json"))?)?;
    let (mut total, mut over) = (None, Vec::new());
    for entry in &entries {
        let name = entry.name();
        let mut weight = Weight::default();
        for file in &entry.files {
            weight = weight.and(weigh(&workspace::package().join(file))?);
        }
        let ceiling = CEILINGS.iter().find(|(of, _)| *of == name).map(|(_, bytes)| *bytes);
        weight.print(&name, &ceiling.map_or(String::new(), |bytes| format!("  of {bytes} at most")));
        if sources {
            entry.print_sources();
        }
        if ceiling.is_some_and(|bytes| weight.brotli > bytes) {
            over.push(name.clone());
        }
        if name == "trueup" {
            total = Some(weight.brotli);
        }
    }
    for name in &over {
        println!("{name} is above its ceiling");
    }
    let total = total.context("there is no entry trueup: pkg-template/src/index.ts is missing")?;
    let web = Web::find()?;
    if web == Web::Rustup && !over.is_empty() {
        println!("built with {}", web.name());
        over.clear();
    }
    println!("total-brotli: {total}");
    Ok(if over.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An entry as `build.mjs` describes it.
#[derive(Deserialize)]
struct Entry {
    name: String,
    files: Vec<String>,
    /// Minified bytes in the bundle by source, without the module's.
    sources: BTreeMap<String, usize>,
}

impl Entry {
    fn name(&self) -> String {
        match self.name.strip_prefix('.') {
            Some(subpath) => format!("trueup{subpath}"),
            None => format!("({})", self.name),
        }
    }

    fn print_sources(&self) {
        let mut sources: Vec<_> = self.sources.iter().filter(|(_, bytes)| **bytes > 0).collect();
        sources.sort_by_key(|(_, bytes)| std::cmp::Reverse(**bytes));
        for (source, bytes) in sources {
            println!("  {source:<35}{bytes} raw");
        }
    }
}

#[derive(Default)]
struct Weight {
    raw: usize,
    gzip: usize,
    brotli: usize,
}

impl Weight {
    fn and(self, other: Weight) -> Weight {
        Weight { raw: self.raw + other.raw, gzip: self.gzip + other.gzip, brotli: self.brotli + other.brotli }
    }

    fn print(&self, name: &str, remark: &str) {
        println!("  {name:<26}{:>9}{:>9}{:>9}{remark}", self.raw, self.gzip, self.brotli);
    }
}

fn weigh(file: &Path) -> Result<Weight> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&bytes)?;
    let mut brotli = Vec::new();
    let best = BrotliEncoderParams { quality: 11, size_hint: bytes.len(), ..Default::default() };
    BrotliCompress(&mut bytes.as_slice(), &mut brotli, &best)?;
    Ok(Weight { raw: bytes.len(), gzip: gzip.finish()?.len(), brotli: brotli.len() })
}
