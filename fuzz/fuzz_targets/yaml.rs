//! Any bytes give a document or findings, under both limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlp_template::yaml::{Limits, load};

fuzz_target!(|bytes: &[u8]| {
    for limits in [Limits::config(), Limits::template()] {
        match load(bytes, &limits) {
            Ok(document) => drop(document.to_json()),
            Err(findings) => assert!(!findings.is_empty()),
        }
    }
});
