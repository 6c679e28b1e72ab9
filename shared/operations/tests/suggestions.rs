//! Suggestions are bounded, however many mistakes there are. Work is only counted with debug assertions.
#![cfg(debug_assertions)]

use mlp_template::suggest::{MAX_WORK, work};

#[test]
fn suggestions_for_an_executions_input_are_bounded_however_many_keys_it_has() {
    let keys = (0..20_000).map(|n| (format!("acton{n}"), serde_json::Value::from(1)));
    let input = serde_json::Value::Object(keys.collect());
    let (work, found) = work::of(|| mlp_operations::execution::input::Input::read(&input).unwrap_err());
    assert!((1..=MAX_WORK).contains(&work), "{work}");
    assert!(found.len() >= 20_000, "{}", found.len());
}
