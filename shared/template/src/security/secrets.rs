//! Secrets: where they stand in a template, and how text is shown without them.

use std::borrow::Cow;

use super::catalogue::{Check, check};
use super::inspection::Inspection;
use crate::finding::Finding;
use crate::template::{Function, Map, Path, SubPart, Template, Value};

pub(super) const CHECKS: &[Check] = &[ACCESS_KEY, SECRET_KEY];

check! {
    /// Looks through the whole template, parameters' defaults, metadata and outputs included, for access key ids: `AKIA` or
    /// `ASIA` and 16 more capitals and digits. Texts that a `Fn::Join` or `Fn::Sub` puts together are looked at as a whole.
    /// The key is shown by its place; of its text only the first four characters ever appear in output.
    ACCESS_KEY = "MLP-KEY-001", Error, "An AWS access key in the template";
    why: "Templates are kept in buckets, in CloudFormation and in people's mail; whoever reads one has the key.";
    help: "deactivate the key now, then let the workload use a role; it needs no key in a template";
}

check! {
    /// Looks for values of exactly 40 letters, digits, `/` and `+` under a name with `secret` in it, as in
    /// `{Name: AWS_SECRET_ACCESS_KEY, Value: ...}`. The value never appears in output.
    SECRET_KEY = "MLP-KEY-002", Error, "What looks like an AWS secret key in the template";
    why: "Templates are kept in buckets, in CloudFormation and in people's mail; whoever reads one has the key.";
    help: "deactivate the key now, then let the workload use a role, or read the value from Secrets Manager by a dynamic reference";
}

/// An access key id has this many characters: four that tell its kind, and these of base 32.
///
/// Source: IAM User Guide, "IAM identifiers", unique id prefixes.
const KEY_LENGTH: usize = 20;
const SECRET_LENGTH: usize = 40;

/// Whether findings under this code are about a secret, so that the user's own line must not be shown beside them.
pub fn hides_its_line(code: &str) -> bool {
    CHECKS.iter().any(|check| check.code == code)
}

/// Text with every access key id in it made unreadable, letter by letter: the length stays.
///
/// ```
/// # use mlp_template::security::secrets::mask;
/// assert_eq!(mask("key AKIAABCDEFGHIJKLMNOP."), "key AKIA****************.");
/// assert_eq!(mask("AKIA is a prefix"), "AKIA is a prefix");
/// ```
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut found = keys(text).peekable();
    if found.peek().is_none() {
        return Cow::Borrowed(text);
    }
    let mut masked = String::with_capacity(text.len());
    let mut from = 0;
    for start in found {
        masked.push_str(text.get(from..start + 4).unwrap_or_default());
        masked.extend(std::iter::repeat_n('*', KEY_LENGTH - 4));
        from = start + KEY_LENGTH;
    }
    masked.push_str(text.get(from..).unwrap_or_default());
    Cow::Owned(masked)
}

/// Where access key ids begin in a text.
fn keys(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let word = |index: Option<usize>| {
        index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_alphanumeric)
    };
    // Most texts have neither: `IA` alone tells, and both kinds have it in the same place.
    memchr::memchr_iter(b'I', bytes).filter_map(move |at| {
        let start = at.checked_sub(2).filter(|_| bytes.get(at + 1) == Some(&b'A'))?;
        let key = bytes.get(start..start + KEY_LENGTH)?;
        let kind = key.starts_with(b"AKIA") || key.starts_with(b"ASIA");
        let rest = key.iter().skip(4).all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let alone = !word(start.checked_sub(1)) && !word(Some(start + KEY_LENGTH));
        (kind && rest && alone).then_some(start)
    })
}

/// Whether a text looks like a secret access key: of the right length and alphabet, and mixed as random text is.
pub fn is_secret_key(text: &str) -> bool {
    let of = |wanted: fn(&u8) -> bool| text.bytes().any(|byte| wanted(&byte));
    text.len() == SECRET_LENGTH
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'/' || byte == b'+')
        && of(u8::is_ascii_uppercase)
        && of(u8::is_ascii_lowercase)
        && of(u8::is_ascii_digit)
}

fn names_a_secret(name: &str) -> bool {
    name.to_ascii_lowercase().contains("secret")
}

/// The keys in one text of a file that isn't a template, called `name`; `path` leads to it.
pub fn in_text(text: &str, name: Option<&str>, path: &str) -> Vec<Finding> {
    let mut findings: Vec<Finding> = keys(text).map(|at| ACCESS_KEY.finding(access_key(text, at))).collect();
    if let Some(name) = name.filter(|name| is_secret_key(text) && names_a_secret(name)) {
        findings.push(SECRET_KEY.finding(secret_key(name)));
    }
    for finding in &mut findings {
        path.clone_into(&mut finding.path);
    }
    findings
}

/// What a finding says of the access key id that begins at an index.
fn access_key(text: &str, start: usize) -> String {
    let kind = text.get(start..start + 4).unwrap_or_default();
    format!("an AWS access key id, `{kind}` and {} more characters", KEY_LENGTH - 4)
}

fn secret_key(name: &str) -> String {
    format!("`{}` looks like a secret access key", mask(name))
}

pub(super) fn check(inspection: &mut Inspection<'_>) {
    let mut search = Search { inspection };
    let template = search.inspection.template;
    search.everything(template);
}

struct Search<'i, 't> {
    inspection: &'i mut Inspection<'t>,
}

impl Search<'_, '_> {
    fn everything(&mut self, template: &Template) {
        let root = Path::ROOT;
        if let Some(description) = &template.description {
            self.text(description, None, &root.key("Description"));
        }
        for (name, section) in [
            ("Metadata", &template.metadata),
            ("Mappings", &template.mappings),
            ("Conditions", &template.conditions),
            ("Rules", &template.rules),
        ] {
            self.map(section, &root.key(name));
        }
        self.map(&template.other, &root);
        let parameters = root.key("Parameters");
        for (id, parameter) in &template.parameters {
            let path = parameters.key(id);
            for (key, value) in &parameter.attributes {
                // A parameter's own name says what its default is.
                self.value(value, Some(id), &path.key(key));
            }
        }
        let resources = root.key("Resources");
        for (id, resource) in &template.resources {
            let path = resources.key(id);
            self.map(&resource.attributes, &path);
            self.map(&resource.metadata, &path.key("Metadata"));
            self.map(&resource.properties, &path.key("Properties"));
        }
        let outputs = root.key("Outputs");
        for (id, output) in &template.outputs {
            let path = outputs.key(id);
            if let Some(description) = &output.description {
                self.text(description, None, &path.key("Description"));
            }
            self.value(&output.value, Some(id), &path.key("Value"));
            if let Some(export) = &output.export {
                self.value(export, None, &path.key("Export").key("Name"));
            }
        }
        for expansion in &template.expansions {
            let section = root.key(expansion.section.name());
            self.value(&expansion.value, None, &section.key(&expansion.key));
        }
    }

    fn map(&mut self, entries: &Map, path: &Path<'_>) {
        // `{Name: X, Value: y}` and `{Key: X, Value: y}`: the name stands beside its value.
        let beside = || ["Name", "Key", "ParameterKey"].iter().find_map(|key| entries.get(*key)?.as_str());
        for (key, value) in entries {
            self.text(key, None, &path.key(key));
            let name = if key == "Value" { beside().unwrap_or(key) } else { key };
            self.value(value, Some(name), &path.key(key));
        }
    }

    /// `name`: what the value is called, as far as that is known.
    fn value(&mut self, value: &Value, name: Option<&str>, path: &Path<'_>) {
        match value {
            Value::Str(text) | Value::Number(text) => self.text(text, name, path),
            Value::List(values) => {
                for (index, value) in values.iter().enumerate() {
                    self.value(value, name, &path.index(index));
                }
            }
            Value::Map(entries) => self.map(entries, path),
            Value::Sub(sub) => {
                let text: String = sub
                    .parts
                    .iter()
                    .map(|part| match part {
                        SubPart::Text(text) => text.as_str(),
                        SubPart::Ref(_) | SubPart::GetAtt(..) => "\u{fffd}",
                    })
                    .collect();
                self.text(&text, name, path);
                self.map(&sub.variables, &path.key(Function::Sub.long()).index(1));
            }
            Value::Call(function, argument) => {
                if *function == Function::Join {
                    self.text(&joined(argument).unwrap_or_default(), name, path);
                }
                self.value(argument, name, &path.key(function.long()));
            }
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Ref(_) | Value::GetAtt(..) => {}
        }
    }

    fn text(&mut self, text: &str, name: Option<&str>, path: &Path<'_>) {
        for start in keys(text) {
            self.inspection.found(&ACCESS_KEY, path, access_key(text, start));
        }
        // Few texts have the length; lowering every name would cost more.
        if is_secret_key(text) && name.is_some_and(names_a_secret) {
            self.inspection.found(&SECRET_KEY, path, secret_key(name.unwrap_or_default()));
        }
    }
}

/// What a `Fn::Join` gives; what isn't known now stands as one strange character, and so does a part that has a key by
/// itself, which is found where it stands.
fn joined(argument: &Value) -> Option<String> {
    let Value::List(parts) = argument else { return None };
    let [Value::Str(delimiter), Value::List(parts)] = parts.as_slice() else { return None };
    let known = |part: &Value| part.as_str().filter(|text| keys(text).next().is_none()).map(str::to_owned);
    let texts: Vec<String> = parts.iter().map(|part| known(part).unwrap_or("\u{fffd}".to_owned())).collect();
    Some(texts.join(delimiter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_keys_are_found_wherever_they_stand_alone() {
        let key = format!("AKIA{}", "ABCDEFGHIJKLMNOP");
        let text = format!("{key} x={key}, AS{}", key.get(2..).unwrap_or_default());
        assert_eq!(keys(&text).count(), 3);
        assert!(!mask(&text).contains(&key));
        assert_eq!(mask(&text).len(), text.len());
        for no in [format!("X{key}"), format!("{key}0"), key.to_lowercase(), "AKIA".to_owned()] {
            assert_eq!(keys(&no).count(), 0, "{no}");
        }
    }

    #[test]
    fn secret_keys_are_told_from_other_texts_of_their_length() {
        assert!(is_secret_key(&"aB3/".repeat(10)));
        // A SHA-1, a name, a path.
        for no in ["0123456789abcdef0123456789abcdef01234567".to_owned(), "a-".repeat(20), "A".repeat(40)] {
            assert!(!is_secret_key(&no), "{no}");
        }
    }
}
