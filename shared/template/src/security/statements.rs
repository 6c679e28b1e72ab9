//! Policy documents as they stand in templates: statements, with what is written in them and where.

use std::borrow::Cow;

use crate::template::{Function, Map, Path, Value};

/// The text of a value that is known now: a string, or a `Fn::Sub` without references.
pub(super) fn literal(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Str(text) => Some(Cow::Borrowed(text)),
        Value::Sub(sub) => match sub.parts.as_slice() {
            [] => Some(Cow::Borrowed("")),
            [crate::template::SubPart::Text(text)] => Some(Cow::Borrowed(text)),
            _ => None,
        },
        _ => None,
    }
}

/// What a value can be: itself, or each branch of a `Fn::If`. `AWS::NoValue` is nothing.
pub(super) fn alternatives<'v>(
    value: &'v Value,
    path: &Path<'_>,
    found: &mut dyn FnMut(&'v Value, &Path<'_>),
) {
    match value {
        Value::Ref(name) if name == "AWS::NoValue" => {}
        Value::Call(Function::If, argument) => {
            let path = path.key(Function::If.long());
            if let Value::List(parts) = argument.as_ref() {
                for (index, branch) in parts.iter().enumerate().skip(1) {
                    alternatives(branch, &path.index(index), found);
                }
            }
        }
        value => found(value, path),
    }
}

/// Each element of a list, or the value itself where one stands instead of a list.
pub(super) fn each<'v>(value: &'v Value, path: &Path<'_>, found: &mut dyn FnMut(&'v Value, &Path<'_>)) {
    alternatives(value, path, &mut |value, path| match value {
        Value::List(elements) => {
            for (index, element) in elements.iter().enumerate() {
                alternatives(element, &path.index(index), found);
            }
        }
        value => found(value, path),
    });
}

/// Whether a text in a value has a wildcard, `*` or `?`. What a function makes of references isn't known now.
fn any_wildcard(value: &Value) -> bool {
    let mut found = false;
    each(value, &Path::ROOT, &mut |value, _| {
        found |= match value {
            Value::Str(text) => text.contains(['*', '?']),
            Value::Sub(sub) => sub.parts.iter().any(|part| match part {
                crate::template::SubPart::Text(text) => text.contains(['*', '?']),
                _ => false,
            }),
            _ => false,
        };
    });
    found
}

/// One statement of a policy document.
#[derive(Clone, Copy)]
pub(super) struct Statement<'v> {
    entries: &'v Map,
}

/// Every statement of a policy document that allows something.
pub(super) fn allowing<'v>(
    document: &'v Value,
    path: &Path<'_>,
    found: &mut dyn FnMut(Statement<'v>, &Path<'_>),
) {
    alternatives(document, path, &mut |document, path| {
        let Value::Map(document) = document else { return };
        let Some(statements) = document.get("Statement") else { return };
        each(statements, &path.key("Statement"), &mut |statement, path| {
            if let Value::Map(entries) = statement
                && entries.get("Effect").and_then(literal).as_deref() == Some("Allow")
            {
                found(Statement { entries }, path);
            }
        });
    });
}

impl<'v> Statement<'v> {
    pub(super) fn get(self, key: &str) -> Option<&'v Value> {
        self.entries.get(key)
    }

    /// The statement in words: its `Sid`, or nothing.
    pub(super) fn name(self) -> String {
        match self.get("Sid").and_then(literal) {
            Some(sid) if !sid.is_empty() => format!("statement `{sid}`"),
            _ => "a statement".to_owned(),
        }
    }

    /// The literal texts of an element such as `Action`, each with its place.
    pub(super) fn texts(self, key: &str, path: &Path<'_>, found: &mut dyn FnMut(&str, &Path<'_>)) {
        if let Some(value) = self.get(key) {
            each(value, &path.key(key), &mut |value, path| {
                if let Some(text) = literal(value) {
                    found(&text, path);
                }
            });
        }
    }

    /// Whether anything bounds it. A condition that can't be known now counts: nothing can be proved against it.
    pub(super) fn is_conditional(self) -> bool {
        match self.get("Condition") {
            None => false,
            Some(Value::Map(operators)) => !operators.is_empty(),
            Some(_) => true,
        }
    }

    /// Whether a condition asks about this key, whatever the operator.
    pub(super) fn asks_about(self, key: &str) -> bool {
        let Some(Value::Map(operators)) = self.get("Condition") else { return false };
        operators.values().any(|keys| match keys {
            Value::Map(keys) => keys.keys().any(|asked| asked.eq_ignore_ascii_case(key)),
            _ => false,
        })
    }

    /// Whether a condition allows only the values of this key that it names: `StringEquals` or `StringLike`, without
    /// wildcards. Every other operator (`StringNotEquals`, `...IfExists`, `ForAllValues:...`) may allow others too.
    pub(super) fn is_only(self, key: &str) -> bool {
        let Some(Value::Map(operators)) = self.get("Condition") else { return false };
        operators.iter().any(|(operator, keys)| {
            let Value::Map(keys) = keys else { return false };
            ["StringEquals", "StringEqualsIgnoreCase", "StringLike"].contains(&operator.as_str())
                && keys.iter().any(|(asked, values)| asked.eq_ignore_ascii_case(key) && !any_wildcard(values))
        })
    }

    /// Whether an element has a wildcard in one of its texts.
    pub(super) fn has_wildcard(self, key: &str) -> bool {
        self.get(key).is_some_and(any_wildcard)
    }

    /// Whether it names `*` in an element, as a whole.
    pub(super) fn names_everything(self, key: &str) -> bool {
        let mut everything = false;
        self.texts(key, &Path::ROOT, &mut |text, _| everything |= text == "*");
        everything
    }
}
