//! What a change set changes, for a person who decides about it: as JSON, as a page and as lines of text.
//!
//! Data goes one way: the pages of `DescribeChangeSet` ([`Page`]) -> [`Changes`] -> JSON (serde), [`html`], [`text()`].
//! What CloudFormation says and we don't know is shown unchanged. Access keys and secrets never get into
//! [`Changes`], so none of the three can show them.

mod counts;
mod difference;
mod effect;
mod model;
mod next;
mod page;
mod properties;
mod risks;
mod summary;
mod text;
mod values;

pub use counts::{ChangeCounts, NamedResource};
pub use effect::{Effect, OldResource};
pub use model::{Change, Detail, ModuleInfo, Page, ResourceChange, Target};
pub use next::{Next, NextStep};
pub use page::html;
pub use properties::{Property, PropertyChange, Replaces};
pub use risks::{Impact, Risk};
pub use summary::{
    ChangeSet, Changes, ChangesContext, Counts, DeletedResource, Deletion, Resource, SCHEMA_VERSION,
};
pub use text::text;
pub use values::{DisplayedValue, ValueState};
pub(crate) use values::{read as read_value, safe};
