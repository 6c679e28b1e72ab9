//! Prints `schemas/registry/mlprovisioner-mlops-mlproduct.json`.

use std::io::Write as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let schema = mlp_product::expand::resource_schema()?;
    writeln!(std::io::stdout(), "{schema:#}")?;
    Ok(())
}
