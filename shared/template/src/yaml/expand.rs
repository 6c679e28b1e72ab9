//! From records to the tree, its aliases expanded within the limits.

use super::load::{Record, What, too_deep, too_many_nodes};
use super::{Entry, Limits, Node, NodeValue, Scalar, ScalarKind};
use crate::finding::Finding;

/// The tree; `None` when the document holds nothing.
pub(super) fn expand(records: &[Record], limits: &Limits) -> Result<Option<Node>, Finding> {
    match records {
        [] => Ok(None),
        [Record { tag: None, what: What::Scalar(scalar), .. }] if scalar.plain && scalar.text.is_empty() => {
            Ok(None)
        }
        _ => Expansion { records, limits, nodes: 0, alias: None }.node(0, 0).map(Some),
    }
}

struct Expansion<'a> {
    records: &'a [Record],
    limits: &'a Limits,
    nodes: usize,
    /// The outermost alias that is being expanded: the place to report.
    alias: Option<(u32, u32)>,
}

impl Expansion<'_> {
    /// The node of a record that stands inside of `depth` lists and maps.
    fn node(&mut self, index: usize, depth: usize) -> Result<Node, Finding> {
        let Some(record) = self.records.get(index) else { return Ok(null()) };
        let (line, column) = record.place;
        let value = match &record.what {
            What::Alias { target } => {
                let outer = self.alias;
                self.alias = outer.or(Some(record.place));
                let node = self.node(*target, depth)?;
                self.alias = outer;
                return Ok(Node { line, column, ..node });
            }
            What::Scalar(scalar) => {
                self.count(record)?;
                NodeValue::Scalar(scalar.clone())
            }
            What::Seq { end } => {
                self.enter(record, depth)?;
                NodeValue::Seq(self.items(index + 1, *end, depth + 1)?)
            }
            What::Map { end } => {
                self.enter(record, depth)?;
                NodeValue::Map(self.entries(index + 1, *end, depth + 1)?)
            }
        };
        Ok(Node { line, column, tag: record.tag.clone(), value })
    }

    fn count(&mut self, record: &Record) -> Result<(), Finding> {
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(too_many_nodes(self.alias.unwrap_or(record.place), self.limits));
        }
        Ok(())
    }

    fn enter(&mut self, record: &Record, depth: usize) -> Result<(), Finding> {
        self.count(record)?;
        if depth >= self.limits.depth {
            return Err(too_deep(self.alias.unwrap_or(record.place), self.limits));
        }
        Ok(())
    }

    fn items(&mut self, mut index: usize, end: usize, depth: usize) -> Result<Vec<Node>, Finding> {
        let mut items = Vec::new();
        while index < end {
            items.push(self.node(index, depth)?);
            index = self.after(index);
        }
        Ok(items)
    }

    fn entries(&mut self, mut index: usize, end: usize, depth: usize) -> Result<Vec<Entry>, Finding> {
        let mut entries = Vec::new();
        while index < end {
            let Some(Record { place: (line, column), what: What::Scalar(key), .. }) = self.records.get(index)
            else {
                break;
            };
            let value = self.node(index + 1, depth)?;
            entries.push(Entry { key: key.text.clone(), line: *line, column: *column, value });
            index = self.after(index + 1);
        }
        Ok(entries)
    }

    /// The record behind a whole node.
    fn after(&self, index: usize) -> usize {
        match self.records.get(index).map(|record| &record.what) {
            Some(What::Seq { end } | What::Map { end }) => *end,
            _ => index + 1,
        }
    }
}

/// Stands for a record that isn't there, which no reader leaves.
fn null() -> Node {
    let scalar = Scalar { text: String::new(), kind: ScalarKind::Null, plain: true };
    Node { line: 1, column: 1, tag: None, value: NodeValue::Scalar(scalar) }
}
