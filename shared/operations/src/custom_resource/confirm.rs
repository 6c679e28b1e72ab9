//! Whether a request's properties are those that CloudFormation says it sent.

use serde_json::{Map as Object, Value as Json};

/// Where the properties of a request differ from those in CloudFormation's event of the same operation, as JSON pointers.
///
/// Whoever may call the function can write a request; nobody but CloudFormation writes a stack's events. Numbers and flags
/// may be text on either side. A request that says how long it waits (`ServiceTimeout`) may hold up others so long, so the
/// event must confirm it. One that leaves it out waits as long as the event says
/// ([`Request::respond_as_told`](super::Request::respond_as_told)). The event shows `****` for a value that the template hides
/// (`NoEcho`): nothing confirms it, so it differs. It shows a dynamic reference as it is written, so any text is taken for what
/// the reference stands for.
///
/// ```
/// # use mlp_operations::custom_resource::differences;
/// # use serde_json::json;
/// let sent = json!({"ServiceToken": "t", "Environment": "prod", "S3Prefix": "evil/", "Retention": {"LogDays": "30"}});
/// let told = json!({"ServiceToken": "t", "Environment": "prod", "S3Prefix": "ours/", "Retention": {"LogDays": 30}});
/// let (sent, told) = (sent.as_object().unwrap(), told.as_object().unwrap());
/// assert_eq!(differences(sent, told), ["/S3Prefix"]);
/// assert!(differences(told, told).is_empty());
/// ```
pub fn differences(sent: &Object<String, Json>, told: &Object<String, Json>) -> Vec<String> {
    let mut found = Vec::new();
    let counts = |name: &str| match name {
        "ServiceToken" => false,
        "ServiceTimeout" => sent.contains_key(name),
        _ => true,
    };
    let own = |properties: &Object<String, Json>| {
        let own = properties.iter().filter(|(name, _)| counts(name));
        own.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    compare("", &Json::Object(own(sent)), &Json::Object(own(told)), &mut found);
    found
}

/// What CloudFormation's events show for the value of a `NoEcho` parameter.
const HIDDEN: &str = "****";

fn compare(path: &str, sent: &Json, told: &Json, found: &mut Vec<String>) {
    let below = |key: &str| mlp_template::yaml::join(path, key);
    match (sent, told) {
        (Json::Object(sent), Json::Object(told)) => {
            for (key, told) in told {
                compare(&below(key), sent.get(key).unwrap_or(&Json::Null), told, found);
            }
            found.extend(sent.keys().filter(|key| !told.contains_key(*key)).map(|key| below(key)));
        }
        (Json::Array(sent), Json::Array(told)) if sent.len() == told.len() => {
            for (index, (sent, told)) in sent.iter().zip(told).enumerate() {
                compare(&below(&index.to_string()), sent, told, found);
            }
        }
        (_, Json::String(told)) if told == HIDDEN => found.push(path.to_owned()),
        (Json::String(_), Json::String(told)) if told.contains("{{resolve:") => {}
        _ if sent == told => {}
        _ if text(sent).is_some_and(|sent| text(told) == Some(sent)) => {}
        _ => found.push(path.to_owned()),
    }
}

/// A scalar as CloudFormation writes it in a request.
fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(flag) => Some(flag.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(sent: &Json, told: &Json) -> Vec<String> {
        differences(sent.as_object().unwrap(), told.as_object().unwrap())
    }

    #[test]
    fn what_was_added_left_out_or_changed_is_found_wherever_it_stands() {
        let told = json!({"A": "1", "B": {"C": ["x", "y"], "D": true}, "E": null, "ServiceTimeout": "3600"});
        for (sent, paths) in [
            (json!({"A": 1, "B": {"C": ["x", "y"], "D": "true"}, "E": null}), vec![]),
            (
                json!({"A": "1", "B": {"C": ["x", "z"], "D": true}, "E": "", "F": 1}),
                vec!["/B/C/1", "/E", "/F"],
            ),
            (json!({"A": "1", "B": {"C": ["x"], "D": false}}), vec!["/B/C", "/B/D"]),
            (json!({"A": ["1"], "B": "x", "E": {}}), vec!["/A", "/B", "/E"]),
        ] {
            assert_eq!(found(&sent, &told), paths, "{sent}");
        }
        let timeout = |seconds: Json| json!({"ServiceTimeout": seconds});
        assert!(found(&timeout(json!("600")), &timeout(json!(600))).is_empty());
        for told in [timeout(json!("600")), json!({})] {
            assert_eq!(found(&timeout(json!("3600")), &told), ["/ServiceTimeout"], "{told}");
        }
    }

    #[test]
    fn what_cloudformation_hides_is_confirmed_by_nothing_and_a_reference_stands_for_a_text() {
        let told = json!({"A": "****", "B": "{{resolve:ssm:/x}}", "C": "plain"});
        assert_eq!(found(&json!({"A": "secret", "B": "value", "C": "plain"}), &told), ["/A"]);
        assert_eq!(found(&json!({"A": "****", "B": ["value"], "C": "****"}), &told), ["/A", "/B", "/C"]);
    }
}
