//! Any bytes are a template or give findings; what can be read and is sound, is written and read again to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlp_template::check;
use mlp_template::finding::blocks;

fuzz_target!(|bytes: &[u8]| {
    let (findings, template) = check::text(bytes);
    if let Some(template) = template.filter(|_| !blocks(&findings)) {
        let text = template.to_yaml();
        let (_, again) = check::text(text.as_bytes());
        assert_eq!(again.map(|again| again.to_yaml()), Some(text));
    }
});
