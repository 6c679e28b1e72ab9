//! Any bytes are a macro request that gets a well-formed answer, and no defect of ours.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlp_product::expand::{self, Lookups, Status};

fuzz_target!(|bytes: &[u8]| {
    // What is looked up is there in half of the cases.
    let lookups: Lookups = expand::needs(bytes)
        .into_iter()
        .map(|path| (path.clone(), if path.len() % 2 == 0 { Ok("vpc-0a1b2c3d".to_owned()) } else { Err("gone".to_owned()) }))
        .collect();
    let answer = expand::respond(bytes, &lookups);
    assert_eq!(answer.status == Status::Success, answer.fragment.is_some());
    assert_eq!(answer.status == Status::Failed, answer.error_message.is_some());
    if let Some(message) = &answer.error_message {
        assert!(!message.contains("internal error"), "{message}");
        assert!((1..=1_000).contains(&message.chars().count()), "{message}");
    }
    assert!(serde_json::to_string(&answer).is_ok());
});
