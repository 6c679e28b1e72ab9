//! The 20 example configs: every one loads, and its file name says what is in it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mlp_operations::deploy::preflight::Preflight;
use mlp_product::config::{self, Config};
use mlp_product::expand::{self, ParameterPaths};
use mlp_product::names::Names;

fn examples() -> Vec<(PathBuf, Config)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/examples");
    let mut files = Vec::new();
    for tier in std::fs::read_dir(folder).unwrap() {
        files.extend(std::fs::read_dir(tier.unwrap().path()).unwrap().map(|file| file.unwrap().path()));
    }
    files.sort();
    files
        .into_iter()
        .map(|file| match config::load(&std::fs::read(&file).unwrap()) {
            Ok(loaded) if loaded.findings.is_empty() => (file, loaded.config),
            Ok(mlp_product::config::Loaded { findings, .. }) | Err(findings) => {
                panic!("{}: {findings:#?}", file.display())
            }
        })
        .collect()
}

fn stem(file: &Path) -> &str {
    file.file_stem().unwrap().to_str().unwrap()
}

#[test]
fn there_are_twenty_and_each_loads_without_a_finding() {
    let examples = examples();
    assert_eq!(examples.len(), 20);
    assert!(examples.iter().all(|(file, _)| file.extension().unwrap() == "yaml"));
}

/// A warning that no change of the config takes away teaches people to ignore warnings.
#[test]
fn no_example_gives_a_warning() {
    for (file, _) in examples() {
        let config = std::fs::read(&file).unwrap();
        let suite = mlp_product::actions::Suite::default();
        let made = mlp_product::actions::validate_config(&config, &suite).unwrap();
        assert_eq!(made.outcome.findings, [], "{}", file.display());
    }
}

#[test]
fn an_example_lies_in_the_folder_of_its_tier_and_names_the_schema_of_its_tier() {
    for (file, config) in examples() {
        let tier = config.ml_product.tier.as_str();
        assert_eq!(file.parent().unwrap().file_name().unwrap(), tier);
        let text = std::fs::read_to_string(&file).unwrap();
        let (start, schema) = text.lines().next().unwrap().split_once('=').unwrap();
        assert_eq!(start, "# yaml-language-server: $schema");
        assert_eq!(
            file.parent().unwrap().join(schema).canonicalize().unwrap(),
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join(format!("../../schemas/config-{tier}.schema.json"))
                .canonicalize()
                .unwrap()
        );
    }
}

/// The workload's own name stands in names only: a file name has the word `workload` at its end instead.
#[test]
fn a_file_name_is_the_name_without_the_workload_and_the_scenario() {
    for (file, config) in examples() {
        let (ml_name, scenario) = stem(&file).rsplit_once("-ml-").unwrap();
        assert_eq!(scenario, config.scenario());
        let mut plain = config.clone();
        plain.ml_product.workload = None;
        assert_eq!(format!("{ml_name}-ml"), Names::new(&plain).ml_name());
    }
}

#[test]
fn the_examples_are_every_scenario_that_the_file_name_pattern_has() {
    let found: BTreeSet<_> = examples()
        .into_iter()
        .map(|(_, config)| format!("{} {}", config.ml_product.tier.as_str(), config.scenario()))
        .collect();
    let mut expected = BTreeSet::new();
    for source in ["codecommit", "s3"] {
        for tier in ["starter", "professional"] {
            expected.extend([format!("{tier} {source}"), format!("{tier} {source}-workload")]);
        }
        for vpc in [
            "sgprov-direct",
            "sgprov-ssm",
            "standalone-direct",
            "standalone-direct-rtb",
            "standalone-ssm",
            "standalone-ssm-workload",
        ] {
            expected.insert(format!("enterprise {source}-{vpc}"));
        }
    }
    assert_eq!(found, expected);
}

/// The default of the suite's parameter `ParameterPaths`.
fn default_paths() -> ParameterPaths {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/template.yaml");
    let text = std::fs::read_to_string(template).unwrap();
    let parameter = text.split("\n  ParameterPaths:\n").nth(1).unwrap();
    let default = parameter.lines().find_map(|line| line.trim().strip_prefix("Default: ")).unwrap();
    assert!(default.contains("/vpc/*"), "{default}");
    ParameterPaths::parse(default)
}

#[test]
fn every_path_in_parameter_store_is_one_that_a_suite_allows_by_default() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut configs: Vec<PathBuf> = examples().into_iter().map(|(file, _)| file).collect();
    let products = std::fs::read_dir(root.join("tests/golden/products")).unwrap();
    configs.extend(products.map(|file| file.unwrap().path()));
    let (mut paths, allowed) = (0, default_paths());
    for file in configs {
        let config = std::fs::read(&file).unwrap();
        let Some(mut preflight) = Preflight::of(&config, None).unwrap() else { continue };
        paths += preflight.ssm_paths().len();
        assert_eq!(preflight.within(&allowed), [], "{}", file.display());
    }
    assert!(paths > 20, "{paths}");
    let requests = std::fs::read_dir(root.join("events/macro")).unwrap();
    for file in requests
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|it| it == "json"))
    {
        let request = std::fs::read(&file).unwrap();
        let needs = expand::needs(&request);
        assert_eq!(expand::Request::read(&request).within(&allowed).needs(), needs, "{}", file.display());
    }
}
