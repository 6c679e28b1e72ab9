//! Names of state machines and executions.

use std::fmt;

/// Where a state machine is: `arn:<partition>:states:<region>:<account>:stateMachine:<name>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateMachineArn {
    place: Place,
    name: String,
    /// A version or an alias of it.
    qualifier: Option<String>,
}

/// Where an execution is: `arn:<partition>:states:<region>:<account>:execution:<state machine>:<name>`.
///
/// ```
/// # use mlp_aws::step_functions::arns::ExecutionArn;
/// let arn = ExecutionArn::parse("arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:monday").unwrap();
/// assert_eq!((arn.region(), arn.account(), arn.name()), ("us-west-2", "123456789012", "monday"));
/// assert!(ExecutionArn::parse("monday").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionArn {
    place: Place,
    machine: String,
    name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    partition: String,
    region: String,
    account: String,
}

impl Place {
    /// The place and what follows it: the kind of resource and its name.
    fn parse(text: &str) -> Option<(Self, &str, &str)> {
        let rest = text.strip_prefix("arn:")?;
        let mut parts = rest.splitn(6, ':');
        let (partition, service, region) = (parts.next()?, parts.next()?, parts.next()?);
        let (account, kind, name) = (parts.next()?, parts.next()?, parts.next()?);
        let plain =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let valid = service == "states" && plain(partition) && plain(region) && is_account;
        let place = || Self {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
        };
        valid.then(|| (place(), kind, name))
    }
}

/// Whether Step Functions takes it as a name: 1 to 80 characters without blanks, brackets, wildcards, control characters
/// and some others. Source: AWS Step Functions API Reference, `StartExecution` (`name`).
///
/// ```
/// # use mlp_aws::step_functions::arns::is_name;
/// assert!(is_name("deploy-product-2026"));
/// assert!(!is_name("") && !is_name("a b") && !is_name("a:b") && !is_name(&"x".repeat(81)));
/// ```
pub fn is_name(text: &str) -> bool {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(c);
    (1..=80).contains(&text.chars().count()) && !text.chars().any(forbidden)
}

impl StateMachineArn {
    /// Reads an ARN; `None` when it is none of a state machine.
    pub fn parse(text: &str) -> Option<Self> {
        let (place, kind, name) = Place::parse(text)?;
        let (name, qualifier) = match name.split_once(':') {
            Some((name, qualifier)) => (name, Some(qualifier)),
            None => (name, None),
        };
        let valid = kind == "stateMachine" && is_name(name) && qualifier.is_none_or(is_name);
        valid.then(|| Self { place, name: name.to_owned(), qualifier: qualifier.map(str::to_owned) })
    }

    /// The state machine of a name in an account and region.
    pub fn of(partition: &str, region: &str, account: &str, name: &str) -> Self {
        let place =
            Place { partition: partition.to_owned(), region: region.to_owned(), account: account.to_owned() };
        Self { place, name: name.to_owned(), qualifier: None }
    }

    /// Its region.
    pub fn region(&self) -> &str {
        &self.place.region
    }

    /// The account it is in.
    pub fn account(&self) -> &str {
        &self.place.account
    }

    /// One of its executions.
    pub fn execution(&self, name: &str) -> ExecutionArn {
        ExecutionArn { place: self.place.clone(), machine: self.name.clone(), name: name.to_owned() }
    }
}

impl fmt::Display for StateMachineArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place: Place { partition, region, account }, name, qualifier } = self;
        write!(f, "arn:{partition}:states:{region}:{account}:stateMachine:{name}")?;
        qualifier.as_ref().map_or(Ok(()), |qualifier| write!(f, ":{qualifier}"))
    }
}

impl ExecutionArn {
    /// Reads an ARN; `None` when it is none of an execution.
    pub fn parse(text: &str) -> Option<Self> {
        let (place, kind, rest) = Place::parse(text)?;
        let (machine, name) = rest.split_once(':')?;
        let valid = kind == "execution" && is_name(machine) && is_name(name);
        valid.then(|| Self { place, machine: machine.to_owned(), name: name.to_owned() })
    }

    /// Its region.
    pub fn region(&self) -> &str {
        &self.place.region
    }

    /// The account it runs in.
    pub fn account(&self) -> &str {
        &self.place.account
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The execution of the same name at the suite's state machine for fleets, whose name infra/template.yaml makes from the
    /// first one's.
    ///
    /// ```
    /// # use mlp_aws::step_functions::arns::ExecutionArn;
    /// let arn = ExecutionArn::parse("arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:monday").unwrap();
    /// assert!(arn.of_fleet().to_string().ends_with(":execution:MLProvisionerDeployFleet:monday"));
    /// ```
    #[must_use]
    pub fn of_fleet(&self) -> Self {
        Self { machine: format!("{}Fleet", self.machine), ..self.clone() }
    }
}

impl fmt::Display for ExecutionArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place: Place { partition, region, account }, machine, name } = self;
        write!(f, "arn:{partition}:states:{region}:{account}:execution:{machine}:{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_execution_belongs_to_its_state_machine_not_to_the_alias() {
        let machine =
            StateMachineArn::parse("arn:aws-cn:states:cn-north-1:123456789012:stateMachine:Deploy:live");
        let execution = machine.unwrap().execution("a").to_string();
        assert_eq!(execution, "arn:aws-cn:states:cn-north-1:123456789012:execution:Deploy:a");
    }

    #[test]
    fn other_arns_are_not_taken() {
        for text in [
            "arn:aws:states:us-west-2:123456789012:express:M:a:b",
            "arn:aws:states:us-west-2:1234:execution:M:a",
            "arn:aws:states:us-west-2:123456789012:execution:M",
            "arn:aws:states:us-west-2:123456789012:execution:M:",
            "arn:aws:states::123456789012:execution:M:a",
            "arn:aws:lambda:us-west-2:123456789012:execution:M:a",
            "arn:aws:states:us-west-2/x:123456789012:execution:M:a",
        ] {
            assert_eq!(ExecutionArn::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_was(text in "(arn|a):aws:states:[a-z0-9-]{0,9}:[0-9]{11,12}:(execution|stateMachine):.{0,9}(:.{0,9})?") {
            if let Some(arn) = ExecutionArn::parse(&text) {
                prop_assert_eq!(arn.to_string(), text.clone());
            }
            if let Some(arn) = StateMachineArn::parse(&text) {
                prop_assert_eq!(arn.to_string(), text);
            }
        }
    }
}
