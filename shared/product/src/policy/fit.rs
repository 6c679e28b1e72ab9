//! How a policy gets into IAM's size: step by step, and only as far as it must.

use indexmap::IndexMap;
use mlp_template::error::InternalError;

use super::{Conditions, MAX_SIZE, Policy, Statement, families};

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

/// Statements in as few documents as possible, none bigger than IAM takes: in their order, or where it takes fewer
/// documents, the big ones first.
pub(super) fn split(statements: &[Statement]) -> Vec<Policy> {
    let pieces: Vec<Statement> = statements.iter().cloned().flat_map(pieces).collect();
    let empty = Policy { statements: Vec::new() }.size();
    // Each with the comma before the next one.
    let size = |piece: &Statement| Policy { statements: vec![piece.clone()] }.size() - empty + 1;
    let in_order: Vec<(usize, usize)> = pieces.iter().map(size).enumerate().collect();
    let mut by_size = in_order.clone();
    by_size.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    let (ordered, packed) = (packed(&in_order, empty, false), packed(&by_size, empty, true));
    let document = |indices: Vec<usize>| Policy {
        statements: indices.iter().filter_map(|index| pieces.get(*index)).cloned().collect(),
    };
    if packed.len() < ordered.len() { packed } else { ordered }.into_iter().map(document).collect()
}

/// The indices of pieces (index and size) by document: each piece into the last one, or into the first one that has room.
fn packed(pieces: &[(usize, usize)], empty: usize, anywhere: bool) -> Vec<Vec<usize>> {
    let mut documents: Vec<(usize, Vec<usize>)> = Vec::new();
    for (index, size) in pieces {
        let skipped = if anywhere { 0 } else { documents.len().saturating_sub(1) };
        let mut open = documents.iter_mut().skip(skipped);
        // No comma after the last piece.
        match open.find(|(taken, _)| empty + taken + size - 1 <= MAX_SIZE) {
            Some((taken, indices)) => {
                *taken += size;
                indices.push(*index);
            }
            None => documents.push((*size, vec![*index])),
        }
    }
    for (_, indices) in &mut documents {
        indices.sort_unstable();
    }
    documents.into_iter().map(|(_, indices)| indices).collect()
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
