//! Wildcards for actions, where IAM's size asks for them.

use std::sync::LazyLock;

use indexmap::IndexMap;
use mlp_template::error::InternalError;

use super::grants::read;

/// Wildcard to the actions that it stands for, without their service.
type Families = IndexMap<String, Vec<String>>;

static FAMILIES: LazyLock<Result<Families, InternalError>> = LazyLock::new(|| {
    read("schemas/action-families.yaml", include_str!("../../../../schemas/action-families.yaml"))
});

/// The same actions, with a wildcard for each family that is there as a whole. Sorted.
pub(super) fn shortened(actions: &[String]) -> Result<Vec<String>, InternalError> {
    let mut shortened = actions.to_vec();
    for (wildcard, family) in FAMILIES.as_ref().map_err(Clone::clone)? {
        let service = wildcard.split(':').next().unwrap_or_default();
        let members: Vec<String> = family.iter().map(|action| format!("{service}:{action}")).collect();
        if members.iter().all(|member| actions.contains(member)) {
            shortened.retain(|action| !members.contains(action));
            shortened.push(wildcard.clone());
        }
    }
    shortened.sort();
    Ok(shortened)
}
