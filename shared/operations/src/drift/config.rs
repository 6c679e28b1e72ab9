//! Today's config beside the template that is deployed.

use std::collections::{BTreeMap, BTreeSet};

use mlp_product::actions::{self, Suite};
use mlp_product::outcome::sha256;
use mlp_template::check;
use mlp_template::error::InternalError;
use mlp_template::finding::Severity;
use mlp_template::security::Rules;
use mlp_template::template::read::from_document;
use mlp_template::template::{Template, Value};
use mlp_template::yaml::join;
use serde_json::Value as Json;

use super::compare::Difference;
use super::snapshot::ConfigSnapshot;

/// What a template says about how it was generated.
pub(super) struct TemplateOrigin<'a> {
    /// The version of ML Provisioner.
    pub(super) version: Option<&'a str>,
    config_sha256: Option<&'a str>,
}

impl<'a> TemplateOrigin<'a> {
    pub(super) fn of(template: &'a Template) -> Self {
        let text = |key: &str| match template.metadata.get("MLProvisioner")? {
            Value::Map(ours) => ours.get(key)?.as_str(),
            _ => None,
        };
        Self { version: text("Version"), config_sha256: text("ConfigSha256") }
    }

    /// Whether another version generated the template from the same config. Then every difference comes from the version.
    pub(super) fn differs_by_version(&self, config: &ConfigSnapshot) -> bool {
        let today = config.bytes.as_ref().ok().map(|bytes| sha256(bytes));
        self.version.is_some_and(|it| it != env!("CARGO_PKG_VERSION"))
            && today.is_some_and(|it| self.config_sha256 == Some(it.as_str()))
    }
}

/// What today's config would change in the deployed template, by logical id: `expected` is what it says, `actual` what is
/// deployed. The inner error says why they can't be compared.
pub(super) fn differences(
    config: &ConfigSnapshot,
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
    let (today, deployed) = (parts(today), parts(deployed));
    let places: BTreeSet<&(String, String)> = today.keys().chain(deployed.keys()).collect();
    let differs = |place: &(String, String)| today.get(place) != deployed.get(place);
    let changed = places.into_iter().filter(|place| {
        let (id, pointer) = place;
        // A resource that only one has, or has as another type, differs as a whole.
        differs(place) && (pointer.is_empty() || !differs(&(id.clone(), String::new())))
    });
    changed
        .map(|place| {
            let (id, pointer) = place.clone();
            let (expected, actual) = (today.get(place).cloned(), deployed.get(place).cloned());
            (id, Difference { pointer, expected, actual })
        })
        .collect()
}

/// What a template says, by logical id and pointer: of a resource its type, its properties and what stands beside them; with no
/// logical id every entry of the other sections.
fn parts(template: &Template) -> BTreeMap<(String, String), Json> {
    let mut parts = BTreeMap::new();
    let mut add = |id: &str, pointer: String, value: &Json| {
        parts.insert((id.to_owned(), pointer), value.clone());
    };
    for (section, content) in template.to_json().as_object().into_iter().flatten() {
        match (section.as_str(), content) {
            // The version and the config's hash are not part of the product.
            ("AWSTemplateFormatVersion" | "Metadata", _) => {}
            ("Resources", Json::Object(resources)) => {
                for (id, resource) in resources {
                    for (key, value) in resource.as_object().into_iter().flatten() {
                        match (key.as_str(), value) {
                            ("Type", _) => add(id, String::new(), value),
                            ("Properties", Json::Object(properties)) => {
                                properties.iter().for_each(|(key, value)| add(id, join("", key), value));
                            }
                            _ => add(id, join("", key), value),
                        }
                    }
                }
            }
            (_, Json::Object(entries)) => {
                let section = join("", section);
                entries.iter().for_each(|(key, value)| add("", join(&section, key), value));
            }
            _ => add("", join("", section), content),
        }
    }
    parts
}
