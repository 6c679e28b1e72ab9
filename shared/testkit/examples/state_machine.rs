//! Prints a state machine's definition; the argument is the name of its source in `infra/state-machines/source`.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use mlp_testkit::machine_source::compile;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).ok_or("name a state machine")?;
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/state-machines/source");
    let read = |name: &str| fs::read_to_string(sources.join(name).with_extension("yaml"));
    let definition =
        compile(&read(&name)?, &read("policies")?).map_err(|error| format!("{name}.yaml: {error}"))?;
    Ok(std::io::stdout().write_all(definition.as_bytes())?)
}
