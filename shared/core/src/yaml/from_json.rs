//! JSON as a document, for input that was never a YAML file.

use super::{Entry, Node, NodeValue, Scalar, ScalarKind};

impl Node {
    /// The node of a JSON value. It has no place: line and column are 0.
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let scalar = |kind, text: String, plain| NodeValue::Scalar(Scalar { text, kind, plain });
        let value = match json {
            Json::Null => scalar(ScalarKind::Null, "null".to_owned(), true),
            Json::Bool(value) => scalar(ScalarKind::Bool(*value), value.to_string(), true),
            Json::Number(number) => {
                let kind = number.as_i64().map_or(ScalarKind::Float, ScalarKind::Int);
                scalar(kind, number.to_string(), true)
            }
            Json::String(text) => scalar(ScalarKind::Str, text.clone(), false),
            Json::Array(values) => NodeValue::Seq(values.iter().map(Self::from_json).collect()),
            Json::Object(object) => NodeValue::Map(
                object
                    .iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        line: 0,
                        column: 0,
                        value: Self::from_json(value),
                    })
                    .collect(),
            ),
        };
        Self { line: 0, column: 0, tag: None, value }
    }
}
