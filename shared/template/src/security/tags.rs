//! Tags on what can be tagged.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::catalogue::{Check, check};
use super::inspection::Inspection;
use crate::template::{Path, Value};

pub(super) const CHECKS: &[Check] = &[UNTAGGED];

check! {
    /// Looks at every resource of a type that takes tags, and whether it has any. Which types take tags, and by which
    /// property, is read from the resource provider schemas that cfn-lint ships (`schemas/security/taggable-types.txt`). Tags
    /// given to the whole stack at deployment are not known here.
    ///
    /// ```yaml
    /// Tags:
    ///   - {Key: owner, Value: fraud-team}
    /// ```
    UNTAGGED = "MLP-TAG-001", Warning, "A resource without tags";
    why: "Nobody can tell whose it is, what it costs whom, or that it belongs to this stack.";
    help: "tag it as the other resources of the template are tagged";
}

/// Type to the property that takes tags.
static TAGGABLE: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    include_str!("../../../../schemas/security/taggable-types.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once(' ').unwrap_or((line, "Tags")))
        .collect()
});

pub(super) fn check(inspection: &mut Inspection<'_>) {
    let resources = Path::ROOT.key("Resources");
    for (id, resource) in &inspection.template.resources {
        let Some(property) = TAGGABLE.get(resource.kind.as_str()) else { continue };
        let missing = match resource.properties.get(*property) {
            None => true,
            Some(Value::List(tags)) => tags.is_empty(),
            Some(Value::Map(tags)) => tags.is_empty(),
            Some(_) => false,
        };
        // Launch templates and the like have their tags deeper down; what can't be looked up is not judged.
        if missing && !property.contains('/') {
            let message = format!("the {} has no `{property}`", resource.kind);
            inspection.found(&UNTAGGED, &resources.key(id), message);
        }
    }
}
