//! What `Ref` and `Fn::GetAtt` of a product give.

use indexmap::IndexMap;
use mlp_template::error::InternalError;
use mlp_template::suggest::{Suggestions, or_list};
use mlp_template::template::Value;

use crate::config::Tier;
use crate::product::attributes::attributes;
use crate::product::{Product, ResourceSpec, When, blueprint};

/// Attributes that every product has, with what they are; known when the macro runs, so they are plain text.
pub const PRODUCT_ATTRIBUTES: [(&str, &str); 1] =
    [("MlName", "The product's name, with which the names of its resources begin; the same as `Ref`")];

/// The products by logical id; nothing for one that couldn't be read, about which nothing more is said.
pub(super) type Products = IndexMap<String, Option<Product>>;

/// Why a reference leads nowhere.
pub(super) struct Unknown {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// What stands in the place of `Ref` (no attribute) or `Fn::GetAtt` of a product.
///
/// - nothing or `MlName`: the product's name, as text
/// - a published leaf (`KmsKeyArn`): what the SSM parameter of that name publishes
/// - one of its resources (`ArtifactsBucket`): what `Ref` of the resource gives
/// - a resource and an attribute of it (`ArtifactsBucket.Arn`): that attribute
pub(super) fn target(
    id: &str,
    product: &Product,
    attribute: Option<&str>,
    suggestions: &Suggestions,
) -> Result<Value, Unknown> {
    let Some(attribute) = attribute.filter(|name| *name != "MlName") else {
        return Ok(Value::str(product.names.ml_name()));
    };
    let links = product.resources.values().map(|spec| &spec.links);
    if let Some(links) = links.into_iter().find(|links| links.leaf.as_deref() == Some(attribute)) {
        let of = product.logical_id(links.of.as_deref().unwrap_or_default());
        return Ok(match &links.attribute {
            Some(attribute) => Value::GetAtt(of, attribute.clone()),
            None => Value::Ref(of),
        });
    }
    let (resource, of_resource) = match attribute.split_once('.') {
        Some((resource, of_resource)) => (resource, Some(of_resource)),
        None => (attribute, None),
    };
    match (product.resources.get(resource), of_resource) {
        (Some(_), None) => Ok(Value::Ref(product.logical_id(resource))),
        (Some(spec), Some(name)) if attributes(&spec.kind).contains(&name) => {
            Ok(Value::GetAtt(product.logical_id(resource), name.to_owned()))
        }
        (Some(spec), Some(name)) => Err(no_attribute((id, resource), &spec.kind, name, suggestions)),
        (None, _) => Err(elsewhere(id, product, (attribute, resource), suggestions)),
    }
}

fn no_attribute((id, resource): (&str, &str), kind: &str, name: &str, suggestions: &Suggestions) -> Unknown {
    let known = attributes(kind);
    let message = format!("`{resource}` of `{id}` is an {kind}, which has no attribute `{name}`");
    let help = suggestions.did_you_mean(name, known.iter().copied()).unwrap_or_else(|| match known {
        [] => format!("`{id}.{resource}` without an attribute is its `Ref`"),
        known => format!("it has {}", or_list(known.iter().copied())),
    });
    Unknown { message, help: Some(help) }
}

/// What a product doesn't have may be in another tier or scenario.
fn elsewhere(
    id: &str,
    product: &Product,
    (attribute, resource): (&str, &str),
    suggestions: &Suggestions,
) -> Unknown {
    let mut tiers = Vec::new();
    let mut names: Vec<&str> = PRODUCT_ATTRIBUTES.iter().map(|(name, _)| *name).collect();
    for tier in Tier::ALL {
        let Ok(blueprint) = blueprint(tier) else { continue };
        for (other, spec) in &blueprint.resources {
            let leaf = spec.links.leaf.as_deref();
            if other == resource || leaf == Some(attribute) {
                if tier == product.tier {
                    return Unknown {
                        message: format!(
                            "`{id}` has no `{attribute}`: it is there only {}",
                            scenario(&spec.when)
                        ),
                        help: None,
                    };
                }
                tiers.push(tier.as_str());
            }
            // A tier holds all of the smaller ones, so each name comes once.
            if tier == Tier::Enterprise {
                names.push(other);
                names.extend(leaf);
            }
        }
    }
    if tiers.is_empty() {
        let message = format!("`{id}` has no `{attribute}`");
        let guess = suggestions
            .did_you_mean(attribute, names.iter().copied())
            .or_else(|| suggestions.did_you_mean(resource, names));
        return Unknown {
            message,
            help: Some(guess.unwrap_or_else(|| format!("it has {}", or_list(leaves(product))))),
        };
    }
    let has = if tiers.len() == 1 { "tier" } else { "tiers" };
    Unknown {
        message: format!(
            "`{id}` has no `{attribute}` in tier `{}`; {has} {} {} it",
            product.tier.as_str(),
            or_list(tiers.iter().copied()).replace(" or ", " and "),
            if tiers.len() == 1 { "has" } else { "have" },
        ),
        help: None,
    }
}

fn leaves(product: &Product) -> impl Iterator<Item = &str> {
    product.resources.values().filter_map(|spec| spec.links.leaf.as_deref())
}

/// A condition of a tier file in the words of the resource.
fn scenario(when: &When) -> String {
    let mut words = Vec::new();
    words.extend(when.source_control.as_ref().map(|source| format!("`SourceControl: {source}`")));
    words.extend(when.vpc_mode.as_ref().map(|mode| format!("`VpcIntegration.Mode: {mode}`")));
    words.extend(when.data_lake.map(|with| if with { "`DataLake`" } else { "no `DataLake`" }.to_owned()));
    format!("with {}", words.join(" and "))
}

/// A name that may stand behind the dot of `Fn::GetAtt`, for documentation and schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Referenceable {
    /// Such as `KmsKeyArn` or `ArtifactsBucket.Arn`.
    pub name: String,
    /// What it is, one line.
    pub purpose: String,
    /// The smallest tier that has it.
    pub tier: Tier,
    /// In which case, if not always, in the words of the properties.
    pub when: Option<String>,
    /// Whether it is a published value, not an attribute of a resource.
    pub published: bool,
}

/// Everything that templates can refer to, the smallest tier first.
///
/// # Errors
///
/// When a tier file is broken.
pub fn referenceable() -> Result<Vec<Referenceable>, InternalError> {
    let mut found: Vec<Referenceable> = Vec::new();
    for (name, purpose) in PRODUCT_ATTRIBUTES {
        found.push(Referenceable {
            name: name.to_owned(),
            purpose: purpose.to_owned(),
            tier: Tier::Starter,
            when: None,
            published: true,
        });
    }
    for published in [true, false] {
        for tier in Tier::ALL {
            for (id, spec) in &blueprint(tier)?.resources {
                for (name, purpose) in names(id, spec, published) {
                    if !found.iter().any(|other| other.name == name) {
                        let when = (spec.when != When::default()).then(|| scenario(&spec.when));
                        found.push(Referenceable { name, purpose, tier, when, published });
                    }
                }
            }
        }
    }
    Ok(found)
}

fn names(id: &str, spec: &ResourceSpec, published: bool) -> Vec<(String, String)> {
    if published {
        return spec.links.leaf.iter().map(|leaf| (leaf.clone(), spec.purpose.clone())).collect();
    }
    let own = [(id.to_owned(), format!("`Ref` of {}", spec.kind))];
    let attributes = attributes(&spec.kind).iter();
    own.into_iter()
        .chain(attributes.map(|name| (format!("{id}.{name}"), format!("`{name}` of {}", spec.kind))))
        .collect()
}
