//! From what the schemas have against a config to findings that a person can act on.
//!
//! One mistake gives one finding: a refused block hides what is below it, of several broken rules of one value the
//! first in [`KEYWORDS`] counts, and a misspelled key stands for the missing one that it was meant to be.

use std::collections::HashSet;

use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};
use mlp_template::codes;
use mlp_template::finding::{Code, Finding, Severity};
use mlp_template::pointer;
use mlp_template::printable::{as_it_looks, odd_character};
use mlp_template::suggest::{Suggestions, or_list};
use mlp_template::yaml::{Document, Node, NodeValue, ScalarKind, is_text_in_yaml_1_1, join};
use serde_json::Value;

use super::deferred::DeferredPlaces;
use super::fields::{S3Prefix, short, shown};
use super::place::{at_key, at_value};
use super::schema::{self, Rule};

/// A broken rule, and the value or key that breaks it.
struct Mistake {
    /// The value; of an unknown or missing key, where its value would be.
    path: String,
    rule: Rule,
    /// The paths of the fields that were probably meant.
    meant: Vec<String>,
    /// "did you mean ...?", of a value that is none of the choices.
    suggestion: Option<String>,
    /// Whether the value would be right if it stood in quotes.
    right_in_quotes: bool,
}

/// How a broken keyword is told.
struct Keyword {
    name: &'static str,
    code: Code,
    place: fn(&Document, Finding) -> Finding,
    tell: fn(&Mistake, &Document) -> Finding,
}

/// About a value.
const fn value(name: &'static str, code: Code, tell: fn(&Mistake, &Document) -> Finding) -> Keyword {
    Keyword { name, code, place: at_value, tell }
}

/// About a key.
const fn key(name: &'static str, code: Code, tell: fn(&Mistake, &Document) -> Finding) -> Keyword {
    Keyword { name, code, place: at_key, tell }
}

/// Every keyword that the schemas use, the most telling first.
static KEYWORDS: [Keyword; 15] = [
    key("not", codes::NOT_IN_TIER, refused),
    value("type", codes::WRONG_TYPE, wrong_type),
    value("enum", codes::NOT_A_CHOICE, no_choice),
    value("minLength", codes::WRONG_LENGTH, wrong_size),
    value("maxLength", codes::WRONG_LENGTH, wrong_size),
    value("pattern", codes::WRONG_SHAPE, wrong_value),
    value("minimum", codes::OUT_OF_RANGE, wrong_value),
    value("maximum", codes::OUT_OF_RANGE, wrong_value),
    value("minItems", codes::WRONG_LENGTH, wrong_size),
    value("maxItems", codes::WRONG_LENGTH, wrong_size),
    key("maxProperties", codes::WRONG_LENGTH, wrong_size),
    value("uniqueItems", codes::WRONG_SHAPE, stands_twice),
    key("propertyNames", codes::WRONG_SHAPE, wrong_key),
    key("additionalProperties", codes::UNKNOWN_KEY, unknown),
    key("required", codes::MISSING_KEY, missing),
];

/// Every finding that the schemas lead to, and the paths that misplaced and misspelled keys were meant to be.
/// `values` is the document without its empty values.
pub(super) fn find(
    document: &Document,
    values: &Value,
    deferred: &DeferredPlaces,
    suggestions: &Suggestions,
) -> (Vec<Finding>, Vec<String>) {
    let mut mistakes: Vec<Mistake> = schema::errors(values).flat_map(|error| Mistake::of(&error)).collect();
    // Nothing is known of a deferred value. Its key must be right.
    mistakes.retain(|mistake| {
        mistake.is("not") || mistake.is("propertyNames") || !deferred.contains(&mistake.path)
    });
    mistakes.sort_by_key(Mistake::rank);
    let mut settled = settle(mistakes, values, suggestions);
    for mistake in settled.iter_mut().filter(|mistake| mistake.is("enum")) {
        let choices = mistake.rule.choices().filter_map(Value::as_str);
        mistake.suggestion = suggestions.question(text(document, &mistake.path), choices);
    }
    find_right_in_quotes(&mut settled, document, values);
    let findings = settled.iter().map(|mistake| mistake.tell(document)).collect();
    (findings, settled.into_iter().flat_map(|mistake| mistake.meant).collect())
}

/// Reads numbers as the texts that they are wanted as, where YAML 1.1 takes them for texts: tools that write YAML 1.1 leave
/// their quotes out. Answers with a warning for each.
pub(super) fn read_unquoted(document: &Document, values: &mut Value) -> Vec<Finding> {
    let mut paths = Vec::new();
    unquoted(&document.root, &mut String::new(), &mut paths);
    // Nearly every config has none.
    if paths.is_empty() {
        return Vec::new();
    }
    let wanted: HashSet<String> = schema::errors(values)
        .filter(|error| matches!(error.kind(), Kind::Type { .. }))
        .filter(|error| Rule::of(error).says("type") == Some("string"))
        .map(|error| error.instance_path().as_str().to_owned())
        .collect();
    let mut findings = Vec::new();
    for path in paths.into_iter().filter(|path| wanted.contains(path)) {
        let text = text(document, &path);
        let Some(value) = values.pointer_mut(&path) else { continue };
        *value = Value::from(text);
        let message =
            format!("{} is {} without quotes, and is read as text", name(document, &path), shown(text));
        let fixed = assignment(document, &path, &quoted(text));
        let finding = Finding::warning(codes::UNQUOTED_ID, path, message)
            .help(format!("other tools may read a number; put it in quotes: `{fixed}`"));
        findings.push(at_value(document, finding));
    }
    findings
}

/// The paths of all numbers that are texts in YAML 1.1.
fn unquoted(node: &Node, path: &mut String, paths: &mut Vec<String>) {
    let length = path.len();
    let mut below = |token: &str, node: &Node| {
        path.push_str(&join("", token));
        unquoted(node, path, paths);
        path.truncate(length);
    };
    match &node.value {
        NodeValue::Scalar(scalar) => {
            let is_number = matches!(scalar.kind, ScalarKind::Int(_) | ScalarKind::Float);
            if scalar.plain && is_number && is_text_in_yaml_1_1(&scalar.text) {
                paths.push(path.clone());
            }
        }
        NodeValue::Seq(nodes) => {
            for (index, node) in nodes.iter().enumerate() {
                below(&index.to_string(), node);
            }
        }
        NodeValue::Map(entries) => entries.iter().for_each(|entry| below(&entry.key, &entry.value)),
    }
}

/// Finds the values without quotes that would be right with them, so that no help advises what is refused next.
fn find_right_in_quotes(mistakes: &mut [Mistake], document: &Document, values: &Value) {
    let is_unquoted = |mistake: &Mistake| {
        let scalar = document.node(&mistake.path).and_then(Node::scalar);
        let is_text = scalar.is_none_or(|scalar| scalar.kind == ScalarKind::Str);
        mistake.is("type") && mistake.rule.says("type") == Some("string") && !is_text
    };
    if !mistakes.iter().any(is_unquoted) {
        return;
    }
    let mut values = values.clone();
    for mistake in mistakes.iter().filter(|mistake| is_unquoted(mistake)) {
        if let Some(value) = values.pointer_mut(&mistake.path) {
            *value = Value::from(text(document, &mistake.path));
        }
    }
    let wrong: HashSet<String> =
        schema::errors(&values).map(|error| error.instance_path().as_str().to_owned()).collect();
    for mistake in mistakes {
        mistake.right_in_quotes = is_unquoted(mistake) && !wrong.contains(&mistake.path);
    }
}

/// Adds to the help of an error that its key or value has a character that can't be seen or looks like another one: which
/// one, and where.
pub(super) fn name_unseen(document: &Document, finding: &mut Finding) {
    let Some(place) = document.place(&finding.path) else { return };
    // A text that is too long has such characters by chance; so may a text that is right.
    if finding.severity != Severity::Error || finding.code == codes::WRONG_LENGTH {
        return;
    }
    let at = finding.line.zip(finding.column);
    let key = last(&finding.path);
    let is_key = place.key == at && at.is_some();
    let text = if is_key { key.as_str() } else { text(document, &finding.path) };
    let Some(unseen) = odd_character(text, if is_key { "key" } else { "value" }) else { return };
    finding.help = Some(match finding.help.take() {
        Some(help) => format!("{unseen}; {help}"),
        None => unseen,
    });
}

/// Leaves one mistake for each that the user made. The most telling ones come first.
fn settle(mut mistakes: Vec<Mistake>, values: &Value, suggestions: &Suggestions) -> Vec<Mistake> {
    let refused: Vec<String> =
        mistakes.iter().filter(|mistake| mistake.is("not")).map(|mistake| mistake.path.clone()).collect();
    let mut seen = HashSet::new();
    mistakes.retain(|mistake| {
        !refused.iter().any(|block| is_below(&mistake.path, block)) && seen.insert(mistake.path.clone())
    });
    let mut absent: HashSet<String> = mistakes
        .iter()
        .filter(|mistake| mistake.is("required"))
        .map(|mistake| mistake.path.clone())
        .collect();
    for mistake in &mut mistakes {
        mistake.meant = mistake.guess(&absent, values, suggestions);
        for path in &mistake.meant {
            absent.remove(path);
        }
    }
    mistakes.retain(|mistake| !mistake.is("required") || absent.contains(&mistake.path));
    mistakes
}

/// Whether a value stands inside of another one.
pub(super) fn is_below(path: &str, block: &str) -> bool {
    path.strip_prefix(block).is_some_and(|rest| rest.starts_with('/'))
}

impl Mistake {
    /// The mistakes that an error of the validator is about.
    fn of(error: &ValidationError<'_>) -> Vec<Self> {
        let rule = Rule::of(error);
        let path = error.instance_path().as_str();
        let paths = match error.kind() {
            Kind::AdditionalProperties { unexpected } => {
                unexpected.iter().map(|key| join(path, key)).collect()
            }
            Kind::Required { property } => vec![join(path, property.as_str().unwrap_or_default())],
            Kind::PropertyNames { error } => vec![join(path, error.instance().as_str().unwrap_or_default())],
            Kind::UniqueItems => {
                doubles(error.instance()).map(|index| join(path, &index.to_string())).collect()
            }
            _ => vec![path.to_owned()],
        };
        let mistake = |path| Self { path, rule, meant: Vec::new(), suggestion: None, right_in_quotes: false };
        paths.into_iter().map(mistake).collect()
    }

    fn is(&self, keyword: &str) -> bool {
        self.rule.keyword == keyword
    }

    fn rank(&self) -> usize {
        KEYWORDS.iter().position(|keyword| self.is(keyword.name)).unwrap_or(KEYWORDS.len())
    }

    fn parent(&self) -> &str {
        parent(&self.path)
    }

    /// What was meant by a key that shouldn't be there: something missing, something else beside it, or the same key in
    /// another block.
    fn guess(&self, absent: &HashSet<String>, values: &Value, suggestions: &Suggestions) -> Vec<String> {
        let sibling = |key: &str| join(self.parent(), key);
        if let Some(instead) = self.rule.says("x-instead") {
            return vec![sibling(instead)];
        }
        if !self.is("additionalProperties") {
            return Vec::new();
        }
        let key = last(&self.path);
        let key = as_it_looks(&key);
        let missing = self.rule.keys().filter(|key| absent.contains(&sibling(key)));
        if let Some(wanted) = suggestions.nearest(&key, missing).first() {
            return vec![sibling(wanted)];
        }
        if let Some(block) = schema::home(&key) {
            return vec![join(block, &key)];
        }
        let free = self.rule.keys().filter(|key| values.pointer(&sibling(key)).is_none());
        suggestions.nearest(&key, free).into_iter().map(sibling).collect()
    }

    fn tell(&self, document: &Document) -> Finding {
        match KEYWORDS.iter().find(|keyword| self.is(keyword.name)) {
            Some(keyword) => (keyword.place)(document, (keyword.tell)(self, document)),
            None => at_value(document, wrong_value(self, document)),
        }
    }

    /// The code that the schema names, or else the keyword's own.
    fn code(&self) -> Code {
        let named =
            self.rule.says("x-code").and_then(|code| codes::ALL.iter().find(|info| info.code == code));
        match (named, KEYWORDS.iter().find(|keyword| self.is(keyword.name))) {
            (Some(info), _) => Code::new(info.code),
            (None, Some(keyword)) => keyword.code.clone(),
            (None, None) => codes::WRONG_SHAPE,
        }
    }

    /// "X is A, but must be B."
    fn not_allowed(&self, code: Code, document: &Document, found: &str) -> Finding {
        let allowed = match (self.rule.says("x-allowed"), self.wanted_type()) {
            (Some(allowed), "text") if self.is("type") => format!("text: {allowed}"),
            // What is allowed in a map is no help before it is one.
            (Some(_), "a map") if self.is("type") => "a map".to_owned(),
            (Some(allowed), _) => allowed.to_owned(),
            (None, wanted) => wanted.to_owned(),
        };
        let name = name(document, &self.path);
        Finding::error(code, self.path.as_str(), format!("{name} {found}, but must be {allowed}"))
    }

    /// The type that the schema wants, in words.
    fn wanted_type(&self) -> &'static str {
        match self.rule.says("type") {
            Some("object") => "a map",
            Some("array") => "a list",
            Some("boolean") => "`true` or `false`",
            Some("integer") => "a whole number",
            Some("string") => "text",
            _ => "another value",
        }
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The last part of a path.
fn last(path: &str) -> String {
    pointer::unescape(path.rsplit_once('/').map_or(path, |(_, last)| last))
}

/// What a person calls the value at a path.
fn name(document: &Document, path: &str) -> String {
    if path.is_empty() {
        return "the config".to_owned();
    }
    let key = last(path);
    match key.parse::<usize>() {
        Ok(index) if is_entry(document, path) => {
            format!("entry {} of {}", index + 1, name(document, parent(path)))
        }
        _ => shown(&key),
    }
}

/// Whether a value stands in a list.
fn is_entry(document: &Document, path: &str) -> bool {
    document.node(parent(path)).is_some_and(|node| matches!(node.value, NodeValue::Seq(_)))
}

/// Where a key stands, as the end of a phrase; nothing at the top.
fn in_block(document: &Document, path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" in {}", name(document, path)) }
}

/// The value at a path, in words.
fn found(document: &Document, path: &str) -> String {
    match document.node(path).map(|node| &node.value) {
        Some(NodeValue::Map(_)) => "is a map".to_owned(),
        Some(NodeValue::Seq(_)) => "is a list".to_owned(),
        Some(NodeValue::Scalar(scalar)) => match scalar.kind {
            ScalarKind::Null => "is empty".to_owned(),
            ScalarKind::Int(_) | ScalarKind::Float => format!("is the number {}", shown(&scalar.text)),
            ScalarKind::Bool(_) | ScalarKind::Str => format!("is {}", shown(&scalar.text)),
        },
        None => "is missing".to_owned(),
    }
}

/// The scalar's text at a path; empty if there is none.
fn text<'a>(document: &'a Document, path: &str) -> &'a str {
    document.node(path).and_then(Node::scalar).map_or("", |scalar| scalar.text.as_str())
}

fn help_if(finding: Finding, help: Option<String>) -> Finding {
    match help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

fn refused(mistake: &Mistake, document: &Document) -> Finding {
    let key = name(document, &mistake.path);
    let when = mistake.rule.says("x-when").unwrap_or("here");
    let help = match (mistake.rule.says("x-instead"), mistake.rule.says("x-help")) {
        (Some(instead), _) if document.node(&join(mistake.parent(), instead)).is_none() => {
            format!("write `{instead}` in its place")
        }
        (Some(instead), _) => format!("remove it: `{instead}` is read instead"),
        (None, Some(help)) => help.to_owned(),
        (None, None) => "remove it".to_owned(),
    };
    Finding::error(mistake.code(), mistake.path.as_str(), format!("{key} can't be used {when}")).help(help)
}

fn wrong_type(mistake: &Mistake, document: &Document) -> Finding {
    let found = found(document, &mistake.path);
    let scalar = document.node(&mistake.path).and_then(Node::scalar);
    match (mistake.rule.says("type"), scalar.map(|scalar| (scalar.kind, scalar.text.as_str()))) {
        (Some("string"), Some(_)) if mistake.rule.get("enum").is_some() => no_choice(mistake, document),
        (Some("string"), Some((ScalarKind::Int(_) | ScalarKind::Float | ScalarKind::Bool(_), text))) => {
            let help = if mistake.right_in_quotes {
                format!("put it in quotes: `{}`", assignment(document, &mistake.path, &quoted(text)))
            } else {
                mistake.rule.says("x-unquoted").unwrap_or("write what is allowed, in quotes").to_owned()
            };
            mistake.not_allowed(codes::UNQUOTED_ID, document, &format!("{found} without quotes")).help(help)
        }
        (wanted, Some((ScalarKind::Str, text))) => {
            let found = format!("is the text {}", shown(text));
            let help = in_type(wanted, text)
                .map(|value| format!("write `{}`", assignment(document, &mistake.path, &value)))
                .or_else(|| its_keys(mistake.rule));
            help_if(mistake.not_allowed(codes::WRONG_TYPE, document, &found), help)
        }
        _ => help_if(mistake.not_allowed(codes::WRONG_TYPE, document, &found), its_keys(mistake.rule)),
    }
}

/// The keys of a block, for one that isn't there or isn't a map.
fn its_keys(rule: Rule) -> Option<String> {
    let keys: Vec<_> = rule.keys().map(|key| format!("`{key}`")).collect();
    (!keys.is_empty()).then(|| format!("its keys are {}", keys.join(", ")))
}

/// What a text would be if it were of the type: `yes` is `true`.
fn in_type(wanted: Option<&str>, text: &str) -> Option<String> {
    let word = text.to_lowercase();
    match (wanted?, word.as_str()) {
        ("boolean", "true" | "yes" | "on") => Some("true".to_owned()),
        ("boolean", "false" | "no" | "off") => Some("false".to_owned()),
        ("integer", number) => number.parse::<i64>().ok().map(|number| number.to_string()),
        ("array", _) => Some(format!("[{}]", items(text))),
        _ => None,
    }
}

/// A text with commas as the items of a list in YAML.
fn items(text: &str) -> String {
    // What has another meaning in YAML needs quotes.
    let is_plain = |item: &str| {
        !item.is_empty()
            && item.chars().all(|c| c.is_alphanumeric() || "-_./:=+".contains(c))
            && !item.starts_with(['-', ':', '=', '.'])
            && !item.ends_with(':')
    };
    let all: Vec<&str> = text.split(',').map(str::trim).collect();
    if all.iter().all(|item| is_plain(item)) { all.join(", ") } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", short(text))
}

/// `key: value` as it stands in YAML; an entry of a list has no key.
fn assignment(document: &Document, path: &str, value: &str) -> String {
    let value = short(value);
    if is_entry(document, path) { value } else { format!("{}: {value}", short(&last(path))) }
}

fn no_choice(mistake: &Mistake, document: &Document) -> Finding {
    let rule = mistake.rule;
    let value = text(document, &mistake.path);
    let name = name(document, &mistake.path);
    let choices: Vec<_> = rule.choices().filter_map(Value::as_str).collect();
    let all = or_list(choices.iter().copied());
    let planned = rule.get("x-not-yet").and_then(Value::as_array);
    if planned.is_some_and(|planned| planned.iter().any(|choice| choice == value)) {
        let message = format!("{name} can't be {} yet", shown(value));
        return Finding::error(codes::NOT_YET, mistake.path.as_str(), message).help(format!("use {all}"));
    }
    let allowed = rule.says("x-allowed").unwrap_or(&all);
    let message = format!("{name} {}, but must be {allowed}", found(document, &mistake.path));
    let help = without_blanks(mistake, document).or_else(|| mistake.suggestion.clone()).or_else(|| {
        let next = rule
            .choices()
            .filter_map(Value::as_i64)
            .find(|choice| value.parse().is_ok_and(|it: i64| it < *choice));
        next.map(|next| format!("the next one is {next}"))
    });
    help_if(Finding::error(mistake.code(), mistake.path.as_str(), message), help)
}

fn wrong_size(mistake: &Mistake, document: &Document) -> Finding {
    let found = match document.node(&mistake.path).map(|node| &node.value) {
        Some(NodeValue::Scalar(scalar)) if scalar.kind == ScalarKind::Null || scalar.text.is_empty() => {
            let empty = mistake.not_allowed(mistake.code(), document, "is empty");
            return empty.help("give it a value, or remove the key");
        }
        Some(NodeValue::Scalar(scalar)) => {
            let length = scalar.text.chars().count();
            format!("has {length} {}", if length == 1 { "character" } else { "characters" })
        }
        Some(NodeValue::Seq(nodes)) => format!("has {} entries", nodes.len()),
        Some(NodeValue::Map(entries)) => format!("has {} entries", entries.len()),
        None => return wrong_value(mistake, document),
    };
    let help = without_blanks(mistake, document);
    help_if(mistake.not_allowed(mistake.code(), document, &found), help)
}

/// How to write a value that would be nearer to right without blanks around it, or an account id without its hyphens: consoles
/// show it as `1234-5678-9012`.
fn without_blanks(mistake: &Mistake, document: &Document) -> Option<String> {
    let found = text(document, &mistake.path);
    let digits: String = found.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if mistake.path.ends_with("/account_id")
        && found != digits
        && digits.len() == 12
        && digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        let what = if found.contains('-') { "hyphens" } else { "blanks" };
        return Some(format!(
            "write it without {what}: `{}`",
            assignment(document, &mistake.path, &quoted(&digits))
        ));
    }
    let is_text = document.node(&mistake.path).and_then(Node::scalar).is_some();
    (is_text && found.trim() != found && !found.trim().is_empty()).then(|| {
        let place = if found.starts_with(char::is_whitespace) { "beginning" } else { "end" };
        format!("delete the blank at its {place}")
    })
}

fn wrong_value(mistake: &Mistake, document: &Document) -> Finding {
    let finding = mistake.not_allowed(mistake.code(), document, &found(document, &mistake.path));
    let help = (finding.code == codes::S3_PREFIX).then(|| S3Prefix::advice(text(document, &mistake.path)));
    help_if(finding, help.flatten().or_else(|| without_blanks(mistake, document)))
}

fn stands_twice(mistake: &Mistake, document: &Document) -> Finding {
    let message = format!(
        "{} stands twice in {}",
        shown(text(document, &mistake.path)),
        name(document, mistake.parent())
    );
    Finding::error(mistake.code(), mistake.path.as_str(), message).help("remove one of them")
}

/// The indexes of entries that stood in the list before.
fn doubles(list: &Value) -> impl Iterator<Item = usize> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut seen = HashSet::new();
    list.iter().enumerate().filter(move |(_, value)| !seen.insert(value.to_string())).map(|(index, _)| index)
}

fn wrong_key(mistake: &Mistake, document: &Document) -> Finding {
    let key = last(&mistake.path);
    let allowed = mistake.rule.says("x-allowed").unwrap_or("another one");
    let message =
        format!("the key {}{} must be {allowed}", shown(&key), in_block(document, mistake.parent()));
    Finding::error(mistake.code(), mistake.path.as_str(), message)
}

fn unknown(mistake: &Mistake, document: &Document) -> Finding {
    let block = mistake.parent();
    let message = format!("unknown key {}{}", shown(&last(&mistake.path)), in_block(document, block));
    let meant: Vec<_> = mistake.meant.iter().map(|path| last(path)).collect();
    let help = match mistake.meant.first().map(|path| parent(path)) {
        Some(other) if other == block => {
            format!("did you mean {}?", or_list(meant.iter().map(String::as_str)))
        }
        Some("") => "it belongs to the top of the file".to_owned(),
        Some(other) => format!("it belongs to `{}`", last(other)),
        None => {
            let keys: Vec<_> = mistake.rule.keys().map(|key| format!("`{key}`")).collect();
            format!("the keys{} are {}", in_block(document, block), keys.join(", "))
        }
    };
    Finding::error(mistake.code(), mistake.path.as_str(), message).help(help)
}

fn missing(mistake: &Mistake, document: &Document) -> Finding {
    let (key, block) = (last(&mistake.path), in_block(document, mistake.parent()));
    let when = mistake.rule.says("x-when").map(|when| format!(": required {when}")).unwrap_or_default();
    let message = if document.node(&mistake.path).is_some() {
        format!("`{key}`{block} is empty{when}")
    } else {
        format!("`{key}` is missing{block}{when}")
    };
    help_if(Finding::error(mistake.code(), mistake.path.as_str(), message), to_add(document, &mistake.path))
}

/// What to write for a field that isn't there.
fn to_add(document: &Document, path: &str) -> Option<String> {
    let field = Rule::field(path)?;
    let choices: Vec<_> = field.choices().filter_map(Value::as_str).collect();
    if !choices.is_empty() {
        return Some(format!("add it: {}", or_list(choices)));
    }
    if let Some(example) = field.get("examples").and_then(|examples| examples.get(0)) {
        return Some(format!("add it, for example `{}`", assignment(document, path, &in_yaml(example))));
    }
    its_keys(field)
}

/// A value as it is written in a config.
fn in_yaml(value: &Value) -> String {
    match value {
        Value::String(text) if text.parse::<f64>().is_ok() => quoted(text),
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(in_yaml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
