//! `mlp seed`: the source trees with which the first run of both pipelines succeeds.

use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use mlp_product::outcome::{Outcome, sha256};
use mlp_template::error::InternalError;
use zip::write::SimpleFileOptions;

use crate::show::Shown;
use crate::{DONE, UNUSABLE, files};

#[derive(clap::Args)]
pub(crate) struct Flags {
    /// The folder to write into; it gets `model-build` and `model-deploy`
    #[arg(long, value_name = "DIR", default_value = "seed", value_parser = crate::out_folder)]
    out: PathBuf,
    /// Write `model-build.zip` and `model-deploy.zip`, as the source control `s3` wants them
    #[arg(long)]
    zip: bool,
    /// Replace files that are there
    #[arg(long)]
    force: bool,
}

/// A file of the seed: its path below the output folder, and its text.
type Seed = (&'static str, &'static str);

macro_rules! seeds {
    ($($path:literal),* $(,)?) => {
        [$(($path, include_str!(concat!("../../seeds/", $path)))),*]
    };
}

/// A test compares this list with the folder `seeds`.
const SEEDS: [Seed; 19] = seeds![
    "model-build/.gitignore",
    "model-build/README.md",
    "model-build/buildspec.yml",
    "model-build/code/data.py",
    "model-build/code/evaluate.py",
    "model-build/code/inference.py",
    "model-build/code/model.py",
    "model-build/code/train.py",
    "model-build/pipeline.json",
    "model-build/pipeline.py",
    "model-build/registries.json",
    "model-build/tests/test_code.py",
    "model-build/tests/test_pipeline.py",
    "model-deploy/.gitignore",
    "model-deploy/README.md",
    "model-deploy/buildspec.yml",
    "model-deploy/deploy.py",
    "model-deploy/endpoint.json",
    "model-deploy/tests/test_deploy.py",
];

/// The two source trees, in the order in which their archives are written.
const TREES: [&str; 2] = ["model-build", "model-deploy"];

pub(crate) fn run(flags: &Flags, shown: &Shown) -> Result<u8, InternalError> {
    let made =
        if flags.zip { archives()? } else { SEEDS.map(|(path, text)| (path.to_owned(), text.into())).into() };
    let paths: Vec<PathBuf> = made.iter().map(|(path, _)| flags.out.join(path)).collect();
    if !flags.force {
        let there: Vec<String> = paths
            .iter()
            .filter(|path| path.symlink_metadata().is_ok())
            .map(|it| it.display().to_string())
            .collect();
        if !there.is_empty() {
            shown.error(&format!(
                "these files are there already, and stay as they are: {}\nname another folder with --out, or replace them with --force",
                there.join(", ")
            ));
            return Ok(UNUSABLE);
        }
    }
    let mut outcome = Outcome::of("seed", Vec::new());
    for (path, (_, bytes)) in paths.iter().zip(&made) {
        if let Err(error) = files::whole(path, bytes, flags.force) {
            shown.error(&format!("{} can't be written: {error}", path.display()));
            return Ok(UNUSABLE);
        }
        let name = path.display().to_string();
        outcome.hashes.insert(name.clone(), sha256(bytes));
        outcome.outputs.push(name);
    }
    let status = shown.printed(shown.outcome(&outcome, None), DONE);
    shown.note(&next(flags.zip, &flags.out));
    Ok(status)
}

fn next(zip: bool, out: &Path) -> String {
    let out = out.display();
    if zip {
        format!(
            "\nNext: upload both archives to the config's `s3_bucket` and `s3_prefix`:\n  \
             aws s3 cp {out}/model-build.zip s3://<s3_bucket>/<s3_prefix>/model-build.zip\n  \
             aws s3 cp {out}/model-deploy.zip s3://<s3_bucket>/<s3_prefix>/model-deploy.zip"
        )
    } else {
        format!(
            "\nNext: push each folder to its repository. {out}/model-build/README.md says what a build gets and does."
        )
    }
}

/// One archive for each tree. The same seed gives the same bytes: entries have one order, one date and no compression.
///
/// # Errors
///
/// When an archive can't be written, which is a defect: it is written to memory.
fn archives() -> Result<Vec<(String, Vec<u8>)>, InternalError> {
    let defect = |error: zip::result::ZipError| InternalError::new(format!("the seed's archive: {error}"));
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    TREES
        .iter()
        .map(|tree| {
            let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
            for (path, text) in &SEEDS {
                if let Some(path) = path.strip_prefix(tree).and_then(|path| path.strip_prefix('/')) {
                    archive.start_file(path, options).map_err(defect)?;
                    archive.write_all(text.as_bytes()).map_err(|error| defect(error.into()))?;
                }
            }
            Ok((format!("{tree}.zip"), archive.finish().map_err(defect)?.into_inner()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;

    fn below(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if path.file_name().is_some_and(|name| name != "__pycache__") {
                    below(&path, root, found);
                }
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }

    #[test]
    fn the_program_holds_every_file_of_the_folder() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds");
        let mut found = BTreeMap::new();
        for tree in TREES {
            below(&root.join(tree), &root, &mut found);
        }
        let held: BTreeMap<String, String> =
            SEEDS.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        assert_eq!(held.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
        assert_eq!(held, found);
        assert!(SEEDS.is_sorted(), "archives have one order");
    }

    #[test]
    fn an_archive_is_the_same_every_time_and_holds_its_tree_without_the_folder() {
        let [first, second] = [archives().unwrap(), archives().unwrap()];
        assert_eq!(first, second);
        let names: Vec<&str> = first.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["model-build.zip", "model-deploy.zip"]);
        for (_, bytes) in first {
            let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
            let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
            assert!(names.iter().any(|name| name == "buildspec.yml"), "{names:?}");
            assert_eq!(archive.by_index(0).unwrap().last_modified(), Some(zip::DateTime::default()));
        }
    }
}
