//! What differs between a value as it must be and as it is.

use std::collections::BTreeMap;

use serde_json::{Map as Object, Value as Json};

use super::resolve::is_unknown;
use crate::yaml::join;

/// A property that isn't what it must be.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// A JSON pointer from the resource's properties.
    pub(super) pointer: String,
    /// As it must be; nothing for what mustn't be there.
    pub(super) expected: Option<Json>,
    /// As it is; nothing for what is missing.
    pub(super) actual: Option<Json>,
}

/// Everything in `expected` that is otherwise in `actual`. What a template leaves open, AWS may fill in; what can't be known
/// is like anything; the order of lists doesn't count, because no list that is compared here has one.
pub(super) fn differences(expected: &Json, actual: &Json) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(expected, Some(actual), "", &mut found);
    found
}

fn compare(expected: &Json, actual: Option<&Json>, pointer: &str, found: &mut Vec<Difference>) {
    if let (Json::Object(expected), Some(Json::Object(actual))) = (expected, actual) {
        for (key, value) in expected {
            compare(value, actual.get(key), &join(pointer, key), found);
        }
        return;
    }
    let same = match actual {
        Some(actual) => is_like(expected, actual),
        None => is_unknown(expected) || is_nothing(expected),
    };
    if !same {
        let (expected, actual) = (Some(expected.clone()), actual.cloned());
        found.push(Difference { pointer: pointer.to_owned(), expected, actual });
    }
}

/// What AWS leaves out of its answers when it is not set.
fn is_nothing(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::String(text) => text.is_empty(),
        Json::Array(values) => values.is_empty(),
        Json::Object(entries) => entries.is_empty(),
        _ => false,
    }
}

/// Whether a value may be the one that is expected.
pub(super) fn is_like(expected: &Json, actual: &Json) -> bool {
    if is_unknown(expected) {
        return true;
    }
    match (expected, actual) {
        (Json::Object(expected), Json::Object(actual)) => expected.iter().all(|(key, value)| {
            actual.get(key).map_or_else(|| is_nothing(value), |actual| is_like(value, actual))
        }),
        (Json::Array(expected), Json::Array(actual)) => {
            let (missing, extra) = unmatched(expected, actual);
            missing.is_empty() && extra.is_empty()
        }
        // CloudFormation takes texts for numbers and for truth.
        (Json::Object(_) | Json::Array(_), _) | (_, Json::Object(_) | Json::Array(_)) => false,
        (expected, actual) => plain(expected) == plain(actual),
    }
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What is in one list only, each on its own. Values that can't be known are matched last, with whatever is left.
pub(super) fn unmatched<'a>(expected: &'a [Json], actual: &'a [Json]) -> (Vec<&'a Json>, Vec<&'a Json>) {
    let mut left: Vec<&Json> = actual.iter().collect();
    let mut missing = Vec::new();
    let mut order: Vec<&Json> = expected.iter().collect();
    order.sort_by_key(|value| value.to_string().contains("\\u0000unknown"));
    for value in order {
        match left.iter().position(|actual| is_like(value, actual)) {
            Some(at) => drop(left.remove(at)),
            None => missing.push(value),
        }
    }
    (missing, left)
}

/// A policy document in the one form that all of its spellings have: lists where one text may stand, sorted; accounts as
/// ARNs. Source: IAM User Guide, "Grammar of the IAM JSON policy language".
pub(super) fn canonical_policy(document: &Json) -> Vec<Json> {
    let statements = match document.get("Statement") {
        Some(Json::Array(statements)) => statements.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let mut statements: Vec<Json> = statements.iter().map(canonical_statement).collect();
    statements.sort_by_key(Json::to_string);
    statements
}

fn canonical_statement(statement: &Json) -> Json {
    let Json::Object(fields) = statement else { return statement.clone() };
    let fields: BTreeMap<&String, Json> = fields
        .iter()
        .map(|(key, value)| {
            let value = match key.as_str() {
                "Action" | "NotAction" | "Resource" | "NotResource" => list(value),
                "Principal" | "NotPrincipal" | "Condition" => each(value),
                _ => value.clone(),
            };
            (key, value)
        })
        .collect();
    Json::Object(fields.into_iter().map(|(key, value)| (key.clone(), value)).collect())
}

/// Maps of maps of texts or lists of texts.
fn each(value: &Json) -> Json {
    let Json::Object(entries) = value else { return value.clone() };
    let entries: BTreeMap<&String, Json> = entries
        .iter()
        .map(|(key, value)| (key, if value.is_object() { each(value) } else { list(value) }))
        .collect();
    let entries = entries.into_iter().map(|(key, value)| (key.clone(), value));
    Json::Object(entries.collect::<Object<String, Json>>())
}

fn list(value: &Json) -> Json {
    let mut values = match value {
        Json::Array(values) => values.clone(),
        one => vec![one.clone()],
    };
    for value in &mut values {
        *value = Json::from(account_of_root(&plain(value)));
    }
    values.sort_by_key(Json::to_string);
    values.dedup();
    Json::Array(values)
}

/// `arn:aws:iam::123456789012:root` is another way to write the account.
fn account_of_root(text: &str) -> String {
    let account = text
        .strip_prefix("arn:")
        .and_then(|rest| rest.split_once(":iam::"))
        .and_then(|(_, rest)| rest.strip_suffix(":root"));
    account.unwrap_or(text).to_owned()
}

/// The statements of a policy that are missing, and those that nobody asked for; nothing when there are none.
pub(super) fn policy_difference(expected: &Json, actual: &Json) -> Option<(Option<Json>, Option<Json>)> {
    let (expected, actual) = (canonical_policy(expected), canonical_policy(actual));
    // Both ways: a condition that is gone makes a statement wider, and one that was added is no part of ours.
    let (missing, extra) = unmatched(&expected, &actual);
    let wider: Vec<&Json> = actual
        .iter()
        .filter(|it| {
            !extra.contains(it)
                && !expected.iter().any(|other| is_like(other, it) && fields(other) == fields(it))
        })
        .collect();
    if missing.is_empty() && extra.is_empty() && wider.is_empty() {
        return None;
    }
    let some =
        |values: Vec<&Json>| (!values.is_empty()).then(|| Json::Array(values.into_iter().cloned().collect()));
    let mut there = extra;
    there.extend(wider);
    Some((some(missing), some(there)))
}

fn fields(value: &Json) -> usize {
    value.as_object().map_or(0, Object::len)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::resolve::UNKNOWN;
    use super::*;

    #[test]
    fn what_the_template_leaves_open_and_what_is_spelt_otherwise_is_no_difference() {
        let expected = json!({"Name": "x", "Timeout": 60, "Privileged": false, "Vars": [{"Name": "A", "Value": "1"}, {"Name": "B", "Value": UNKNOWN}]});
        let actual = json!({"Name": "x", "Timeout": "60", "Vars": [{"Name": "B", "Value": "2", "Type": "PLAINTEXT"}, {"Name": "A", "Value": "1"}], "More": 1});
        assert_eq!(differences(&expected, &actual), []);
    }

    #[test]
    fn differences_say_where() {
        let expected = json!({"Environment": {"Image": "a", "Privileged": true}, "Tags": ["a"]});
        let found = differences(&expected, &json!({"Environment": {"Image": "b"}, "Tags": ["a", "b"]}));
        let pointers: Vec<&str> = found.iter().map(|it| it.pointer.as_str()).collect();
        assert_eq!(pointers, ["/Environment/Image", "/Environment/Privileged", "/Tags"]);
    }

    #[test]
    fn a_policy_is_the_same_in_every_spelling() {
        let ours = json!({"Statement": [{"Sid": "A", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"}]});
        let theirs = json!({"Statement": {"Effect": "Allow", "Sid": "A", "Resource": ["*"], "Action": ["kms:*"], "Principal": {"AWS": ["123456789012"]}}});
        assert_eq!(policy_difference(&ours, &theirs), None);
        let wide =
            json!({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}]});
        let (missing, extra) = policy_difference(&ours, &wide).unwrap();
        assert!(missing.is_some() && extra.is_some());
    }

    #[test]
    fn a_condition_that_is_gone_or_new_is_a_difference() {
        let bare = json!({"Statement": [{"Effect": "Allow", "Action": "a:B", "Resource": "*"}]});
        let bound = json!({"Statement": [{"Effect": "Allow", "Action": "a:B", "Resource": "*", "Condition": {"Bool": {"x": "true"}}}]});
        assert!(policy_difference(&bare, &bound).is_some());
        assert!(policy_difference(&bound, &bare).is_some());
    }
}
