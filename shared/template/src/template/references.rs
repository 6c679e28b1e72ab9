//! Everything in a template that names something else in it: one walk that finds them all, and one that changes them.
//!
//! What a `Fn::Sub` defines itself (its map of variables) and what a `Fn::ForEach` loops over is no reference; the walks
//! know both scopes.

use super::{Function, Map, Path, Resource, Section, Sub, SubPart, Template, Value};

/// A name that stands for something else in the template.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reference<'v> {
    /// `Ref`, or `${Name}` in a `Fn::Sub`: a parameter, a resource or a pseudo parameter.
    Name {
        /// What is named.
        name: &'v str,
        /// Whether it stands in a `Fn::Sub`.
        sub: bool,
    },
    /// `Fn::GetAtt`, or `${Name.Attribute}` in a `Fn::Sub`: an attribute of a resource.
    Attribute {
        /// The resource.
        name: &'v str,
        /// The attribute; none when a function computes it.
        attribute: Option<&'v str>,
        /// Whether it stands in a `Fn::Sub`.
        sub: bool,
    },
    /// `Fn::If`, the function `Condition` or the attribute `Condition`: an entry of `Conditions`.
    Condition(&'v str),
    /// An entry of `DependsOn`: a resource.
    DependsOn(&'v str),
    /// `Fn::FindInMap`: an entry of `Mappings`; the argument is the function's whole list.
    Mapping(&'v str, &'v [Value]),
}

/// To whom a reference belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'t> {
    /// An entry of `Conditions`.
    Condition(&'t str),
    /// An entry of `Rules`.
    Rule(&'t str),
    /// An entry of `Resources`.
    Resource(&'t str),
    /// An entry of `Outputs`.
    Output(&'t str),
    /// `Fn::ForEach` or `Fn::Transform` among the entries of a section.
    Expansion(Section),
    /// `Globals`, `Hooks`, `Transform` and the like.
    Other(&'t str),
}

/// A part of a template that may hold functions.
#[derive(Debug, Clone, Copy)]
pub enum Part<'t> {
    /// A map whose keys are no function, such as `Properties`.
    Map(&'t Map),
    /// A value.
    Value(&'t Value),
    /// An entry of a section: key and value.
    Entry(&'t str, &'t Value),
}

impl Template {
    /// Every part that may hold functions, in the order of the file's sections. The template's own `Metadata`,
    /// `Parameters` and `Mappings` are none: CloudFormation resolves nothing in them.
    pub fn parts<'t>(&'t self, found: &mut impl FnMut(Owner<'t>, Part<'t>, &Path<'_>)) {
        if let Some(transform) = &self.transform {
            found(Owner::Other("Transform"), Part::Value(transform), &Path::ROOT.key("Transform"));
        }
        for (name, value) in &self.rules {
            found(Owner::Rule(name), Part::Entry(name, value), &Path::ROOT.key("Rules"));
        }
        for (name, value) in &self.conditions {
            found(Owner::Condition(name), Part::Entry(name, value), &Path::ROOT.key("Conditions"));
        }
        for (name, value) in &self.other {
            found(Owner::Other(name), Part::Entry(name, value), &Path::ROOT);
        }
        for expansion in &self.expansions {
            let owner = Owner::Expansion(expansion.section);
            let part = Part::Entry(&expansion.key, &expansion.value);
            found(owner, part, &Path::ROOT.key(expansion.section.name()));
        }
        for (id, resource) in &self.resources {
            let resources = Path::ROOT.key("Resources");
            resource.parts(&resources.key(id), &mut |part, path| found(Owner::Resource(id), part, path));
        }
        for (name, output) in &self.outputs {
            let (owner, outputs) = (Owner::Output(name), Path::ROOT.key("Outputs"));
            let path = outputs.key(name);
            found(owner, Part::Value(&output.value), &path.key("Value"));
            if let Some(export) = &output.export {
                found(owner, Part::Value(export), &path.key("Export").key("Name"));
            }
        }
    }

    /// Every reference of the template with its owner and its place, `DependsOn` and `Condition` attributes included.
    ///
    /// ```
    /// # use mlp_template::template::{Value, Template, Resource, map};
    /// # use mlp_template::template::references::Reference;
    /// let bucket = Resource {
    ///     kind: "AWS::S3::Bucket".into(),
    ///     properties: map([("BucketName", Value::sub("${Prefix}-data"))]),
    ///     ..Resource::default()
    /// };
    /// let template = Template { resources: [("Bucket".into(), bucket)].into(), ..Template::default() };
    /// let mut found = Vec::new();
    /// template.references(&mut |_owner, reference, path| found.push((reference, path.to_string())));
    /// assert_eq!(found, [(Reference::Name { name: "Prefix", sub: true }, "/Resources/Bucket/Properties/BucketName".into())]);
    /// ```
    pub fn references<'t>(&'t self, found: &mut impl FnMut(Owner<'t>, Reference<'t>, &Path<'_>)) {
        self.parts(&mut |owner, part, path| {
            let mut walk =
                Walk { loops: Vec::new(), found: &mut |reference, path| found(owner, reference, path) };
            match (owner, part) {
                (Owner::Expansion(Section::Resources | Section::Outputs), Part::Entry(key, value)) => {
                    walk.bodies(key, value, path);
                    walk.entry(key, value, path);
                }
                (_, Part::Entry(key, value)) => walk.entry(key, value, path),
                (_, Part::Map(entries)) => walk.map(entries, path),
                (_, Part::Value(value)) => walk.value(value, path),
            }
        });
        let resources = Path::ROOT.key("Resources");
        for (id, resource) in &self.resources {
            resource.attributes_that_name(&resources.key(id), &mut |reference, path| {
                found(Owner::Resource(id), reference, path);
            });
        }
        for (name, output) in &self.outputs {
            if let Some(condition) = &output.condition {
                let path = Path::ROOT.key("Outputs");
                let path = path.key(name);
                found(Owner::Output(name), Reference::Condition(condition), &path.key("Condition"));
            }
        }
    }
}

impl Resource {
    /// Every part of the resource that may hold functions.
    pub fn parts<'t>(&'t self, path: &Path<'_>, found: &mut impl FnMut(Part<'t>, &Path<'_>)) {
        let policies =
            [("DeletionPolicy", &self.deletion_policy), ("UpdateReplacePolicy", &self.update_replace_policy)];
        for (key, value) in policies {
            if let Some(value) = value {
                found(Part::Value(value), &path.key(key));
            }
        }
        for (key, value) in &self.attributes {
            found(Part::Entry(key, value), path);
        }
        found(Part::Map(&self.metadata), &path.key("Metadata"));
        found(Part::Map(&self.properties), &path.key("Properties"));
    }

    /// `DependsOn` and `Condition`.
    fn attributes_that_name<'t>(&'t self, path: &Path<'_>, found: &mut impl FnMut(Reference<'t>, &Path<'_>)) {
        if let Some(condition) = &self.condition {
            found(Reference::Condition(condition), &path.key("Condition"));
        }
        for (index, id) in self.depends_on.iter().enumerate() {
            found(Reference::DependsOn(id), &path.key("DependsOn").index(index));
        }
    }
}

/// Every reference in a value, with its place: the pointer of the value that holds the function.
///
/// ```
/// # use mlp_template::template::{Path, Value};
/// # use mlp_template::template::references::{self, Reference};
/// let value = Value::list([Value::reference("Topic"), Value::sub("${Bucket.Arn}/*")]);
/// let mut found = Vec::new();
/// references::visit(&value, &Path::ROOT, &mut |reference, path| found.push((reference, path.to_string())));
/// assert_eq!(found[0], (Reference::Name { name: "Topic", sub: false }, "/0".into()));
/// assert_eq!(found[1], (Reference::Attribute { name: "Bucket", attribute: Some("Arn"), sub: true }, "/1".into()));
/// ```
pub fn visit<'v>(value: &'v Value, path: &Path<'_>, found: &mut impl FnMut(Reference<'v>, &Path<'_>)) {
    Walk { loops: Vec::new(), found }.value(value, path);
}

/// Changes references to resources and parameters: `change` gives what stands in their place, or nothing to keep them.
///
/// In a `Fn::Sub` a text becomes text, `Ref` and `Fn::GetAtt` stay within it, and any other value becomes a variable.
/// A `Fn::GetAtt` whose attribute a function computes is not offered, nor are conditions and mappings.
///
/// ```
/// # use mlp_template::template::Value;
/// # use mlp_template::template::references::{self, Reference};
/// let mut value = Value::sub("${Fraud.BucketName}/models");
/// references::rewrite(&mut value, &mut |reference| match reference {
///     Reference::Attribute { name: "Fraud", .. } => Some(Value::reference("FraudArtifactsBucket")),
///     _ => None,
/// });
/// assert_eq!(value, Value::sub("${FraudArtifactsBucket}/models"));
/// ```
pub fn rewrite(value: &mut Value, change: &mut impl FnMut(Reference<'_>) -> Option<Value>) {
    Rewrite { loops: Vec::new(), change }.value(value);
}

/// Whether a name is completed by a loop's variable, such as `Topic${Region}` inside of a `Fn::ForEach`.
pub fn is_pattern(name: &str) -> bool {
    name.contains("${") || name.contains("&{")
}

/// Whether a loop's `pattern` can become `name`: `Topic${Region}` becomes every name that begins with `Topic`.
///
/// ```
/// # use mlp_template::template::references::pattern_matches;
/// assert!(pattern_matches("Topic${Region}Policy", "TopicEuPolicy"));
/// assert!(!pattern_matches("Topic${Region}Policy", "QueueEuPolicy"));
/// ```
pub fn pattern_matches(pattern: &str, name: &str) -> bool {
    let mut rest = name;
    let mut text = pattern;
    let mut first = true;
    loop {
        let variable = [text.find("${"), text.find("&{")].into_iter().flatten().min();
        let Some((literal, (_, behind))) = variable
            .map(|start| text.split_at(start))
            .and_then(|(literal, token)| Some((literal, token.split_once('}')?)))
        else {
            // The last literal must end the name; without any variable it must be the name.
            return if first { rest == text } else { rest.ends_with(text) };
        };
        let found = if first { rest.starts_with(literal).then_some(0) } else { rest.find(literal) };
        let Some(after) = found.and_then(|start| rest.get(start + literal.len()..)) else { return false };
        (rest, text, first) = (after, behind, false);
    }
}

struct Walk<'w, 'v, F: FnMut(Reference<'v>, &Path<'_>)> {
    /// The variables of the loops around the current value.
    loops: Vec<&'v str>,
    found: &'w mut F,
}

impl<'v, F: FnMut(Reference<'v>, &Path<'_>)> Walk<'_, 'v, F> {
    fn value(&mut self, value: &'v Value, path: &Path<'_>) {
        match value {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Number(_) | Value::Str(_) => {}
            Value::List(values) => self.list(values, path),
            Value::Map(entries) => self.map(entries, path),
            Value::Ref(name) => self.name(name, false, path),
            Value::GetAtt(name, attribute) => {
                (self.found)(Reference::Attribute { name, attribute: Some(attribute), sub: false }, path);
            }
            Value::Sub(sub) => self.sub(sub, path),
            Value::Call(function, argument) => self.call(*function, argument, path),
        }
    }

    fn list(&mut self, values: &'v [Value], path: &Path<'_>) {
        for (index, value) in values.iter().enumerate() {
            self.value(value, &path.index(index));
        }
    }

    fn map(&mut self, entries: &'v Map, path: &Path<'_>) {
        for (key, value) in entries {
            self.entry(key, value, path);
        }
    }

    /// An entry of the map at `path`; a loop brings its variable into scope.
    fn entry(&mut self, key: &'v str, value: &'v Value, path: &Path<'_>) {
        if let Some((variable, collection, body)) = loop_parts(key, value) {
            let path = path.key(key);
            self.value(collection, &path.index(1));
            self.loops.push(variable);
            self.value(body, &path.index(2));
            self.loops.pop();
        } else if let Some(function) = Function::from_long(key) {
            // All of a resource's `Properties` may be one function.
            self.call(function, value, path);
        } else {
            self.value(value, &path.key(key));
        }
    }

    /// `Condition` and `DependsOn` of the resources (or outputs) that a loop makes.
    fn bodies(&mut self, key: &'v str, value: &'v Value, path: &Path<'_>) {
        let Some((_, _, Value::Map(made))) = loop_parts(key, value) else { return };
        let path = path.key(key);
        let path = path.index(2);
        for (key, body) in made {
            self.bodies(key, body, &path);
            let Value::Map(body) = body else { continue };
            let path = path.key(key);
            if let Some(Value::Str(condition)) = body.get("Condition") {
                (self.found)(Reference::Condition(condition), &path.key("Condition"));
            }
            match body.get("DependsOn") {
                Some(Value::Str(id)) => (self.found)(Reference::DependsOn(id), &path.key("DependsOn")),
                Some(Value::List(ids)) => {
                    for (index, id) in ids.iter().enumerate() {
                        let Value::Str(id) = id else { continue };
                        (self.found)(Reference::DependsOn(id), &path.key("DependsOn").index(index));
                    }
                }
                _ => {}
            }
        }
    }

    fn name(&mut self, name: &'v str, sub: bool, path: &Path<'_>) {
        if !self.loops.contains(&name) {
            (self.found)(Reference::Name { name, sub }, path);
        }
    }

    fn sub(&mut self, sub: &'v Sub, path: &Path<'_>) {
        for part in &sub.parts {
            match part {
                SubPart::Text(_) => {}
                SubPart::Ref(name) if sub.variables.contains_key(name) => {}
                SubPart::Ref(name) => self.name(name, true, path),
                SubPart::GetAtt(name, attribute) => {
                    if !sub.has_dotted_variable(name, attribute) {
                        let attribute = Some(attribute.as_str());
                        (self.found)(Reference::Attribute { name, attribute, sub: true }, path);
                    }
                }
            }
        }
        if !sub.variables.is_empty() {
            let path = path.key(Function::Sub.long());
            self.map(&sub.variables, &path.index(1));
        }
    }

    fn call(&mut self, function: Function, argument: &'v Value, path: &Path<'_>) {
        match (function, argument) {
            (Function::Condition, Value::Str(name)) => (self.found)(Reference::Condition(name), path),
            (Function::If, Value::List(list)) => {
                if let Some(Value::Str(name)) = list.first() {
                    (self.found)(Reference::Condition(name), path);
                }
            }
            (Function::FindInMap, Value::List(list)) => {
                if let Some(Value::Str(name)) = list.first() {
                    (self.found)(Reference::Mapping(name, list), path);
                }
            }
            (Function::GetAtt, Value::List(list)) => {
                if let [Value::Str(name), Value::Ref(_) | Value::Sub(_) | Value::Call(..)] = list.as_slice() {
                    (self.found)(Reference::Attribute { name, attribute: None, sub: false }, path);
                }
            }
            (Function::ValueOf, Value::List(list)) => {
                if let Some(Value::Str(name)) = list.first() {
                    self.name(name, false, path);
                }
            }
            _ => {}
        }
        self.value(argument, &path.key(function.long()));
    }
}

struct Rewrite<'w, F: FnMut(Reference<'_>) -> Option<Value>> {
    loops: Vec<String>,
    change: &'w mut F,
}

impl<F: FnMut(Reference<'_>) -> Option<Value>> Rewrite<'_, F> {
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::Number(_) | Value::Str(_) => {}
            Value::List(values) => values.iter_mut().for_each(|value| self.value(value)),
            Value::Map(entries) => self.map(entries),
            Value::Ref(name) => {
                if let Some(new) = self.named(name, false) {
                    *value = new;
                }
            }
            Value::GetAtt(name, attribute) => {
                let reference = Reference::Attribute { name, attribute: Some(attribute), sub: false };
                if let Some(new) = (self.change)(reference) {
                    *value = new;
                }
            }
            Value::Sub(sub) => self.sub(sub),
            Value::Call(_, argument) => self.value(argument),
        }
    }

    fn map(&mut self, entries: &mut Map) {
        for (key, value) in entries {
            let Some(variable) = loop_parts(key, value).map(|(variable, ..)| variable.to_owned()) else {
                self.value(value);
                continue;
            };
            if let Value::List(list) = value
                && let [_, collection, body] = list.as_mut_slice()
            {
                self.value(collection);
                self.loops.push(variable);
                self.value(body);
                self.loops.pop();
            }
        }
    }

    fn named(&mut self, name: &str, sub: bool) -> Option<Value> {
        let looped = self.loops.iter().any(|variable| variable == name);
        if looped { None } else { (self.change)(Reference::Name { name, sub }) }
    }

    fn sub(&mut self, sub: &mut Sub) {
        self.map(&mut sub.variables);
        for part in std::mem::take(&mut sub.parts) {
            let (new, wanted) = match &part {
                SubPart::Text(_) => (None, String::new()),
                SubPart::Ref(name) if sub.variables.contains_key(name) => (None, String::new()),
                SubPart::Ref(name) => (self.named(name, true), name.clone()),
                SubPart::GetAtt(name, attribute) if sub.has_dotted_variable(name, attribute) => {
                    (None, String::new())
                }
                SubPart::GetAtt(name, attribute) => {
                    let reference = Reference::Attribute { name, attribute: Some(attribute), sub: true };
                    ((self.change)(reference), format!("{name}{attribute}"))
                }
            };
            match (new, part) {
                (None, SubPart::Text(text)) | (Some(Value::Str(text)), _) => sub.push_text(&text),
                (None, part) => sub.parts.push(part),
                (Some(Value::Ref(name)), _) if !sub.variables.contains_key(&name) => {
                    sub.parts.push(SubPart::Ref(name));
                }
                (Some(Value::GetAtt(name, attribute)), _) if !sub.has_dotted_variable(&name, &attribute) => {
                    sub.parts.push(SubPart::GetAtt(name, attribute));
                }
                (Some(value), _) => {
                    let mut variable: String =
                        wanted.chars().filter(char::is_ascii_alphanumeric).chain("Value".chars()).collect();
                    while sub.variables.get(&variable).is_some_and(|there| *there != value) {
                        variable.push('X');
                    }
                    sub.variables.insert(variable.clone(), value);
                    sub.parts.push(SubPart::Ref(variable));
                }
            }
        }
    }
}

/// Variable, collection and body of `Fn::ForEach::<name>: [variable, collection, body]`.
fn loop_parts<'v>(key: &str, value: &'v Value) -> Option<(&'v str, &'v Value, &'v Value)> {
    match value {
        Value::List(list) if key.starts_with("Fn::ForEach::") => match list.as_slice() {
            [Value::Str(variable), collection, body] => Some((variable, collection, body)),
            _ => None,
        },
        _ => None,
    }
}

impl Sub {
    fn has_dotted_variable(&self, name: &str, attribute: &str) -> bool {
        !self.variables.is_empty() && self.variables.contains_key(&format!("{name}.{attribute}"))
    }
}
