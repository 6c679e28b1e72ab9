//! JSON as a document, for input that was never a YAML file.

use indexmap::IndexMap;
use serde::ser::{Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::value::RawValue;

use super::{Entry, Limits, Node, NodeValue, Scalar, ScalarKind};

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

impl Node {
    /// The node of a JSON text, whose numbers keep every digit. It has no place: line and column are 0.
    ///
    /// # Errors
    ///
    /// When the text is no JSON, or is nested deeper than [`Limits::template`] allows.
    ///
    /// ```
    /// # use mlp_template::yaml::Node;
    /// let node = Node::from_json_text(r#"{"a":[1.0,12345678901234567890123,"x"]}"#).unwrap();
    /// assert_eq!(serde_json::to_string(&node).unwrap(), r#"{"a":[1.0,12345678901234567890123,"x"]}"#);
    /// ```
    pub fn from_json_text(text: &str) -> Result<Self, serde_json::Error> {
        Self::nested(serde_json::from_str(text)?, Limits::template().depth)
    }

    fn nested(raw: &RawValue, depth: usize) -> Result<Self, serde_json::Error> {
        let text = raw.get();
        let Some(deeper) = depth.checked_sub(1) else {
            return Err(serde::de::Error::custom(format!(
                "it is nested deeper than {} levels",
                Limits::template().depth
            )));
        };
        let scalar =
            |kind, text: String| NodeValue::Scalar(Scalar { plain: kind != ScalarKind::Str, text, kind });
        let value = match text.as_bytes().first() {
            Some(b'{') => {
                let entries: IndexMap<String, &RawValue> = serde_json::from_str(text)?;
                let entry = |(key, raw): (String, &RawValue)| {
                    Ok(Entry { key, line: 0, column: 0, value: Self::nested(raw, deeper)? })
                };
                NodeValue::Map(entries.into_iter().map(entry).collect::<Result<_, serde_json::Error>>()?)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                NodeValue::Seq(
                    items.into_iter().map(|raw| Self::nested(raw, deeper)).collect::<Result<_, _>>()?,
                )
            }
            Some(b'"') => scalar(ScalarKind::Str, serde_json::from_str(text)?),
            Some(b't') => scalar(ScalarKind::Bool(true), text.to_owned()),
            Some(b'f') => scalar(ScalarKind::Bool(false), text.to_owned()),
            Some(b'n') => scalar(ScalarKind::Null, text.to_owned()),
            _ => scalar(text.parse().map_or(ScalarKind::Float, ScalarKind::Int), text.to_owned()),
        };
        Ok(Self { line: 0, column: 0, tag: None, value })
    }
}

/// The node as JSON, tags left out. A number goes out as it was written, if JSON can write it so.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            NodeValue::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for entry in entries {
                    map.serialize_entry(&entry.key, &entry.value)?;
                }
                map.end()
            }
            NodeValue::Seq(nodes) => {
                let mut list = serializer.serialize_seq(Some(nodes.len()))?;
                for node in nodes {
                    list.serialize_element(node)?;
                }
                list.end()
            }
            NodeValue::Scalar(scalar) => match scalar.kind {
                ScalarKind::Null => serializer.serialize_unit(),
                ScalarKind::Bool(value) => serializer.serialize_bool(value),
                ScalarKind::Int(value) => serializer.serialize_i64(value),
                ScalarKind::Float => number(&scalar.text, serializer),
                ScalarKind::Str => serializer.serialize_str(&scalar.text),
            },
        }
    }
}

/// Writes a number's text as it is, or as text when JSON has no such number (`.inf`).
pub(crate) fn number<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match RawValue::from_string(text.to_owned()) {
        Ok(raw) => raw.serialize(serializer),
        Err(_) => serializer.serialize_str(text),
    }
}
