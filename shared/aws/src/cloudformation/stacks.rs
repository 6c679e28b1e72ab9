//! CloudFormation as a deployment sees it: what it calls; [`crate::cloudformation::client`] is the real one.

use std::collections::BTreeMap;
use std::future::Future;

use serde_json::Value as Json;

use crate::calls::CallError;

/// Stacks and change sets. Every call is bounded in time and has already been retried when it fails.
pub trait Stacks {
    /// A stack by name or id; nothing for one that isn't there. A deleted one is found by its id for 90 days.
    fn stack(&self, stack: &str) -> impl Future<Output = Result<Option<Stack>, CallError>> + Send;

    /// Orders a change set and returns its ARN, also when the order is repeated with the same token;
    /// [`crate::calls::Kind::Exists`] when there is another one of its name.
    fn create_change_set(
        &self,
        wanted: &NewChangeSet,
    ) -> impl Future<Output = Result<String, CallError>> + Send;

    /// A change set, by name or ARN, with all its pages; nothing for one that isn't there.
    fn change_set(
        &self,
        stack: &str,
        name: &str,
    ) -> impl Future<Output = Result<Option<ChangeSet>, CallError>> + Send;

    /// What went wrong while a change set was made, by its id: the failed events, newest first.
    fn change_set_events(&self, id: &str) -> impl Future<Output = Result<Vec<Event>, CallError>> + Send;

    /// The names of a stack's change sets; none for a stack that isn't there.
    fn change_sets(&self, stack: &str) -> impl Future<Output = Result<Vec<String>, CallError>> + Send;

    /// Executes a change set, by name or ARN.
    fn execute(
        &self,
        stack: &str,
        name: &str,
        token: &str,
    ) -> impl Future<Output = Result<(), CallError>> + Send;

    /// Deletes a change set, by name or ARN. One that isn't there is deleted.
    fn delete_change_set(
        &self,
        stack: &str,
        name: &str,
    ) -> impl Future<Output = Result<(), CallError>> + Send;

    /// Orders the deletion of a stack by its id.
    fn delete(
        &self,
        stack_id: &str,
        token: &str,
        role: Option<&str>,
    ) -> impl Future<Output = Result<(), CallError>> + Send;

    /// The newest events, newest first, at most `limit`: those of one operation, or of all when no token is given.
    fn events(
        &self,
        stack_id: &str,
        token: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Event>, CallError>> + Send;

    /// The resources of a stack.
    fn resources(&self, stack_id: &str)
    -> impl Future<Output = Result<Vec<StackResource>, CallError>> + Send;

    /// One resource by its logical id; nothing for one that isn't there.
    fn resource(
        &self,
        stack_id: &str,
        logical_id: &str,
    ) -> impl Future<Output = Result<Option<StackResource>, CallError>> + Send;

    /// A stack's template as its author wrote it, JSON or YAML; nothing for a stack that isn't there.
    fn template(&self, stack: &str) -> impl Future<Output = Result<Option<String>, CallError>> + Send;

    /// What CloudFormation's newest event says of the properties with which it creates or updates a resource now; nothing
    /// when there is no such event, or it has none. Functions in them are resolved.
    fn event_properties(
        &self,
        stack_id: &str,
        logical_id: &str,
    ) -> impl Future<Output = Result<Option<Json>, CallError>> + Send;

    /// Switches termination protection on.
    fn protect(&self, stack: &str) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// What is known of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    /// Its id, an ARN.
    pub id: String,
    /// Its status, as CloudFormation writes it.
    pub status: String,
    /// Why, if CloudFormation says so.
    pub reason: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Whether it is protected from deletion.
    pub protected: bool,
    /// The service role that it was last worked on with.
    pub role: Option<String>,
    /// Its outputs, by their keys.
    pub outputs: BTreeMap<String, String>,
}

/// A change set to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewChangeSet {
    /// The stack's name.
    pub stack: String,
    /// The change set's name.
    pub name: String,
    /// Where the template is, `https://...`.
    pub template_url: String,
    /// Whether the stack is created by it.
    pub create: bool,
    /// Whether what was changed by hand is put back (`DeploymentMode=REVERT_DRIFT`).
    pub revert_drift: bool,
    /// The role that CloudFormation takes on.
    pub role: Option<String>,
    /// The stack's tags.
    pub tags: Vec<(String, String)>,
    /// The template's parameters.
    pub parameters: Vec<(String, String)>,
    /// The client token.
    pub token: String,
    /// What people read.
    pub description: String,
}

/// A change set.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChangeSet {
    /// Its id, an ARN.
    pub id: String,
    /// The id of the stack that it was made for, an ARN. A name may have passed to another stack meanwhile.
    pub stack_id: String,
    /// `CREATE_PENDING`, `CREATE_IN_PROGRESS`, `CREATE_COMPLETE`, `FAILED`, ...
    pub status: String,
    /// Why.
    pub reason: String,
    /// `AVAILABLE`, `UNAVAILABLE`, `EXECUTE_IN_PROGRESS`, `OBSOLETE`, ...
    pub execution_status: String,
    /// Its changes, each as CloudFormation's API spells it (`{"Type": "Resource", "ResourceChange": {...}}`).
    pub changes: Vec<Json>,
}

impl ChangeSet {
    /// Whether CloudFormation still works it out. Until then it can neither be executed nor deleted.
    pub fn is_being_made(&self) -> bool {
        ["CREATE_PENDING", "CREATE_IN_PROGRESS"].contains(&self.status.as_str())
    }
}

/// A resource of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackResource {
    /// Its logical id.
    pub logical_id: String,
    /// What it is called; absent for one that never came to be.
    pub physical_id: Option<String>,
    /// Its type.
    pub kind: String,
    /// Its status.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
}

/// An event of a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// The resource's logical id; the stack's own events have its name.
    pub logical_id: String,
    /// The resource's physical id; the stack's own events have its id.
    pub physical_id: String,
    /// The resource's type.
    pub kind: String,
    /// The resource's status, such as `CREATE_FAILED`.
    pub status: String,
    /// Why.
    pub reason: String,
    /// The client token of the operation that it belongs to.
    pub token: Option<String>,
}

impl Event {
    /// Whether it is about the stack itself.
    pub fn is_of_stack(&self) -> bool {
        self.kind == "AWS::CloudFormation::Stack"
            && self.physical_id.contains(&format!(":stack/{}/", self.logical_id))
    }
}
