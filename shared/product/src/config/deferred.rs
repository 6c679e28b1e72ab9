//! Values that a config doesn't know: CloudFormation resolves them when the stack is deployed.
//!
//! A YAML config has none. The properties of a product in a template can have them where the schema says `x-functions`,
//! and the fields of [`super::Config`] that can hold them are of the type [`Field`].

use std::collections::BTreeSet;

use mlp_template::template::Value;
use mlp_template::yaml::Node;

/// A field that may be deferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field<T> {
    /// The value is in the config.
    Known(T),
    /// CloudFormation resolves the value.
    Deferred(Deferred),
}

/// A value of a template that stands in a field: a function, a text with a dynamic reference, or what an SSM path would lead
/// to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferred {
    /// JSON pointer of the field in the config.
    pub pointer: String,
    /// The value in the long form of CloudFormation's JSON, with its place in the template.
    pub node: Node,
}

impl<T> Field<T> {
    /// The value, if the config has it.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Deferred(_) => None,
        }
    }

    /// The value as it is written into a template.
    pub fn to_value(&self, known: impl FnOnce(&T) -> Value) -> Value {
        match self {
            Self::Known(value) => known(value),
            Self::Deferred(deferred) => Value::from_node(&deferred.node),
        }
    }

    /// Calls `visit` with the value if it is deferred.
    pub(super) fn visit_deferred(&mut self, visit: &mut impl FnMut(&mut Deferred)) {
        if let Self::Deferred(deferred) = self {
            visit(deferred);
        }
    }
}

/// A list that may be deferred as a whole, or in some of its entries.
pub type FieldList<T> = Field<Vec<Field<T>>>;

impl<T> FieldList<T> {
    /// Whether the config says that the list has no entries.
    pub fn is_empty(&self) -> bool {
        self.known().is_some_and(Vec::is_empty)
    }

    /// The list as it is written into a template.
    pub fn to_list(&self, known: impl Fn(&T) -> Value) -> Value {
        self.to_value(|entries| Value::list(entries.iter().map(|entry| entry.to_value(&known))))
    }

    /// Calls `visit` with the list if it is deferred, or else with each entry that is.
    pub(super) fn visit_each_deferred(&mut self, visit: &mut impl FnMut(&mut Deferred)) {
        match self {
            Self::Known(entries) => entries.iter_mut().for_each(|entry| entry.visit_deferred(visit)),
            Self::Deferred(deferred) => visit(deferred),
        }
    }
}

/// The places of a document whose values are deferred.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeferredPlaces(BTreeSet<String>);

impl DeferredPlaces {
    /// Adds the JSON pointer of a value.
    pub fn insert(&mut self, pointer: String) {
        self.0.insert(pointer);
    }

    /// Whether the value of this pointer is deferred.
    pub fn contains(&self, pointer: &str) -> bool {
        self.0.contains(pointer)
    }

    /// The pointers, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}
