//! IAM policy documents.

use crate::template::{Map, Value, map};

/// The only policy language version in use.
const VERSION: &str = "2012-10-17";

/// An `Allow` statement.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    sid: &'static str,
    principal: Option<Value>,
    actions: Vec<&'static str>,
    resources: Vec<Value>,
    conditions: Map,
}

impl Statement {
    /// Allows `actions` on `resources`.
    pub(super) fn allow(
        sid: &'static str,
        actions: impl IntoIterator<Item = &'static str>,
        resources: impl IntoIterator<Item = Value>,
    ) -> Self {
        Self {
            sid,
            principal: None,
            actions: actions.into_iter().collect(),
            resources: resources.into_iter().collect(),
            conditions: Map::default(),
        }
    }

    /// Names who is allowed, for policies of resources and roles.
    pub(super) fn to(mut self, principal: Value) -> Self {
        self.principal = Some(principal);
        self
    }

    /// Bounds the statement: `operator: {key: value}`.
    pub(super) fn when(mut self, operator: &str, key: &str, value: Value) -> Self {
        let entry = self.conditions.entry(operator.to_owned()).or_insert_with(|| Value::Map(Map::default()));
        if let Value::Map(keys) = entry {
            keys.insert(key.to_owned(), value);
        }
        self
    }

    fn into_value(self) -> Value {
        let mut entries = map([("Sid", Value::str(self.sid)), ("Effect", Value::str("Allow"))]);
        if let Some(principal) = self.principal {
            entries.insert("Principal".to_owned(), principal);
        }
        entries.insert("Action".to_owned(), one_or_list(self.actions.into_iter().map(Value::str).collect()));
        if !self.resources.is_empty() {
            entries.insert("Resource".to_owned(), one_or_list(self.resources));
        }
        if !self.conditions.is_empty() {
            entries.insert("Condition".to_owned(), Value::Map(self.conditions));
        }
        Value::Map(entries)
    }
}

/// A policy document of statements.
pub(super) fn document(statements: impl IntoIterator<Item = Statement>) -> Value {
    Value::map([
        ("Version", Value::str(VERSION)),
        ("Statement", Value::list(statements.into_iter().map(Statement::into_value))),
    ])
}

/// `{Service: name.amazonaws.com}`. The services of this product have the same principal in every partition.
pub(super) fn service(name: &str) -> Value {
    Value::map([("Service", Value::str(format!("{name}.amazonaws.com")))])
}

/// A single value stands alone, as people write it.
fn one_or_list(mut values: Vec<Value>) -> Value {
    match (values.len(), values.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            values.push(last);
            Value::List(values)
        }
        (_, None) => Value::List(values),
    }
}
