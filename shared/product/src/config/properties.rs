//! The config's fields as properties of a CloudFormation resource: `tenant_id` is `TenantId`.
//!
//! Nothing is written twice: the list comes from the config's schemas. The blocks `client`, `environment` and
//! `ml_product` are one level in a resource; what stands deeper (`VpcIntegration`, `Build`, `Retention`) stays deeper.

use std::sync::LazyLock;

use mlp_template::yaml::join;
use serde_json::Value;

use super::schema;

/// A property of the macro's resource type.
#[derive(Debug, Clone, PartialEq)]
pub struct Property {
    /// Such as `TenantId`.
    pub name: String,
    /// JSON pointer of the field in a config, such as `/client/tenant_id`.
    pub pointer: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether any intrinsic function may stand there: nothing depends on the value before CloudFormation resolves it.
    pub functions: bool,
    /// Whether a product can't be without it, whatever its tier.
    pub required: bool,
    /// The field's schema, references replaced.
    pub schema: Value,
}

/// The property that names the managed policy that bounds a product's roles. A config has no such field: a generated
/// template takes the policy as a template parameter, which a macro can't add.
pub const BOUNDARY_PROPERTY: &str = "PermissionsBoundary";

/// What the property is for.
pub const BOUNDARY_DESCRIPTION: &str =
    "ARN of the managed policy that bounds the product's roles. Without it the suite's own boundary applies.";

/// What a property holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Flag,
    /// A list of texts.
    List,
    /// A map of texts whose keys are the user's.
    Tags,
    /// Properties of its own.
    Block(Vec<Property>),
}

/// The blocks whose fields are properties of the resource itself.
const FLAT: [&str; 3] = ["/client", "/environment", "/ml_product"];

/// What is required in a config and has a value of its own in a resource.
const DEFAULTED: [&str; 2] = ["/client/company_name", "/ml_product/vpc_integration/vpc_source"];

static PROPERTIES: LazyLock<Vec<Property>> = LazyLock::new(|| {
    let mut all: Vec<Property> = FLAT.iter().flat_map(|block| of_block(block)).collect();
    all.extend(property("/tags", "tags", false));
    all
});

impl Property {
    /// What it is, in the words of the resource.
    pub fn description(&self) -> String {
        let says = |keyword: &str| self.schema.get(keyword).and_then(Value::as_str);
        let said = says("x-property-description").or_else(|| says("description")).or_else(|| says("title"));
        words(said.unwrap_or_default())
    }
}

/// The properties of the resource, in the order of the schemas.
pub fn properties() -> &'static [Property] {
    &PROPERTIES
}

/// Every property, those of blocks included, each with the blocks around it: `VpcIntegration.VpcId`.
pub fn all() -> Vec<(String, &'static Property)> {
    fn add(above: &str, properties: &'static [Property], found: &mut Vec<(String, &'static Property)>) {
        for property in properties {
            let name = format!("{above}{}", property.name);
            found.push((name.clone(), property));
            if let Kind::Block(inner) = &property.kind {
                add(&format!("{name}."), inner, found);
            }
        }
    }
    let mut found = Vec::new();
    add("", properties(), &mut found);
    found
}

/// The fields of a config that the request says: account and region.
pub fn said_by_request(name: &str) -> bool {
    matches!(name, "AccountId" | "Region")
}

/// A finding's pointer into a config, as a pointer into the resource's `Properties`.
///
/// ```
/// # use mlp_product::config::properties::pointer;
/// assert_eq!(pointer("/ml_product/vpc_integration/subnet_ids/0"), "/VpcIntegration/SubnetIds/0");
/// assert_eq!(pointer("/environment/env"), "/Environment");
/// assert_eq!(pointer("/ml_product"), "");
/// ```
pub fn pointer(config: &str) -> String {
    fn find(properties: &[Property], config: &str) -> Option<String> {
        properties.iter().find_map(|property| {
            let rest = config.strip_prefix(property.pointer.as_str())?;
            if !(rest.is_empty() || rest.starts_with('/')) {
                return None;
            }
            let inside = match &property.kind {
                Kind::Block(inner) => find(inner, config).unwrap_or_default(),
                _ => rest.to_owned(),
            };
            Some(format!("/{}{inside}", property.name))
        })
    }
    find(properties(), config).unwrap_or_default()
}

/// A finding's words about a config, as words about the resource: `tenant_id` becomes `TenantId`.
///
/// Names stand in backticks; what a value is stands behind "is", and stays.
pub fn words(message: &str) -> String {
    let mut said = String::with_capacity(message.len());
    for (index, part) in message.split('`').enumerate() {
        let quoted = index % 2 == 1;
        if index > 0 {
            said.push('`');
        }
        let value =
            ["is ", "text ", "number ", "is the "].iter().any(|before| said.ends_with(&format!("{before}`")));
        said.push_str(&if quoted && !value { renamed(part) } else { part.to_owned() });
    }
    for block in FLAT {
        said = said.replace(&format!(" in `{}`", block.trim_start_matches('/')), "");
    }
    said
}

/// `tenant_id` or `tenant_id: a001` with the property's name.
fn renamed(text: &str) -> String {
    let (key, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
    format!("{}{rest}", name(key))
}

/// The property of a config's key; what is no key stays as it is.
///
/// ```
/// # use mlp_product::config::properties::name;
/// assert_eq!(name("env"), "Environment");
/// assert_eq!(name("cost_center"), "cost_center");
/// ```
pub fn name(key: &str) -> String {
    let found = all().into_iter().find(|(_, property)| property.pointer.rsplit('/').next() == Some(key));
    found.map_or_else(|| key.to_owned(), |(_, property)| property.name.clone())
}

fn of_block(pointer: &str) -> Vec<Property> {
    let Some(block) = schema::inlined(pointer) else { return Vec::new() };
    let required: Vec<&str> = block
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    block
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, _)| property(&join(pointer, key), key, required.contains(&key.as_str())))
        .collect()
}

fn property(pointer: &str, key: &str, required: bool) -> Option<Property> {
    let schema = schema::inlined(pointer)?;
    let says = |keyword: &str| schema.get(keyword).and_then(Value::as_str);
    let name = says("x-property").map_or_else(|| pascal(key), str::to_owned);
    let kind = match says("type") {
        Some("integer") => Kind::Whole,
        Some("boolean") => Kind::Flag,
        Some("array") => Kind::List,
        Some("object") if schema.get("propertyNames").is_some() => Kind::Tags,
        Some("object") => Kind::Block(of_block(pointer)),
        _ => Kind::Text,
    };
    let functions = schema.get("x-functions").is_some_and(|functions| functions == true);
    let required = required && !DEFAULTED.contains(&pointer);
    (!name.is_empty()).then(|| Property {
        name,
        pointer: pointer.to_owned(),
        kind,
        functions,
        required,
        schema,
    })
}

/// `vpc_parameter_store_path` is `VpcParameterStorePath`.
fn pascal(key: &str) -> String {
    key.split('_')
        .flat_map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_config_is_a_property_or_comes_from_the_request() {
        let names: Vec<String> = all().into_iter().map(|(name, _)| name).collect();
        for name in [
            "CompanyName",
            "CompanyPrefix",
            "TenantId",
            "Environment",
            "MultiRegion",
            "UseCase",
            "Tier",
            "SourceControl",
            "S3Prefix",
            "ProductNameOverride",
            "Workload",
            "AlertsEmail",
            "VpcIntegration",
            "VpcIntegration.Mode",
            "VpcIntegration.SubnetIds",
            "VpcIntegration.EndpointPrivateDns",
            "Build.Image",
            "Build.TimeoutMinutes",
            "Retention.LogDays",
            "DataLake",
            "LoadBalancer",
            "Tags",
        ] {
            assert!(names.iter().any(|found| found == name), "{name} is not in {names:?}");
        }
        assert!(!names.iter().any(|name| name == "AccountId" || name == "Region"), "{names:?}");
    }

    #[test]
    fn no_two_fields_have_one_key() {
        let mut keys: Vec<_> = all()
            .iter()
            .map(|(_, property)| property.pointer.rsplit('/').next().unwrap_or_default())
            .collect();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }

    #[test]
    fn words_name_properties_and_leave_values() {
        assert_eq!(
            words("`tenant_id` is `tier`, but must be text: 2-8 lower-case letters; write `use_case: x`"),
            "`TenantId` is `tier`, but must be text: 2-8 lower-case letters; write `UseCase: x`"
        );
        assert_eq!(words("`use_case` is missing in `ml_product`"), "`UseCase` is missing");
    }
}
