//! Property values: plain data and CloudFormation's intrinsic functions, typed.

use std::fmt::Write as _;

use indexmap::IndexMap;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// An ordered map of properties.
///
/// Templates are hashed all the time: the hash is the quick one, seeded anew in each process.
pub type Map = IndexMap<String, Value, foldhash::fast::RandomState>;

/// A property value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`; CloudFormation refuses it almost everywhere, but templates from outside may hold it.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number, as it was written.
    Number(String),
    /// Text.
    Str(String),
    /// A list.
    List(Vec<Value>),
    /// A map.
    Map(Map),
    /// `Ref` to a resource, a parameter or a pseudo parameter (`AWS::Region`).
    Ref(String),
    /// `Fn::GetAtt`: logical id and attribute (dots in the attribute belong to it).
    GetAtt(String, String),
    /// `Fn::Sub`.
    Sub(Sub),
    /// Every other intrinsic function with its argument; also `Ref`, `Fn::GetAtt` and `Fn::Sub` around what the variants
    /// above can't hold: a function (`AWS::LanguageExtensions` allows that), or a mistake.
    Call(Function, Box<Value>),
}

macro_rules! functions {
    ($($name:ident),* $(,)?) => {
        /// The intrinsic functions.
        ///
        /// Source: AWS CloudFormation Template Reference, "Intrinsic function reference" and "Rule functions" (and
        /// `Condition`, which conditions and resources share). `Fn::ForEach::<name>` is no function of this kind: it
        /// stands beside other keys and has a name of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "each is the CloudFormation function of the same name")]
        pub enum Function {
            $($name,)*
        }

        impl Function {
            /// Every function.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in short form, without the `!`.
            pub fn short(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            fn prefixed(self) -> &'static str {
                match self {
                    $(Self::$name => concat!("Fn::", stringify!($name)),)*
                }
            }
        }
    };
}

functions! {
    And, Base64, Cidr, Condition, Contains, EachMemberEquals, EachMemberIn, Equals, FindInMap, GetAZs, GetAtt,
    GetStackOutput, If, ImportValue, Join, Length, Not, Or, Ref, RefAll, Select, Split, Sub, ToJsonString, Transform,
    ValueOf, ValueOfAll,
}

impl Function {
    /// The key in long form: `Fn::Join`, but `Ref` and `Condition`.
    pub fn long(self) -> &'static str {
        match self {
            Self::Condition | Self::Ref => self.short(),
            _ => self.prefixed(),
        }
    }

    /// The function of a long-form key; none for `Condition`, which is a function only where conditions stand.
    pub fn from_long(key: &str) -> Option<Self> {
        // Nearly every key of a template is asked, and nearly none is a function.
        match key.strip_prefix("Fn::") {
            Some(short) => Self::from_short(short).filter(|function| function.long() == key),
            None => (key == Self::Ref.long()).then_some(Self::Ref),
        }
    }

    /// The function of a short-form tag without its `!`.
    pub fn from_short(tag: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|function| function.short() == tag)
    }
}

/// The text of a `Fn::Sub`, taken apart, so that a reference can't be hidden in text and text can't become a reference.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sub {
    /// Text and references in order.
    pub parts: Vec<SubPart>,
    /// The map of the list form: names that are the template's own variables.
    pub variables: Map,
}

/// A piece of a `Fn::Sub`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubPart {
    /// Literal text; a `${` in it is written `${!`.
    Text(String),
    /// `${Name}`: a parameter, a resource, a pseudo parameter or one of `variables`.
    Ref(String),
    /// `${Name.Attribute}`.
    GetAtt(String, String),
}

impl Sub {
    /// Reads the text of a `Fn::Sub`.
    ///
    /// Follows CloudFormation: `${X}` and `${X.Y}` are references, `${!X}` is the literal `${X}`, a `${` without its `}`
    /// is text.
    ///
    /// ```
    /// # use mlp_template::template::{Sub, SubPart};
    /// let sub = Sub::parse("${Bucket.Arn}/${!aws:username}/*");
    /// assert_eq!(sub.parts[0], SubPart::GetAtt("Bucket".into(), "Arn".into()));
    /// assert_eq!(sub.parts[1], SubPart::Text("/${aws:username}/*".into()));
    /// assert_eq!(sub.to_text(), "${Bucket.Arn}/${!aws:username}/*");
    /// ```
    pub fn parse(text: &str) -> Self {
        let mut sub = Self::default();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let (before, from) = rest.split_at(start);
            let Some(end) = from.find('}') else { break };
            let (token, after) = from.split_at(end + 1);
            let name = token.strip_prefix("${").and_then(|name| name.strip_suffix('}')).unwrap_or(token);
            sub.push_text(before);
            if name.trim_start().starts_with('!') {
                sub.push_text("${");
                sub.push_text(&name.replacen('!', "", 1));
                sub.push_text("}");
            } else {
                sub.parts.push(match name.trim().split_once('.') {
                    Some((resource, attribute)) => SubPart::GetAtt(resource.to_owned(), attribute.to_owned()),
                    None => SubPart::Ref(name.trim().to_owned()),
                });
            }
            rest = after;
        }
        sub.push_text(rest);
        sub
    }

    /// Appends literal text.
    pub fn push_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(SubPart::Text(last)) = self.parts.last_mut() {
            last.push_str(text);
        } else {
            self.parts.push(SubPart::Text(text.to_owned()));
        }
    }

    /// The text of the `Fn::Sub`; [`Sub::parse`] reads it back to the same parts.
    ///
    /// One thing CloudFormation has no way to write: text with a `${` that never closes, and a reference behind it. The
    /// `}` of the reference would close it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            let _ = match part {
                SubPart::Text(literal) => text.write_str(&escape_literal(literal)),
                SubPart::Ref(name) => write!(text, "${{{name}}}"),
                SubPart::GetAtt(name, attribute) => write!(text, "${{{name}.{attribute}}}"),
            };
        }
        text
    }
}

/// `${x}` becomes `${!x}`; a `${` that never closes is text already.
fn escape_literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 1);
    let mut rest = text;
    // The reader takes everything up to the next `}`, so a `${` inside of another one needs no escape.
    while let Some((before, after)) = rest.split_once("${")
        && let Some((inside, behind)) = after.split_once('}')
    {
        escaped.push_str(before);
        escaped.push_str("${!");
        escaped.push_str(inside);
        escaped.push('}');
        rest = behind;
    }
    escaped.push_str(rest);
    escaped
}

impl Value {
    /// Text.
    pub fn str(text: impl Into<String>) -> Self {
        Self::Str(text.into())
    }

    /// `!Ref name`.
    pub fn reference(name: impl Into<String>) -> Self {
        Self::Ref(name.into())
    }

    /// `!Sub text`; only for text of our own, see [`Sub::parse`].
    pub fn sub(text: &str) -> Self {
        Self::Sub(Sub::parse(text))
    }

    /// A list of values.
    pub fn list(values: impl IntoIterator<Item = Self>) -> Self {
        Self::List(values.into_iter().collect())
    }

    /// A map of values, in order.
    pub fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Map(map(entries))
    }

    /// `!Join [delimiter, list]`.
    pub fn join(delimiter: &str, list: Self) -> Self {
        Self::Call(Function::Join, Box::new(Self::List(vec![Self::str(delimiter), list])))
    }

    /// The text, if this is plain text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The value as CloudFormation's JSON, intrinsic functions in long form.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::{Value as Json, json};
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => json!(value),
            Self::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.clone())),
            Self::Str(text) => Json::String(text.clone()),
            Self::List(values) => Json::Array(values.iter().map(Self::to_json).collect()),
            Self::Map(entries) => map_to_json(entries),
            Self::Ref(name) => json!({ "Ref": name }),
            Self::GetAtt(name, attribute) => json!({ "Fn::GetAtt": [name, attribute] }),
            Self::Sub(sub) if sub.variables.is_empty() => json!({ "Fn::Sub": sub.to_text() }),
            Self::Sub(sub) => json!({ "Fn::Sub": [sub.to_text(), map_to_json(&sub.variables)] }),
            Self::Call(function, argument) => {
                let mut object = serde_json::Map::new();
                object.insert(function.long().to_owned(), argument.to_json());
                Json::Object(object)
            }
        }
    }

    /// A value of plain data: JSON without any thought of intrinsic functions.
    pub fn from_plain_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => {
                number.as_i64().map_or_else(|| Self::Number(number.to_string()), Self::Int)
            }
            Json::String(text) => Self::Str(text.clone()),
            Json::Array(values) => Self::List(values.iter().map(Self::from_plain_json).collect()),
            Json::Object(object) => Self::Map(
                object.iter().map(|(key, value)| (key.clone(), Self::from_plain_json(value))).collect(),
            ),
        }
    }
}

/// The value as CloudFormation's JSON, the same as [`Value::to_json`] but written at once.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn one<S: Serializer, T: Serialize + ?Sized>(
            serializer: S,
            function: &str,
            argument: &T,
        ) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(1))?;
            map.serialize_entry(function, argument)?;
            map.end()
        }
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Number(text) => crate::yaml::number(text, serializer),
            Self::Str(text) => serializer.serialize_str(text),
            Self::List(values) => serializer.collect_seq(values),
            Self::Map(entries) => serializer.collect_map(entries),
            Self::Ref(name) => one(serializer, "Ref", name),
            Self::GetAtt(name, attribute) => one(serializer, "Fn::GetAtt", &[name, attribute]),
            Self::Sub(sub) if sub.variables.is_empty() => one(serializer, "Fn::Sub", &sub.to_text()),
            Self::Sub(sub) => one(serializer, "Fn::Sub", &(sub.to_text(), &sub.variables)),
            Self::Call(function, argument) => one(serializer, function.long(), argument),
        }
    }
}

fn map_to_json(entries: &Map) -> serde_json::Value {
    serde_json::Value::Object(entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect())
}

/// An ordered map of values.
pub fn map<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Map {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u16> for Value {
    fn from(value: u16) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Self::List(values)
    }
}

impl From<Map> for Value {
    fn from(entries: Map) -> Self {
        Self::Map(entries)
    }
}
