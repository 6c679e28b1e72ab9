//! From any CloudFormation template, YAML or JSON, to a [`Template`] with typed functions.
//!
//! Reading never stops: what has no place in the model is a finding, everything else is kept. What the functions say
//! (arguments, names, circles) is not looked at here, but in [`crate::check`], which sees generated templates too.

use super::{Expansion, FORMAT_VERSION, Function, Map, Output, Parameter, Path, Resource, Section, Sub};
use super::{Template, Transforms, Value};
use crate::codes;
use crate::finding::{Code, Finding, Severity};
use crate::suggest::Suggestions;
use crate::yaml::{Document, Entry, Node, NodeValue, Scalar, ScalarKind};

/// Reads a template.
///
/// The findings are about sections, resources, parameters and outputs of the wrong shape, and about keys that
/// CloudFormation doesn't know there; they carry their places in the document. Where a macro may read such keys, they
/// are warnings.
pub fn from_document(document: &Document) -> (Template, Vec<Finding>) {
    with_suggestions(document, &Suggestions::default())
}

/// As [`from_document`], within the suggestions of a longer run.
pub(crate) fn with_suggestions(document: &Document, suggestions: &Suggestions) -> (Template, Vec<Finding>) {
    let mut reader = Reader {
        template: Template::default(),
        transforms: Transforms::default(),
        suggestions,
        findings: Vec::new(),
    };
    reader.template(&document.root);
    let Reader { template, mut findings, .. } = reader;
    if template.transforms().open {
        for finding in &mut findings {
            finding.severity = Severity::Warning;
        }
    }
    (template, findings)
}

/// Reads a template in JSON, such as the `fragment` that a macro gets; the findings have no line and column.
///
/// ```
/// # use mlp_template::template::{Value, read};
/// let (template, findings) = read::from_json(&serde_json::json!({
///     "Resources": { "Bucket": { "Type": "AWS::S3::Bucket", "Properties": { "BucketName": { "Ref": "Name" } } } }
/// }));
/// assert!(findings.is_empty());
/// assert_eq!(template.resources["Bucket"].properties["BucketName"], Value::reference("Name"));
/// ```
pub fn from_json(json: &serde_json::Value) -> (Template, Vec<Finding>) {
    from_document(&Document::of(Node::from_json(json)))
}

impl Value {
    /// Reads a property value: functions in short form (`!Ref`) and in long form (`Ref:`, `Fn::Join:`) become typed.
    ///
    /// CloudFormation reads YAML 1.1, so bare `yes` and `off` are booleans here, and a number that YAML 1.1 and 1.2
    /// read differently (`0o7`, `010`, `1_000`) is kept as it was written.
    pub fn from_node(node: &Node) -> Self {
        read(node, false)
    }

    /// Reads a property value in CloudFormation's JSON.
    ///
    /// ```
    /// # use mlp_template::template::Value;
    /// let json = serde_json::json!({ "Fn::GetAtt": ["Bucket", "Arn"] });
    /// assert_eq!(Value::from_json(&json), Value::GetAtt("Bucket".into(), "Arn".into()));
    /// ```
    pub fn from_json(json: &serde_json::Value) -> Self {
        Self::from_node(&Node::from_json(json))
    }
}

/// Reads a value; `conditions` where `{Condition: x}` is a function and no plain map.
fn read(node: &Node, conditions: bool) -> Value {
    match &node.tag {
        Some(tag) => match Function::from_short(tag) {
            Some(function) => call(function, node, true),
            None => Value::Map(Map::from_iter([(format!("Fn::{tag}"), untagged(node, conditions))])),
        },
        None => untagged(node, conditions),
    }
}

fn untagged(node: &Node, conditions: bool) -> Value {
    match &node.value {
        NodeValue::Scalar(found) => scalar(found),
        NodeValue::Seq(nodes) => Value::List(nodes.iter().map(|node| read(node, conditions)).collect()),
        NodeValue::Map(entries) => {
            if let [entry] = entries.as_slice() {
                if let Some(function) = Function::from_long(&entry.key) {
                    return call(function, &entry.value, false);
                }
                if conditions && entry.key == "Condition" && entry.value.scalar().is_some() {
                    return call(Function::Condition, &entry.value, false);
                }
            }
            Value::Map(map(entries, conditions))
        }
    }
}

fn map(entries: &[Entry], conditions: bool) -> Map {
    entries.iter().map(|entry| (entry.key.clone(), read(&entry.value, conditions))).collect()
}

/// A function; `node` is its argument, which has the function's own tag when it is `tagged`.
fn call(function: Function, node: &Node, tagged: bool) -> Value {
    let conditions = matches!(function, Function::And | Function::Or | Function::Not | Function::Condition);
    // A scalar with a tag is text, whatever it looks like; so is a name.
    let text = match &node.value {
        NodeValue::Scalar(scalar) if tagged => Some(scalar.text.as_str()),
        NodeValue::Scalar(scalar) if node.tag.is_none() && scalar.kind != ScalarKind::Null => {
            Some(scalar.text.as_str())
        }
        _ => None,
    };
    let argument = match text {
        Some(text) if tagged => Value::str(text),
        _ if tagged => untagged(node, conditions),
        _ => read(node, conditions),
    };
    match (function, argument, text) {
        (Function::Ref, _, Some(name)) => Value::Ref(name.to_owned()),
        (Function::Condition, _, Some(name)) => Value::Call(function, Box::new(Value::str(name))),
        (Function::Sub, _, Some(text)) => Value::sub(text),
        (Function::GetAtt, argument, Some(text)) => match text.split_once('.') {
            Some((name, attribute)) => Value::GetAtt(name.to_owned(), attribute.to_owned()),
            None => Value::Call(function, Box::new(argument)),
        },
        (Function::GetAtt, Value::List(list), None) => match list.as_slice() {
            [Value::Str(name), Value::Str(attribute)] => Value::GetAtt(name.clone(), attribute.clone()),
            _ => Value::Call(function, Box::new(Value::List(list))),
        },
        (Function::Sub, Value::List(mut list), None) => match list.as_mut_slice() {
            [Value::Str(text), Value::Map(variables)] => {
                Value::Sub(Sub { variables: std::mem::take(variables), ..Sub::parse(text) })
            }
            _ => Value::Call(function, Box::new(Value::List(list))),
        },
        (function, argument, _) => Value::Call(function, Box::new(argument)),
    }
}

fn scalar(scalar: &Scalar) -> Value {
    let text = || scalar.text.clone();
    match scalar.kind {
        ScalarKind::Null => Value::Null,
        ScalarKind::Bool(value) => Value::Bool(value),
        ScalarKind::Int(value) if value.to_string() == scalar.text => Value::Int(value),
        ScalarKind::Int(_) | ScalarKind::Float => Value::Number(text()),
        ScalarKind::Str if scalar.plain => {
            let lower = scalar.text.to_ascii_lowercase();
            match lower.as_str() {
                "yes" | "on" => Value::Bool(true),
                "no" | "off" => Value::Bool(false),
                _ if scalar.is_number_of_yaml_1_1() => Value::Number(text()),
                _ => Value::Str(text()),
            }
        }
        ScalarKind::Str => Value::Str(text()),
    }
}

struct Reader<'a> {
    template: Template,
    transforms: Transforms,
    suggestions: &'a Suggestions,
    findings: Vec<Finding>,
}

/// What a template may have at its top; `Globals` is SAM's.
const SECTIONS: [&str; 11] = [
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Rules",
    "Conditions",
    "Hooks",
    "Resources",
    "Outputs",
];

const PARAMETER_KEYS: [&str; 11] = [
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
];

const RESOURCE_KEYS: [&str; 10] = [
    "Type",
    "Condition",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "UpdatePolicy",
    "UpdateReplacePolicy",
    // Of custom resources.
    "Version",
];

/// What SAM lets a resource have beside them.
const SAM_RESOURCE_KEYS: [&str; 2] = ["Connectors", "IgnoreGlobals"];

const OUTPUT_KEYS: [&str; 4] = ["Value", "Description", "Condition", "Export"];

impl Reader<'_> {
    fn template(&mut self, root: &Node) {
        let Some(sections) = self.entries(root, &Path::ROOT, "a template", "a map of sections") else {
            return;
        };
        if let Some(node) = root.get("Transform") {
            self.template.transform = Some(Value::from_node(node));
            self.transforms = self.template.transforms();
        }
        for section in sections {
            self.section(section);
        }
    }

    fn section(&mut self, section: &Entry) {
        let (key, node) = (section.key.as_str(), &section.value);
        let path = Path::ROOT.key(key);
        match key {
            "AWSTemplateFormatVersion" => {
                if node.scalar().is_none_or(|found| found.text != FORMAT_VERSION) {
                    let message = format!(
                        "`AWSTemplateFormatVersion` is {}; there is only \"{FORMAT_VERSION}\"",
                        describe(node)
                    );
                    self.shape(node, &path, message, None);
                }
            }
            "Transform" => self.transform(node, &path),
            "Description" => self.template.description = self.text(node, &path, "`Description`"),
            "Metadata" => self.template.metadata = self.plain(node, &path, "`Metadata`", "a map", false),
            "Mappings" => self.template.mappings = self.mappings(node, &path),
            "Rules" => self.template.rules = self.plain(node, &path, "`Rules`", "a map of rules", false),
            "Conditions" => {
                self.template.conditions =
                    self.plain(node, &path, "`Conditions`", "a map of conditions", true);
            }
            "Parameters" => self.typed(Section::Parameters, node, &path),
            "Resources" => self.typed(Section::Resources, node, &path),
            "Outputs" => self.typed(Section::Outputs, node, &path),
            _ => {
                let known = key == "Hooks"
                    || key == "Fn::Transform"
                    || (key == "Globals" && self.transforms.serverless);
                if !known {
                    let message =
                        format!("a template has no section `{key}`; it may have {}", list(&SECTIONS));
                    let help = match key {
                        "Globals" => Some(
                            "`Globals` is read by SAM: add `Transform: AWS::Serverless-2016-10-31`"
                                .to_owned(),
                        ),
                        "client" | "environment" | "ml_product" => Some(
                            "this is a section of a config: `mlp validate-config --config FILE` checks one, and \
                             `mlp validate-prov-template --config FILE` its template"
                                .to_owned(),
                        ),
                        _ => self.suggestions.did_you_mean(key, SECTIONS),
                    };
                    self.unknown(section, &path, message, help);
                }
                self.template.other.insert(key.to_owned(), Value::from_node(node));
            }
        }
    }

    /// A name, `{Name, Parameters}`, or a list of these.
    fn transform(&mut self, node: &Node, path: &Path<'_>) {
        match &node.value {
            NodeValue::Scalar(Scalar { kind: ScalarKind::Str, .. }) => {}
            NodeValue::Map(_) if node.get("Name").and_then(plain_text).is_some() => {}
            NodeValue::Seq(nodes) if !nodes.is_empty() => {
                for (index, node) in nodes.iter().enumerate() {
                    self.transform(node, &path.index(index));
                }
            }
            _ => {
                let message = format!(
                    "`Transform` is {}; allowed is the name of a macro, a map with `Name` and `Parameters`, or a list \
                     of these",
                    describe(node)
                );
                self.shape(node, path, message, None);
            }
        }
    }

    /// Mappings: name to top-level key to second-level key to text or a list of texts.
    fn mappings(&mut self, node: &Node, path: &Path<'_>) -> Map {
        if let NodeValue::Map(mappings) = &node.value {
            for mapping in mappings.iter().filter(|mapping| !is_expansion(&mapping.key)) {
                let path = path.key(&mapping.key);
                let what = format!("mapping `{}`", mapping.key);
                let Some(tops) = self.entries(&mapping.value, &path, &what, "a map of maps") else {
                    continue;
                };
                for top in tops.iter().filter(|top| !is_expansion(&top.key)) {
                    let what = format!("`{}` of mapping `{}`", top.key, mapping.key);
                    self.entries(&top.value, &path.key(&top.key), &what, "a map of names to values");
                }
            }
        }
        self.plain(node, path, "`Mappings`", "a map of mappings", false)
    }

    fn typed(&mut self, section: Section, node: &Node, path: &Path<'_>) {
        let what = format!("`{}`", section.name());
        let allowed = format!("a map of {}", section.name().to_lowercase());
        let Some(entries) = self.entries(node, path, &what, &allowed) else { return };
        for (position, entry) in entries.iter().enumerate() {
            let path = path.key(&entry.key);
            if entry.key.starts_with("Fn::") {
                if !is_expansion(&entry.key) {
                    self.no_expansion(entry, &path);
                }
                self.template.expansions.push(Expansion {
                    section,
                    position,
                    key: entry.key.clone(),
                    value: Value::from_node(&entry.value),
                });
                continue;
            }
            match section {
                Section::Parameters => self.parameter(entry, &path),
                Section::Resources => self.resource(entry, &path),
                Section::Outputs => self.output(entry, &path),
            }
        }
    }

    /// A function where an entry of a section stands.
    fn no_expansion(&mut self, entry: &Entry, path: &Path<'_>) {
        let key = entry.key.as_str();
        let mut parts = key.splitn(3, "::").skip(1);
        let meant = parts
            .next()
            .and_then(|it| self.suggestions.nearest(it, ["ForEach", "Transform"]).first().copied());
        let help = match (meant, parts.next()) {
            (Some("ForEach"), Some(name)) => Some(format!("did you mean `Fn::ForEach::{name}`?")),
            (Some("ForEach"), None) => Some("a loop has a name of its own: `Fn::ForEach::<name>`".to_owned()),
            (Some(_), None) => Some("did you mean `Fn::Transform`?".to_owned()),
            _ => None,
        };
        let message = format!(
            "`{key}` can't stand here; allowed are logical ids, `Fn::ForEach::<name>` and `Fn::Transform`"
        );
        self.add(codes::TPL_UNKNOWN_FUNCTION, (entry.line, entry.column), path, message, help);
    }

    fn parameter(&mut self, entry: &Entry, path: &Path<'_>) {
        let what = format!("parameter `{}`", entry.key);
        let Some(attributes) = self.entries(&entry.value, path, &what, "a map with `Type`") else { return };
        let mut parameter = Parameter { kind: String::new(), attributes: Map::default() };
        for attribute in attributes {
            let (key, path) = (attribute.key.as_str(), path.key(&attribute.key));
            if key == "Type" {
                if let Some(kind) = self.text(&attribute.value, &path, "a parameter's `Type`") {
                    parameter.kind = kind;
                }
                continue;
            }
            if !PARAMETER_KEYS.contains(&key) {
                let message = format!("a parameter has no `{key}`; it may have {}", list(&PARAMETER_KEYS));
                let help = self.suggestions.did_you_mean(key, PARAMETER_KEYS);
                self.unknown(attribute, &path, message, help);
            }
            parameter.attributes.insert(key.to_owned(), Value::from_node(&attribute.value));
        }
        if entry.value.get("Type").is_none() {
            let message = format!("{what} has no `Type`");
            self.missing(entry, path, message, "most parameters are of `Type: String`");
        }
        self.template.parameters.insert(entry.key.clone(), parameter);
    }

    fn resource(&mut self, entry: &Entry, path: &Path<'_>) {
        let what = format!("resource `{}`", entry.key);
        let Some(attributes) = self.entries(&entry.value, path, &what, "a map with `Type`") else { return };
        let mut resource = Resource::default();
        for attribute in attributes {
            let (key, node) = (attribute.key.as_str(), &attribute.value);
            let path = path.key(key);
            match key {
                "Type" => {
                    if let Some(kind) = self.text(node, &path, "a resource's `Type`") {
                        resource.kind = kind;
                    }
                }
                "Condition" => {
                    resource.condition = self.text(node, &path, "a resource's `Condition`");
                }
                "DependsOn" => self.depends_on(node, &path, &mut resource),
                "DeletionPolicy" => resource.deletion_policy = Some(Value::from_node(node)),
                "UpdateReplacePolicy" => resource.update_replace_policy = Some(Value::from_node(node)),
                "Metadata" => resource.metadata = self.plain(node, &path, "`Metadata`", "a map", false),
                "Properties" => {
                    resource.properties =
                        self.plain(node, &path, "`Properties`", "a map of properties", false);
                }
                _ => {
                    let sam = self.transforms.serverless && SAM_RESOURCE_KEYS.contains(&key);
                    if !RESOURCE_KEYS.contains(&key) && !is_expansion(key) && !sam {
                        let message =
                            format!("a resource has no `{key}`; it may have {}", list(&RESOURCE_KEYS));
                        let help = self.suggestions.did_you_mean(key, RESOURCE_KEYS).unwrap_or_else(|| {
                            "settings of the resource stand under `Properties`".to_owned()
                        });
                        self.unknown(attribute, &path, message, Some(help));
                    }
                    resource.attributes.insert(key.to_owned(), Value::from_node(node));
                }
            }
        }
        // A `Fn::Transform` in the resource may bring its type.
        if entry.value.get("Type").is_none() && entry.value.get("Fn::Transform").is_none() {
            let message = format!("{what} has no `Type`");
            self.missing(entry, path, message, "add the resource's type, such as `Type: AWS::S3::Bucket`");
        }
        self.template.resources.insert(entry.key.clone(), resource);
    }

    fn depends_on(&mut self, node: &Node, path: &Path<'_>, resource: &mut Resource) {
        let single = [node];
        let ids: Vec<&Node> = match &node.value {
            NodeValue::Seq(nodes) if node.tag.is_none() => nodes.iter().collect(),
            _ => single.to_vec(),
        };
        let names: Option<Vec<String>> = ids.into_iter().map(plain_text).collect();
        if let Some(names) = names {
            resource.depends_on = names;
        } else {
            let message = format!(
                "`DependsOn` is {}; allowed are a logical id and a list of logical ids",
                describe(node)
            );
            self.shape(node, path, message, None);
            resource.attributes.insert("DependsOn".to_owned(), Value::from_node(node));
        }
    }

    fn output(&mut self, entry: &Entry, path: &Path<'_>) {
        let what = format!("output `{}`", entry.key);
        let Some(attributes) = self.entries(&entry.value, path, &what, "a map with `Value`") else { return };
        let mut output = Output { description: None, value: Value::Null, condition: None, export: None };
        for attribute in attributes {
            let (key, node) = (attribute.key.as_str(), &attribute.value);
            let path = path.key(key);
            match key {
                "Value" => output.value = Value::from_node(node),
                "Description" => output.description = self.text(node, &path, "an output's `Description`"),
                "Condition" => output.condition = self.text(node, &path, "an output's `Condition`"),
                "Export" => match (&node.value, node.get("Name")) {
                    (NodeValue::Map(entries), Some(name)) if entries.len() == 1 => {
                        output.export = Some(Value::from_node(name));
                    }
                    _ => {
                        let message = format!("`Export` is {}; allowed is a map with `Name`", describe(node));
                        self.shape(node, &path, message, None);
                    }
                },
                _ => {
                    let message = format!("an output has no `{key}`; it may have {}", list(&OUTPUT_KEYS));
                    let help = self.suggestions.did_you_mean(key, OUTPUT_KEYS);
                    self.unknown(attribute, &path, message, help);
                }
            }
        }
        if entry.value.get("Value").is_none() {
            self.missing(entry, path, format!("{what} has no `Value`"), "add what the output gives");
        }
        self.template.outputs.insert(entry.key.clone(), output);
    }

    /// A map whose entries are kept as they are.
    fn plain(&mut self, node: &Node, path: &Path<'_>, what: &str, allowed: &str, conditions: bool) -> Map {
        // `Properties: !If [...]` is the long form's map.
        if let Some(Value::Call(function, argument)) = node.tag.as_ref().map(|_| Value::from_node(node)) {
            if !matches!(function, Function::Transform | Function::If) {
                let message = format!("{what} is {}; allowed is {allowed}", describe(node));
                self.shape(node, path, message, None);
            }
            return Map::from_iter([(function.long().to_owned(), *argument)]);
        }
        self.entries(node, path, what, allowed).map(|entries| map(entries, conditions)).unwrap_or_default()
    }

    /// The entries of a node that must be a map.
    fn entries<'n>(
        &mut self,
        node: &'n Node,
        path: &Path<'_>,
        what: &str,
        allowed: &str,
    ) -> Option<&'n [Entry]> {
        match &node.value {
            NodeValue::Map(entries) if node.tag.is_none() => Some(entries),
            _ => {
                let help = (describe(node) == "empty").then(|| "fill it or delete it".to_owned());
                let message = format!("{what} is {}; allowed is {allowed}", describe(node));
                self.shape(node, path, message, help);
                None
            }
        }
    }

    /// The text of a node that must be text.
    fn text(&mut self, node: &Node, path: &Path<'_>, what: &str) -> Option<String> {
        let text = plain_text(node);
        if text.is_none() {
            let message = format!("{what} is {}; allowed is text without functions", describe(node));
            self.shape(node, path, message, None);
        }
        text
    }

    fn shape(&mut self, node: &Node, path: &Path<'_>, message: String, help: Option<String>) {
        self.add(codes::TPL_SHAPE, (node.line, node.column), path, message, help);
    }

    fn missing(&mut self, entry: &Entry, path: &Path<'_>, message: String, help: &str) {
        self.add(codes::TPL_SHAPE, (entry.line, entry.column), path, message, Some(help.to_owned()));
    }

    fn unknown(&mut self, entry: &Entry, path: &Path<'_>, message: String, help: Option<String>) {
        self.add(codes::TPL_UNKNOWN_SECTION, (entry.line, entry.column), path, message, help);
    }

    fn add(&mut self, code: Code, at: (u32, u32), path: &Path<'_>, message: String, help: Option<String>) {
        let mut finding = Finding { help, ..Finding::error(code, path.to_string(), message) };
        // Lines count from 1: 0 is a document that was never a file.
        if at.0 > 0 {
            finding = finding.at(at.0, at.1);
        }
        self.findings.push(finding);
    }
}

/// Whether CloudFormation replaces the entry of this key before it looks at its neighbours.
pub(crate) fn is_expansion(key: &str) -> bool {
    key == "Fn::Transform" || key.starts_with("Fn::ForEach::")
}

/// The text of a scalar that is no function and not empty.
fn plain_text(node: &Node) -> Option<String> {
    node.scalar()
        .filter(|scalar| node.tag.is_none() && scalar.kind != ScalarKind::Null)
        .map(|scalar| scalar.text.clone())
}

/// What a person sees there.
fn describe(node: &Node) -> String {
    match (&node.tag, &node.value) {
        (Some(tag), _) => format!("a function (`!{tag}`)"),
        (None, NodeValue::Seq(_)) => "a list".to_owned(),
        (None, NodeValue::Map(entries)) => match entries.as_slice() {
            [entry] if Function::from_long(&entry.key).is_some() => format!("a function (`{}`)", entry.key),
            _ => "a map".to_owned(),
        },
        (None, NodeValue::Scalar(scalar)) => match scalar.kind {
            ScalarKind::Null => "empty".to_owned(),
            ScalarKind::Bool(_) | ScalarKind::Int(_) | ScalarKind::Float => scalar.text.clone(),
            ScalarKind::Str => format!("{:?}", shorten(&scalar.text)),
        },
    }
}

/// The beginning of a text, for messages.
pub fn shorten(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST - 3).chain("...".chars()).collect()
}

/// Names in prose: `a`, `b` and `c`.
fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.join(""),
    }
}
