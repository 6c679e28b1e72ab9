//! The local actions, one function each: bytes in, [`Made`] out. Every front end calls these and nothing below them.

use crate::config;
use crate::error::InternalError;
use crate::outcome::{Made, Outcome};

/// Where the caller runs, so that a config for another place can be pointed out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suite {
    /// The account that the suite runs in.
    pub account_id: Option<String>,
    /// The region that the suite runs in.
    pub region: Option<String>,
}

/// `create-prov-template`: the CloudFormation template of a config.
///
/// # Errors
///
/// Only for our own defects; mistakes in the config are findings in the outcome.
pub fn create_prov_template(config: &[u8], _suite: &Suite) -> Result<Made, InternalError> {
    match config::load(config) {
        Err(findings) => Ok(Made { outcome: Outcome::of("create-prov-template", findings), files: Vec::new() }),
        Ok((_config, warnings)) => {
            Ok(Made { outcome: Outcome::of("create-prov-template", warnings), files: Vec::new() })
        }
    }
}
