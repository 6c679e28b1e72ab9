//! YAML with places: every node knows its line and column, so that a finding can point at it.
//!
//! Built on `saphyr-parser`'s events (pure safe Rust, YAML 1.2, passes the YAML test suite). Whatever the bytes are, the
//! answer is a [`Document`] or findings, in bounded time and memory.

mod expand;
mod from_json;
mod lenient;
mod load;
mod pasted;
mod scalar;
mod syntax;
mod text;

pub(crate) use from_json::number;
pub use load::load;
pub(crate) use pasted::load_json;
pub use pasted::load_pasted;
pub use scalar::is_text_in_yaml_1_1;

pub use crate::pointer::{join, tokens};

/// What a document may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest input in bytes.
    pub bytes: usize,
    /// Deepest nesting of lists and maps.
    pub depth: usize,
    /// Most nodes, counted after aliases are expanded.
    pub nodes: usize,
    /// Whether local tags (`!Ref`) are allowed.
    pub tags: bool,
    /// Whether what CloudFormation reads and YAML 1.2 forbids is read (`lenient`): templates are other people's.
    pub lenient: bool,
}

impl Limits {
    /// For configs and tier files: 256 KiB, 32 levels, 10,000 nodes, no tags.
    pub const fn config() -> Self {
        Self { bytes: 256 * 1024, depth: 32, nodes: 10_000, tags: false, lenient: false }
    }

    /// For CloudFormation templates: 1 MiB (CloudFormation's limit), 128 levels, 200,000 nodes, tags.
    pub const fn template() -> Self {
        Self { bytes: 1024 * 1024, depth: 128, nodes: 200_000, tags: true, lenient: true }
    }
}

/// One YAML document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its root.
    pub root: Node,
    /// What the tree no longer shows and other readers of the file may not take.
    pub remarks: Vec<Remark>,
}

/// Something about the way in which a document is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// What it is.
    pub kind: RemarkKind,
    /// RFC 6901 JSON pointer of the value.
    pub pointer: String,
    /// 1-based line.
    pub line: u32,
    /// 1-based column in characters.
    pub column: u32,
}

/// What a remark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemarkKind {
    /// An alias (`*name`) stands there.
    Alias,
    /// The key is a number without quotes.
    NumericKey,
    /// A value of 12 digits without quotes begins with 0, as an account's number may.
    LeadingZero,
    /// A text in double quotes has the escape `\/`, which came with YAML 1.2.
    SlashEscape,
}

/// A node, its aliases expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// 1-based line; of an alias, where the alias stands.
    pub line: u32,
    /// 1-based column in characters.
    pub column: u32,
    /// A local tag without its `!`, such as `Sub`.
    pub tag: Option<String>,
    /// What it is.
    pub value: NodeValue,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeValue {
    /// A scalar.
    Scalar(Scalar),
    /// A list.
    Seq(Vec<Node>),
    /// A map in the file's order, without duplicate keys.
    Map(Vec<Entry>),
}

/// An entry of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// 1-based line of the key.
    pub line: u32,
    /// 1-based column of the key in characters.
    pub column: u32,
    /// The value.
    pub value: Node,
}

/// A scalar: its text as the file has it (quotes and escapes resolved), and what YAML 1.2's core schema takes it for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text.
    pub text: String,
    /// Its type: plain scalars only can be anything but text.
    pub kind: ScalarKind,
    /// Whether it stands without quotes and without the tag `!!str`, and is no block scalar.
    pub plain: bool,
}

/// The types of YAML 1.2's core schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarKind {
    /// Empty, `~`, `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number in 64 bits (decimal; `0o7` and `0xf` too).
    Int(i64),
    /// Any other number; its text is in [`Scalar::text`].
    Float,
    /// Text.
    Str,
}

/// Where a value of a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line and column of the key, for values in maps.
    pub key: Option<(u32, u32)>,
    /// Line and column of the value itself.
    pub value: (u32, u32),
}

impl Document {
    /// A document of a tree that was never written down.
    pub fn of(root: Node) -> Self {
        Self { root, remarks: Vec::new() }
    }

    /// The node at an RFC 6901 JSON pointer.
    pub fn node(&self, pointer: &str) -> Option<&Node> {
        self.find(pointer).map(|(_, node)| node)
    }

    /// Where the value at an RFC 6901 JSON pointer stands.
    pub fn place(&self, pointer: &str) -> Option<Place> {
        self.find(pointer).map(|(key, node)| Place { key, value: (node.line, node.column) })
    }

    /// Where the value at a JSON pointer stands, or else the last value on the way to it that is there.
    pub fn nearest_place(&self, pointer: &str) -> Place {
        let mut pointer = pointer;
        loop {
            if let Some(place) = self.place(pointer) {
                return place;
            }
            pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }

    fn find(&self, pointer: &str) -> Option<(Option<(u32, u32)>, &Node)> {
        let mut found = (None, &self.root);
        for token in tokens(pointer) {
            found = match &found.1.value {
                NodeValue::Map(entries) => {
                    let entry = entries.iter().find(|entry| entry.key == token)?;
                    (Some((entry.line, entry.column)), &entry.value)
                }
                NodeValue::Seq(nodes) => (None, nodes.get(token.parse::<usize>().ok()?)?),
                NodeValue::Scalar(_) => return None,
            };
        }
        Some(found)
    }

    /// The document as JSON by YAML 1.2's core schema; tags are left out, keys are text.
    pub fn to_json(&self) -> serde_json::Value {
        self.root.to_json()
    }
}

impl Node {
    /// The node as JSON; see [`Document::to_json`].
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            NodeValue::Scalar(scalar) => scalar.to_json(),
            NodeValue::Seq(nodes) => Json::Array(nodes.iter().map(Self::to_json).collect()),
            NodeValue::Map(entries) => {
                Json::Object(entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect())
            }
        }
    }

    /// The value of a key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            NodeValue::Map(entries) => {
                entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
            }
            _ => None,
        }
    }

    /// The scalar, if it is one.
    pub fn scalar(&self) -> Option<&Scalar> {
        match &self.value {
            NodeValue::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }
}

impl Scalar {
    /// The scalar as JSON; a number that JSON can't hold (`.inf`) stays text.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match self.kind {
            ScalarKind::Null => Json::Null,
            ScalarKind::Bool(value) => Json::Bool(value),
            ScalarKind::Int(value) => Json::from(value),
            ScalarKind::Float => self
                .text
                .parse()
                .ok()
                .and_then(serde_json::Number::from_f64)
                .map_or_else(|| Json::String(self.text.clone()), Json::Number),
            ScalarKind::Str => Json::String(self.text.clone()),
        }
    }
}
