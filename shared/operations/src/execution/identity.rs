//! Names and tokens that follow from an execution, so that a task that runs twice finds its own work.

use mlp_product::outcome::sha256;

/// An execution of the state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Execution<'a> {
    arn: &'a str,
}

impl<'a> Execution<'a> {
    /// By its ARN, `arn:<partition>:states:<region>:<account>:execution:<state machine>:<name>`.
    pub fn new(arn: &'a str) -> Self {
        Self { arn }
    }

    /// The ARN.
    pub fn arn(self) -> &'a str {
        self.arn
    }

    /// Its name.
    ///
    /// ```
    /// # use mlp_operations::execution::identity::Execution;
    /// let arn = "arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:monday";
    /// assert_eq!(Execution::new(arn).name(), "monday");
    /// ```
    pub fn name(self) -> &'a str {
        self.arn.rsplit(':').next().unwrap_or(self.arn)
    }

    /// The name of its change set; `round` counts how often it had to begin anew.
    ///
    /// CloudFormation takes 128 letters, digits and hyphens, a letter first.
    pub fn change_set(self, round: u32) -> String {
        format!("mlp-{}-{round}", self.digits("change-set", 20))
    }

    /// The client token of one of its calls. CloudFormation takes 128 letters, digits and hyphens.
    pub fn token(self, call: &str, round: u32) -> String {
        format!("mlp-{call}-{}-{round}", self.digits(call, 20))
    }

    /// What tells the product of a `test-deploy` from the real one: a workload's name.
    pub fn test_workload(self) -> String {
        // A workload begins with a letter.
        format!("t{}", self.digits("test", 7))
    }

    fn digits(self, purpose: &str, count: usize) -> String {
        sha256(format!("{purpose}\n{}", self.arn).as_bytes()).chars().take(count).collect()
    }
}

/// Whether a call with this token discarded the shell of a stack that was never executed.
///
/// CloudFormation can't delete a stack on the condition that it is still empty, so such a call may meet a stack which
/// another execution began to create in the same moment; that one then knows by the token that nobody wants it gone.
///
/// ```
/// # use mlp_operations::execution::identity::{DISCARD, Execution, discards};
/// let execution = Execution::new("arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:monday");
/// assert!(discards(&execution.token(DISCARD, 0)) && !discards(&execution.token("delete", 0)));
/// ```
pub fn discards(token: &str) -> bool {
    token
        .strip_prefix("mlp-")
        .and_then(|rest| rest.strip_prefix(DISCARD))
        .is_some_and(|rest| rest.starts_with('-'))
}

/// The call that [`discards`] knows again.
pub const DISCARD: &str = "discard";

/// Where in a page of AWS's console an execution is shown.
///
/// ```
/// # use mlp_operations::execution::identity::console_link;
/// let link = console_link("arn:aws:states:us-west-2:123456789012:execution:M:x").unwrap();
/// assert!(link.starts_with("https://us-west-2.console.aws.amazon.com/states/home?region=us-west-2#/v2/executions/details/arn:aws"));
/// ```
pub fn console_link(execution_arn: &str) -> Option<String> {
    let (host, region) = console(execution_arn)?;
    Some(format!("https://{host}/states/home?region={region}#/v2/executions/details/{execution_arn}"))
}

/// Where in AWS's console an object is shown and opened, of a bucket beside an execution.
///
/// Who may see it is decided by the reader's own rights: the link is no presigned one and gives none.
///
/// ```
/// # use mlp_operations::execution::identity::object_link;
/// let arn = "arn:aws:states:us-west-2:123456789012:execution:M:x";
/// assert_eq!(
///     object_link(arn, "mlp", "reports/changes/a.html").unwrap(),
///     "https://us-west-2.console.aws.amazon.com/s3/object/mlp?region=us-west-2&prefix=reports/changes/a.html"
/// );
/// ```
pub fn object_link(execution_arn: &str, bucket: &str, key: &str) -> Option<String> {
    let (host, region) = console(execution_arn)?;
    Some(format!("https://{host}/s3/object/{bucket}?region={region}&prefix={key}"))
}

/// The console's host and the region of an execution.
fn console(execution_arn: &str) -> Option<(String, &str)> {
    let mut parts = execution_arn.split(':').skip(1);
    let (partition, region) = (parts.next()?, parts.nth(1)?);
    let host = match partition {
        "aws" => format!("{region}.console.aws.amazon.com"),
        "aws-cn" => "console.amazonaws.cn".to_owned(),
        "aws-us-gov" => "console.amazonaws-us-gov.com".to_owned(),
        _ => return None,
    };
    Some((host, region))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_for_an_execution_and_others_for_others() {
        let (a, b) = (Execution::new("arn:a:x"), Execution::new("arn:a:y"));
        assert_eq!(a.change_set(0), a.change_set(0));
        assert_ne!(a.change_set(0), b.change_set(0));
        assert_ne!(a.change_set(0), a.change_set(1));
        assert_ne!(a.token("execute", 0), a.token("delete", 0));
        assert_ne!(a.test_workload(), b.test_workload());
        for name in [a.change_set(9), a.token("execute", 9)] {
            assert!(
                name.len() <= 128 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
                "{name}"
            );
        }
        assert!(mlp_product::config::Workload::parse(&a.test_workload()).is_ok());
    }
}
