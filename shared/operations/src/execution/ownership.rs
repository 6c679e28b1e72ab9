//! Whose a stack is, by its tags and by the metadata of its template.

use std::collections::BTreeMap;

use mlp_template::template::Value;
use mlp_template::yaml::Limits;

/// The tag that says which tool manages a stack.
pub const MANAGER_TAG: &str = "ManagedBy";

/// The tag that says which product a stack is.
pub const PRODUCT_TAG: &str = "ml-provisioner:product";

/// The tag that says which environment a product is for.
pub const ENVIRONMENT_TAG: &str = "ml-provisioner:environment";

/// The tags that together say whose a stack is.
pub const IDENTITY_TAGS: [&str; 5] =
    [MANAGER_TAG, PRODUCT_TAG, "ml-provisioner:company", "ml-provisioner:tenant", ENVIRONMENT_TAG];

/// What a stack's tags say of the product that somebody wants to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// Every tag says that the stack is this product's.
    Ours,
    /// No tag says otherwise, but these are missing.
    Unproven {
        /// The missing tags.
        missing: Vec<&'static str>,
    },
    /// A tag says that the stack is somebody else's.
    Others {
        /// The tag.
        tag: &'static str,
        /// What it says.
        found: String,
        /// What it would say for this product.
        wanted: String,
    },
}

impl Ownership {
    /// What the tags of an existing stack say, compared with those that the product's stack gets.
    ///
    /// ```
    /// # use std::collections::BTreeMap;
    /// # use mlp_operations::execution::ownership::{IDENTITY_TAGS, Ownership};
    /// let wanted: Vec<_> = IDENTITY_TAGS.map(|tag| (tag.to_owned(), "x".to_owned())).into();
    /// let mut tags: BTreeMap<_, _> = wanted.iter().cloned().collect();
    /// assert_eq!(Ownership::of(&tags, &wanted), Ownership::Ours);
    /// tags.insert("ml-provisioner:tenant".to_owned(), "another".to_owned());
    /// assert!(matches!(Ownership::of(&tags, &wanted), Ownership::Others { tag: "ml-provisioner:tenant", .. }));
    /// assert!(matches!(Ownership::of(&BTreeMap::new(), &wanted), Ownership::Unproven { missing } if missing.len() == 5));
    /// ```
    pub fn of(tags: &BTreeMap<String, String>, wanted: &[(String, String)]) -> Self {
        let mut missing = Vec::new();
        for tag in IDENTITY_TAGS {
            let wanted = wanted.iter().find(|(key, _)| key == tag).map(|(_, value)| value.as_str());
            match (tags.get(tag), wanted) {
                (Some(found), Some(wanted)) if found != wanted => {
                    return Self::Others { tag, found: found.clone(), wanted: wanted.to_owned() };
                }
                (Some(_), _) => {}
                (None, _) => missing.push(tag),
            }
        }
        if missing.is_empty() { Self::Ours } else { Self::Unproven { missing } }
    }
}

/// What a template of ours says of itself, in `Metadata.MLProvisioner`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFor {
    /// The product's name.
    pub ml_name: String,
    /// The name of the stack that the template was made for.
    pub stack_name: String,
}

/// What a template says of itself; nothing for one that ML Provisioner didn't make, or that can't be read.
///
/// ```
/// # use mlp_operations::execution::ownership::made_for;
/// let template = "Metadata: {MLProvisioner: {MlName: a-ml, StackName: a-ml-stack}}\nResources: {}\n";
/// assert_eq!(made_for(template).unwrap().ml_name, "a-ml");
/// assert_eq!(made_for("Resources: {}"), None);
/// ```
pub fn made_for(template: &str) -> Option<MadeFor> {
    let document = mlp_template::yaml::load(template.as_bytes(), &Limits::template()).ok()?;
    let (template, _) = mlp_template::template::read::from_document(&document);
    let Some(Value::Map(ours)) = template.metadata.get("MLProvisioner") else { return None };
    let text = |key: &str| ours.get(key).and_then(Value::as_str).map(str::to_owned);
    Some(MadeFor { ml_name: text("MlName")?, stack_name: text("StackName")? })
}
