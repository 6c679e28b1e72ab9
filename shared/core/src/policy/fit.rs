//! How a policy gets into IAM's size: step by step, and only as far as it must.

use indexmap::IndexMap;

use super::{Conditions, MAX_SIZE, Policy, Statement, families};
use crate::error::InternalError;

/// Makes a policy that is too big smaller: first wildcards for families of actions, then one statement an area instead
/// of one a service. `areas` says which statement belongs to which area.
///
/// What takes as many documents even so keeps its statements by service: [`Policy::documents`].
pub(super) fn fit(mut policy: Policy, areas: &IndexMap<String, String>) -> Result<Policy, InternalError> {
    if policy.size() <= MAX_SIZE {
        return Ok(policy);
    }
    for statement in &mut policy.statements {
        statement.actions = families::shortened(&statement.actions)?;
    }
    if policy.size() <= MAX_SIZE {
        return Ok(policy);
    }
    let merged = Policy { statements: by_area(policy.statements.clone(), areas) };
    Ok(if merged.documents().len() < policy.documents().len() { merged } else { policy })
}

/// Statements in as few documents as their order allows, none bigger than IAM takes.
pub(super) fn split(statements: &[Statement]) -> Vec<Policy> {
    let mut documents: Vec<Policy> = Vec::new();
    for statement in statements.iter().flat_map(|statement| pieces(statement.clone())) {
        let longer = documents.last().map(|last| {
            let mut longer = last.clone();
            longer.statements.push(statement.clone());
            longer
        });
        match (longer, documents.last_mut()) {
            (Some(longer), Some(last)) if longer.size() <= MAX_SIZE => *last = longer,
            _ => documents.push(Policy { statements: vec![statement] }),
        }
    }
    documents
}

/// A statement that alone would be too big (long SSM paths), in parts that each name some of its resources.
fn pieces(statement: Statement) -> Vec<Statement> {
    let middle = statement.resources.len() / 2;
    let alone = Policy { statements: vec![statement.clone()] };
    if middle == 0 || alone.size() <= MAX_SIZE {
        return vec![statement];
    }
    let mut first = statement;
    let mut second = first.clone();
    second.resources = first.resources.split_off(middle);
    first.sid.push('A');
    second.sid.push('B');
    [first, second].into_iter().flat_map(pieces).collect()
}

/// Statements of one area become one, where the first of them stood.
///
/// Their bounds must be the same, but for those that hold where their key is missing (`...IfExists`): only requests of
/// the statement that brings them have the key.
fn by_area(statements: Vec<Statement>, areas: &IndexMap<String, String>) -> Vec<Statement> {
    let mut merged: Vec<Statement> = Vec::new();
    for mut statement in statements {
        let area = areas.get(&statement.sid).unwrap_or(&statement.sid).clone();
        let bounds = strict(&statement.conditions);
        let same = |there: &&mut Statement| there.sid == area && strict(&there.conditions) == bounds;
        if let Some(there) = merged.iter_mut().find(same) {
            there.purpose = format!("{}; {}", there.purpose, statement.purpose);
            there.actions.extend(statement.actions);
            there.resources.extend(statement.resources);
            there.conditions.extend(statement.conditions);
        } else {
            if merged.iter().all(|there| there.sid != area) {
                statement.sid = area;
            }
            merged.push(statement);
        }
    }
    merged.into_iter().map(Statement::sorted).collect()
}

fn strict(conditions: &Conditions) -> Conditions {
    let strict = conditions.iter().filter(|(operator, _)| !operator.ends_with("IfExists"));
    strict.map(|(operator, keys)| (operator.clone(), keys.clone())).collect()
}
