//! What the macros of a template may do to it, as far as their names tell.

use super::{Section, Template, Value};

/// The macros that a template runs through before CloudFormation reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a macro that a template has or hasn't, in any combination"
)]
pub struct Transforms {
    /// `AWS::Serverless-2016-10-31`: resources become several, with ids that begin with theirs.
    pub serverless: bool,
    /// `AWS::LanguageExtensions`: `Fn::ForEach`, `Fn::Length`, `Fn::ToJsonString`, functions where names stand.
    pub language_extensions: bool,
    /// `MLProvisioner`, also under another name of a second suite that begins so: products become their resources, with ids that begin with theirs.
    pub products: bool,
    /// Any other, `AWS::Include` and `Fn::Transform` beside resources included: everything may come and go.
    pub open: bool,
}

impl Transforms {
    /// Whether there is any.
    pub fn any(self) -> bool {
        self.serverless || self.language_extensions || self.products || self.open
    }

    fn add(&mut self, name: &str) {
        match name {
            "AWS::LanguageExtensions" => self.language_extensions = true,
            name if is_macro_name(name) => self.products = true,
            // Adds no resource: it turns updates into blue/green deployments.
            "AWS::CodeDeployBlueGreen" => {}
            name if name.starts_with("AWS::Serverless-") => self.serverless = true,
            _ => self.open = true,
        }
    }

    fn add_declared(&mut self, declared: &Value) {
        match declared {
            Value::Str(name) => self.add(name),
            Value::List(several) => several.iter().for_each(|one| self.add_declared(one)),
            Value::Map(entries) => {
                if let Some(Value::Str(name)) = entries.get("Name") {
                    self.add(name);
                }
            }
            // The reader reports what names no macro.
            _ => {}
        }
    }
}

/// Whether a name in `Transform` is this macro's, or that of one that a second suite installed beside it.
pub fn is_macro_name(name: &str) -> bool {
    name.starts_with("MLProvisioner")
}

impl Template {
    /// The macros of the template.
    pub fn transforms(&self) -> Transforms {
        let mut transforms = Transforms::default();
        if let Some(declared) = &self.transform {
            transforms.add_declared(declared);
        }
        let embedded = self.other.contains_key("Fn::Transform")
            || self.expansions.iter().any(|it| it.key == "Fn::Transform")
            || [&self.conditions, &self.mappings].iter().any(|entries| entries.contains_key("Fn::Transform"));
        transforms.open |= embedded;
        transforms
    }

    /// The expansions of a section.
    pub fn expansions_of(&self, section: Section) -> impl Iterator<Item = &super::Expansion> {
        self.expansions.iter().filter(move |it| it.section == section)
    }
}
