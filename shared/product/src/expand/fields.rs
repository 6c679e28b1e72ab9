//! A product's properties as a config: what decides is taken from the template, the rest is kept aside.

use std::borrow::Cow;

use mlp_template::codes;
use mlp_template::finding::{Code, Finding};
use mlp_template::printable::{as_it_looks, odd_character};
use mlp_template::suggest::or_list;
use mlp_template::template::read::shorten;
use mlp_template::yaml::{Document, Entry, Node, NodeValue, ScalarKind, join};

use super::computed;
use super::reader::Reader;
use super::values::{as_text, described, function, list, map, placed, text};
use crate::config::properties::{self, BOUNDARY_PROPERTY, Kind, Property};
use crate::config::{self, Config};

impl Reader<'_> {
    /// The config that the properties say.
    pub(super) fn config(&mut self, entry: &Entry) -> Option<Config> {
        let document = self.document(entry)?;
        self.read(&document)
    }

    /// The config as it would be written.
    pub(super) fn document(&mut self, entry: &Entry) -> Option<Document> {
        let empty = placed(map([]), &entry.value);
        let path = join(&self.resource, "Properties");
        let node = match entry.value.get("Properties") {
            Some(node) if matches!(node.value, NodeValue::Map(_)) && function(node).is_none() => node,
            Some(node) => {
                let message = format!("`Properties` is {}; allowed is a map of properties", described(node));
                self.add(codes::MAC_VALUE, path, node, message, None);
                return None;
            }
            None => &empty,
        };
        let node = self.without_boundary(node, &path);
        if let Some((place, include)) = included(&node, &path) {
            let message = "a `Fn::Transform` brings properties, and CloudFormation runs it before this macro";
            let help = "deploy the template as it is; to expand it here, write the properties out";
            self.add(codes::MAC_VALUE, place, include, message.to_owned(), Some(help.to_owned()));
            return None;
        }
        let fields = self.block(properties::properties(), &node, &path);
        Some(Document::of(self.root(fields, (entry.line, entry.column))))
    }

    /// The properties without `PermissionsBoundary`, which is no field of a config and is kept aside.
    fn without_boundary<'n>(&mut self, node: &'n Node, path: &str) -> Cow<'n, Node> {
        let Some(boundary) = node.get(BOUNDARY_PROPERTY) else { return Cow::Borrowed(node) };
        let is_policy = |text: &str| {
            let policy = text.strip_prefix("arn:").and_then(|rest| rest.split_once(":iam::"));
            policy.is_some_and(|(_, name)| name.contains(":policy/") && !name.ends_with('/'))
        };
        match as_text(boundary) {
            _ if is_no_value(boundary) => {}
            Some("") => {}
            Some(text) if !is_policy(text) => {
                let message = format!("`{BOUNDARY_PROPERTY}` is not the ARN of a managed policy");
                let help = "write `arn:aws:iam::<account>:policy/<name>`, or a function that gives one";
                let path = join(path, BOUNDARY_PROPERTY);
                self.add(codes::WRONG_SHAPE, path, boundary, message, Some(help.to_owned()));
            }
            None if function(boundary).is_none() => {
                let message = format!("`{BOUNDARY_PROPERTY}` is {}; allowed is an ARN", described(boundary));
                self.add(codes::MAC_VALUE, join(path, BOUNDARY_PROPERTY), boundary, message, None);
            }
            _ => {
                self.permissions_boundary = Some(boundary.clone());
            }
        }
        let mut rest = node.clone();
        if let NodeValue::Map(entries) = &mut rest.value {
            entries.retain(|entry| entry.key != BOUNDARY_PROPERTY);
        }
        Cow::Owned(rest)
    }

    /// Reads it; its findings are told in the words of the properties.
    pub(super) fn read(&mut self, document: &Document) -> Option<Config> {
        let path = join(&self.resource, "Properties");
        let (config, found) =
            match config::read_with_deferred(document, &self.deferred, self.user.suggestions) {
                Ok((config, warnings)) => (Some(config), warnings),
                Err(findings) => (None, findings),
            };
        for finding in found {
            if self.settled.contains(&finding.path) {
                continue;
            }
            let finding = match self.from_ssm.get(&finding.path) {
                Some(parameter) => without_value(finding, parameter),
                None => finding,
            };
            self.findings.push(Finding {
                path: format!("{path}{}", properties::pointer(&finding.path)),
                message: properties::words(&finding.message),
                help: finding.help.as_deref().map(properties::words),
                ..finding
            });
        }
        config
    }

    /// The config as a document: the fields in their blocks, and what the request says.
    fn root(&self, fields: Vec<(String, Entry)>, (line, column): (u32, u32)) -> Node {
        let mut blocks: Vec<(&str, Vec<Entry>)> =
            ["client", "environment", "ml_product"].map(|block| (block, Vec::new())).into();
        let mut top = Vec::new();
        let own = |key: &str, value: Node| Entry { key: key.to_owned(), line, column, value };
        for (pointer, entry) in fields {
            let block = pointer.trim_start_matches('/').split('/').next().unwrap_or_default();
            match blocks.iter_mut().find(|(name, _)| *name == block) {
                Some((_, entries)) => entries.push(entry),
                None => top.push(entry),
            }
        }
        for (block, entries) in &mut blocks {
            let value =
                |key: &str| entries.iter().find(|entry| entry.key == key).map(|entry| entry.value.clone());
            match *block {
                "client" => {
                    if value("company_name").is_none() {
                        let name = value("company_prefix").filter(|it| as_text(it).is_some());
                        entries.push(own("company_name", name.unwrap_or_else(|| text("-"))));
                    }
                    entries.push(own("account_id", text(&self.user.account_id)));
                }
                "environment" => entries.push(own("region", text(&self.user.region))),
                _ => {}
            }
        }
        let at = Node { line, column, ..map([]) };
        let block = |entries| Node { value: NodeValue::Map(entries), ..at.clone() };
        top.extend(blocks.into_iter().map(|(name, entries)| own(name, block(entries))));
        block(top)
    }

    /// The fields of a block, each with its pointer into the config.
    fn block(&mut self, properties: &[Property], node: &Node, path: &str) -> Vec<(String, Entry)> {
        let NodeValue::Map(entries) = &node.value else { return Vec::new() };
        let mut fields = Vec::new();
        for entry in entries {
            let path = join(path, &entry.key);
            let Some(property) = properties.iter().find(|property| property.name == entry.key) else {
                self.unknown(properties, node, entry, path);
                continue;
            };
            if let Some(value) = self.value(property, &entry.value, &path) {
                let key = property.pointer.rsplit('/').next().unwrap_or_default().to_owned();
                fields.push((property.pointer.clone(), Entry { key, value, ..*entry }));
            }
        }
        fields
    }

    fn unknown(&mut self, properties: &[Property], block: &Node, entry: &Entry, path: String) {
        let free = |property: &&Property| block.get(&property.name).is_none();
        let names = properties.iter().filter(free).map(|property| property.name.as_str());
        let meant = self.user.suggestions.nearest(&entry.key, names);
        for property in properties.iter().filter(|property| meant.contains(&property.name.as_str())) {
            self.settled.push(property.pointer.clone());
        }
        let help = if properties::said_by_request(&entry.key) {
            Some("remove it: account and region are those that the stack is deployed to".to_owned())
        } else {
            let meant = if meant.is_empty() {
                written_as(&as_it_looks(&entry.key)).map(|name| format!("it is written as `{name}`"))
            } else {
                Some(format!("did you mean {}?", or_list(meant)))
            };
            let odd = odd_character(&entry.key, "name").map(|odd| format!("{odd}; ")).unwrap_or_default();
            meant.map(|meant| format!("{odd}{meant}"))
        };
        let finding =
            Finding::error(codes::UNKNOWN_KEY, path, format!("there is no property `{}`", entry.key));
        let finding = Finding { help, ..finding };
        self.findings.push(finding.at(entry.line, entry.column));
    }

    /// What stands in the config; nothing when it is absent, or when it was refused.
    fn value(&mut self, property: &Property, node: &Node, path: &str) -> Option<Node> {
        match (&property.kind, &node.value) {
            _ if is_no_value(node) => None,
            (Kind::Block(inner), NodeValue::Map(_)) if function(node).is_none() => {
                let mut fields = self.block(inner, node, path);
                if property.pointer.ends_with("/vpc_integration") {
                    source_of_ids(&mut fields, node);
                }
                let entries = fields.into_iter().map(|(_, entry)| entry).collect();
                Some(placed(Node { value: NodeValue::Map(entries), ..map([]) }, node))
            }
            (Kind::Tags, NodeValue::Map(tags)) if function(node).is_none() => {
                let entries = tags.iter().filter_map(|tag| {
                    let pointer = join(&property.pointer, &tag.key);
                    let value = if is_no_value(&tag.value) {
                        return None;
                    } else if self.resolved_later(&tag.value, &join(path, &tag.key)) {
                        self.one_value(&tag.key, &tag.value, &join(path, &tag.key));
                        self.defer(pointer, &tag.value)
                    } else {
                        tag.value.clone()
                    };
                    Some(Entry { value, ..tag.clone() })
                });
                Some(placed(Node { value: NodeValue::Map(entries.collect()), ..map([]) }, node))
            }
            (Kind::List, NodeValue::Seq(items)) => {
                let items = items.iter().enumerate().map(|(index, item)| {
                    let path = join(path, &index.to_string());
                    if !self.resolved_later(item, &path) {
                        return item.clone();
                    }
                    self.one_value(&property.name, item, &path);
                    self.defer(join(&property.pointer, &index.to_string()), item)
                });
                Some(placed(list(items), node))
            }
            (Kind::Block(_) | Kind::Tags, _) => {
                if function(node).is_some() {
                    self.not_known(property, node, path);
                    return None;
                }
                Some(node.clone())
            }
            _ if property.functions => Some(self.free(property, node, path)),
            _ => self.literal(property, node, path),
        }
    }

    /// Whether CloudFormation resolves a value only after all macros: a function, or a text with a dynamic reference.
    ///
    /// Source: AWS CloudFormation User Guide, "Get values stored in other services using dynamic references" (for transforms,
    /// the literal text is passed on; `ssm` and `secretsmanager` in all properties, `ssm-secure` in few, none of a product's
    /// types); the same list in cfn-lint's rule E1027.
    fn resolved_later(&mut self, node: &Node, path: &str) -> bool {
        // Also in the text of a `Fn::Sub`: CloudFormation resolves what comes out of it.
        if holds_text(node, "{{resolve:ssm-secure:") {
            let message = "a dynamic reference to `ssm-secure` is resolved in a few properties only, and not in those of a \
                           product's resources"
                .to_owned();
            let help = "keep the value in a `String` parameter and write `{{resolve:ssm:<name>}}`".to_owned();
            self.add(codes::MAC_VALUE, path.to_owned(), node, message, Some(help));
            return true;
        }
        if function(node).is_some() {
            return true;
        }
        let Some(found) = as_text(node) else { return false };
        let start = ["{{resolve:ssm:", "{{resolve:secretsmanager:"].iter().find_map(|it| found.find(it));
        let Some(start) = start else { return false };
        if !found.get(start..).is_some_and(|rest| rest.contains("}}")) {
            let message = format!("the dynamic reference in {} has no `}}}}` at its end", described(node));
            let help = "write `}}` behind it".to_owned();
            self.add(codes::MAC_VALUE, path.to_owned(), node, message, Some(help));
        }
        true
    }

    /// Refuses a function that gives a list where one value stands: CloudFormation would get a list in a list ("must be of
    /// type List of String"). In each branch of a `Fn::If` as well.
    fn one_value(&mut self, name: &str, node: &Node, path: &str) {
        let is_in_list = path.ends_with(|last: char| last.is_ascii_digit());
        let help = if is_in_list {
            format!("write the function as the whole value of `{name}`, or take one value with `Fn::Select`")
        } else {
            "take one value with `Fn::Select`, or make one text with `Fn::Join`".to_owned()
        };
        self.in_branches(node, path, &mut |reader, node, path| {
            if let Some(list) = reader.gives_list(node) {
                let message = format!("`{name}` has {list}, where one value is allowed");
                reader.add(codes::MAC_VALUE, path.to_owned(), node, message, Some(help.clone()));
            }
        });
    }

    /// Refuses a function that gives one text where a list is wanted ("Value of property `SubnetIds` must be of type List of
    /// String": aws/aws-cli#2478, LambdaSharp/LambdaSharpTool#147). In each branch of a `Fn::If` as well.
    fn a_list(&mut self, property: &Property, node: &Node, path: &str) {
        let whole = path;
        self.in_branches(node, path, &mut |reader, branch, path| {
            // Without a function, the config's own rules say it.
            if path == whole && function(branch).is_none() {
                return;
            }
            if let NodeValue::Seq(items) = &branch.value {
                for (index, item) in items.iter().enumerate() {
                    reader.one_value(&property.name, item, &join(path, &index.to_string()));
                }
            } else if let Some(text) = reader.gives_text(branch) {
                let message = format!("`{}` is {text}, but a list is wanted", property.name);
                let help = "make a list of a text with commas: `!Split [\",\", ...]`; of one value: `[...]`";
                reader.add(codes::MAC_VALUE, path.to_owned(), branch, message, Some(help.to_owned()));
            }
        });
    }

    /// The value itself, or what a `Fn::If` chooses from, `Fn::If` within `Fn::If` included.
    fn in_branches(&mut self, node: &Node, path: &str, found: &mut dyn FnMut(&mut Self, &Node, &str)) {
        let Some(("Fn::If", Node { value: NodeValue::Seq(parts), .. })) = function(node) else {
            return found(self, node, path);
        };
        for (index, branch) in parts.iter().enumerate().skip(1) {
            self.in_branches(branch, &join(&join(path, "Fn::If"), &index.to_string()), found);
        }
    }

    /// What gives a list for certain, in words.
    fn gives_list(&self, node: &Node) -> Option<String> {
        let Some((called, argument)) = function(node) else {
            return matches!(node.value, NodeValue::Seq(_)).then(|| "a list".to_owned());
        };
        match called {
            "Ref" => {
                let name = as_text(argument)?;
                if name == "AWS::NotificationARNs" {
                    return Some(format!("a `Ref` to `{name}`, which is a list"));
                }
                let parameter = Some(name).filter(|it| self.user.is_list_parameter(it))?;
                Some(format!("a `Ref` to the template parameter `{parameter}`, which is a list"))
            }
            "Fn::Split" | "Fn::GetAZs" | "Fn::Cidr" => Some(format!("`{called}`, which gives a list")),
            "Fn::FindInMap" => {
                let lists = computed::found_in_map(argument, self.user, |node| {
                    matches!(node.value, NodeValue::Seq(_))
                });
                lists.then(|| "`Fn::FindInMap`, which finds a list".to_owned())
            }
            _ => None,
        }
    }

    /// What gives one text for certain, in words.
    fn gives_text(&self, node: &Node) -> Option<String> {
        let Some((called, argument)) = function(node) else {
            return node.scalar().map(|scalar| format!("`{}`, which is one text", shorten(&scalar.text)));
        };
        match called {
            "Ref" => {
                let name = as_text(argument)?;
                if name.starts_with("AWS::") && !matches!(name, "AWS::NoValue" | "AWS::NotificationARNs") {
                    return Some(format!("a `Ref` to `{name}`, which is one text"));
                }
                let parameter = Some(name).filter(|it| self.user.is_text_parameter(it))?;
                Some(format!("a `Ref` to the template parameter `{parameter}`, which is one text"))
            }
            "Fn::Join" | "Fn::Sub" | "Fn::ImportValue" | "Fn::Base64" => {
                Some(format!("`{called}`, which gives one text"))
            }
            "Fn::FindInMap" => {
                let texts = computed::found_in_map(argument, self.user, |node| node.scalar().is_some());
                texts.then(|| "`Fn::FindInMap`, which finds one text".to_owned())
            }
            _ => None,
        }
    }

    /// A value that may be any function.
    fn free(&mut self, property: &Property, node: &Node, path: &str) -> Node {
        let is_path = super::lookups::is_path(&property.pointer);
        let later = self.resolved_later(node, path);
        if property.kind == Kind::List {
            self.a_list(property, node, path);
        } else {
            self.one_value(&property.name, node, path);
            if function(node).is_none() && later {
                return self.defer(property.pointer.clone(), node);
            }
        }
        match function(node) {
            Some(("Ref", name)) if is_path => {
                let name = as_text(name).unwrap_or_default();
                // CloudFormation reads the value of an SSM type after all macros.
                let value = self.user.parameter(name).and_then(as_text);
                let value = value.filter(|_| !self.user.is_ssm_parameter(name));
                match value {
                    Some(value) if value.starts_with('/') && self.user.is_no_echo(name) => {
                        self.no_echo(property, node, path, name);
                        self.defer(property.pointer.clone(), node)
                    }
                    Some(value) if value.starts_with('/') => placed(text(value), node),
                    Some(value) => {
                        let from = format!("a `Ref` to the template parameter `{name}`, which holds ");
                        self.check_shape(property, node, path, value, &from);
                        self.defer(property.pointer.clone(), node)
                    }
                    None => self.defer(property.pointer.clone(), node),
                }
            }
            Some(_) => self.defer(property.pointer.clone(), node),
            None => match as_text(node) {
                // What is no path is the value that a path would lead to.
                Some(value)
                    if is_path
                        && !value.is_empty()
                        && (!value.contains('/') || value.starts_with("arn:")) =>
                {
                    self.check_shape(property, node, path, value, "");
                    self.defer(property.pointer.clone(), node)
                }
                _ => node.clone(),
            },
        }
    }

    /// A value in place of a path must be what the path would lead to.
    fn check_shape(&mut self, property: &Property, node: &Node, path: &str, value: &str, from: &str) {
        if let Some((found, allowed)) = super::lookups::misfit(&property.pointer, value) {
            let message =
                format!("`{}` is {from}{found}; allowed is an SSM path, or {allowed}", property.name);
            self.settle(codes::WRONG_SHAPE, property, node, path, message, None);
        }
    }

    /// The value as it is, because CloudFormation resolves it.
    fn defer(&mut self, pointer: String, node: &Node) -> Node {
        self.deferred.insert(pointer);
        node.clone()
    }

    /// A value that decides what is made: itself, or the value of a template parameter.
    fn literal(&mut self, property: &Property, node: &Node, path: &str) -> Option<Node> {
        let Some((name, argument)) = function(node) else { return Some(typed(property, node)) };
        let parameter = as_text(argument).filter(|_| name == "Ref");
        let value = match parameter {
            Some("AWS::AccountId") => text(&self.user.account_id),
            Some("AWS::Region") => text(&self.user.region),
            Some(parameter) if !parameter.starts_with("AWS::") => match self.user.parameter(parameter) {
                Some(_) if self.user.is_no_echo(parameter) => {
                    self.no_echo(property, node, path, parameter);
                    return None;
                }
                Some(value) if value.scalar().is_some() => {
                    if self.user.is_ssm_parameter(parameter) {
                        self.from_ssm.insert(property.pointer.clone(), parameter.to_owned());
                    }
                    text(&value.scalar().map(|scalar| scalar.text.clone()).unwrap_or_default())
                }
                Some(value) => {
                    let message = format!(
                        "`{}` is a `Ref` to the template parameter `{parameter}`, which is {}; one value is wanted",
                        property.name,
                        described(value)
                    );
                    self.settle(codes::MAC_PARAMETER, property, node, path, message, None);
                    return None;
                }
                None => {
                    // With a value, it would be refused for its `NoEcho`.
                    if self.user.is_no_echo(parameter) {
                        self.no_echo(property, node, path, parameter);
                    } else {
                        self.no_parameter(property, node, path, parameter);
                    }
                    return None;
                }
            },
            _ => {
                self.not_known(property, node, path);
                return None;
            }
        };
        Some(placed(typed(property, &value), node))
    }

    /// A secret parameter can't decide what is made: its value would be part of names and messages.
    fn no_echo(&mut self, property: &Property, node: &Node, path: &str, parameter: &str) {
        let message = format!(
            "`{}` is a `Ref` to the template parameter `{parameter}`, which is `NoEcho`; its value would be readable in names \
             and messages",
            property.name
        );
        let help = "write the value, or a `Ref` to a template parameter without `NoEcho`";
        self.settle(codes::MAC_PARAMETER, property, node, path, message, Some(help.to_owned()));
    }

    fn no_parameter(&mut self, property: &Property, node: &Node, path: &str, parameter: &str) {
        let declared = self.user.names_in("Parameters");
        let (message, help) = if declared.contains(&parameter) {
            (
                format!(
                    "`{}` is a `Ref` to the template parameter `{parameter}`, which has no value",
                    property.name
                ),
                "give the parameter a value or a default".to_owned(),
            )
        } else if self.user.names_in("Resources").contains(&parameter) {
            (
                format!(
                    "`{}` is a `Ref` to the resource `{parameter}`, but must be known before there are resources",
                    property.name
                ),
                "write the value, or a `Ref` to a template parameter".to_owned(),
            )
        } else {
            (
                format!(
                    "`{}` is a `Ref` to `{parameter}`, but the template has no such parameter",
                    property.name
                ),
                self.did_you_mean(parameter, declared.iter().copied())
                    .unwrap_or_else(|| "write the value, or a `Ref` to a template parameter".to_owned()),
            )
        };
        self.settle(codes::MAC_PARAMETER, property, node, path, message, Some(help));
    }

    fn not_known(&mut self, property: &Property, node: &Node, path: &str) {
        let what = match &property.kind {
            Kind::Block(_) | Kind::Tags => "a map",
            _ => "a value, or a `Ref` to a template parameter",
        };
        let message = format!("`{}` is {}, but must be {what}", property.name, described(node));
        let help = match &property.kind {
            Kind::Tags => "write the map: its values may be functions, its keys not",
            Kind::Block(_) => "write the map: values in it may be functions, where the documentation says so",
            // Nothing of a product depends on it.
            _ if property.pointer == "/client/company_name" => {
                "the macro writes it into texts, and CloudFormation resolves functions only after all macros"
            }
            _ => "it decides what is made, and CloudFormation resolves functions only after all macros",
        };
        self.settle(codes::MAC_VALUE, property, node, path, message, Some(help.to_owned()));
    }

    /// Adds a finding about a property, so that its absence from the config is no second one.
    fn settle(
        &mut self,
        code: Code,
        property: &Property,
        node: &Node,
        path: &str,
        message: String,
        help: Option<String>,
    ) {
        self.settled.push(property.pointer.clone());
        self.add(code, path.to_owned(), node, message, help);
    }
}

/// A finding about a value that CloudFormation has read from SSM, without that value.
fn without_value(finding: Finding, parameter: &str) -> Finding {
    let property = properties::pointer(&finding.path);
    let allowed = properties::all().into_iter().find(|(_, property)| property.pointer == finding.path);
    let allowed = allowed.and_then(|(_, property)| property.schema.get("x-allowed")?.as_str());
    let message = format!(
        "`{}` is the value of the template parameter `{parameter}`, which CloudFormation reads from SSM; this value can't be \
         used here",
        property.rsplit('/').next().unwrap_or_default()
    );
    let help = allowed.map(|allowed| format!("allowed: {allowed}"));
    Finding { message, help, ..finding }
}

/// A `Fn::Transform` beside other properties, in the product's own or in a block, with its place.
fn included<'n>(properties: &'n Node, path: &str) -> Option<(String, &'n Node)> {
    let NodeValue::Map(entries) = &properties.value else { return None };
    let own = entries.iter().find(|entry| entry.key == "Fn::Transform");
    let own = own.map(|entry| (join(path, &entry.key), &entry.value));
    own.or_else(|| {
        let mut blocks = entries.iter().filter(|entry| function(&entry.value).is_none());
        blocks.find_map(|entry| included(&entry.value, &join(path, &entry.key)))
    })
}

/// Whether a text is in a value or in a function's arguments.
fn holds_text(node: &Node, part: &str) -> bool {
    match &node.value {
        NodeValue::Scalar(scalar) => scalar.text.contains(part),
        NodeValue::Seq(nodes) => nodes.iter().any(|node| holds_text(node, part)),
        NodeValue::Map(entries) => entries.iter().any(|entry| holds_text(&entry.value, part)),
    }
}

/// What a name stands for that is a property of another block, a key of the config, or a wanted tag: `Env` is `Environment`.
fn written_as(key: &str) -> Option<String> {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = plain(key);
    let last =
        |text: &str, separator| text.rsplit(separator).next().is_some_and(|last| plain(last) == wanted);
    let all = properties::all();
    let found = all.iter().find(|(name, _)| last(name, '.'));
    let found = found.or_else(|| all.iter().find(|(_, property)| last(&property.pointer, '/')));
    let tag = || config::WANTED_TAGS.iter().find(|(tag, _)| plain(tag) == wanted);
    found.map(|(name, _)| name.clone()).or_else(|| tag().map(|(tag, _)| format!("Tags.{tag}")))
}

/// `!Ref AWS::NoValue` is the same as nothing.
fn is_no_value(node: &Node) -> bool {
    function(node).is_some_and(|(name, argument)| name == "Ref" && as_text(argument) == Some("AWS::NoValue"))
}

/// A value in the type that the config wants: CloudFormation writes numbers and flags as text as well.
fn typed(property: &Property, node: &Node) -> Node {
    let Some(found) = as_text(node) else { return node.clone() };
    let kind = match property.kind {
        Kind::Whole => found.parse().map(ScalarKind::Int).ok(),
        Kind::Flag => found.parse().map(ScalarKind::Bool).ok(),
        _ => None,
    };
    let mut node = node.clone();
    if let (Some(kind), NodeValue::Scalar(scalar)) = (kind, &mut node.value) {
        scalar.kind = kind;
    }
    node
}

/// `VpcSource` needs not be written: ids or paths say it.
fn source_of_ids(fields: &mut Vec<(String, Entry)>, at: &Node) {
    const SOURCE: &str = "vpc_source";
    if fields.iter().any(|(_, entry)| entry.key == SOURCE) {
        return;
    }
    let paths = fields.iter().any(|(_, entry)| entry.key.ends_with("_parameter_store_path"));
    let value = placed(text(if paths { "parameter-store" } else { "direct" }), at);
    let entry = Entry { key: SOURCE.to_owned(), line: at.line, column: at.column, value };
    fields.push((format!("/ml_product/vpc_integration/{SOURCE}"), entry));
}
