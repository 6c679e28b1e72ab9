//! The promise that nothing of a product is replaced by an update of ours: logical ids and physical names never change.
//!
//! `tests/golden/identities.txt` holds, for every golden product, each logical id with its type and its physical name.
//! Lines may be added. To change or remove one, CHANGELOG.md must tell users what to do, under "Upgrade notes" of the
//! unreleased version, with the old line's logical id and name in backticks; then the line is edited by hand.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mlp_product::names;
use mlp_template::check;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `product | logical id | type | physical name`, in alphabetical order.
fn identities() -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for file in fs::read_dir(root().join("tests/golden/templates")).unwrap() {
        let path = file.unwrap().path();
        let product = path.file_stem().unwrap().to_string_lossy().into_owned();
        let template = check::text(&fs::read(&path).unwrap()).1.unwrap();
        for (id, resource) in &template.resources {
            let property = names::rule(&resource.kind).map_or("Name", |rule| rule.property);
            let name = resource.properties.get(property).and_then(|name| name.as_str()).unwrap_or("-");
            lines.insert(format!("{product} | {id} | {} | {name}", resource.kind));
        }
        for (leaf, output) in &template.outputs {
            assert!(output.export.is_none());
            lines.insert(format!("{product} | output {leaf} | - | -"));
        }
    }
    lines
}

/// What the changelog says about the version that isn't released yet, under "Upgrade notes".
fn upgrade_notes(changelog: &str) -> String {
    let unreleased = changelog.split("\n## ").find(|part| part.starts_with("Unreleased")).unwrap_or_default();
    let notes = unreleased.split("\n### ").find(|part| part.starts_with("Upgrade notes")).unwrap_or_default();
    notes.to_owned()
}

/// Whether the notes name what a line was about.
fn is_told(line: &str, notes: &str) -> bool {
    let mut parts = line.split(" | ").skip(1);
    let (id, name) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    notes.contains(&format!("`{id}`")) && (name == "-" || notes.contains(&format!("`{name}`")))
}

#[test]
fn no_logical_id_and_no_physical_name_changes_without_an_upgrade_note() {
    let path = root().join("tests/golden/identities.txt");
    let promised: BTreeSet<String> = fs::read_to_string(&path).unwrap().lines().map(str::to_owned).collect();
    let found = identities();
    let notes = upgrade_notes(&fs::read_to_string(root().join("CHANGELOG.md")).unwrap());
    let broken: Vec<&String> = promised.difference(&found).filter(|line| !is_told(line, &notes)).collect();
    assert!(
        broken.is_empty(),
        "these are promised for ever; an update of existing stacks would replace or orphan them. If it must be, write \
         under \"### Upgrade notes\" in CHANGELOG.md what users have to do, naming logical id and old name: {broken:#?}"
    );
    let new: Vec<&String> = found.difference(&promised).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        // What is promised stays, unless the changelog has told of it.
        let kept = promised.iter().filter(|line| found.contains(*line) || !is_told(line, &notes));
        let lines: BTreeSet<&String> = kept.chain(found.iter()).collect();
        let text: Vec<&str> = lines.into_iter().map(String::as_str).collect();
        fs::write(path, text.join("\n") + "\n").unwrap();
    } else {
        assert!(new.is_empty(), "new; UPDATE_GOLDEN=1 promises them from now on: {new:#?}");
    }
}

#[test]
fn a_test_has_no_name_route_or_private_name_of_the_product_that_it_tests() {
    let mut configs = Vec::new();
    for folder in [
        "configs/examples/starter",
        "configs/examples/professional",
        "configs/examples/enterprise",
        "tests/golden/products",
    ] {
        configs.extend(fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().path()));
    }
    assert!(configs.len() > 25);
    let names_of = |product: &mlp_product::product::Product| -> BTreeSet<String> {
        let named =
            product.resources.iter().filter_map(|(id, spec)| Some((spec, product.physical_name(id).ok()?)));
        // Names of one kind alone can collide.
        let of_resources = named.map(|(spec, name)| format!("{} {name}", spec.kind));
        of_resources.chain([product.names.stack()]).collect()
    };
    let mut deployed = 0;
    for path in configs.into_iter().filter(|path| path.extension().is_some_and(|it| it == "yaml")) {
        let config = fs::read(&path).unwrap();
        let made = |test: Option<&str>| {
            let suite = mlp_product::actions::Suite::default();
            let rules = mlp_template::security::Rules::none();
            let (outcome, made) =
                mlp_product::actions::deployable("test-deploy", &config, &suite, &rules, test).unwrap();
            // Nothing is deployed into a region that lacks a type.
            let is_refused =
                outcome.findings.iter().any(|it| it.code == mlp_template::codes::TYPE_NOT_IN_REGION);
            assert!(made.is_some() != is_refused, "{}: {outcome:?}", path.display());
            made
        };
        let made = (made(None), made(Some("t0123456")), made(Some("t6543210")));
        let (Some(real), Some(test), Some(other)) = made else { continue };
        deployed += 1;
        let (real_names, test_names) = (names_of(&real.product), names_of(&test.product));
        assert!(real_names.len() > 5);
        let shared: Vec<&String> = real_names.intersection(&test_names).collect();
        assert!(shared.is_empty(), "{}: {shared:?}", path.display());
        assert!(test_names.is_disjoint(&names_of(&other.product)), "{}", path.display());
        assert!(!test.template.contains("RouteTableIds"), "{}", path.display());
        assert!(!test.template.contains("PrivateDnsEnabled: true"), "{}", path.display());
    }
    assert!(deployed > 25);
}

#[test]
fn only_a_note_that_names_it_tells_of_a_change() {
    let line = "p | KmsKey | AWS::KMS::Alias | alias/a";
    let changelog = |notes: &str| {
        format!(
            "# Changelog\n\n## Unreleased\n\n### Added\n\n- `KmsKey` `alias/a`\n\n{notes}\n## 0.1.0\n\n### Upgrade notes\n\n- `KmsKey` `alias/a`\n"
        )
    };
    assert!(!is_told(line, &upgrade_notes(&changelog(""))));
    assert!(!is_told(line, &upgrade_notes(&changelog("### Upgrade notes\n\n- `KmsKey` is another\n"))));
    assert!(is_told(
        line,
        &upgrade_notes(&changelog("### Upgrade notes\n\n- `KmsKey` was called `alias/a`\n"))
    ));
}

#[test]
fn a_product_of_the_macro_has_the_same_ids_behind_its_own() {
    let ids: BTreeSet<String> =
        identities().iter().filter_map(|line| Some(line.split(" | ").nth(1)?.to_owned())).collect();
    let names: BTreeSet<String> = mlp_product::expand::referenceable()
        .unwrap()
        .into_iter()
        .filter(|it| !it.published && !it.name.contains('.'))
        .map(|it| it.name)
        .collect();
    let missing: Vec<&String> = names.iter().filter(|name| !ids.contains(*name)).collect();
    assert!(missing.is_empty(), "in no golden template: {missing:?}");
}
