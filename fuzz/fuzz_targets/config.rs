//! Any bytes give a template or findings, never a defect of ours.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlp_product::actions::{self, Suite};

fuzz_target!(|bytes: &[u8]| {
    let made = actions::create_prov_template(bytes, &Suite::default()).expect("no defect");
    assert_eq!(made.outcome.ok, !made.files.is_empty());
    let _ = mlp_template::render::render(&made.outcome.findings, Some(("fuzz", bytes)), true);
});
