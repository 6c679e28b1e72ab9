//! What may be done with a stack, by its status.
//!
//! Source of the statuses: AWS CloudFormation User Guide, "Understand CloudFormation stack creation events" and
//! "Stack status codes"; the list of `StackStatus` in its API Reference.

use std::fmt;

use super::failure::Name;

macro_rules! statuses {
    ($($name:ident = $text:literal,)*) => {
        /// A stack's status, one by one: a new one of CloudFormation's must not be taken for an old one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names are CloudFormation's own")]
        pub enum StackStatus { $($name,)* }

        impl StackStatus {
            /// Every status.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As CloudFormation writes it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

statuses! {
    CreateInProgress = "CREATE_IN_PROGRESS",
    CreateFailed = "CREATE_FAILED",
    CreateComplete = "CREATE_COMPLETE",
    RollbackInProgress = "ROLLBACK_IN_PROGRESS",
    RollbackFailed = "ROLLBACK_FAILED",
    RollbackComplete = "ROLLBACK_COMPLETE",
    DeleteInProgress = "DELETE_IN_PROGRESS",
    DeleteFailed = "DELETE_FAILED",
    DeleteComplete = "DELETE_COMPLETE",
    UpdateInProgress = "UPDATE_IN_PROGRESS",
    UpdateCompleteCleanupInProgress = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    UpdateComplete = "UPDATE_COMPLETE",
    UpdateFailed = "UPDATE_FAILED",
    UpdateRollbackInProgress = "UPDATE_ROLLBACK_IN_PROGRESS",
    UpdateRollbackFailed = "UPDATE_ROLLBACK_FAILED",
    UpdateRollbackCompleteCleanupInProgress = "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    UpdateRollbackComplete = "UPDATE_ROLLBACK_COMPLETE",
    ReviewInProgress = "REVIEW_IN_PROGRESS",
    ImportInProgress = "IMPORT_IN_PROGRESS",
    ImportComplete = "IMPORT_COMPLETE",
    ImportRollbackInProgress = "IMPORT_ROLLBACK_IN_PROGRESS",
    ImportRollbackFailed = "IMPORT_ROLLBACK_FAILED",
    ImportRollbackComplete = "IMPORT_ROLLBACK_COMPLETE",
}

impl fmt::Display for StackStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a deployment does with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deployment {
    /// A change set that creates it. There is none yet, or only the empty shell of an earlier change set.
    Create,
    /// A change set that updates it.
    Update,
    /// It never came to be: it is deleted and made anew, if that was asked for.
    Recreate,
    /// Somebody works on it; later.
    Busy,
    /// Nothing that we may decide.
    Stop(Name),
}

/// What a deletion does with a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletion {
    /// There is nothing to delete.
    Nothing,
    /// It is deleted.
    Delete,
    /// It is being deleted already; that is followed.
    Follow,
    /// Somebody works on it; later.
    Busy,
}

/// How an operation on a stack stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It goes on.
    Running,
    /// It did what was asked for.
    Done,
    /// It failed, and CloudFormation has stopped working on it.
    Failed,
}

/// Whether CloudFormation compares a stack with its template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DriftDetection {
    /// It does.
    Possible,
    /// Somebody works on the stack; later.
    Busy,
    /// It does not, until the stack is deployed or deleted.
    Refused,
}

impl StackStatus {
    /// The status of a text; nothing for one that we don't know.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.as_str() == text)
    }

    /// What a deployment does with a stack in this status; `None` is a stack that isn't there.
    ///
    /// ```
    /// # use mlp_operations::execution::status::{Deployment, StackStatus};
    /// assert_eq!(StackStatus::deployment(None), Deployment::Create);
    /// assert_eq!(StackStatus::deployment(Some(StackStatus::RollbackComplete)), Deployment::Recreate);
    /// ```
    pub fn deployment(status: Option<Self>) -> Deployment {
        use StackStatus as S;
        match status {
            None | Some(S::DeleteComplete | S::ReviewInProgress) => Deployment::Create,
            // UPDATE_FAILED is what an update without rollback leaves behind; an update is a way out of it.
            Some(
                S::CreateComplete
                | S::UpdateComplete
                | S::UpdateFailed
                | S::UpdateRollbackComplete
                | S::ImportComplete
                | S::ImportRollbackComplete,
            ) => Deployment::Update,
            Some(S::RollbackComplete | S::CreateFailed | S::RollbackFailed | S::DeleteFailed) => {
                Deployment::Recreate
            }
            Some(S::UpdateRollbackFailed | S::ImportRollbackFailed) => Deployment::Stop(Name::StackStuck),
            Some(
                S::CreateInProgress
                | S::RollbackInProgress
                | S::DeleteInProgress
                | S::UpdateInProgress
                | S::UpdateCompleteCleanupInProgress
                | S::UpdateRollbackInProgress
                | S::UpdateRollbackCompleteCleanupInProgress
                | S::ImportInProgress
                | S::ImportRollbackInProgress,
            ) => Deployment::Busy,
        }
    }

    /// Whether CloudFormation compares a stack in this status with its template.
    ///
    /// Source: AWS CloudFormation User Guide, "Detect drift on an entire CloudFormation stack", which names `CREATE_COMPLETE`,
    /// `UPDATE_COMPLETE`, `UPDATE_ROLLBACK_COMPLETE` and `UPDATE_ROLLBACK_FAILED`, and "Import AWS resources into a
    /// CloudFormation stack", which asks for a detection after an import.
    pub fn drift_detection(self) -> DriftDetection {
        use StackStatus as S;
        match self {
            S::CreateComplete
            | S::UpdateComplete
            | S::UpdateRollbackComplete
            | S::UpdateRollbackFailed
            | S::ImportComplete
            | S::ImportRollbackComplete => DriftDetection::Possible,
            S::CreateFailed
            | S::RollbackFailed
            | S::RollbackComplete
            | S::DeleteFailed
            | S::DeleteComplete
            | S::UpdateFailed
            | S::ReviewInProgress
            | S::ImportRollbackFailed => DriftDetection::Refused,
            S::CreateInProgress
            | S::RollbackInProgress
            | S::DeleteInProgress
            | S::UpdateInProgress
            | S::UpdateCompleteCleanupInProgress
            | S::UpdateRollbackInProgress
            | S::UpdateRollbackCompleteCleanupInProgress
            | S::ImportInProgress
            | S::ImportRollbackInProgress => DriftDetection::Busy,
        }
    }

    /// What a deletion does with a stack in this status.
    pub fn deletion(status: Option<Self>) -> Deletion {
        use StackStatus as S;
        match status {
            None | Some(S::DeleteComplete) => Deletion::Nothing,
            Some(S::DeleteInProgress) => Deletion::Follow,
            Some(
                S::CreateFailed
                | S::CreateComplete
                | S::RollbackFailed
                | S::RollbackComplete
                | S::DeleteFailed
                | S::UpdateComplete
                | S::UpdateFailed
                | S::UpdateRollbackFailed
                | S::UpdateRollbackComplete
                | S::ReviewInProgress
                | S::ImportComplete
                | S::ImportRollbackFailed
                | S::ImportRollbackComplete,
            ) => Deletion::Delete,
            Some(
                S::CreateInProgress
                | S::RollbackInProgress
                | S::UpdateInProgress
                | S::UpdateCompleteCleanupInProgress
                | S::UpdateRollbackInProgress
                | S::UpdateRollbackCompleteCleanupInProgress
                | S::ImportInProgress
                | S::ImportRollbackInProgress,
            ) => Deletion::Busy,
        }
    }

    /// How the execution of a change set stands.
    pub fn after_execution(self) -> Progress {
        use StackStatus as S;
        match self {
            S::CreateComplete | S::UpdateComplete | S::ImportComplete => Progress::Done,
            // REVIEW_IN_PROGRESS: CloudFormation has taken the order and not begun.
            S::ReviewInProgress
            | S::CreateInProgress
            | S::RollbackInProgress
            | S::UpdateInProgress
            | S::UpdateCompleteCleanupInProgress
            | S::UpdateRollbackInProgress
            | S::UpdateRollbackCompleteCleanupInProgress
            | S::ImportInProgress
            | S::ImportRollbackInProgress => Progress::Running,
            S::CreateFailed
            | S::RollbackFailed
            | S::RollbackComplete
            | S::DeleteInProgress
            | S::DeleteFailed
            | S::DeleteComplete
            | S::UpdateFailed
            | S::UpdateRollbackFailed
            | S::UpdateRollbackComplete
            | S::ImportRollbackFailed
            | S::ImportRollbackComplete => Progress::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_written_as_cloudformation_does() {
        for status in StackStatus::ALL {
            assert_eq!(StackStatus::parse(status.as_str()), Some(*status));
        }
        assert_eq!(StackStatus::ALL.len(), 23);
        assert_eq!(StackStatus::parse("ARCHIVED"), None);
    }

    #[test]
    fn what_is_in_progress_is_busy_or_followed_and_nothing_else_is() {
        for status in StackStatus::ALL.iter().copied() {
            let busy = status.as_str().ends_with("_IN_PROGRESS") && status != StackStatus::ReviewInProgress;
            assert_eq!(StackStatus::deployment(Some(status)) == Deployment::Busy, busy, "{status}");
            let deletion = StackStatus::deletion(Some(status));
            assert_eq!(matches!(deletion, Deletion::Busy | Deletion::Follow), busy, "{status}");
        }
    }
}
