//! What the fuzz targets start from goes through the same entry points in every test run.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use std::path::Path;

use mlp_product::actions::{self, Suite};
use mlp_product::expand;
use mlp_template::finding::Finding;
use mlp_template::security::Rules;
use mlp_template::{check, codes, yaml};

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let seeds: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    assert!(!seeds.is_empty());
    seeds
}

/// Every seed, and every one cut off anywhere and with a byte of it changed.
fn variants(target: &str) -> impl Iterator<Item = Vec<u8>> {
    seeds(target).into_iter().flat_map(|seed| {
        let step = (seed.len() / 40).max(1);
        let cuts: Vec<Vec<u8>> = (0..=seed.len()).step_by(step).map(|end| seed[..end].to_vec()).collect();
        let changed: Vec<Vec<u8>> = (0..seed.len())
            .step_by(step)
            .map(|at| {
                let mut bytes = seed.clone();
                bytes[at] = b"\t:[{*&!\"'#-\0\xff"[at % 13];
                bytes
            })
            .collect();
        cuts.into_iter().chain(changed)
    })
}

/// A seed that is called like a golden file is that file, so that fuzzing starts from what is written today.
#[test]
fn seeds_called_like_golden_files_are_these_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let golden = [
        ("template", vec!["tests/golden/templates"]),
        (
            "config",
            vec![
                "configs/examples/starter",
                "configs/examples/professional",
                "configs/examples/enterprise",
                "tests/golden/products",
                "tests/golden/configs",
            ],
        ),
    ];
    let mut compared = 0;
    for (target, folders) in golden {
        for seed in std::fs::read_dir(root.join("fuzz/seeds").join(target)).unwrap() {
            let seed = seed.unwrap();
            for folder in &folders {
                let Ok(wanted) = std::fs::read(root.join(folder).join(seed.file_name())) else { continue };
                compared += 1;
                assert!(
                    std::fs::read(seed.path()).unwrap() == wanted,
                    "{} differs from {folder}: copy it from there",
                    seed.path().display()
                );
            }
        }
    }
    assert_eq!(compared, 5);
}

#[test]
fn yaml_is_a_document_or_findings() {
    for bytes in variants("yaml") {
        for limits in [yaml::Limits::config(), yaml::Limits::template()] {
            if let Err(findings) = yaml::load(&bytes, &limits) {
                assert!(!findings.is_empty());
            }
        }
    }
}

#[test]
fn configs_are_templates_or_findings_with_places() {
    for bytes in variants("config") {
        let made = actions::create_prov_template(&bytes, &Suite::default(), &Rules::none()).unwrap();
        assert_eq!(made.outcome.ok, !made.files.is_empty());
        // An empty file has no places, and what is about the template is not in the config.
        let placed = |finding: &Finding| {
            finding.line.is_some() || finding.code == codes::YAML_EMPTY || finding.logical_id.is_some()
        };
        assert!(made.outcome.findings.iter().all(placed), "{:#?}", made.outcome.findings);
    }
}

#[test]
fn templates_that_are_sound_are_written_and_read_again_to_the_same() {
    for bytes in variants("template") {
        let (findings, template) = check::text(&bytes);
        if let Some(template) = template.filter(|_| !mlp_template::finding::blocks(&findings)) {
            let text = template.to_yaml();
            assert_eq!(check::text(text.as_bytes()).1.map(|again| again.to_yaml()), Some(text));
        }
    }
}

#[test]
fn macro_requests_get_an_answer_and_no_defect_of_ours() {
    for bytes in variants("macro") {
        let lookups = expand::needs(&bytes).into_iter().map(|path| (path, Err("gone".to_owned()))).collect();
        let answer = expand::respond(&bytes, &lookups);
        assert_eq!(answer.fragment.is_some(), answer.error_message.is_none());
        let message = answer.error_message.unwrap_or_default();
        assert!(!message.contains("internal error") && message.chars().count() <= 1_000, "{message}");
    }
}
