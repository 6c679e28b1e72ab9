//! What is checked on the resources that the macro made.

use crate::finding::Finding;
use crate::template::{Parameter, Resource, Template};
use crate::yaml::NodeValue;
use crate::{check, codes};

use super::plan::Request;

/// The findings on the resources of all products.
///
/// The one place for checks on generated resources: another one (security, an organisation's own rules) is another line
/// here. `made` holds the products' resources only.
pub(super) fn made(made: &mut Template, request: &Request<'_>) -> Vec<Finding> {
    structure(made, request)
}

/// What CloudFormation would refuse. Names that the products don't make are the user's, or another macro's that runs later:
/// CloudFormation knows them better.
fn structure(made: &mut Template, request: &Request<'_>) -> Vec<Finding> {
    let count = made.resources.len();
    for name in request.names_in("Parameters") {
        let parameter = Parameter { kind: "String".to_owned(), attributes: crate::template::Map::new() };
        made.parameters.insert(name.to_owned(), parameter);
    }
    if let Some(NodeValue::Map(entries)) = request.fragment.get("Resources").map(|node| &node.value) {
        for entry in entries {
            if !made.resources.contains_key(&entry.key) && !made.parameters.contains_key(&entry.key) {
                let stands_for = Resource {
                    kind: "AWS::CloudFormation::WaitConditionHandle".to_owned(),
                    ..Resource::default()
                };
                made.resources.insert(entry.key.clone(), stands_for);
            }
        }
    }
    let mut findings = check::structure(made);
    made.resources.truncate(count);
    made.parameters.clear();
    findings.retain(|finding| {
        let ours = finding.path.strip_prefix("/Resources/").and_then(|rest| rest.split('/').next());
        ours.is_some_and(|id| made.resources.contains_key(id))
            && ![codes::TPL_UNKNOWN_REFERENCE, codes::TPL_UNKNOWN_CONDITION, codes::TPL_DEPENDS_ON]
                .contains(&finding.code)
    });
    findings
}
