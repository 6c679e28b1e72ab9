//! What is checked on the resources that the macro made.

use mlp_template::finding::{Finding, Severity};
use mlp_template::security::{self, Rules};
use mlp_template::template::{Map, Parameter, Resource, Template};
use mlp_template::{check, codes};

use super::plan::Request;

/// The findings on the resources of all products.
///
/// The one place for checks on generated resources: another one (security, an organisation's own rules) is another line
/// here. `made` holds the products' resources, and in its metadata who made them.
pub(super) fn made(made: &mut Template, request: &Request<'_>) -> Vec<Finding> {
    let mut findings = structure(made, request);
    findings.extend(unsafe_resources(made));
    findings
}

/// What the security checks refuse. Their warnings stay behind: a macro has no way to say them.
fn unsafe_resources(made: &Template) -> impl Iterator<Item = Finding> {
    let findings = security::check(made, None, &Rules::none());
    findings.into_iter().filter(|finding| finding.severity == Severity::Error)
}

/// What CloudFormation would refuse. Names that the products don't make are the user's, or another macro's that runs later:
/// CloudFormation knows them better.
fn structure(made: &mut Template, request: &Request<'_>) -> Vec<Finding> {
    let count = made.resources.len();
    // Of a parameter only its type counts: whether it is a list.
    let parameter = |name: &str| {
        let kind = request.type_of(name).unwrap_or("String").to_owned();
        (name.to_owned(), Parameter { kind, attributes: Map::default() })
    };
    let names = request.names_in("Parameters").into_iter().filter(|name| !made.resources.contains_key(*name));
    made.parameters = names.map(parameter).collect();
    for name in request.names_in("Resources") {
        if !made.resources.contains_key(name) {
            // Whatever it is, it is there.
            let kind = "AWS::CloudFormation::WaitConditionHandle".to_owned();
            made.resources.insert(name.to_owned(), Resource { kind, ..Resource::default() });
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
