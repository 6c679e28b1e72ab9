//! The JSON Schemas of a config, and what they say about a field beside its rule.

use std::sync::LazyLock;

use jsonschema::{Registry, ValidationError, Validator};
use mlp_template::yaml::join;
use serde_json::Value;

use super::VPC;

/// The schema of a whole config; it refers to the others.
const ROOT: &str = "config.schema.json";

const FILES: [(&str, &str); 4] = [
    (ROOT, include_str!("../../../../schemas/config.schema.json")),
    ("config-starter.schema.json", include_str!("../../../../schemas/config-starter.schema.json")),
    ("config-professional.schema.json", include_str!("../../../../schemas/config-professional.schema.json")),
    ("config-enterprise.schema.json", include_str!("../../../../schemas/config-enterprise.schema.json")),
];

/// Where the descriptions of fields begin. A field is described where it has a title.
const FIELDS: [(&str, &str); 2] =
    [(ROOT, "/$defs/config"), ("config-enterprise.schema.json", "/$defs/enterprise")];

/// Stands in front of file names, so that relative references between the files resolve. Nothing is ever fetched.
const BASE: &str = "mlp:///";

struct Schemas {
    files: Vec<(&'static str, Value)>,
    validator: Validator,
}

/// Compiled once. It can't be `None`, because the files are part of the program and a test loads configs with them; and
/// if it could, the types of [`super::Config`] would still let no wrong value through.
static SCHEMAS: LazyLock<Option<Schemas>> = LazyLock::new(|| Schemas::new().ok());

impl Schemas {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let mut files = Vec::new();
        for (name, text) in FILES {
            files.push((name, serde_json::from_str::<Value>(text)?));
        }
        let validator = {
            let registry = Registry::new()
                .extend(files.iter().map(|(name, schema)| (format!("{BASE}{name}"), schema)))?
                .prepare()?;
            jsonschema::options()
                .offline()
                .with_registry(&registry)
                .build(&serde_json::json!({ "$ref": format!("{BASE}{ROOT}") }))?
        };
        Ok(Self { files, validator })
    }

    fn file(&self, name: &str) -> Option<&Value> {
        self.files.iter().find(|(file, _)| *file == name).map(|(_, schema)| schema)
    }

    /// A schema with what it refers to in the place of each reference; its own keywords win.
    fn inline(&self, file: &str, schema: &Value) -> Value {
        match schema {
            Value::Object(keywords) => {
                let mut own: serde_json::Map<_, _> = keywords
                    .iter()
                    .filter(|(keyword, _)| *keyword != "$ref")
                    .map(|(keyword, value)| (keyword.clone(), self.inline(file, value)))
                    .collect();
                if keywords.contains_key("$ref")
                    && let Some((file, target)) = self.resolve(file, schema)
                    && let Value::Object(more) = self.inline(file, target)
                {
                    for (keyword, value) in more {
                        own.entry(keyword).or_insert(value);
                    }
                }
                Value::Object(own)
            }
            Value::Array(values) => values.iter().map(|value| self.inline(file, value)).collect(),
            other => other.clone(),
        }
    }

    /// The schema that `schema` stands for, if it is a mere reference, and the file that it is in.
    fn resolve<'a>(&'a self, file: &'a str, schema: &'a Value) -> Option<(&'a str, &'a Value)> {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { return Some((file, schema)) };
        let (name, pointer) = reference.split_once('#')?;
        let file = if name.is_empty() { file } else { name };
        Some((file, self.file(file)?.pointer(pointer)?))
    }
}

/// A field's schema with every reference in it replaced by what it refers to. `pointer` is a field's path.
pub(super) fn inlined(pointer: &str) -> Option<Value> {
    let schemas = SCHEMAS.as_ref()?;
    FIELDS.iter().find_map(|(file, start)| {
        let (mut file, mut schema) = (*file, schemas.file(file)?.pointer(start)?);
        for token in pointer.split('/').skip(1) {
            (file, schema) = schemas.resolve(file, schema)?;
            // A block of one tier only is described with the tier.
            schema = schema.get("properties")?.get(token)?;
        }
        let described = schemas.inline(file, schema);
        described.get("title").is_some().then_some(described)
    })
}

/// A block's whole schema by its path, or what a tier asks of the block `ml_product` by the tier's name; references
/// replaced.
pub(crate) fn rules(of: &str) -> Option<Value> {
    if of.starts_with('/') {
        return inlined(of);
    }
    let schemas = SCHEMAS.as_ref()?;
    let (file, _) = FILES.iter().find(|(file, _)| *file == format!("config-{of}.schema.json"))?;
    let rules = schemas.file(file)?.pointer(&format!("/$defs/{of}/properties/ml_product"))?;
    Some(schemas.inline(file, rules))
}

/// Everything that the schemas have against a config.
pub(super) fn errors(config: &Value) -> impl Iterator<Item = ValidationError<'_>> {
    SCHEMAS.as_ref().into_iter().flat_map(|schemas| schemas.validator.iter_errors(config))
}

/// A keyword of a schema that a value breaks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// Such as `pattern`.
    pub(super) keyword: &'static str,
    /// The schema that the keyword stands in.
    schema: &'static Value,
}

impl Rule {
    /// The rule that an error is about.
    pub(super) fn of(error: &ValidationError<'_>) -> Self {
        // Every error has its place in one of the files; were it otherwise, it must not get lost.
        Self::find(error).unwrap_or(Self { keyword: "", schema: &Value::Null })
    }

    fn find(error: &ValidationError<'_>) -> Option<Self> {
        let location = error.absolute_keyword_location()?.as_str();
        let (name, pointer) = location.strip_prefix(BASE)?.split_once('#')?;
        let file = SCHEMAS.as_ref()?.file(name)?;
        let (parent, last) = pointer.rsplit_once('/')?;
        let parent = file.pointer(parent)?;
        let (keyword, value) = parent.as_object()?.get_key_value(last)?;
        // What is said about keys stands with their own schema.
        let schema = if keyword == "propertyNames" { value } else { parent };
        Some(Self { keyword, schema })
    }

    /// What the schemas say about a field.
    pub(super) fn field(path: &str) -> Option<Self> {
        FIELDS.iter().find_map(|(file, start)| {
            let schemas = SCHEMAS.as_ref()?;
            let (mut file, mut schema) = (*file, schemas.file(file)?.pointer(start)?);
            for token in path.split('/').skip(1) {
                (file, schema) = schemas.resolve(file, schema)?;
                schema = schema.get("properties")?.get(token)?;
            }
            if schema.get("title").is_none() {
                schema = schemas.resolve(file, schema)?.1;
            }
            schema.get("title").map(|_| Self { keyword: "properties", schema })
        })
    }

    /// What a keyword of ours says, in words.
    pub(super) fn says(self, keyword: &str) -> Option<&'static str> {
        self.schema.get(keyword)?.as_str()
    }

    /// What stands beside the broken keyword.
    pub(super) fn get(self, keyword: &str) -> Option<&'static Value> {
        self.schema.get(keyword)
    }

    /// The keys that a map may have, in the order of the schema.
    pub(super) fn keys(self) -> impl Iterator<Item = &'static str> {
        self.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.as_str())
    }

    /// The choices that a value has: other spellings of one are left out.
    pub(super) fn choices(self) -> impl Iterator<Item = &'static Value> {
        let aliases = self.get("x-aliases");
        self.get("enum").and_then(Value::as_array).into_iter().flatten().filter(move |choice| {
            aliases.zip(choice.as_str()).is_none_or(|(aliases, choice)| aliases.get(choice).is_none())
        })
    }
}

/// Where a key belongs: the path of the block that has it.
pub(super) fn home(key: &str) -> Option<&'static str> {
    ["", "/client", "/environment", "/ml_product", "/ml_product/build", "/ml_product/retention", "/tags", VPC]
        .into_iter()
        .find(|block| Rule::field(&join(block, key)).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_compile() {
        Schemas::new().map(drop).unwrap();
    }

    #[test]
    fn a_field_is_found_in_whichever_file_describes_it() {
        for path in ["/client/tenant_id", "/ml_product/vpc_integration/vpc_id"] {
            assert!(Rule::field(path).unwrap().get("examples").is_some(), "{path}");
        }
        for path in ["/client", "/ml_product/vpc_integration"] {
            assert!(Rule::field(path).unwrap().keys().count() >= 4, "{path}");
        }
        assert!(Rule::field("/ml_product/nothing").is_none());
    }

    #[test]
    fn every_key_has_its_home() {
        for (key, block) in
            [("tags", ""), ("env", "/environment"), ("image", "/ml_product/build"), ("mode", VPC)]
        {
            assert_eq!(home(key), Some(block));
        }
        assert_eq!(home("colour"), None);
    }
}
