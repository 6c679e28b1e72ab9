//! Today's config beside the template that is deployed.

use serde_json::Value as Json;

use super::compare::Difference;
use super::seen::ConfigSeen;
use crate::actions::{self, Suite};
use crate::check;
use crate::error::InternalError;
use crate::finding::Severity;
use crate::security::Rules;
use crate::template::{Template, read::from_document};

/// What today's config would change in the deployed template, by logical id: `expected` is what it says, `actual` what is
/// deployed. The inner error says why it can't be told.
pub(super) fn differences(
    config: &ConfigSeen,
    deployed: &Template,
    suite: &Suite,
) -> Result<Result<Vec<(String, Difference)>, String>, InternalError> {
    let bytes = match &config.bytes {
        Ok(bytes) => bytes,
        Err(reason) => return Ok(Err(reason.clone())),
    };
    let (outcome, made) = actions::deployable("check-drift", bytes, suite, &Rules::none(), None)?;
    let Some(made) = made else {
        let mistake = outcome.findings.iter().find(|finding| finding.severity == Severity::Error);
        return Ok(Err(mistake.map_or_else(|| "it has mistakes".to_owned(), |it| it.message.clone())));
    };
    let document = check::load(made.template.as_bytes())
        .map_err(|_| InternalError::new("a template of our own can't be read"))?;
    Ok(Ok(changed(&from_document(&document).0, deployed)))
}

fn changed(today: &Template, deployed: &Template) -> Vec<(String, Difference)> {
    let mut found = Vec::new();
    for (id, wanted) in &today.resources {
        let Some(there) = deployed.resources.get(id) else {
            let expected = Some(Json::from(wanted.kind.as_str()));
            found.push((id.clone(), Difference { pointer: String::new(), expected, actual: None }));
            continue;
        };
        let keys = wanted
            .properties
            .keys()
            .chain(there.properties.keys().filter(|key| !wanted.properties.contains_key(*key)));
        for key in keys {
            let value = |template: &crate::template::Resource| {
                template.properties.get(key).map(crate::template::Value::to_json)
            };
            let (expected, actual) = (value(wanted), value(there));
            if expected != actual {
                let pointer = crate::yaml::join("", key);
                found.push((id.clone(), Difference { pointer, expected, actual }));
            }
        }
    }
    for (id, there) in deployed.resources.iter().filter(|(id, _)| !today.resources.contains_key(*id)) {
        let actual = Some(Json::from(there.kind.as_str()));
        found.push((id.clone(), Difference { pointer: String::new(), expected: None, actual }));
    }
    found
}
