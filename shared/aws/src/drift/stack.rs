//! Stacks and resources as CloudFormation describes them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A stack as `DescribeStacks` returns it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackDescription {
    /// Its id, an ARN.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its parameters, as they were given; those from SSM with their values.
    pub parameters: BTreeMap<String, String>,
}

impl StackDescription {
    /// A part of its ARN, `arn:<partition>:cloudformation:<region>:<account>:stack/...`.
    fn part(&self, at: usize) -> &str {
        self.id.split(':').nth(at).unwrap_or_default()
    }

    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.part(1)
    }

    /// The region.
    pub fn region(&self) -> &str {
        self.part(3)
    }

    /// The account.
    pub fn account_id(&self) -> &str {
        self.part(4)
    }
}

/// A resource as `ListStackResources` returns it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceSummary {
    /// Its logical id.
    pub logical_id: String,
    /// What it is called.
    pub physical_id: Option<String>,
    /// Its type.
    pub kind: String,
    /// Its status.
    pub status: String,
}
