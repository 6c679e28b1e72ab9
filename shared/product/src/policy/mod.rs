//! The policies of the people and roles that run a product, as least privilege for exactly this config.
//!
//! [`operator`] is for who deploys with rights of their own. Who separates duties gives [`service_role`] to a role that
//! only CloudFormation may take on, and [`stack_operator`] to the people. All are made from `schemas/permissions.yaml`,
//! which says for each resource type what CloudFormation needs to create, read, update, delete and tag it.

mod families;
mod fill;
mod fit;
mod grants;

use indexmap::IndexMap;
use mlp_template::error::InternalError;
use serde_json::{Map, Value, json};

use crate::product::Product;
use crate::suite::Suite;
use fill::Filler;
pub(crate) use fill::NO_BUCKET;
use grants::{Grant, Who};

pub use mlp_template::check::MAX_POLICY_SIZE as MAX_SIZE;

/// The name suffix of the role that [`service_role`] is for, and its path.
const SERVICE_ROLE: &str = "service-role";
const SERVICE_ROLE_PATH: &str = "/ml-provisioner";

const LOOKUPS_PURPOSE: &str = "Lists and look-ups that AWS can't scope to a resource";

/// Operator to condition key to values, in the order in which they were written.
pub type Conditions = IndexMap<String, IndexMap<String, Vec<String>>>;

/// An `Allow` statement, with the reason why it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name in the policy: letters and digits.
    pub sid: String,
    /// What it is for, for people.
    pub purpose: String,
    /// `service:Action`, sorted; some end in or hold a `*`.
    pub actions: Vec<String>,
    /// ARNs without variables, sorted; `*` where AWS knows no resource.
    pub resources: Vec<String>,
    /// What else must be true.
    pub conditions: Conditions,
}

/// A policy for a person's role or a service role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its statements, each with a name of its own.
    pub statements: Vec<Statement>,
}

impl Policy {
    /// The policy document as IAM takes it: indented JSON that ends with a line break.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!("{:#}\n", self.document())
    }

    /// The size that counts against [`MAX_SIZE`]: characters without white space.
    #[must_use]
    pub fn size(&self) -> usize {
        self.document().to_string().chars().filter(|c| !c.is_whitespace()).count()
    }

    /// The documents that IAM accepts: the policy itself, or its statements in several where long names make it too big.
    /// A role gets all of them.
    #[must_use]
    pub fn documents(&self) -> Vec<Self> {
        if self.size() <= MAX_SIZE { vec![self.clone()] } else { fit::split(&self.statements) }
    }

    fn document(&self) -> Value {
        json!({
            "Version": "2012-10-17",
            "Statement": self.statements.iter().map(Statement::document).collect::<Vec<_>>(),
        })
    }
}

impl Statement {
    fn document(&self) -> Value {
        let mut document = Map::default();
        document.insert("Sid".to_owned(), json!(self.sid));
        document.insert("Effect".to_owned(), json!("Allow"));
        document.insert("Action".to_owned(), one_or_list(&self.actions));
        document.insert("Resource".to_owned(), one_or_list(&self.resources));
        if !self.conditions.is_empty() {
            let keys = |keys: &IndexMap<String, Vec<String>>| -> Map<String, Value> {
                keys.iter().map(|(key, values)| (key.clone(), one_or_list(values))).collect()
            };
            let conditions: Map<String, Value> =
                self.conditions.iter().map(|(operator, it)| (operator.clone(), keys(it).into())).collect();
            document.insert("Condition".to_owned(), conditions.into());
        }
        document.into()
    }

    /// The same statement, its lists in order and without repetition.
    fn sorted(mut self) -> Self {
        for list in [&mut self.actions, &mut self.resources] {
            list.sort();
            list.dedup();
        }
        // What stands beside `*` says nothing.
        if self.resources.first().is_some_and(|resource| resource == "*") {
            self.resources.truncate(1);
        }
        self
    }

    /// Whether two grants of one name can be one statement: whatever isn't a list must be the same.
    fn absorb(&mut self, other: Self) -> Result<(), InternalError> {
        if self.conditions != other.conditions {
            return Err(InternalError::new(format!("{}: two grants with different conditions", self.sid)));
        }
        if self.purpose.is_empty() {
            self.purpose = other.purpose;
        }
        self.actions.extend(other.actions);
        self.resources.extend(other.resources);
        Ok(())
    }
}

/// A single value stands alone, as people write it.
fn one_or_list(values: &[String]) -> Value {
    match values {
        [only] => json!(only),
        list => json!(list),
    }
}

/// The policy of who deploys, updates, checks and deletes this product with rights of their own.
///
/// # Errors
///
/// When `schemas/permissions.yaml` and the tier files don't fit each other, which the tests rule out.
///
/// ```
/// # use mlp_product::{config, policy};
/// # use mlp_product::product::Product;
/// # use mlp_product::suite::Suite;
/// # let yaml = include_bytes!("../../../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml");
/// let product = Product::new(&config::load(yaml).unwrap().config).unwrap();
/// let policy = policy::operator(&product, &Suite::default()).unwrap();
/// let repositories = policy.statements.iter().find(|it| it.sid == "CodeCommitManagement").unwrap();
/// assert_eq!(
///     repositories.resources,
///     [
///         "arn:aws:codecommit:us-west-2:123456789012:techcorp-prod-a001-us-west-2-customer-churn-ml-model-build",
///         "arn:aws:codecommit:us-west-2:123456789012:techcorp-prod-a001-us-west-2-customer-churn-ml-model-deploy",
///     ]
/// );
/// assert!(policy.documents().iter().all(|document| document.size() <= policy::MAX_SIZE));
/// ```
pub fn operator(product: &Product, suite: &Suite) -> Result<Policy, InternalError> {
    policy(product, suite, Who::Operator)
}

/// The policy of the service role that CloudFormation takes on for this product's stack: what its resources need.
///
/// # Errors
///
/// As [`operator`].
pub fn service_role(product: &Product, suite: &Suite) -> Result<Policy, InternalError> {
    policy(product, suite, Who::ServiceRole)
}

/// The policy of who works through the service role: the stack, the reads that drift detection makes, the emptying of
/// the bucket, and nothing that changes a resource otherwise.
///
/// # Errors
///
/// As [`operator`].
pub fn stack_operator(product: &Product, suite: &Suite) -> Result<Policy, InternalError> {
    policy(product, suite, Who::StackOperator)
}

/// The ARN of the role that [`service_role`] is for and that [`stack_operator`] passes to CloudFormation.
///
/// It has a path of its own, so that no pattern for the product's roles matches it: a role that may change roles must
/// not be one of them.
///
/// # Errors
///
/// When roles have no row in the limits table, which the tests rule out.
pub fn service_role_arn(product: &Product) -> Result<String, InternalError> {
    let name = product
        .names
        .physical("AWS::IAM::Role", SERVICE_ROLE)
        .ok_or_else(|| InternalError::new("AWS::IAM::Role has no row in the limits table"))?;
    Ok(fill::iam_arn(product, &format!("role{SERVICE_ROLE_PATH}"), &name))
}

fn policy(product: &Product, suite: &Suite, who: Who) -> Result<Policy, InternalError> {
    let filler = Filler::new(product, suite)?;
    let mut statements: IndexMap<String, Statement> = IndexMap::new();
    let mut areas = IndexMap::new();
    for (kind, grants) in grants::table()? {
        if kind != grants::STACK && product.of_type(kind).is_none() {
            continue;
        }
        for grant in grants.iter().filter(|grant| grant.when.is_none_or(|when| filler.holds(when))) {
            let Some(statement) = statement(kind, grant, who, &filler)? else { continue };
            if let Some(area) = &grant.area {
                areas.insert(grant.sid.clone(), area.clone());
            }
            match statements.get_mut(&statement.sid) {
                Some(there) => there.absorb(statement)?,
                None => {
                    statements.insert(statement.sid.clone(), statement);
                }
            }
        }
    }
    let table = grants::table()?;
    if let Some(spec) = product.resources.values().find(|spec| !table.contains_key(&spec.kind)) {
        return Err(InternalError::new(format!("schemas/permissions.yaml has no entry for {}", spec.kind)));
    }
    fit::fit(Policy { statements: statements.into_values().map(Statement::sorted).collect() }, &areas)
}

/// What a grant gives; `None` when it gives this reader of the table nothing.
fn statement(
    kind: &str,
    grant: &Grant,
    who: Who,
    filler: &Filler<'_>,
) -> Result<Option<Statement>, InternalError> {
    let actions = grant.actions(who);
    if actions.is_empty() {
        return Ok(None);
    }
    let kind = grant.name_of.as_deref().unwrap_or(kind);
    let mut resources = Vec::new();
    for resource in &grant.resources {
        resources.extend(filler.fill(resource, kind)?);
    }
    let mut conditions = Conditions::new();
    for (operator, keys) in &grant.conditions {
        for (key, values) in keys {
            let mut all = Vec::new();
            for value in values {
                all.extend(filler.fill(value, kind)?);
            }
            if !all.is_empty() {
                conditions.entry(operator.clone()).or_default().insert(key.clone(), all);
            }
        }
    }
    let lookups = grant.sid == grants::LOOKUPS;
    if lookups {
        resources.push("*".to_owned());
        let region = filler.fill("{region}", kind)?;
        conditions
            .entry("StringEquals".to_owned())
            .or_default()
            .insert("aws:RequestedRegion".to_owned(), region);
    }
    if grant.via_cloudformation && who == Who::Operator {
        // IAM User Guide, "AWS global condition context keys", `aws:CalledVia`: CloudFormation is in its list.
        conditions
            .entry("ForAnyValue:StringEquals".to_owned())
            .or_default()
            .insert("aws:CalledVia".to_owned(), vec!["cloudformation.amazonaws.com".to_owned()]);
    }
    let purpose = if lookups { LOOKUPS_PURPOSE } else { &grant.purpose };
    Ok(Some(Statement {
        sid: grant.sid.clone(),
        purpose: purpose.to_owned(),
        actions,
        resources,
        conditions,
    }))
}
