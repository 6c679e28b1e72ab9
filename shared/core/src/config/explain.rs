//! From what a JSON Schema validator says to what a person needs: one finding a mistake, with place, words and help.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value as Json;

use super::schema::Schemas;
use crate::codes;
use crate::finding::{Code, Finding};
use crate::suggest::nearest;
use crate::yaml::{self, Document};

/// Everything that the schemas find wrong with a config.
pub(super) struct Explainer<'a> {
    pub(super) schemas: &'static Schemas,
    pub(super) document: &'a Document,
    pub(super) json: &'a Json,
}

impl Explainer<'_> {
    /// The findings of all errors, without those that only follow from others.
    pub(super) fn findings(&self, errors: impl Iterator<Item = ValidationError<'static>>) -> Vec<Finding> {
        let mut unknown = Vec::new();
        let mut missing = Vec::new();
        let mut others = Vec::new();
        for error in errors {
            let pointer = error.instance_path().as_str().to_owned();
            match error.kind() {
                Kind::AdditionalProperties { unexpected } => {
                    unknown.extend(unexpected.iter().map(|key| (pointer.clone(), key.clone())));
                }
                Kind::Required { property } => {
                    missing.push((pointer, property.as_str().unwrap_or_default().to_owned()));
                }
                _ => others.push((rank(error.kind()), self.wrong_value(&error, pointer))),
            }
        }
        missing.dedup();
        let mut findings = Vec::new();
        for (parent, key) in &unknown {
            // A misspelt key is one mistake: the key that it was meant to be isn't missing as well.
            let meant = nearest(key, self.schemas.keys(parent));
            if let Some(meant) = meant {
                missing.retain(|(other, property)| other != parent || property != meant);
            }
            findings.push(self.unknown_key(parent, key, meant));
        }
        findings.extend(missing.iter().map(|(parent, key)| self.missing_key(parent, key)));
        // One finding a value: the first that says something about its kind, then its shape, then its size.
        others.sort_by_key(|(rank, _)| *rank);
        for (_, finding) in others {
            if findings.iter().all(|other| other.path != finding.path) {
                findings.push(finding);
            }
        }
        // What stands in a block that has no place here is not worth a word.
        let refused: Vec<String> = findings
            .iter()
            .filter(|finding| finding.code == codes::NOT_IN_TIER)
            .map(|finding| format!("{}/", finding.path))
            .collect();
        findings.retain(|finding| !refused.iter().any(|block| finding.path.starts_with(block)));
        findings
    }

    /// Puts a finding about a value at its place, or at what is there of the way to it.
    pub(super) fn at_value(&self, finding: Finding) -> Finding {
        let (line, column) = self.document.nearest_place(&finding.path).value;
        finding.at(line, column)
    }

    fn at_key(&self, pointer: &str, finding: Finding) -> Finding {
        let place = self.document.nearest_place(pointer);
        let (line, column) = place.key.unwrap_or(place.value);
        finding.at(line, column)
    }

    fn unknown_key(&self, parent: &str, key: &str, meant: Option<&str>) -> Finding {
        let keys = self.schemas.keys(parent);
        let pointer = yaml::join(parent, key);
        let wanted_elsewhere = || {
            [
                "/client",
                "/environment",
                "/ml_product",
                "/ml_product/vpc_integration",
                "/ml_product/build",
                "/ml_product/retention",
                "",
            ]
            .into_iter()
            .find(|block| *block != parent && self.schemas.keys(block).contains(&key))
        };
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => match wanted_elsewhere() {
                Some("") => format!("`{key}` stands at the top of the file, not in here"),
                Some(block) => {
                    format!("`{key}` belongs into `{}`", block.trim_start_matches('/').replace('/', "."))
                }
                None => format!("allowed here: {}", keys.join(", ")),
            },
        };
        let message = format!("unknown key `{key}`{}", within(parent));
        self.at_key(&pointer, Finding::error(codes::UNKNOWN_KEY, &pointer, message).help(help))
    }

    fn missing_key(&self, parent: &str, key: &str) -> Finding {
        let pointer = yaml::join(parent, key);
        let needed =
            self.schemas.word(&pointer, "x-needed").map(|when| format!(" {when}")).unwrap_or_default();
        let is_empty = self.document.node(&pointer).is_some();
        let problem = if is_empty { "is empty" } else { "is missing" };
        let message = format!("`{key}` {problem}{}; it is required{needed}", within(parent));
        let code = self.schemas.word(&pointer, "x-needed-code").map_or(codes::MISSING_KEY, code);
        let help = match self.example(&pointer) {
            Some(example) => format!("for example `{key}: {example}`"),
            None => format!("add `{key}:` with {}", self.schemas.keys(&pointer).join(", ")),
        };
        let place = if is_empty { &pointer } else { parent };
        self.at_key(place, Finding::error(code, &pointer, message).help(help))
    }

    fn wrong_value(&self, error: &ValidationError<'_>, pointer: String) -> Finding {
        let key = name(&pointer);
        let value = error.instance();
        let shown = shown(value);
        let allowed = self.schemas.word(&pointer, "x-allowed");
        let is_allowed = |fallback: String| allowed.map_or(fallback, |allowed| format!("allowed: {allowed}"));
        let finding = match error.kind() {
            Kind::Type { kind } => return self.wrong_type(&pointer, value, &format!("{kind:?}")),
            Kind::Enum { options } => {
                let options: Vec<String> =
                    options.as_array().map(|options| options.iter().map(plain).collect()).unwrap_or_default();
                let texts: Vec<&str> = options.iter().map(String::as_str).collect();
                if pointer == "/ml_product/source_control" && value.as_str() == Some("connection") {
                    return self.at_value(
                        Finding::error(
                            codes::NOT_YET,
                            pointer,
                            "`source_control: connection` is not supported yet",
                        )
                        .help("use `codecommit` or `s3`"),
                    );
                }
                let finding = Finding::error(
                    codes::NOT_A_CHOICE,
                    &pointer,
                    format!("{shown} is not allowed as `{key}`; allowed: {}", texts.join(", ")),
                );
                match nearest(&plain(value), texts) {
                    Some(meant) => finding.help(format!("did you mean `{meant}`?")),
                    None => finding.help("choose one of these"),
                }
            }
            Kind::FalseSchema => {
                let code = self.schemas.word(&pointer, "x-refused-code").map_or(codes::NO_EFFECT, code);
                let belongs = self.schemas.word(&pointer, "x-belongs").unwrap_or("another kind of config");
                let message = format!("`{key}` belongs to {belongs}, and {}", self.instead(&pointer));
                let finding =
                    Finding::error(code, &pointer, message).help("remove it, or change the other value");
                return self.at_key(&pointer, finding);
            }
            Kind::PropertyNames { error } => {
                let tag = plain(error.instance());
                let pointer = yaml::join(&pointer, &tag);
                let message = format!(
                    "`{tag}` can't be a tag's key; allowed: 1-128 letters, digits, spaces and `_ . : / = + - @`"
                );
                let finding = Finding::error(codes::WRONG_TAG, &pointer, message).help("choose another key");
                return self.at_key(&pointer, finding);
            }
            Kind::Pattern { .. } => {
                let code = self.schemas.word(&pointer, "x-code").map_or(codes::WRONG_SHAPE, code);
                let message = format!("{shown} is not allowed as `{key}`; {}", is_allowed(String::new()));
                let finding = Finding::error(code, &pointer, message);
                match mended(&pointer, &plain(value)) {
                    Some(text) => finding.help(format!("write `{key}: {text}`")),
                    None => finding,
                }
            }
            Kind::MinLength { limit } | Kind::MaxLength { limit } => {
                let length = value.as_str().map_or(0, |text| text.chars().count());
                let code = self.schemas.word(&pointer, "x-code").map_or(codes::WRONG_LENGTH, code);
                let message = format!(
                    "`{key}` has {length} characters; {}",
                    is_allowed(format!("the limit is {limit}"))
                );
                Finding::error(code, &pointer, message)
            }
            Kind::MinItems { limit } | Kind::MaxItems { limit } => {
                let length = value.as_array().map_or(0, Vec::len);
                let message =
                    format!("`{key}` has {length} entries; {}", is_allowed(format!("the limit is {limit}")));
                Finding::error(codes::WRONG_LENGTH, &pointer, message)
            }
            Kind::UniqueItems => {
                let message =
                    format!("`{key}` names something twice; {}", is_allowed("each at most once".to_owned()));
                Finding::error(codes::WRONG_LENGTH, &pointer, message).help("delete the repetition")
            }
            Kind::Minimum { limit } | Kind::Maximum { limit } => {
                let word = if matches!(error.kind(), Kind::Minimum { .. }) { "least" } else { "most" };
                let message = format!(
                    "{shown} is not allowed as `{key}`; it is at {word} {limit}{}",
                    self.here(&pointer)
                );
                Finding::error(codes::OUT_OF_RANGE, &pointer, message)
            }
            _ => Finding::error(codes::WRONG_SHAPE, &pointer, format!("`{key}`: {error}")),
        };
        self.at_value(match (&finding.help, self.example(&pointer)) {
            (None, Some(example)) => finding.help(format!("for example `{key}: {example}`")),
            _ => finding,
        })
    }

    /// A value that would be right, as a config would have it.
    fn example(&self, pointer: &str) -> Option<String> {
        let property = self.schemas.property(pointer)?;
        let example = property
            .get("examples")
            .and_then(|examples| examples.get(0))
            .or_else(|| property.get("default"))?;
        Some(match example {
            // Texts that YAML would take for something else.
            Json::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => format!("\"{text}\""),
            Json::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")),
            other => plain(other),
        })
    }

    fn wrong_type(&self, pointer: &str, value: &Json, expected: &str) -> Finding {
        let key = name(pointer);
        let scalar = self.document.node(pointer).and_then(yaml::Node::scalar);
        let wants_text = expected.contains("String");
        if let (true, Some(scalar), Json::Number(_) | Json::Bool(_)) = (wants_text, scalar, value) {
            let message =
                format!("{} without quotes is a {}, and `{key}` must be text", scalar.text, kind(value));
            return self.at_value(
                Finding::error(codes::UNQUOTED_ID, pointer, message)
                    .help(format!("put quotes around it: \"{}\"", scalar.text)),
            );
        }
        let wanted = match () {
            () if wants_text => "text",
            () if expected.contains("Object") => "a map of keys and values",
            () if expected.contains("Array") => "a list",
            () if expected.contains("Boolean") => "true or false",
            () => "a whole number",
        };
        let message = if pointer.is_empty() {
            format!("a config is {wanted}, and this file is {}", article(value))
        } else {
            format!("`{key}` must be {wanted}, and this is {}", article(value))
        };
        let finding = Finding::error(codes::WRONG_TYPE, pointer, message);
        self.at_value(match (value, wanted) {
            (Json::String(_), "a whole number" | "true or false")
                if scalar.is_some_and(|scalar| !scalar.plain) =>
            {
                finding.help("remove the quotes")
            }
            (Json::String(_), "true or false") => finding.help("write true or false"),
            (Json::String(text), "a list") => finding.help(format!("write a list: [{text}]")),
            _ => finding,
        })
    }

    /// What the config says where a refused key would want something else.
    fn instead(&self, pointer: &str) -> String {
        let said = |pointer: &str| {
            let value = self.json.pointer(pointer).map(plain).unwrap_or_default();
            format!("`{}: {value}`", name(pointer))
        };
        let vpc = "/ml_product/vpc_integration";
        match name(pointer) {
            "vpc_integration" => format!("this config says {}", said("/ml_product/tier")),
            "sg_parameter_store_path" | "security_group_id" => {
                format!(
                    "this config says {} with {}",
                    said(&format!("{vpc}/mode")),
                    said(&format!("{vpc}/vpc_source"))
                )
            }
            _ => format!("this config says {}", said(&format!("{vpc}/vpc_source"))),
        }
    }

    /// Where a limit holds, if it is not everywhere.
    fn here(&self, pointer: &str) -> String {
        let tier = self.json.pointer("/ml_product/tier").map(plain).unwrap_or_default();
        if pointer == "/ml_product/retention/log_days" {
            format!(" in the {tier} tier")
        } else {
            String::new()
        }
    }
}

/// Which of several errors about one value is the one to show.
fn rank(kind: &Kind) -> u8 {
    match kind {
        Kind::FalseSchema => 0,
        Kind::Type { .. } => 1,
        Kind::Enum { .. } => 2,
        Kind::MinLength { .. } | Kind::MaxLength { .. } => 3,
        Kind::Pattern { .. } => 4,
        _ => 5,
    }
}

/// A code that a schema names.
fn code(text: &str) -> Code {
    codes::ALL.iter().find(|info| info.code == text).map_or(codes::WRONG_SHAPE, |info| Code::new(info.code))
}

/// The last part of a pointer, or of the list that it is an item of.
fn name(pointer: &str) -> &str {
    let mut parts = pointer.rsplit('/');
    let last = parts.next().unwrap_or_default();
    if last.bytes().all(|b| b.is_ascii_digit()) { parts.next().unwrap_or(last) } else { last }
}

/// The block that a finding is in, or nothing for the top of the file.
fn within(parent: &str) -> String {
    let block = parent.trim_start_matches('/').replace('/', ".");
    if block.is_empty() { String::new() } else { format!(" in `{block}`") }
}

/// A value as the config would have it.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value for a message, cut when it is long.
fn shown(value: &Json) -> String {
    const MOST: usize = 80;
    let text = plain(value);
    if text.chars().count() <= MOST {
        return format!("`{text}`");
    }
    let cut: String = text.chars().take(MOST).collect();
    format!("`{cut}...`")
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "nothing",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "text",
        Json::Array(_) => "list",
        Json::Object(_) => "map",
    }
}

fn article(value: &Json) -> String {
    match value {
        Json::Null => "empty".to_owned(),
        Json::String(_) => "text".to_owned(),
        other => format!("a {}", kind(other)),
    }
}

/// What the user surely meant, where that is plain.
fn mended(pointer: &str, text: &str) -> Option<String> {
    let name = name(pointer);
    if name == "s3_prefix" {
        let text = text.strip_prefix("s3://").unwrap_or(text).trim_matches('/');
        return (!text.is_empty()).then(|| text.to_owned());
    }
    let lower = text.trim().to_ascii_lowercase().replace([' ', '_'], "-");
    let mended = matches!(name, "company_prefix" | "use_case" | "workload" | "product_name_override")
        && super::fields::ProductName::parse(&lower).is_ok();
    mended.then_some(lower)
}
