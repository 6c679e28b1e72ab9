//! Differences between an expected and an actual value.

use std::collections::BTreeMap;

use mlp_template::yaml::join;
use serde_json::{Value as Json, json};

use super::resolve::is_unknown;

/// A property that differs from its expected value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// A JSON pointer from the resource's properties.
    pub(super) pointer: String,
    /// The expected value; `None` if there must be none.
    pub(super) expected: Option<Json>,
    /// The actual value; `None` if it is missing.
    pub(super) actual: Option<Json>,
}

/// Everything in `expected` that differs in `actual`. AWS may add what the template leaves open. An unknown value
/// equals any value. The order of lists doesn't matter: no list that is compared here is ordered.
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
        (Json::Array(expected), Json::Array(actual)) => matches_all(expected, actual, is_like),
        _ => is_same(expected, actual),
    }
}

/// Whether two values are one in two spellings: CloudFormation takes texts for numbers and for truth, services give `0` back as
/// `0.0`, and documents with their keys in another order.
pub(super) fn is_same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(one), Json::Object(other)) => {
            let in_other = |(key, value)| other.get(key).is_some_and(|other| is_same(value, other));
            one.len() == other.len() && one.iter().all(in_other)
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Json::Object(_) | Json::Array(_), _) | (_, Json::Object(_) | Json::Array(_)) => false,
        _ => {
            let (one, other) = (plain(one), plain(other));
            one == other || decimal(&one).is_some_and(|number| Some(number) == decimal(&other))
        }
    }
}

fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The sign, the whole part and the fraction of a number, without zeros that say nothing; nothing for what is more likely an
/// id, such as `007`.
fn decimal(text: &str) -> Option<(bool, &str, &str)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = all_digits(whole) && all_digits(fraction) && (whole == "0" || !whole.starts_with('0'));
    is_number.then(|| (digits.len() < text.len(), whole, fraction.trim_end_matches('0')))
}

/// What is in one list only, each on its own. Values that can't be known are matched last, with whatever is left.
pub(super) fn unmatched<'a>(
    expected: &'a [Json],
    actual: &'a [Json],
    is_match: fn(&Json, &Json) -> bool,
) -> (Vec<&'a Json>, Vec<&'a Json>) {
    let mut left: Vec<&Json> = actual.iter().collect();
    let mut missing = Vec::new();
    let mut order: Vec<&Json> = expected.iter().collect();
    order.sort_by_key(|value| value.to_string().contains("\\u0000unknown"));
    for value in order {
        match left.iter().position(|actual| is_match(value, actual)) {
            Some(at) => drop(left.remove(at)),
            None => missing.push(value),
        }
    }
    (missing, left)
}

fn matches_all(expected: &[Json], actual: &[Json], is_match: fn(&Json, &Json) -> bool) -> bool {
    let (missing, extra) = unmatched(expected, actual, is_match);
    missing.is_empty() && extra.is_empty()
}

/// The version of a policy that names none. Source: IAM User Guide, "IAM JSON policy elements: Version".
const OLD_POLICY: &str = "2008-10-17";

/// A policy document in the one form that all of its spellings have: its version, which says whether `${...}` is a variable,
/// and its statements, with lists where one text may stand, sorted; accounts as numbers. Its `Id` means nothing. Source: IAM
/// User Guide, "Grammar of the IAM JSON policy language".
fn canonical_policy(document: &Json) -> Vec<Json> {
    let statements = match document.get("Statement") {
        Some(Json::Array(statements)) => statements.clone(),
        Some(one) => vec![one.clone()],
        None => Vec::new(),
    };
    let version = document.get("Version").cloned().unwrap_or_else(|| Json::from(OLD_POLICY));
    let mut parts: Vec<Json> = statements.iter().map(canonical_statement).collect();
    parts.push(json!({ "Version": version }));
    parts.sort_by_key(Json::to_string);
    parts
}

fn canonical_statement(statement: &Json) -> Json {
    let Json::Object(fields) = statement else { return statement.clone() };
    let fields = fields.iter().map(|(key, value)| {
        let value = match key.as_str() {
            "Action" | "NotAction" | "Resource" | "NotResource" => list(value, |text| text),
            "Principal" | "NotPrincipal" => each(value, account_of_root),
            "Condition" => each(value, |text| text),
            _ => value.clone(),
        };
        (key, value)
    });
    sorted(fields)
}

/// A map in one order, whatever it was written in.
fn sorted<'a>(entries: impl Iterator<Item = (&'a String, Json)>) -> Json {
    let entries: BTreeMap<&String, Json> = entries.collect();
    Json::Object(entries.into_iter().map(|(key, value)| (key.clone(), value)).collect())
}

/// Maps of maps of texts or lists of texts.
fn each(value: &Json, spell: fn(&str) -> &str) -> Json {
    let Json::Object(entries) = value else { return value.clone() };
    let one = |value: &Json| if value.is_object() { each(value, spell) } else { list(value, spell) };
    sorted(entries.iter().map(|(key, value)| (key, one(value))))
}

fn list(value: &Json, spell: fn(&str) -> &str) -> Json {
    let mut values: Vec<String> = match value {
        Json::Array(values) => values.iter().map(|value| spell(&plain(value)).to_owned()).collect(),
        one => vec![spell(&plain(one)).to_owned()],
    };
    values.sort();
    values.dedup();
    Json::from(values)
}

/// A part of a policy in the one form that all of its spellings have: a list of one is what is in it, and lists have an order.
pub(super) fn spelled(part: &Json) -> Json {
    match part {
        Json::Array(values) => {
            let mut values: Vec<Json> = values.iter().map(spelled).collect();
            values.sort_by_key(Json::to_string);
            values.dedup();
            match values.as_slice() {
                [one] => one.clone(),
                _ => Json::Array(values),
            }
        }
        Json::Object(entries) => sorted(entries.iter().map(|(key, value)| (key, spelled(value)))),
        Json::String(text) => Json::from(account_of_root(text)),
        other => other.clone(),
    }
}

/// `arn:aws:iam::123456789012:root` is another way to write the account.
fn account_of_root(text: &str) -> &str {
    let account = text
        .strip_prefix("arn:")
        .and_then(|rest| rest.split_once(":iam::"))
        .and_then(|(_, rest)| rest.strip_suffix(":root"));
    account.unwrap_or(text)
}

/// The statements of a policy that are missing, and those that nobody asked for; nothing when there are none. A statement is
/// ours to the last word of it, or somebody else's: one more principal or condition makes it another.
pub(super) fn policy_difference(expected: &Json, actual: &Json) -> Option<(Option<Json>, Option<Json>)> {
    if is_unknown(expected) || expected.get("Statement").is_some_and(is_unknown) {
        return None;
    }
    let (expected, actual) = (canonical_policy(expected), canonical_policy(actual));
    let (missing, extra) = unmatched(&expected, &actual, is_exactly);
    let some = |values: Vec<&Json>| (!values.is_empty()).then(|| values.into_iter().cloned().collect());
    (!missing.is_empty() || !extra.is_empty()).then(|| (some(missing), some(extra)))
}

/// Whether a value is the expected one, with nothing missing and nothing added, but for what can't be known.
fn is_exactly(expected: &Json, actual: &Json) -> bool {
    if is_unknown(expected) {
        return true;
    }
    match (expected, actual) {
        (Json::Object(expected), Json::Object(actual)) => {
            let in_actual = |(key, value)| actual.get(key).is_some_and(|actual| is_exactly(value, actual));
            expected.len() == actual.len() && expected.iter().all(in_actual)
        }
        (Json::Array(expected), Json::Array(actual)) => matches_all(expected, actual, is_exactly),
        _ => expected == actual,
    }
}

#[cfg(test)]
mod tests {
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

    /// A policy with one statement, and what is put into it.
    fn policy(more: &Json) -> Json {
        let mut statement = json!({"Sid": "A", "Effect": "Allow", "Action": "a:B", "Resource": "*"});
        for (key, value) in more.as_object().unwrap() {
            statement[key] = value.clone();
        }
        json!({"Version": "2012-10-17", "Statement": [statement]})
    }

    #[test]
    fn every_word_more_or_less_makes_another_policy() {
        let bare = policy(&json!({}));
        let bound = policy(&json!({"Condition": {"Bool": {"x": "true"}}}));
        let twice = policy(&json!({"Condition": {"Bool": {"x": "true"}, "StringEquals": {"y": "z"}}}));
        let more = policy(&json!({"Condition": {"Bool": {"x": "true", "y": "true"}}}));
        let service = policy(&json!({"Principal": {"Service": "logs.amazonaws.com"}}));
        let also = policy(&json!({"Principal": {"Service": "logs.amazonaws.com", "AWS": "999999999999"}}));
        let mut old = bare.clone();
        old["Version"] = json!("2008-10-17");
        for (one, other) in
            [(&bare, &bound), (&bound, &twice), (&bound, &more), (&service, &also), (&bare, &old)]
        {
            assert!(policy_difference(one, other).is_some(), "{one} {other}");
            assert!(policy_difference(other, one).is_some(), "{other} {one}");
            assert_eq!(policy_difference(other, other), None);
        }
    }

    #[test]
    fn what_can_not_be_known_of_a_policy_is_like_anything_and_the_rest_is_not() {
        let ours = policy(&json!({"Resource": [UNKNOWN, "arn:a"]}));
        let like = policy(&json!({"Resource": ["arn:a", "arn:b"]}));
        assert_eq!(policy_difference(&ours, &like), None);
        assert!(policy_difference(&ours, &policy(&json!({"Resource": ["arn:b", "arn:c"]}))).is_some());
        let wider = policy(&json!({"Resource": ["arn:a", "arn:b"], "Action": ["a:B", "a:C"]}));
        assert!(policy_difference(&ours, &wider).is_some());
        assert_eq!(policy_difference(&json!(UNKNOWN), &like), None);
    }

    #[test]
    fn a_number_has_many_spellings_and_an_id_has_one() {
        for (one, other, same) in [
            (json!(0), json!("0.0"), true),
            (json!("1.50"), json!(1.5), true),
            (json!("-2"), json!("-2.0"), true),
            (json!("2"), json!("-2"), false),
            (json!("007"), json!("7"), false),
            (json!("00"), json!("0"), false),
            (json!("12345678901234567890"), json!("12345678901234567891"), false),
            (json!("1."), json!("1"), false),
            (json!(true), json!("true"), true),
            (json!({"DefaultValue": 0}), json!({"DefaultValue": "0.0"}), true),
            (json!({"DefaultValue": 0}), json!({"DefaultValue": 0, "More": 1}), false),
            (json!([{"PollForSourceChanges": true}]), json!([{"PollForSourceChanges": "true"}]), true),
            (json!(["a", "b"]), json!(["b", "a"]), false),
        ] {
            assert_eq!(is_same(&one, &other), same, "{one} {other}");
            assert_eq!(is_same(&other, &one), same, "{other} {one}");
        }
    }
}
