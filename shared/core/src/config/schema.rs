//! The config's rules as JSON Schema: the same files that editors read.

use std::sync::LazyLock;

use jsonschema::{Registry, Validator};
use serde_json::Value as Json;

use super::Tier;
use crate::error::InternalError;

/// `schemas/config.schema.json`: every tier.
pub const COMMON_SCHEMA: &str = include_str!("../../../../schemas/config.schema.json");

/// `schemas/config-<tier>.schema.json`.
pub const TIER_SCHEMAS: [(Tier, &str); 3] = [
    (Tier::Starter, include_str!("../../../../schemas/config-starter.schema.json")),
    (Tier::Professional, include_str!("../../../../schemas/config-professional.schema.json")),
    (Tier::Enterprise, include_str!("../../../../schemas/config-enterprise.schema.json")),
];

/// The schemas, compiled.
pub(super) struct Schemas {
    /// `config.schema.json`, to look up what a property says about itself.
    document: Json,
    /// What holds in every tier, for configs without a (valid) tier.
    common: Validator,
    tiers: Vec<(Tier, Validator)>,
}

static SCHEMAS: LazyLock<Result<Schemas, InternalError>> = LazyLock::new(Schemas::compile);

impl Schemas {
    /// Compiled once in a process.
    pub(super) fn get() -> Result<&'static Self, InternalError> {
        SCHEMAS.as_ref().map_err(Clone::clone)
    }

    fn compile() -> Result<Self, InternalError> {
        fn broken(error: impl std::fmt::Display) -> InternalError {
            InternalError::new(format!("schemas/config*.schema.json: {error}"))
        }
        let parse = |text: &str| serde_json::from_str::<Json>(text).map_err(broken);
        let document = parse(COMMON_SCHEMA)?;
        // The files refer to each other by name; any base will do to make the names absolute.
        let base = "mlp:///schemas/";
        let named = |name: &str| format!("{base}{name}.schema.json");
        let mut registry = Registry::new()
            .add(named("config"), with_id(document.clone(), &named("config")))
            .map_err(broken)?;
        for (tier, text) in TIER_SCHEMAS {
            let id = named(&format!("config-{}", tier.as_str()));
            registry = registry.add(id.clone(), with_id(parse(text)?, &id)).map_err(broken)?;
        }
        let registry = registry.prepare().map_err(broken)?;
        let compile = |reference: String| {
            jsonschema::options()
                .with_registry(&registry)
                .build(&serde_json::json!({
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "$ref": reference,
                }))
                .map_err(broken)
        };
        let common = compile(format!("{}#/$defs/common", named("config")))?;
        let tiers = Tier::ALL
            .into_iter()
            .map(|tier| Ok((tier, compile(named(&format!("config-{}", tier.as_str())))?)))
            .collect::<Result<_, InternalError>>()?;
        Ok(Self { document, common, tiers })
    }

    /// The rules of a tier, or of all when the tier isn't known.
    pub(super) fn validator(&self, tier: Option<Tier>) -> &Validator {
        self.tiers
            .iter()
            .find(|(candidate, _)| Some(*candidate) == tier)
            .map_or(&self.common, |(_, validator)| validator)
    }

    /// What the common schema says about the value at a JSON pointer of a config.
    pub(super) fn property(&self, pointer: &str) -> Option<&Json> {
        let mut found = self.document.pointer("/$defs/common")?;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            found = found
                .get("properties")
                .and_then(|properties| properties.get(&token))
                .or_else(|| found.get("items").filter(|_| token.bytes().all(|b| b.is_ascii_digit())))
                .or_else(|| found.get("additionalProperties").filter(|rest| rest.is_object()))?;
        }
        Some(found)
    }

    /// A word about a property: its own, or that of the definition that it refers to.
    pub(super) fn word(&self, pointer: &str, keyword: &str) -> Option<&str> {
        let property = self.property(pointer)?;
        let definition = || {
            let reference = property.get("$ref")?.as_str()?.strip_prefix('#')?;
            self.document.pointer(reference)?.get(keyword)
        };
        property.get(keyword).or_else(definition)?.as_str()
    }

    /// The keys that the map at a JSON pointer may have, in the schema's order.
    pub(super) fn keys(&self, pointer: &str) -> Vec<&str> {
        self.property(pointer)
            .and_then(|property| property.get("properties")?.as_object())
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }
}

fn with_id(mut schema: Json, id: &str) -> Json {
    if let Some(object) = schema.as_object_mut() {
        object.insert("$id".to_owned(), Json::String(id.to_owned()));
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_are_valid_and_fit_each_other() {
        for text in std::iter::once(COMMON_SCHEMA).chain(TIER_SCHEMAS.map(|(_, text)| text)) {
            let schema: Json = serde_json::from_str(text).unwrap();
            assert!(jsonschema::meta::is_valid(&schema));
        }
        Schemas::get().unwrap();
    }

    #[test]
    fn every_property_says_what_it_is_for() {
        fn walk(schemas: &Schemas, pointer: &str) {
            for key in schemas.keys(pointer) {
                let pointer = crate::yaml::join(pointer, key);
                assert!(schemas.word(&pointer, "description").is_some(), "{pointer} has no description");
                let property = schemas.property(&pointer).unwrap();
                let allowed = schemas.word(&pointer, "x-allowed").is_some();
                assert!(property.get("pattern").is_none() || allowed, "{pointer} has no x-allowed");
                walk(schemas, &pointer);
            }
        }
        walk(Schemas::get().unwrap(), "");
    }
}
