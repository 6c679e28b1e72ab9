//! The template that is expanded, while its products are read: what it declares, and what is known of it.

use std::cell::Cell;

use indexmap::IndexMap;
use mlp_template::suggest::Suggestions;
use mlp_template::template::{Value, is_list_type};
use mlp_template::yaml::{Node, NodeValue};

use super::values::as_text;

/// What is expanded.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// The template without the macro's own entry in `Transform`, in the long form of CloudFormation's JSON
    /// ([`super::long_form`]).
    pub fragment: Node,
    /// Template parameters with their values, defaults included.
    pub parameters: IndexMap<String, Node>,
    /// The account that the stack is for, 12 digits.
    pub account_id: String,
    /// The region that the stack is for.
    pub region: String,
    /// ARN of the managed policy that bounds the roles of products that name none: the suite's.
    pub permissions_boundary: Option<String>,
    /// When the template's loops run.
    pub loop_order: LoopOrder,
    /// Whether the template's `Transform` names `AWS::LanguageExtensions`. A macro is not told: nothing is known then.
    ///
    /// Source: AWS CloudFormation User Guide, "Create a CloudFormation macro definition" (the fragment of a macro in `Transform` is
    /// "the entire template except for the Transform section"); the recorded requests in `events/macro`.
    pub language_extensions: Option<bool>,
}

/// An input while its products are read.
pub(super) struct UserTemplate<'a> {
    pub(super) fragment: &'a Node,
    parameters: &'a IndexMap<String, Node>,
    pub(super) account_id: String,
    pub(super) region: String,
    pub(super) suggestions: &'a Suggestions,
    pub(super) loop_order: LoopOrder,
    pub(super) language_extensions: Option<bool>,
    /// What may still be computed.
    pub(super) budget: Budget,
}

impl<'a> UserTemplate<'a> {
    pub(super) fn of(input: &'a Input, suggestions: &'a Suggestions) -> Self {
        Self {
            suggestions,
            fragment: &input.fragment,
            parameters: &input.parameters,
            account_id: input.account_id.clone(),
            region: input.region.clone(),
            loop_order: input.loop_order,
            language_extensions: input.language_extensions,
            budget: Budget::default(),
        }
    }

    /// The value of a template parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&'a Node> {
        self.parameters.get(name)
    }

    /// Whether CloudFormation reads the value of a template parameter from SSM.
    pub(super) fn is_ssm_parameter(&self, name: &str) -> bool {
        let kind = self.declaration(name).and_then(|it| it.get("Type"));
        kind.and_then(as_text).is_some_and(|kind| kind.starts_with("AWS::SSM::Parameter::Value<"))
    }

    /// Whether the value of a template parameter is a list, by its type.
    pub(super) fn is_list_parameter(&self, name: &str) -> bool {
        self.is_list(name) == Some(true)
    }

    /// Whether the value of a template parameter is one text, by its type.
    pub(super) fn is_text_parameter(&self, name: &str) -> bool {
        self.is_list(name) == Some(false)
    }

    fn is_list(&self, parameter: &str) -> Option<bool> {
        self.type_of(parameter).map(is_list_type)
    }

    /// Whether the value of a template parameter is a secret. Whatever is not plainly `false` is one.
    pub(super) fn is_no_echo(&self, name: &str) -> bool {
        let declared = self.declaration(name).and_then(|it| it.get("NoEcho"));
        declared
            .is_some_and(|it| !it.scalar().is_some_and(|scalar| scalar.text.eq_ignore_ascii_case("false")))
    }

    /// The type of a template parameter, as it is written.
    pub(super) fn type_of(&self, parameter: &str) -> Option<&'a str> {
        self.declaration(parameter)?.get("Type").and_then(as_text)
    }

    fn declaration(&self, parameter: &str) -> Option<&'a Node> {
        self.fragment.get("Parameters")?.get(parameter)
    }

    /// Whether a condition of this name may be there that the template doesn't spell out: a loop makes it, or a
    /// `Fn::Transform` brings it.
    pub(super) fn may_become_condition(&self, name: &str) -> bool {
        let Some(NodeValue::Map(entries)) = self.fragment.get("Conditions").map(|node| &node.value) else {
            return self.fragment.get("Fn::Transform").is_some();
        };
        entries.iter().any(|entry| {
            entry.key == "Fn::Transform"
                || mlp_template::check::made_by_loop(&entry.key, &Value::from_node(&entry.value), name)
        }) || self.fragment.get("Fn::Transform").is_some()
    }

    /// The section, if there is one.
    pub(super) fn section(&self, name: &str) -> Option<&'a Node> {
        self.fragment.get(name)
    }

    /// The entries of a section.
    pub(super) fn names_in(&self, section: &str) -> Vec<&'a str> {
        match self.fragment.get(section).map(|node| &node.value) {
            Some(NodeValue::Map(entries)) => entries.iter().map(|entry| entry.key.as_str()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether anything may wait for others by name.
    pub(super) fn mentions_depends_on(&self) -> bool {
        fn mentions(node: &Node) -> bool {
            match &node.value {
                NodeValue::Map(entries) => {
                    entries.iter().any(|entry| entry.key == "DependsOn" || mentions(&entry.value))
                }
                NodeValue::Seq(nodes) => nodes.iter().any(mentions),
                NodeValue::Scalar(_) => false,
            }
        }
        self.fragment.get("Resources").is_some_and(mentions)
    }
}

/// When the template's loops run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoopOrder {
    /// After the macro, or there is no `AWS::LanguageExtensions`.
    #[default]
    After,
    /// Before the macro: CloudFormation has run them, a template file still holds them.
    Before,
}

impl LoopOrder {
    /// How to fix a name or an attribute of a product that a function computes; `what` says which.
    pub(super) fn help_for_computed(self, what: &str) -> String {
        match self {
            Self::After => format!(
                "write the {what} out, or let CloudFormation compute it first: `Transform: [AWS::LanguageExtensions, \
                 MLProvisioner]`"
            ),
            Self::Before => format!(
                "`Transform` is right: CloudFormation computes the {what} first. Deploy the template as it is; to expand it \
                 here, write the {what} out"
            ),
        }
    }

    /// What to do about a loop that makes or names products.
    pub(super) fn help(self) -> &'static str {
        match self {
            Self::After => {
                "name both in `Transform`, the loop first: `[AWS::LanguageExtensions, MLProvisioner]`"
            }
            Self::Before => {
                "`Transform` is right: CloudFormation runs the loop first. Deploy the template as it is; to expand it here, \
                 write the loop out"
            }
        }
    }
}

/// How much may be computed for one template: values that are read, and texts that they give. Nested functions can multiply
/// both.
pub(super) const STEPS: usize = 10_000;

/// What may still be computed. Where nothing is left, a text isn't known.
#[derive(Debug)]
pub(super) struct Budget(pub(super) Cell<usize>);

impl Default for Budget {
    fn default() -> Self {
        Self(Cell::new(STEPS))
    }
}

impl Budget {
    /// Takes steps; whether there were enough.
    pub(super) fn spend(&self, steps: usize) -> bool {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}
