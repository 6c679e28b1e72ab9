//! How a policy gets into IAM's size: step by step, and only as far as it must.

use indexmap::IndexMap;

use super::{MAX_SIZE, Policy, Statement, families};
use crate::error::InternalError;

/// Makes a policy that is too big smaller without giving more than reads: first wildcards for families of actions,
/// then one statement an area instead of one a service. `areas` says which statement belongs to which area.
pub(super) fn fit(policy: &mut Policy, areas: &IndexMap<String, String>) -> Result<(), InternalError> {
    if policy.size() <= MAX_SIZE {
        return Ok(());
    }
    for statement in &mut policy.statements {
        statement.actions = families::shortened(&statement.actions)?;
    }
    if policy.size() <= MAX_SIZE {
        return Ok(());
    }
    policy.statements = by_area(std::mem::take(&mut policy.statements), areas)?;
    Ok(())
}

/// Statements of one area become one, where the first of them stood.
fn by_area(
    statements: Vec<Statement>,
    areas: &IndexMap<String, String>,
) -> Result<Vec<Statement>, InternalError> {
    let mut merged: IndexMap<String, Statement> = IndexMap::new();
    for mut statement in statements {
        if let Some(area) = areas.get(&statement.sid) {
            statement.sid.clone_from(area);
        }
        match merged.get_mut(&statement.sid) {
            Some(there) => {
                there.purpose = format!("{}; {}", there.purpose, statement.purpose);
                there.absorb(statement)?;
            }
            None => {
                merged.insert(statement.sid.clone(), statement);
            }
        }
    }
    Ok(merged.into_values().map(Statement::sorted).collect())
}
