//! The arguments of intrinsic functions.
//!
//! Source: AWS CloudFormation Template Reference, "Intrinsic function reference" and "Rule functions", and the function
//! schemas that cfn-lint 1.58 ships. Where a function stands as an argument, what it will give is mostly unknown; then
//! nothing is said.

use std::ops::RangeInclusive;

use super::outputs::needs_resources;
use super::sections::{describe, is_condition, null};
use super::{Report, Spot};
use crate::codes;
use crate::finding::Severity;
use crate::template::path::Token;
use crate::template::read::shorten;
use crate::template::references::{Owner, Part, is_pattern};
use crate::template::{Function, Map, Path, Sub, SubPart, Template, Value, is_list_type};

pub(super) fn check(report: &mut Report<'_>) {
    let template = report.template;
    template.parts(&mut |owner, part, path| {
        let mut walk = Walk { report, owner };
        match part {
            Part::Map(entries) => walk.map(entries, path),
            Part::Value(value) => walk.value(value, path),
            Part::Entry(key, value) => walk.entry((key, value), true, path),
        }
    });
}

struct Walk<'w, 't> {
    report: &'w mut Report<'t>,
    owner: Owner<'w>,
}

impl Walk<'_, '_> {
    fn value(&mut self, value: &Value, path: &Path<'_>) {
        match value {
            Value::Bool(_) | Value::Int(_) | Value::Number(_) | Value::Str(_) | Value::Ref(_) => {}
            Value::Null => null(self.report, path),
            Value::List(values) => {
                for (index, value) in values.iter().enumerate() {
                    self.value(value, &path.index(index));
                }
            }
            Value::Map(entries) => self.map(entries, path),
            Value::GetAtt(name, attribute) => {
                if name.is_empty() || attribute.is_empty() {
                    self.wrong(path, format!("`Fn::GetAtt` is `{name}.{attribute}`; {GET_ATT}"), None);
                }
            }
            Value::Sub(sub) => {
                let path = path.key(Function::Sub.long());
                self.place(Function::Sub, &path);
                self.sub_names(sub, &path);
                self.sub_lists(sub, &path);
                if !sub.variables.is_empty() {
                    let path = path.index(1);
                    self.sub_variables(&sub.variables, &path);
                    self.map(&sub.variables, &path);
                }
            }
            Value::Call(function, argument) => {
                let path = path.key(function.long());
                self.place(*function, &path);
                self.call(*function, argument, &path);
                self.value(argument, &path);
            }
        }
    }

    fn map(&mut self, entries: &Map, path: &Path<'_>) {
        // All of a resource's `Properties` may be one `Fn::If`.
        if let (1, Some(choice)) = (entries.len(), entries.get(Function::If.long())) {
            let path = path.key(Function::If.long());
            self.call(Function::If, choice, &path);
            return self.value(choice, &path);
        }
        for (key, value) in entries {
            self.entry((key, value), false, path);
        }
    }

    /// An entry of a map; of a `section` its key is checked elsewhere.
    fn entry(&mut self, (key, value): (&str, &Value), section: bool, path: &Path<'_>) {
        let path = path.key(key);
        if key.starts_with("Fn::ForEach::") {
            self.for_each(value, &path);
        } else if key == "Fn::Transform" {
            self.transform(value, &path);
        } else if key.starts_with("Fn::") && !section {
            if Function::from_long(key).is_some() {
                let message = format!("`{key}` stands where a function can't, or beside other keys");
                let help =
                    "a function is the only entry of its map; in a list every function is an item of its own";
                self.report.error_at_key(codes::TPL_FUNCTION, &path, message, help);
            } else {
                let known = Function::ALL.iter().map(|function| function.long()).chain(["Fn::ForEach"]);
                let help = self.report.did_you_mean(key, known);
                let message = format!("CloudFormation has no function `{key}`");
                self.report.error_at_key(codes::TPL_UNKNOWN_FUNCTION, &path, message, help);
            }
        }
        self.value(value, &path);
    }

    fn wrong(&mut self, path: &Path<'_>, message: String, help: Option<&str>) {
        self.report.error(codes::TPL_FUNCTION, path, message, help.map(str::to_owned));
    }

    /// Where the function may stand, and what it needs.
    fn place(&mut self, function: Function, path: &Path<'_>) {
        let name = function.long();
        if matches!(self.owner, Owner::Rule(_)) {
            return self.in_rules(function, path);
        }
        match (function, self.owner) {
            (Function::Length | Function::ToJsonString, _) => {
                self.needs_extensions(&format!("`{name}`"), path);
            }
            (
                Function::And | Function::Or | Function::Not | Function::Equals | Function::Condition,
                Owner::Resource(_) | Owner::Output(_) | Owner::Expansion(_) | Owner::Other(_),
            ) => {
                let message = format!("`{name}` can stand in `Conditions` and `Rules` only");
                let help = "give the condition a name in `Conditions`, and ask for it with `Fn::If`";
                self.wrong(path, message, Some(help));
            }
            (Function::ImportValue | Function::If, Owner::Condition(_)) => {
                // Source: CloudFormation's message in aws/aws-cdk#32238 ("Cannot use Fn::ImportValue in Conditions"); the
                // Template Reference of `Fn::If` (supported in properties, metadata, update policies and outputs only); both
                // in cfn-lint's rule E8003.
                let message = format!("`{name}` can't stand in `Conditions`");
                let help = match function {
                    Function::If => "combine conditions with `Fn::And`, `Fn::Or` and `Fn::Not`",
                    _ => "give the value to the stack in a template parameter",
                };
                self.wrong(path, message, Some(help));
            }
            (
                Function::Contains
                | Function::EachMemberEquals
                | Function::EachMemberIn
                | Function::RefAll
                | Function::ValueOf
                | Function::ValueOfAll,
                _,
            ) => self.wrong(path, format!("`{name}` can stand in `Rules` only"), None),
            _ => {}
        }
    }

    /// The functions of `Rules` are a closed list.
    ///
    /// Source: AWS CloudFormation User Guide, "Rules syntax" ("Supported functions"); CloudFormation's message in
    /// aws-cloudformation/cfn-lint#3710 ("Following functions are not supported in the Rules block of the template").
    fn in_rules(&mut self, function: Function, path: &Path<'_>) {
        let allowed = matches!(
            function,
            Function::And
                | Function::Contains
                | Function::EachMemberEquals
                | Function::EachMemberIn
                | Function::Equals
                | Function::Not
                | Function::Or
                | Function::Ref
                | Function::RefAll
                | Function::ValueOf
                | Function::ValueOfAll
                | Function::Transform
        );
        // These are gone before CloudFormation reads the rules.
        let resolved = self.report.transforms.language_extensions
            && matches!(function, Function::Length | Function::ToJsonString | Function::FindInMap);
        // What refers to a resource is reported as such.
        if !allowed && !resolved && function != Function::GetAtt {
            let message = format!("`{}` can't stand in `Rules`", function.long());
            let help = match function {
                Function::Condition => "repeat the condition's own functions: rules know no conditions",
                _ => {
                    "rules take `Fn::And`, `Fn::Contains`, `Fn::EachMemberEquals`, `Fn::EachMemberIn`, `Fn::Equals`, \
                     `Fn::Not`, `Fn::Or`, `Fn::RefAll`, `Fn::ValueOf`, `Fn::ValueOfAll` and `Ref`"
                }
            };
            self.wrong(path, message, Some(help));
        }
    }

    /// Names of a `Fn::Sub` that CloudFormation doesn't take.
    fn sub_names(&mut self, sub: &Sub, path: &Path<'_>) {
        for part in &sub.parts {
            let name = match part {
                SubPart::Text(_) => continue,
                SubPart::Ref(name) => name.clone(),
                SubPart::GetAtt(name, attribute) => format!("{name}.{attribute}"),
            };
            if !is_sub_name(&name) {
                let message = format!(
                    "`Fn::Sub` has the name `{}`; names have letters, digits, `_`, `.` and `:` only",
                    shorten(&name)
                );
                let help =
                    format!("rename it; if the text itself is wanted, write `${{!{}}}`", shorten(&name));
                self.wrong(path, message, Some(&help));
            }
        }
    }

    /// The variables of a `Fn::Sub` are texts.
    ///
    /// Source: CloudFormation's message in serverless-operations/serverless-step-functions#203 ("every value of the context
    /// object of every `Fn::Sub` object must be a string or a function that returns a string"); Template Reference of `Fn::Sub`.
    fn sub_variables(&mut self, variables: &Map, path: &Path<'_>) {
        for (name, value) in variables {
            let transformed = matches!(value, Value::Map(it) if it.contains_key(Function::Transform.long()));
            if !self.may_be_text(value) && !transformed {
                let message =
                    format!("the variable `{name}` of `Fn::Sub` is {}; it takes text", self.described(value));
                self.wrong(&path.key(name), message, Some("make one text of a list with `Fn::Join`"));
            }
        }
    }

    /// A parameter that is a list, in the text of a `Fn::Sub`.
    ///
    /// Source: CloudFormation's message in aws-cloudformation/cfn-lint#390 ("variable `pValues` in `Fn::Sub` expression does not
    /// resolve to a string"); cfn-lint's rule E1019. The same of other functions: E1018, E1020 and E1022, troposphere#1469
    /// (`Fn::Join`), aws-cloudformation/cfn-language-discussion#106 (`Fn::Split`).
    fn sub_lists(&mut self, sub: &Sub, path: &Path<'_>) {
        for part in &sub.parts {
            let SubPart::Ref(name) = part else { continue };
            if !sub.variables.contains_key(name) && is_list(self.report.template, name) {
                let message = format!(
                    "`Fn::Sub` has `${{{name}}}`, and the parameter `{name}` is a list; it takes text"
                );
                // A pseudo parameter's colons are no letters of a variable.
                let (of, variable) = match name.strip_prefix("AWS::") {
                    Some(own) => (format!("\"{name}\""), own),
                    None => (name.clone(), name.as_str()),
                };
                let help = format!(
                    "make one text of the list: `!Sub [\"...${{{variable}}}...\", {{{variable}: !Join [\",\", !Ref {of}]}}]`"
                );
                self.wrong(path, message, Some(&help));
            }
        }
    }

    /// Whether a value is a list for certain; of a `Fn::If` one branch is enough.
    ///
    /// Sources: cfn-lint's rules E1019, E1020 and E1022; of `Fn::Join` cloudtools/troposphere#1469.
    fn is_list(&self, value: &Value) -> bool {
        match value {
            Value::Ref(name) => is_list(self.report.template, name),
            Value::List(_) | Value::Call(Function::Split | Function::GetAZs | Function::Cidr, _) => true,
            Value::Call(Function::If, argument) => branches(argument).iter().any(|it| self.is_list(it)),
            _ => false,
        }
    }

    /// Whether a value is one text for certain; of a `Fn::If` one branch is enough.
    ///
    /// Sources: cfn-lint's rule E1020 ("{'Ref': 'S'} is not of type 'array'", at `Fn::Join`, `Fn::Select` and branches of a
    /// `Fn::If` in them); CloudFormation's message in bazaarvoice/cloudformation-ruby-dsl#131.
    fn is_text(&self, value: &Value) -> bool {
        match value {
            Value::Ref(name) => is_text(self.report.template, name),
            Value::Call(Function::If, argument) => {
                branches(argument).iter().any(|it| is_scalar(it) || self.is_text(it))
            }
            value => !may_be_list(value),
        }
    }

    fn may_be_text(&self, value: &Value) -> bool {
        may_be_text(value) && !self.is_list(value)
    }

    fn may_be_list(&self, value: &Value) -> bool {
        may_be_list(value) && !self.is_text(value)
    }

    fn described(&self, value: &Value) -> String {
        let what = match value {
            Value::Ref(name) if is_list(self.report.template, name) => ", a parameter that is a list",
            Value::Ref(name) if is_text(self.report.template, name) => ", a parameter that is one text",
            Value::Call(Function::If, _) if self.is_list(value) => " with a list in it",
            _ => "",
        };
        format!("{}{what}", describe(value))
    }

    /// The same where a list is wanted.
    fn described_as_text(&self, value: &Value) -> String {
        match value {
            Value::Call(Function::If, _) => format!("{} with one text in it", describe(value)),
            _ => self.described(value),
        }
    }

    fn needs_extensions(&mut self, what: &str, path: &Path<'_>) {
        if !self.report.transforms.language_extensions {
            let message = format!("{what} needs the transform `AWS::LanguageExtensions`");
            let help = "add `Transform: AWS::LanguageExtensions` to the template";
            self.wrong(path, message, Some(help));
        }
    }

    fn call(&mut self, function: Function, argument: &Value, path: &Path<'_>) {
        let name = function.long();
        if matches!(argument, Value::Call(Function::Transform, _)) {
            return;
        }
        match function {
            Function::And | Function::Or => {
                let Some(list) = self.list(function, argument, 2..=10, "2 to 10 conditions", path) else {
                    return;
                };
                self.conditions(function, list, path);
            }
            Function::Not => {
                let Some(list) = self.list(function, argument, 1..=1, "a list of one condition", path) else {
                    return;
                };
                self.conditions(function, list, path);
            }
            Function::Equals => {
                let Some(list) = self.list(function, argument, 2..=2, "a list of two values", path) else {
                    return;
                };
                self.each_text(function, list, path);
            }
            Function::Base64 | Function::GetAZs | Function::RefAll => self.text(function, argument, path),
            Function::ImportValue => {
                self.text(function, argument, path);
                // Source: CloudFormation's message in kubernetes-retired/kube-aws#1304 ("the attribute in Fn::ImportValue must
                // not depend on any resources, imported values, or Fn::GetAZs"); Template Reference, "Fn::ImportValue".
                if let Some(found) = needs_resources(argument, self.report.template) {
                    let message = format!("`{name}` depends on {found}");
                    let help = "make the name of literal text, parameters and pseudo parameters";
                    self.wrong(path, message, Some(help));
                }
            }
            Function::Condition => {
                if argument.as_str().is_none() {
                    let message =
                        format!("`{name}` is {}; it takes the name of a condition", describe(argument));
                    self.wrong(path, message, None);
                }
            }
            Function::Cidr => self.cidr(argument, path),
            Function::FindInMap => self.find_in_map(argument, path),
            Function::If => self.choice(argument, path),
            Function::Join => self.join(argument, path),
            Function::Split => self.split(argument, path),
            Function::Select => self.select(argument, path),
            Function::Length => {
                if !self.may_be_list(argument) {
                    self.wrong(
                        path,
                        format!("`{name}` is {}; it takes a list", self.described_as_text(argument)),
                        None,
                    );
                }
            }
            Function::ToJsonString => {
                if !matches!(argument, Value::Map(_)) && !may_be_list(argument) {
                    self.wrong(
                        path,
                        format!("`{name}` is {}; it takes a map or a list", describe(argument)),
                        None,
                    );
                }
            }
            Function::Contains | Function::EachMemberEquals | Function::ValueOf | Function::ValueOfAll => {
                self.list(function, argument, 2..=2, "a list of two", path);
            }
            Function::EachMemberIn => {
                self.list(function, argument, 2..=2, "two lists", path);
            }
            Function::Transform => self.transform(argument, path),
            Function::GetStackOutput => self.stack_output(argument, path),
            Function::Ref => self.reference(argument, path),
            Function::GetAtt => self.get_att(argument, path),
            Function::Sub => {
                let message = format!(
                    "`{name}` is {}; it takes text, or a list of text and a map of variables",
                    describe(argument)
                );
                self.wrong(path, message, None);
            }
        }
    }

    /// The elements of a list of the right length. A function in its place is wrong too.
    fn list<'v>(
        &mut self,
        function: Function,
        argument: &'v Value,
        lengths: RangeInclusive<usize>,
        takes: &str,
        path: &Path<'_>,
    ) -> Option<&'v [Value]> {
        let found = match argument {
            Value::List(list) if lengths.contains(&list.len()) => return Some(list),
            Value::List(list) => match list.len() {
                1 => "a list of 1".to_owned(),
                length => format!("a list of {length}"),
            },
            other => describe(other),
        };
        self.wrong(path, format!("`{}` is {found}; it takes {takes}", function.long()), None);
        None
    }

    fn conditions(&mut self, function: Function, list: &[Value], path: &Path<'_>) {
        for (index, value) in list.iter().enumerate() {
            if !is_condition(value) {
                let message = format!(
                    "`{}` holds {}; it takes `Fn::And`, `Fn::Equals`, `Fn::Not`, `Fn::Or` and `Condition`",
                    function.long(),
                    describe(value)
                );
                self.wrong(&path.index(index), message, None);
            }
        }
    }

    fn each_text(&mut self, function: Function, list: &[Value], path: &Path<'_>) {
        for (index, value) in list.iter().enumerate() {
            if !self.may_be_text(value) {
                let message = format!("`{}` holds {}; it takes text", function.long(), self.described(value));
                let help = (function == Function::Join && matches!(value, Value::Ref(_)))
                    .then_some("make one text of the list first: `!Join [\",\", !Ref List]`");
                self.wrong(&path.index(index), message, help);
            }
        }
    }

    fn text(&mut self, function: Function, argument: &Value, path: &Path<'_>) {
        if !self.may_be_text(argument) {
            let message = format!("`{}` is {}; it takes text", function.long(), self.described(argument));
            let help = matches!(function, Function::GetAZs).then_some("the stack's own region is `\"\"`");
            self.wrong(path, message, help);
        }
    }

    fn cidr(&mut self, argument: &Value, path: &Path<'_>) {
        let takes = "[network, count] or [network, count, bits]";
        let Some(list) = self.list(Function::Cidr, argument, 2..=3, takes, path) else { return };
        for (index, value) in list.iter().enumerate() {
            let allowed = match index {
                _ if matches!(value, Value::Ref(_)) && self.is_list(value) => "no list",
                0 if may_be_text(value) => continue,
                0 => "a network such as 10.0.0.0/16",
                1 if in_range(value, 1..=256) => continue,
                1 => "a count of 1 to 256",
                _ if in_range(value, 1..=128) => continue,
                _ => "1 to 128 bits",
            };
            let message = format!("`Fn::Cidr` holds {}; it takes {allowed}", self.described(value));
            self.wrong(&path.index(index), message, None);
        }
    }

    fn find_in_map(&mut self, argument: &Value, path: &Path<'_>) {
        let takes = "[mapping, key, second key]";
        let Some(list) = self.list(Function::FindInMap, argument, 3..=4, takes, path) else { return };
        for (index, value) in list.iter().enumerate().take(3) {
            let path = path.index(index);
            match value {
                Value::Ref(_) if self.is_list(value) => {
                    let message =
                        format!("`Fn::FindInMap` holds {}; it takes {takes}", self.described(value));
                    self.wrong(&path, message, Some("take one value of the list with `Fn::Select`"));
                }
                Value::Ref(_) | Value::Call(Function::FindInMap | Function::Transform, _) => {}
                value if is_scalar(value) => {}
                Value::GetAtt(..) | Value::Sub(_) | Value::Call(..) => {
                    self.needs_extensions(&format!("{} in `Fn::FindInMap`", describe(value)), &path);
                }
                value => {
                    let message = format!("`Fn::FindInMap` holds {}; it takes {takes}", describe(value));
                    self.wrong(&path, message, None);
                }
            }
        }
        if let Some(default) = list.get(3) {
            let path = path.index(3);
            match default {
                Value::Map(entries) if entries.len() == 1 && entries.contains_key("DefaultValue") => {
                    self.needs_extensions("a default in `Fn::FindInMap`", &path);
                }
                other => {
                    let message = format!(
                        "the fourth element of `Fn::FindInMap` is {}; it takes a map with `DefaultValue`",
                        describe(other)
                    );
                    self.wrong(&path, message, None);
                }
            }
        }
    }

    fn choice(&mut self, argument: &Value, path: &Path<'_>) {
        let takes = "[condition, value if true, value if false]";
        let Some(list) = self.list(Function::If, argument, 3..=3, takes, path) else { return };
        let Some(first) = list.first().filter(|first| first.as_str().is_none()) else { return };
        let message =
            format!("the condition of `Fn::If` is {}; it takes the name of a condition", describe(first));
        let help = "give the condition a name in `Conditions`";
        self.wrong(&path.index(0), message, Some(help));
    }

    fn join(&mut self, argument: &Value, path: &Path<'_>) {
        let takes = "[delimiter, list]";
        let Some([delimiter, values]) = self.list(Function::Join, argument, 2..=2, takes, path) else {
            return;
        };
        self.delimiter(Function::Join, delimiter, path);
        let path = path.index(1);
        match values {
            Value::List(values) => self.each_text(Function::Join, values, &path),
            values if self.may_be_list(values) => {}
            other => {
                let message = format!(
                    "`Fn::Join` joins {}; it takes a list, or a function that gives one",
                    self.described_as_text(other)
                );
                self.wrong(&path, message, self.to_list(other));
            }
        }
    }

    fn split(&mut self, argument: &Value, path: &Path<'_>) {
        let takes = "[delimiter, text]";
        let Some([delimiter, text]) = self.list(Function::Split, argument, 2..=2, takes, path) else {
            return;
        };
        self.delimiter(Function::Split, delimiter, path);
        if !self.may_be_text(text) {
            let message = format!("`Fn::Split` splits {}; it takes text", self.described(text));
            let is_parameter = matches!(text, Value::Ref(_));
            let help = is_parameter.then_some("the parameter is a list already: use its `Ref`");
            self.wrong(&path.index(1), message, help);
        }
    }

    fn delimiter(&mut self, function: Function, delimiter: &Value, path: &Path<'_>) {
        let empty = function == Function::Split && delimiter.as_str() == Some("");
        if !is_scalar(delimiter) || empty {
            let message = format!(
                "the delimiter of `{}` is {}; it takes literal text",
                function.long(),
                describe(delimiter)
            );
            self.wrong(&path.index(0), message, None);
        }
    }

    fn select(&mut self, argument: &Value, path: &Path<'_>) {
        let Some([index, values]) = self.list(Function::Select, argument, 2..=2, "[index, list]", path)
        else {
            return;
        };
        let number = number(index);
        if (is_scalar(index) || !self.may_be_text(index)) && number.is_none_or(|number| number < 0) {
            let message = format!(
                "the index of `Fn::Select` is {}; it takes a whole number from 0",
                self.described(index)
            );
            self.wrong(&path.index(0), message, None);
        }
        match values {
            Value::List(list) => {
                let beyond =
                    number.and_then(|number| usize::try_from(number).ok()).filter(|at| *at >= list.len());
                if let Some(at) = beyond {
                    let message = format!(
                        "`Fn::Select` takes element {at} of a list of {}; the first element has index 0",
                        list.len()
                    );
                    self.wrong(&path.index(0), message, None);
                }
            }
            values if self.may_be_list(values) => {}
            other => {
                let message = format!(
                    "`Fn::Select` selects from {}; it takes a list, or a function that gives one",
                    self.described_as_text(other)
                );
                self.wrong(&path.index(1), message, self.to_list(other));
            }
        }
    }

    /// How to make a list of a parameter that is one text.
    fn to_list(&self, value: &Value) -> Option<&'static str> {
        (matches!(value, Value::Ref(_)) && self.is_text(value)).then_some(
            "make a list of a text with commas: `!Split [\",\", !Ref Text]`; of one value: `[!Ref Text]`",
        )
    }

    fn reference(&mut self, argument: &Value, path: &Path<'_>) {
        if is_function(argument) {
            self.needs_extensions(&format!("{} in `Ref`", describe(argument)), path);
        } else {
            let message =
                format!("`Ref` is {}; it takes the name of a parameter or a resource", describe(argument));
            self.wrong(path, message, None);
        }
    }

    fn get_att(&mut self, argument: &Value, path: &Path<'_>) {
        match argument {
            Value::List(list) if list.len() == 2 => {
                for (index, value) in list.iter().enumerate() {
                    match value {
                        Value::Str(_) => {}
                        // An attribute's name may be a `Ref` in any template.
                        Value::Ref(_) if index == 1 => {}
                        value if is_function(value) => {
                            let what = format!("{} in `Fn::GetAtt`", describe(value));
                            self.needs_extensions(&what, &path.index(index));
                        }
                        value => {
                            let message = format!("`Fn::GetAtt` holds {}; {GET_ATT}", describe(value));
                            self.wrong(&path.index(index), message, None);
                        }
                    }
                }
            }
            Value::List(list) => {
                self.wrong(path, format!("`Fn::GetAtt` is a list of {}; {GET_ATT}", list.len()), None);
            }
            other => {
                let help = other
                    .as_str()
                    .map(|name| format!("write `{name}.` and the attribute, such as `{name}.Arn`"));
                self.wrong(path, format!("`Fn::GetAtt` is {}; {GET_ATT}", describe(other)), help.as_deref());
            }
        }
    }

    fn transform(&mut self, argument: &Value, path: &Path<'_>) {
        let named = matches!(argument, Value::Map(entries) if entries.get("Name").is_some_and(|name| name.as_str().is_some()));
        // A list of them, as `Transform` has, is accepted too.
        if !named && !matches!(argument, Value::List(_)) {
            let message = format!(
                "`Fn::Transform` is {}; it takes a map with `Name` and `Parameters`",
                describe(argument)
            );
            self.wrong(path, message, None);
        }
    }

    fn stack_output(&mut self, argument: &Value, path: &Path<'_>) {
        const KEYS: [&str; 4] = ["StackName", "OutputName", "Region", "RoleArn"];
        let takes = "it takes a map with `StackName` and `OutputName`, and may have `Region` and `RoleArn`";
        let Value::Map(entries) = argument else {
            self.wrong(path, format!("`Fn::GetStackOutput` is {}; {takes}", describe(argument)), None);
            return;
        };
        if let Some(missing) = ["StackName", "OutputName"].into_iter().find(|key| !entries.contains_key(*key))
        {
            self.wrong(path, format!("`Fn::GetStackOutput` has no `{missing}`; {takes}"), None);
        }
        for key in entries.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            let message = format!("`Fn::GetStackOutput` has `{key}`; {takes}");
            let at = (&path.key(key), Spot::Key);
            let help = self.report.did_you_mean(key, KEYS);
            self.report.add(Severity::Error, codes::TPL_FUNCTION, at, message, help);
        }
    }

    fn for_each(&mut self, argument: &Value, path: &Path<'_>) {
        self.needs_extensions("`Fn::ForEach`", path);
        let takes = "[variable, collection, map of what is made]";
        let Value::List(list) = argument else {
            self.wrong(path, format!("`Fn::ForEach` is {}; it takes {takes}", describe(argument)), None);
            return;
        };
        let [variable, collection, made] = list.as_slice() else {
            self.wrong(path, format!("`Fn::ForEach` is a list of {}; it takes {takes}", list.len()), None);
            return;
        };
        if variable.as_str().is_none() {
            let message = format!("the variable of `Fn::ForEach` is {}; it takes a name", describe(variable));
            self.wrong(&path.index(0), message, None);
        }
        if !self.may_be_list(collection) {
            let message = format!(
                "the collection of `Fn::ForEach` is {}; it takes a list",
                self.described_as_text(collection)
            );
            self.wrong(&path.index(1), message, None);
        }
        if let Value::Map(made) = made {
            if let (Some(variable), Value::List(values)) = (variable.as_str(), collection) {
                self.for_each_keys(variable, values, made, path);
            }
        } else {
            let message = format!("what `Fn::ForEach` makes is {}; it takes a map", describe(made));
            self.wrong(&path.index(2), message, None);
        }
    }

    /// The keys that a loop over literal values makes: each once, and among resources letters and digits only.
    ///
    /// Source: Template Reference, "`Fn::ForEach`" ("`${Identifier}` or `&{Identifier}` must be included within the `OutputKey`";
    /// `&{Identifier}` for values with other characters); cfn-lint ("Duplicate T while doing transformation", and its rule E3001
    /// for what comes out).
    fn for_each_keys(&mut self, variable: &str, values: &[Value], made: &Map, path: &Path<'_>) {
        let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        let double =
            texts.iter().enumerate().find(|(index, text)| texts.iter().take(*index).any(|it| it == *text));
        if let Some((index, text)) = double.filter(|_| texts.len() == values.len()) {
            let message = format!(
                "the collection of `Fn::ForEach` holds {:?} twice, so every key would be made twice",
                shorten(text)
            );
            self.wrong(&path.index(1).index(index), message, Some("delete one of them"));
        }
        let (whole, letters) = (format!("${{{variable}}}"), format!("&{{{variable}}}"));
        let in_resources = matches!(path.tokens().as_slice(), [Token::Key("Resources"), _]);
        for key in made.keys().filter(|key| !key.starts_with("Fn::")) {
            let path = path.index(2);
            let path = path.key(key);
            let odd = || texts.iter().find(|text| !text.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            if !key.contains(&whole) && !key.contains(&letters) {
                if values.len() > 1 {
                    let message = format!(
                        "`Fn::ForEach` would make the key `{}` {} times: its variable is not in it",
                        shorten(key),
                        values.len()
                    );
                    let help = format!("write the variable in the key, such as `{}{whole}`", shorten(key));
                    self.report.error_at_key(codes::TPL_FUNCTION, &path, message, Some(help));
                }
            } else if let Some(odd) = odd().filter(|_| in_resources && key.contains(&whole)) {
                let message = format!(
                    "`Fn::ForEach` would make a logical id of `{}` and {:?}, and logical ids have letters and digits only",
                    shorten(key),
                    shorten(odd)
                );
                let help = format!("write `{letters}`: it puts in the letters and digits of the value");
                self.report.error_at_key(codes::TPL_FUNCTION, &path, message, Some(help));
            }
        }
    }
}

/// Whether a parameter of the template holds a list, by its type.
pub(super) fn is_list_parameter(template: &Template, parameter: &str) -> bool {
    template.parameters.get(parameter).is_some_and(|it| is_list_type(&it.kind))
}

/// Whether `Ref` of this name gives a list: a parameter's, or the pseudo parameter's.
///
/// Source: Template Reference, "Pseudo parameters reference" (`AWS::NotificationARNs` "returns the list of notification ARNs");
/// cfn-lint's rule E1019 refuses it in `Fn::Sub` as a list.
fn is_list(template: &Template, name: &str) -> bool {
    name == "AWS::NotificationARNs" || is_list_parameter(template, name)
}

/// Whether `Ref` of this name gives one text.
fn is_text(template: &Template, name: &str) -> bool {
    match template.parameters.get(name) {
        // The reader reports a type that is missing.
        Some(parameter) => !parameter.kind.is_empty() && !is_list_parameter(template, name),
        None => name.starts_with("AWS::") && !matches!(name, "AWS::NotificationARNs" | "AWS::NoValue"),
    }
}

/// The two values that a `Fn::If` chooses from.
fn branches(argument: &Value) -> &[Value] {
    match argument {
        Value::List(parts) => parts.get(1..).unwrap_or_default(),
        _ => &[],
    }
}

/// Whether CloudFormation takes a name in a `Fn::Sub`. A loop's variable in it is replaced before.
///
/// Source: CloudFormation's message in aws-cloudformation/cfn-lint#1430 ("variable names in `Fn::Sub` syntax must contain only
/// alphanumeric characters, underscores, periods, and colons"), and in kirodotdev/KiroCrew#2596.
pub(super) fn is_sub_name(name: &str) -> bool {
    is_pattern(name)
        || name.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | ':'))
}

const GET_ATT: &str = "it takes `Resource.Attribute` or [resource, attribute]";

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Str(_) | Value::Int(_) | Value::Number(_) | Value::Bool(_))
}

fn is_function(value: &Value) -> bool {
    matches!(value, Value::Ref(_) | Value::GetAtt(..) | Value::Sub(_) | Value::Call(..))
}

fn may_be_text(value: &Value) -> bool {
    match value {
        Value::Call(Function::Split | Function::GetAZs | Function::Cidr, _) => false,
        value if is_condition(value) => matches!(value, Value::Call(Function::Transform, _)),
        // Null is reported where it stands.
        Value::Null => true,
        value => is_scalar(value) || is_function(value),
    }
}

fn may_be_list(value: &Value) -> bool {
    match value {
        Value::List(_)
        | Value::Ref(_)
        | Value::GetAtt(..)
        | Value::Null
        | Value::Call(Function::Transform, _) => true,
        Value::Call(
            Function::Base64
            | Function::ImportValue
            | Function::Join
            | Function::GetStackOutput
            | Function::Length
            | Function::Sub
            | Function::ToJsonString,
            _,
        ) => false,
        Value::Call(..) => !is_condition(value),
        // One that is all maps: a `Fn::Transform` beside other keys.
        Value::Map(entries) => entries.contains_key("Fn::Transform"),
        _ => false,
    }
}

/// A literal whole number, also as text.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Str(text) | Value::Number(text) => text.parse().ok(),
        _ => None,
    }
}

/// Whether the literal is in range; what a function will give is unknown.
fn in_range(value: &Value, range: RangeInclusive<i64>) -> bool {
    if is_scalar(value) {
        number(value).is_some_and(|number| range.contains(&number))
    } else {
        may_be_text(value)
    }
}
