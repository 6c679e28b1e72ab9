//! Our own bugs, kept apart from users' mistakes.
//!
//! A user's mistake is a [`crate::finding::Finding`]: collected with all others, shown with its place in the file,
//! never an `Err`. What remains for `Err` is a defect of this program, for example a tier file that names a resource
//! type without a builder. Front ends print it as such and ask for a report.

use std::fmt;

/// A defect in ML Provisioner itself, found at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternalError {
    message: String,
}

impl InternalError {
    /// Describes the defect for the developer who will read the report.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for InternalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "internal error in ML Provisioner (please report it): {}", self.message)
    }
}

impl std::error::Error for InternalError {}
