//! The policies of a role, each by its name: their places in lists mean nothing.

use mlp_template::template::Value;
use mlp_template::yaml::{join, tokens};
use serde_json::{Value as Json, json};

use super::compare::{Difference, is_like, policy_difference, unmatched};
use super::resolve::{Resolver, is_unknown};

/// What is attached to a role: what it says itself, and what says of itself that it belongs to the role.
pub(super) fn differences(
    resolver: &Resolver<'_>,
    role: &str,
    expected: &Json,
    actual: &Json,
) -> Vec<Difference> {
    let list = |value: &Json, key: &str| value.get(key).and_then(Json::as_array).cloned().unwrap_or_default();
    let (mut attached, mut inline) = (list(expected, "ManagedPolicyArns"), list(expected, "Policies"));
    for (other, resource) in &resolver.template.resources {
        let value = |key: &str| resource.properties.get(key).and_then(|it| resolver.value(it));
        let is_ours = match value("Roles").or_else(|| value("RoleName")) {
            Some(Json::Array(roles)) => roles.contains(&Json::from(role)),
            Some(one) => one == role,
            None => false,
        };
        match resource.kind.as_str() {
            "AWS::IAM::ManagedPolicy" if is_ours => {
                let arn = resolver.value(&Value::Ref(other.clone()));
                attached.extend(arn.filter(|it| !attached.contains(it)));
            }
            "AWS::IAM::Policy" | "AWS::IAM::RolePolicy" if is_ours => inline
                .push(json!({"PolicyName": value("PolicyName"), "PolicyDocument": value("PolicyDocument")})),
            _ => {}
        }
    }
    let mut found = Vec::new();
    let mut add = |pointer, expected, actual| found.push(Difference { pointer, expected, actual });
    let arn = |value: &Json| join("/ManagedPolicyArns", value.as_str().unwrap_or_default());
    let there = list(actual, "ManagedPolicyArns");
    let (missing, extra) = unmatched(&attached, &there, is_like);
    for value in missing.into_iter().filter(|it| !is_unknown(it)) {
        add(arn(value), Some(value.clone()), None);
    }
    for value in extra {
        add(arn(value), None, Some(value.clone()));
    }

    let name = |policy: &Json| policy.get("PolicyName").cloned().unwrap_or_default();
    let pointer = |policy: &Json| join("/Policies", name(policy).as_str().unwrap_or_default());
    let text = |policy: &Json| policy.get("PolicyDocument").cloned().unwrap_or_default();
    let mut left = list(actual, "Policies");
    // Policies with unknown names come last and are matched by their documents.
    inline.sort_by_key(|policy| is_unknown(&name(policy)));
    for policy in &inline {
        let unnamed = is_unknown(&name(policy));
        let is_it = |other: &Json| {
            if unnamed {
                policy_difference(&text(policy), &text(other)).is_none()
            } else {
                name(policy) == name(other)
            }
        };
        match left.iter().position(is_it).map(|at| left.remove(at)) {
            None if unnamed => {}
            None => add(pointer(policy), Some(policy.clone()), None),
            Some(other) => {
                if let Some((expected, actual)) = policy_difference(&text(policy), &text(&other)) {
                    add(join(&pointer(policy), "PolicyDocument"), expected, actual);
                }
            }
        }
    }
    for policy in left {
        add(pointer(&policy), None, Some(policy));
    }
    found
}

/// Whether CloudFormation's finding about a role is about this policy: CloudFormation names list positions, the probe
/// names policies.
pub(super) fn is_about(told: &Difference, difference: &Difference, expected: &Json) -> bool {
    let (place, ours): (Vec<_>, Vec<_>) =
        (tokens(&told.pointer).collect(), tokens(&difference.pointer).collect());
    let (Some(list), Some(name)) = (ours.first(), ours.get(1)) else { return false };
    let is_named = |value: &Json| names(value).contains(&name.as_str());
    match place.as_slice() {
        [first, ..] if first != list => false,
        // Something of a policy.
        [_, number, _, ..] => expected.pointer(&format!("/{list}/{number}")).is_some_and(is_named),
        // A policy, or all of them.
        _ => [&told.expected, &told.actual].into_iter().flatten().any(is_named),
    }
}

/// The policies in a value of `ManagedPolicyArns` or `Policies`.
fn names(value: &Json) -> Vec<&str> {
    match value {
        Json::Array(values) => values.iter().flat_map(names).collect(),
        Json::Object(policy) => policy.get("PolicyName").and_then(Json::as_str).into_iter().collect(),
        arn => arn.as_str().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mlp_aws::drift::{ResourceSummary, StackDescription};
    use mlp_template::check::load;
    use mlp_template::template::read::from_document;

    const TEMPLATE: &str = "
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      Policies:
        - PolicyName: !ImportValue Name
          PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 'a:Imported', Resource: '*'}]}
        - PolicyName: own
          PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 'a:Own', Resource: '*'}]}
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Roles: [!Ref Role]
  Inline:
    Type: AWS::IAM::RolePolicy
    Properties:
      RoleName: !Ref Role
      PolicyName: beside
      PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 'a:Beside', Resource: '*'}]}
";

    fn policy(name: &str, action: &str) -> Json {
        let statement = json!({"Effect": "Allow", "Action": [action], "Resource": "*"});
        json!({"PolicyName": name, "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}})
    }

    /// Where a role with these inline policies, and with the managed ones, is otherwise.
    fn otherwise(attached: &[&str], inline: &[Json]) -> Vec<(String, bool, bool)> {
        let template = from_document(&load(TEMPLATE.as_bytes()).unwrap()).0;
        let named = |id: &str, name: &str| ResourceSummary {
            logical_id: id.to_owned(),
            physical_id: Some(name.to_owned()),
            ..ResourceSummary::default()
        };
        let resources = [named("Role", "role"), named("Managed", "arn:managed")];
        let stack = StackDescription::default();
        let resolver = Resolver::new(&stack, &template, &resources);
        let expected = resolver.value(&Value::Map(template.resources["Role"].properties.clone())).unwrap();
        let actual = json!({"ManagedPolicyArns": attached, "Policies": inline});
        let found = differences(&resolver, "role", &expected, &actual);
        found.into_iter().map(|it| (it.pointer, it.expected.is_some(), it.actual.is_some())).collect()
    }

    #[test]
    fn a_policy_is_known_by_its_name_or_by_what_it_says() {
        let ours =
            [policy("own", "a:Own"), policy("what nobody knows", "a:Imported"), policy("beside", "a:Beside")];
        assert_eq!(otherwise(&["arn:managed"], &ours), []);
        let [own, imported, beside] = ours;
        let found =
            otherwise(&["arn:a/b"], &[policy("own", "a:Other"), policy("what nobody knows", "*"), beside]);
        let places = [
            ("/ManagedPolicyArns/arn:managed", true, false),
            ("/ManagedPolicyArns/arn:a~1b", false, true),
            ("/Policies/own/PolicyDocument", true, true),
            ("/Policies/what nobody knows", false, true),
        ];
        assert_eq!(found, places.map(|(place, expected, actual)| (place.to_owned(), expected, actual)));
        assert_eq!(
            otherwise(&["arn:managed"], &[own, imported]),
            [("/Policies/beside".to_owned(), true, false)]
        );
    }

    #[test]
    fn what_cloudformation_told_is_about_the_policies_that_it_names() {
        let expected = json!({"ManagedPolicyArns": ["arn:a/b"], "Policies": [policy("own", "a:Own")]});
        let difference = |pointer: &str, expected: Option<Json>, actual: Option<Json>| Difference {
            pointer: pointer.to_owned(),
            expected,
            actual,
        };
        let ours = |pointer: &str| difference(pointer, None, None);
        let replaced = difference("/ManagedPolicyArns/0", Some(json!("arn:a/b")), Some(json!("arn:c")));
        let statement =
            difference("/Policies/0/PolicyDocument/Statement/0/Effect", None, Some(json!("Deny")));
        let added = difference("/Policies/1", None, Some(policy("more", "*")));
        let list = difference("/ManagedPolicyArns", Some(json!(["arn:a/b"])), Some(json!([])));
        for (told, pointer, about) in [
            (&replaced, "/ManagedPolicyArns/arn:a~1b", true),
            (&replaced, "/ManagedPolicyArns/arn:c", true),
            (&replaced, "/ManagedPolicyArns/arn:d", false),
            (&replaced, "/Policies/arn:c", false),
            (&statement, "/Policies/own/PolicyDocument", true),
            (&statement, "/Policies/more", false),
            (&added, "/Policies/more", true),
            (&added, "/Policies/own/PolicyDocument", false),
            (&list, "/ManagedPolicyArns/arn:a~1b", true),
            (&list, "/ManagedPolicyArns/arn:c", false),
        ] {
            assert_eq!(is_about(told, &ours(pointer), &expected), about, "{} {pointer}", told.pointer);
        }
    }
}
