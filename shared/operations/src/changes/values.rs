//! Values as they may be shown: without keys and secrets, and truncated.

use std::borrow::Cow;

use mlp_template::security::secrets::{self, mask};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What stands for a value, or a part of one, that only the deployment makes.
///
/// AWS doesn't document it; its answers have it (cloudformation-coverage-roadmap issue 2113 quotes one).
const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";
const KNOWN_AFTER_DEPLOYMENT_TEXT: &str = "(known after deployment)";

/// The longest value that is shown whole, in characters: more than a managed policy's 6,144.
const MAX_VALUE_CHARACTERS: usize = 8_000;

/// A value of a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplayedValue {
    /// What people read: a text as it is, anything else as JSON.
    pub text: String,
    /// How much of the value the text is.
    pub state: ValueState,
    /// How many characters the value has; only when the text isn't the whole of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub characters: Option<usize>,
}

/// How much of a value is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ValueState {
    /// All of it, access keys apart.
    Complete,
    /// Its beginning.
    Truncated,
    /// Nothing: by its name it is a secret.
    Hidden,
    /// Nothing: the deployment makes it.
    KnownAfterDeployment,
}

impl DisplayedValue {
    /// The value that belongs to a name.
    pub(crate) fn new(name: &str, value: &Json) -> Self {
        let later = |text: &str| text == KNOWN_AFTER_APPLY;
        if value.as_str().is_some_and(later) {
            return Self {
                text: KNOWN_AFTER_DEPLOYMENT_TEXT.to_owned(),
                state: ValueState::KnownAfterDeployment,
                characters: None,
            };
        }
        let shown = concealed(name, value);
        let text = match shown {
            Json::String(text) => text,
            other => other.to_string(),
        };
        let characters = text.chars().count();
        if value.as_str().is_some_and(|value| is_secret(name, value)) {
            let characters = value.as_str().map(|value| value.chars().count());
            return Self { text, state: ValueState::Hidden, characters };
        }
        if characters > MAX_VALUE_CHARACTERS {
            let text = text.chars().take(MAX_VALUE_CHARACTERS).collect();
            return Self { text, state: ValueState::Truncated, characters: Some(characters) };
        }
        Self { text, state: ValueState::Complete, characters: None }
    }

    /// JSON over several lines, if it is JSON with something in it; else the text.
    pub fn pretty(&self) -> Cow<'_, str> {
        if !self.text.starts_with(['{', '[']) {
            return Cow::Borrowed(&self.text);
        }
        match serde_json::from_str::<Json>(&self.text).map(|json| serde_json::to_string_pretty(&json)) {
            Ok(Ok(pretty)) => Cow::Owned(pretty),
            _ => Cow::Borrowed(&self.text),
        }
    }

    /// What is said beside it: nothing, if it is whole.
    pub fn remark(&self) -> Option<String> {
        let characters = self.characters.unwrap_or_default();
        match self.state {
            ValueState::Truncated => {
                Some(format!("the first {MAX_VALUE_CHARACTERS} of {characters} characters"))
            }
            ValueState::Complete | ValueState::Hidden | ValueState::KnownAfterDeployment => None,
        }
    }
}

/// A value as CloudFormation writes it: objects and lists as JSON, everything else as plain text.
pub(crate) fn read(text: &str) -> Json {
    if text.starts_with(['{', '['])
        && let Ok(json) = serde_json::from_str(text)
    {
        return json;
    }
    Json::from(text)
}

/// A text of AWS or of the user without access keys, such as a reason or a physical id.
pub(crate) fn safe(text: &str) -> String {
    let text = without_passwords(&mask(text));
    // Runs of the letters that a secret key is made of, and what stands between them.
    let of_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '+');
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while !rest.is_empty() {
        let run = rest.find(|c| !of_key(c)).unwrap_or(rest.len());
        let (token, from) = rest.split_at(run);
        if secrets::is_secret_key(token) {
            out.extend(std::iter::repeat_n('*', token.len()));
        } else {
            out.push_str(token);
        }
        let gap = from.find(of_key).unwrap_or(from.len());
        let (between, next) = from.split_at(gap);
        out.push_str(between);
        rest = next;
    }
    if out.contains(KNOWN_AFTER_APPLY) {
        out.replace(KNOWN_AFTER_APPLY, KNOWN_AFTER_DEPLOYMENT_TEXT)
    } else {
        out
    }
}

/// The text with the passwords of URLs covered: `scheme://user:password@host`. Source: RFC 3986, section 3.2.
fn without_passwords(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let ends = |c: char| matches!(c, '/' | '?' | '#' | '"' | '\'') || c.is_whitespace();
        let (authority, behind) = after.split_at(after.find(ends).unwrap_or(after.len()));
        match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?, host))) {
            Some(((user, password), host)) => {
                out.push_str(user);
                out.push(':');
                out.extend(std::iter::repeat_n('*', password.chars().count()));
                out.push('@');
                out.push_str(host);
            }
            None => out.push_str(authority),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The value with every secret in it covered.
fn concealed(name: &str, value: &Json) -> Json {
    match value {
        Json::String(text) if is_secret(name, text) => {
            Json::from(format!("(hidden, {} characters)", text.chars().count()))
        }
        Json::String(text) => Json::from(safe(text)),
        Json::Array(values) => values.iter().map(|value| concealed(name, value)).collect(),
        Json::Object(entries) => {
            let beside = beside(value);
            let entries = entries.iter().map(|(key, value)| {
                let name = if key == "Value" { beside.unwrap_or(key) } else { key };
                (safe(key), concealed(name, value))
            });
            Json::Object(entries.collect())
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
    }
}

/// What the `Value` of `{Name: X, Value: y}` is called; empty if that is only the name of what holds it.
pub(super) fn beside(value: &Json) -> Option<&str> {
    // The value is the name of a parameter or a secret then.
    let refers = value.get("Type").and_then(Json::as_str).is_some_and(|kind| kind != "PLAINTEXT");
    if refers {
        return Some("");
    }
    ["Name", "Key", "ParameterKey"].iter().find_map(|key| value.get(*key)?.as_str())
}

/// Whether a text under this name is to be hidden. ARNs and dynamic references only say where a secret is.
fn is_secret(name: &str, text: &str) -> bool {
    const WORDS: [&str; 9] = [
        "secret",
        "password",
        "passwd",
        "passphrase",
        "token",
        "credential",
        "privatekey",
        "apikey",
        "accesskey",
    ];
    let harmless = text.is_empty()
        || text == KNOWN_AFTER_APPLY
        || text == "true"
        || text == "false"
        || text.starts_with("arn:")
        || text.starts_with("{{resolve:");
    let name: String =
        name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect::<String>().to_lowercase();
    // `ImagePullCredentialsType` and `SecretArn` say of what kind and where.
    let about = name.ends_with("type") || name.ends_with("arn");
    !harmless && !about && WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_by_their_names_and_keys_by_their_looks() {
        let hidden = DisplayedValue::new("DB_PASSWORD", &json!("hunter2"));
        assert_eq!((hidden.text.as_str(), hidden.state), ("(hidden, 7 characters)", ValueState::Hidden));
        let variables = json!([
            {"Name": "API_TOKEN", "Value": "abc", "Type": "PLAINTEXT"},
            {"Name": "API_TOKEN", "Value": "/team/token", "Type": "PARAMETER_STORE"},
            {"Name": "REGION", "Value": "eu-west-1"},
        ]);
        let shown = DisplayedValue::new("EnvironmentVariables", &variables).text;
        assert!(shown.contains(r#""Value":"(hidden, 3 characters)""#) && !shown.contains("abc"), "{shown}");
        assert!(shown.contains("/team/token") && shown.contains("eu-west-1"), "{shown}");
        let key = format!("x=AKIA{} y={}", "ABCDEFGHIJKLMNOP", "aB3/".repeat(10));
        assert_eq!(safe(&key), format!("x=AKIA{} y={}", "*".repeat(16), "*".repeat(40)));
        for arn in ["arn:aws:secretsmanager:eu-west-1:1:secret:x", "{{resolve:secretsmanager:x}}", "true"] {
            assert_eq!(DisplayedValue::new("Secret", &json!(arn)).text, arn);
        }
    }

    #[test]
    fn passwords_of_urls_are_hidden_and_the_rest_of_them_is_not() {
        for (text, shown) in [
            ("postgres://app:hunter2@db:5432/x", "postgres://app:*******@db:5432/x"),
            ("a https://u:p@h, b redis://:s3@h/0", "a https://u:*@h, b redis://:**@h/0"),
            ("https://u:a@b@h?x", "https://u:***@h?x"),
            ("https://h:8443/a@b", "https://h:8443/a@b"),
            ("ssh://git@h/x:y@z", "ssh://git@h/x:y@z"),
            ("s3://bucket/key", "s3://bucket/key"),
            ("://", "://"),
        ] {
            assert_eq!(safe(text), shown);
            assert_eq!(
                DisplayedValue::new("Value", &json!([{"Value": text}])).text.contains(text),
                text == shown
            );
        }
    }

    #[test]
    fn what_only_the_deployment_makes_is_called_so() {
        let whole = DisplayedValue::new("RoleArn", &read("{{changeSet:KNOWN_AFTER_APPLY}}"));
        assert_eq!(
            (whole.text.as_str(), whole.state),
            ("(known after deployment)", ValueState::KnownAfterDeployment)
        );
        let part = DisplayedValue::new("Resource", &read("{{changeSet:KNOWN_AFTER_APPLY}}/*"));
        assert_eq!((part.text.as_str(), part.state), ("(known after deployment)/*", ValueState::Complete));
    }

    #[test]
    fn a_long_value_is_cut_and_says_how_long_it_is() {
        let shown = DisplayedValue::new("Body", &json!("ä".repeat(MAX_VALUE_CHARACTERS + 1)));
        assert_eq!(shown.text.chars().count(), MAX_VALUE_CHARACTERS);
        assert_eq!(shown.remark().as_deref(), Some("the first 8000 of 8001 characters"));
    }
}
