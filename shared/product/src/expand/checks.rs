//! What is checked on products as they are written, and on the resources that the macro made.

use std::collections::HashSet;

use mlp_template::finding::{Finding, Severity};
use mlp_template::security::{self, Rules};
use mlp_template::template::{Map, Parameter, Resource, Template, Value};
use mlp_template::yaml::{Document, Node, NodeValue, join};
use mlp_template::{check, codes};

use super::user_template::UserTemplate;
use super::values::{list, map, text};

/// What is said of functions as they are written, and not again of each resource that they come to stand in.
const OF_FUNCTIONS: [mlp_template::finding::Code; 2] = [codes::TPL_FUNCTION, codes::TPL_UNKNOWN_FUNCTION];

/// The wrong functions in products, each where the user wrote it. `written` are the products without references to products.
pub(super) fn products(written: Vec<(String, Node)>, user: &UserTemplate<'_>) -> Vec<Finding> {
    if !written.iter().any(|(_, node)| holds_function(node)) {
        return Vec::new();
    }
    let mut sections = vec![("Transform".to_owned(), transform(user))];
    for section in ["Parameters", "Mappings", "Fn::Transform"] {
        sections.extend(user.section(section).map(|node| (section.to_owned(), node.clone())));
    }
    let ids: Vec<String> = written.iter().map(|(id, _)| id.clone()).collect();
    sections.push(("Resources".to_owned(), map(written)));
    let (mut findings, _) = check::document(&Document::of(map(sections)));
    findings
        .retain(|finding| OF_FUNCTIONS.contains(&finding.code) && ids.iter().any(|id| is_of(finding, id)));
    findings
}

/// Whether a finding is about the resource of this logical id.
pub(super) fn is_of(finding: &Finding, id: &str) -> bool {
    is_at(finding, &join("/Resources", id))
}

/// Whether a finding is about a value or something in it.
pub(super) fn is_at(finding: &Finding, path: &str) -> bool {
    let rest = finding.path.strip_prefix(path);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn holds_function(node: &Node) -> bool {
    match &node.value {
        NodeValue::Scalar(_) => false,
        NodeValue::Seq(nodes) => nodes.iter().any(holds_function),
        NodeValue::Map(entries) => entries
            .iter()
            .any(|it| it.key == "Ref" || it.key.starts_with("Fn::") || holds_function(&it.value)),
    }
}

/// The macros that run beside this one. Where it isn't known, `AWS::LanguageExtensions` may be among them.
fn transform(user: &UserTemplate<'_>) -> Node {
    let mut names = match user.section("Transform") {
        Some(Node { value: NodeValue::Seq(names), .. }) => names.clone(),
        Some(name) => vec![name.clone()],
        None => Vec::new(),
    };
    if user.language_extensions.is_none() {
        names.push(text("AWS::LanguageExtensions"));
    }
    list(names)
}

/// The findings on the resources of all products.
///
/// The one place for checks on generated resources: another one (security, an organisation's own rules) is another line
/// here. `made` holds the products' resources, and in its metadata who made them. Of those in `settled` the functions are
/// known to be wrong.
pub(super) fn made(made: &mut Template, user: &UserTemplate<'_>, settled: &HashSet<String>) -> Vec<Finding> {
    let mut findings = structure(made, user, settled);
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
fn structure(made: &mut Template, user: &UserTemplate<'_>, settled: &HashSet<String>) -> Vec<Finding> {
    let count = made.resources.len();
    // Of a parameter only its type counts: whether it is a list.
    let parameter = |name: &str| {
        let kind = user.type_of(name).unwrap_or_default().to_owned();
        (name.to_owned(), Parameter { kind, attributes: Map::default() })
    };
    let names = user.names_in("Parameters").into_iter().filter(|name| !made.resources.contains_key(*name));
    let mappings = match user.section("Mappings").map(Value::from_node) {
        Some(Value::Map(mappings)) => mappings,
        _ => Map::default(),
    };
    let included = user.section("Fn::Transform").map(Value::from_node);
    // The products' resources in the user's template.
    let mut whole = Template {
        transform: Some(Value::from_node(&transform(user))),
        parameters: names.map(parameter).collect(),
        mappings,
        other: included.map(|it| ("Fn::Transform".to_owned(), it)).into_iter().collect(),
        resources: std::mem::take(&mut made.resources),
        ..Template::default()
    };
    for name in user.names_in("Resources") {
        if !whole.resources.contains_key(name) {
            // Whatever it is, it is there.
            let kind = "AWS::CloudFormation::WaitConditionHandle".to_owned();
            whole.resources.insert(name.to_owned(), Resource { kind, ..Resource::default() });
        }
    }
    let mut findings = check::structure(&whole);
    whole.resources.truncate(count);
    made.resources = whole.resources;
    findings.retain(|finding| {
        let ours = finding.path.strip_prefix("/Resources/").and_then(|rest| rest.split('/').next());
        ours.is_some_and(|id| {
            made.resources.contains_key(id) && !(OF_FUNCTIONS.contains(&finding.code) && settled.contains(id))
        }) && ![codes::TPL_UNKNOWN_REFERENCE, codes::TPL_UNKNOWN_CONDITION, codes::TPL_DEPENDS_ON]
            .contains(&finding.code)
    });
    findings
}
