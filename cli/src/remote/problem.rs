//! What keeps a command from doing its work, and with which status it ends.

use mlp_aws::calls::NO_CREDENTIALS;
use mlp_aws::calls::{CallError, Kind};
use mlp_aws::s3::store::{self, StoreError};
use mlp_operations::execution::failure::Name;
use mlp_template::finding::Finding;
use serde_json::{Value as Json, json};

use crate::{BLOCKED, UNREACHABLE, UNUSABLE};

/// Something that keeps a command from doing its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The exit status.
    pub(crate) status: u8,
    name: Name,
    message: String,
    help: Option<String>,
    findings: Vec<Finding>,
}

impl Problem {
    fn new(status: u8, name: Name, message: impl Into<String>) -> Self {
        Self { status, name, message: message.into(), help: None, findings: Vec::new() }
    }

    /// What was asked for can't be done as it was asked for.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(UNUSABLE, Name::InvalidInput, message)
    }

    /// What was asked for is refused.
    pub(crate) fn refused(name: Name, message: impl Into<String>) -> Self {
        Self::new(BLOCKED, name, message)
    }

    /// With the way out.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// With what was found.
    pub(crate) fn findings(mut self, findings: Vec<Finding>) -> Self {
        self.findings = findings;
        self
    }

    /// With another status.
    pub(crate) fn status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// A call that failed, on something.
    pub(crate) fn of_call(error: &CallError, on: &str) -> Self {
        let CallError { kind, operation, reason } = error;
        if let Some(problem) = Self::unsigned(reason) {
            return problem;
        }
        match kind {
            Kind::Denied if !reason.contains("AccessDenied") => Self::new(
                UNREACHABLE,
                Name::AccessDenied,
                format!("AWS doesn't accept the credentials ({reason})"),
            )
            .help("sign in again (`aws sso login`), or choose another profile with --profile"),
            Kind::Denied => {
                Self::new(UNREACHABLE, Name::AccessDenied, format!("AWS refused `{operation}` ({reason})"))
                    .help(format!("the permission `{operation}` on {on} is needed"))
            }
            Kind::Throttled => {
                Self::new(UNREACHABLE, Name::Throttled, format!("AWS throttled `{operation}` ({reason})"))
                    .help("try again later")
            }
            Kind::Unavailable => {
                Self::new(UNREACHABLE, Name::Unavailable, format!("`{operation}` got no answer ({reason})"))
                    .help("look at the network and the region, and try again")
            }
            Kind::Gone => Self::new(UNUSABLE, Name::InvalidInput, format!("there is no {on}"))
                .help("check its name, --region, --state-machine and the account you are signed in to"),
            Kind::Exists | Kind::Conflict | Kind::Elsewhere | Kind::Refused => {
                Self::new(UNREACHABLE, Name::Refused, format!("AWS refused `{operation}` on {on} ({reason})"))
            }
        }
    }

    /// A call that nobody has signed.
    fn unsigned(reason: &str) -> Option<Self> {
        let why = reason.strip_prefix(NO_CREDENTIALS)?;
        let message = format!("there are no credentials for AWS{why}");
        let help = "sign in (`aws sso login`), or set AWS_PROFILE, --profile or the variables of AWS's tools";
        Some(Self::new(UNREACHABLE, Name::AccessDenied, message).help(help))
    }

    /// An object that can't be read.
    pub(crate) fn of_object(error: &StoreError) -> Self {
        if let Some(problem) = Self::unsigned(&error.reason) {
            return problem;
        }
        let on = format!("s3://{}/{}", error.bucket, error.key);
        match error.kind {
            store::ErrorKind::Gone => Self::new(UNUSABLE, Name::InvalidInput, format!("there is no {on}"))
                .help("check the bucket and the key"),
            store::ErrorKind::NoBucket => {
                Self::new(UNUSABLE, Name::InvalidInput, format!("there is no bucket `{}`", error.bucket)).help(
                    "check the bucket's name, --region and the account you are signed in to; `mlp approve` and `mlp reject` \
                     take the name of the suite's bucket as --bucket",
                )
            }
            store::ErrorKind::Elsewhere => Self::new(
                UNUSABLE,
                Name::InvalidInput,
                format!("the bucket `{}` is in another region", error.bucket),
            )
            .help("name its region with --region, or another bucket"),
            store::ErrorKind::Denied => Self::new(
                UNREACHABLE,
                Name::AccessDenied,
                format!("AWS refused to read {on} ({})", error.reason),
            )
            .help(format!(
                "the permissions `s3:GetObject` on it and `kms:Decrypt` on the bucket's key are needed, \
                         and `s3:ListBucket` on {} to learn that there is no such object",
                error.bucket
            )),
            store::ErrorKind::Transient => {
                Self::new(UNREACHABLE, Name::Unavailable, format!("S3 did not give {on} ({})", error.reason))
                    .help("look at the network and the region, and try again")
            }
            store::ErrorKind::Conflict | store::ErrorKind::Other => {
                Self::new(UNREACHABLE, Name::Refused, format!("S3 refused to give {on} ({})", error.reason))
            }
        }
    }

    /// The result object of a command that ended so. It has the shape of an execution's.
    pub(crate) fn result(&self, action: &str, execution: Option<&str>) -> Json {
        let help = self.help.as_deref().unwrap_or_else(|| self.name.help());
        let mut result = json!({
            "schema_version": mlp_operations::execution::outcome::SCHEMA_VERSION,
            "action": action,
            "ok": false,
            "outcome": "failed",
            "error": {"name": self.name.as_str(), "message": self.message, "help": help},
            "generator_version": env!("CARGO_PKG_VERSION"),
        });
        if let Some(object) = result.as_object_mut() {
            if let Some(execution) = execution {
                object.insert("execution".to_owned(), execution.into());
            }
            if !self.findings.is_empty() {
                object.insert("findings".to_owned(), json!(self.findings));
            }
        }
        result
    }
}
