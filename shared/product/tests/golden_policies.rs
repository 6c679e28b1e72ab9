//! Every product of the matrix against its policies in `tests/golden/policies`.
//!
//! `UPDATE_GOLDEN=1` writes them anew; the difference is then read like any other change.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mlp_product::config;
use mlp_product::outcome::OutputKind;
use mlp_product::policy::{self, MAX_SIZE, Policy};
use mlp_product::product::Product;
use mlp_product::suite::Suite;
use mlp_template::error::InternalError;

type Maker = fn(&Product, &Suite) -> Result<Policy, InternalError>;

/// The end of a policy's file name, and what makes it.
const KINDS: [(&str, Maker); 3] = [
    ("iam-policy", policy::operator),
    ("service-role-policy", policy::service_role),
    ("stack-operator-policy", policy::stack_operator),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn products() -> BTreeMap<String, Product> {
    let folders = ["starter", "professional", "enterprise"].map(|tier| format!("configs/examples/{tier}"));
    let mut products = BTreeMap::new();
    for folder in folders.iter().map(String::as_str).chain(["tests/golden/products"]) {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                let config = config::load(&fs::read(&path).unwrap()).unwrap().config;
                products.insert(name, Product::new(&config).unwrap());
            }
        }
    }
    products
}

#[test]
fn every_product_gives_its_golden_policies() {
    let folder = root().join("tests/golden/policies");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    let mut expected = BTreeSet::new();
    for (name, product) in products() {
        for (kind, make) in KINDS {
            for (index, document) in make(&product, &Suite::default()).unwrap().documents().iter().enumerate()
            {
                let part = if index == 0 { String::new() } else { format!("-{}", index + 1) };
                let file = format!("{name}-{kind}{part}.json");
                let text = document.to_json();
                if update {
                    fs::create_dir_all(&folder).unwrap();
                    fs::write(folder.join(&file), &text).unwrap();
                } else if fs::read_to_string(folder.join(&file)).ok().as_deref() != Some(text.as_str()) {
                    wrong.push(file.clone());
                }
                expected.insert(file);
            }
        }
    }
    assert!(wrong.is_empty(), "differ from tests/golden/policies (UPDATE_GOLDEN=1 writes them): {wrong:#?}");
    let there: BTreeSet<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(there, expected, "a golden policy without its product");
}

/// Names stand in full in a policy, so some products need a second document, and the operator's policy a third one.
#[test]
fn every_document_fits_into_a_managed_policy() {
    for (name, product) in products() {
        for (kind, make) in KINDS {
            let documents = make(&product, &Suite::default()).unwrap().documents();
            let sizes: Vec<usize> = documents.iter().map(Policy::size).collect();
            println!("{sizes:?} {kind} {name}");
            assert!(sizes.iter().all(|size| *size <= MAX_SIZE), "{name}: {kind}: {sizes:?}");
            let most = if kind == "iam-policy" { 3 } else { 2 };
            assert!(sizes.len() <= most, "{name}: {kind}: {sizes:?}");
        }
    }
}

/// A document that is no output is never stored, and its rights are missing without a word.
#[test]
fn every_document_is_an_output() {
    let stored: BTreeSet<String> = OutputKind::ALL.iter().map(|kind| kind.path("name", "scenario")).collect();
    for (name, product) in products() {
        for (kind, make) in KINDS {
            for index in 0..make(&product, &Suite::default()).unwrap().documents().len() {
                let part = if index == 0 { String::new() } else { format!("-{}", index + 1) };
                let path = format!("policies/name-scenario-{kind}{part}.json");
                assert!(stored.contains(&path), "{name}: {path} is no output");
            }
        }
    }
}
