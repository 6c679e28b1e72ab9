//! Approvals: when a suite requires one, and who may give it.

use serde::{Deserialize, Serialize};

/// What the suite's parameter `RequireApproval` says: which deployments and deletions wait for an approval, whatever their
/// input says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Required {
    /// Those whose input asks for one.
    #[default]
    None,
    /// Every one of a product in prod.
    Prod,
    /// Every one.
    All,
}

impl Required {
    /// The value of a text. One that nobody knows must not let anything through.
    pub fn parse(text: &str) -> Self {
        match text {
            "" | "none" => Self::None,
            "prod" => Self::Prod,
            _ => Self::All,
        }
    }

    /// Whether a product of this environment needs an approval. An environment that isn't known may be prod.
    ///
    /// ```
    /// # use mlp_operations::execution::approval::Required;
    /// assert!(!Required::Prod.covers("dev"));
    /// assert!(Required::Prod.covers("prod") && Required::Prod.covers(""));
    /// assert!(Required::parse("alll").covers("dev"));
    /// ```
    pub fn covers(self, environment: &str) -> bool {
        match self {
            Self::None => false,
            Self::Prod => !["dev", "test", "staging"].contains(&environment),
            Self::All => true,
        }
    }
}

/// What follows a requester whom the execution's input names: whoever starts an execution writes there what they like.
pub const STATED: &str = " (the starter's own statement; nothing confirms it)";

/// Whether two ARNs, as `sts:GetCallerIdentity` answers them, name the same person.
///
/// Sessions of one role differ in their names (IAM User Guide, "IAM identifiers"). IAM Identity Center names every session of
/// its roles, `AWSReservedSSO_...`, after the user. Somebody who can choose the name of their session can be two persons
/// here, so this is a help and no fence: the fence is who may read `pending/approvals/`.
///
/// ```
/// # use mlp_operations::execution::approval::is_same_person;
/// let arn = |role: &str, session: &str| format!("arn:aws:sts::123456789012:assumed-role/{role}/{session}");
/// assert!(is_same_person(&arn("ops", "ann"), &arn("ops", "ann")));
/// assert!(!is_same_person(&arn("ops", "ann"), &arn("ops", "bob")));
/// assert!(is_same_person(&arn("AWSReservedSSO_Dev_1", "ann@x.com"), &arn("AWSReservedSSO_Ops_2", "ann@x.com")));
/// ```
pub fn is_same_person(one: &str, other: &str) -> bool {
    let of_identity_center = |arn: &str| {
        let (_, session) = arn.split_once(":assumed-role/AWSReservedSSO_")?;
        Some(session.split_once('/')?.1.to_owned())
    };
    one == other || of_identity_center(one).is_some_and(|name| of_identity_center(other) == Some(name))
}
