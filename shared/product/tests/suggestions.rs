//! Suggestions are bounded, however many mistakes there are. Work is only counted with debug assertions.
#![cfg(debug_assertions)]

use mlp_product::actions;
use mlp_product::suite::Suite;
use mlp_template::suggest::{MAX_WORK, work};

/// So many lines.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).fold(String::new(), |all, line| all + &line)
}

#[test]
fn suggestions_of_a_config_are_bounded_however_many_unknown_keys_it_has() {
    let config = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml"
    ));
    let unknown = lines(8_000, |n| format!("  aletrs_email_{n}: x\n"));
    let config = config.replace("ml_product:\n", &format!("ml_product:\n{unknown}"));
    let (work, found) =
        work::of(|| actions::validate_config(config.as_bytes(), &Suite::default()).unwrap().outcome.findings);
    assert!((1..=MAX_WORK).contains(&work), "{work}");
    assert!(found.len() >= 8_000, "{}", found.len());
}

#[test]
fn suggestions_of_the_macro_are_bounded_however_many_products_and_mistakes_a_template_has() {
    let products = lines(300, |n| {
        format!(
            "  Product{n}: {{Type: 'MLProvisioner::MLOps::MLProduct', Condition: Wrnog{n}, Tyep: 1, Properties: \
             {{Tier: !Ref Wrnog{n}Parameter, UseCaes: a, SourceControl: codecomit}}}}\n"
        )
    });
    let parameters = lines(3_000, |n| format!("  Right{n}Parameter: {{Type: String}}\n"));
    let conditions = lines(3_000, |n| format!("  Right{n}: !Equals [a, b]\n"));
    let text = format!(
        "Transform: MLProvisioner\nParameters:\n{parameters}Conditions:\n{conditions}Resources:\n{products}"
    );
    let place = mlp_product::expand::Place {
        account_id: "123456789012".to_owned(),
        region: "us-west-2".to_owned(),
        ..mlp_product::expand::Place::default()
    };
    let (work, found) = work::of(|| {
        let none = |path: &str| Err(path.to_owned());
        actions::expand(text.as_bytes(), &place, actions::Language::Yaml, none).unwrap().outcome.findings
    });
    assert!((1..=MAX_WORK).contains(&work), "{work}");
    assert!(found.len() > 900, "{}", found.len());
}
