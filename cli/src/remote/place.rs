//! Where the suite is: which region, which account, which state machine.

use mlp_aws::clients;
use mlp_aws::step_functions::arns::{ExecutionArn, StateMachineArn};
use mlp_aws::sts::{Caller, caller};
use mlp_product::actions;

use super::flags::{Execution, Machine, Suite};
use super::problem::Problem;

/// What clients are built from.
pub(crate) type Config = clients::SdkConfig;

/// A suite, and whom it is asked as.
pub(crate) struct Place<T> {
    pub(crate) config: Config,
    /// What was named there.
    pub(crate) arn: T,
}

/// The state machine that was named.
pub(crate) async fn state_machine(suite: &Suite) -> Result<Place<StateMachineArn>, Problem> {
    let (config, arn) = match &suite.state_machine {
        Machine::At(arn) => (config(suite, Some(arn.region())).await?, arn.clone()),
        Machine::Named(name) => {
            let config = config(suite, None).await?;
            let caller = who(&config).await?;
            let region = region(&config)?;
            let arn = StateMachineArn::of(caller.partition(), region, &caller.account, name);
            (config, arn)
        }
    };
    Ok(Place { config, arn })
}

/// The execution that was named.
pub(crate) async fn execution(suite: &Suite, execution: &Execution) -> Result<Place<ExecutionArn>, Problem> {
    match execution {
        Execution::At(arn) => {
            Ok(Place { config: config(suite, Some(arn.region())).await?, arn: arn.clone() })
        }
        Execution::Named(name) => {
            let Place { config, arn } = state_machine(suite).await?;
            Ok(Place { config, arn: arn.execution(name) })
        }
    }
}

/// Who asks.
pub(crate) async fn who(config: &Config) -> Result<Caller, Problem> {
    caller(config).await.map_err(|error| Problem::of_call(&error, "the caller's identity"))
}

/// Account and region of a state machine's suite.
pub(crate) fn suite_of(arn: &StateMachineArn) -> actions::Suite {
    actions::Suite {
        account_id: Some(arn.account().to_owned()),
        region: Some(arn.region().to_owned()),
        ..actions::Suite::default()
    }
}

async fn config(suite: &Suite, named: Option<&str>) -> Result<Config, Problem> {
    if let (Some(given), Some(named)) = (suite.region.as_deref(), named)
        && given != named
    {
        return Err(Problem::usage(format!("--region is {given}, and the ARN names {named}"))
            .help("leave --region out"));
    }
    let region = named.or(suite.region.as_deref());
    let config = clients::sdk_config_in(region, suite.profile.as_deref()).await.map_err(|error| {
        Problem::usage(error.to_string()).help(
            "`aws configure list-profiles` shows the profiles; --profile and AWS_PROFILE name one of them",
        )
    })?;
    self::region(&config)?;
    Ok(config)
}

fn region(config: &Config) -> Result<&str, Problem> {
    let region = config.region().map(AsRef::as_ref);
    region.ok_or_else(|| {
        Problem::usage("it is not said in which region the suite is")
            .help("give --region or an ARN, or set AWS_REGION or the profile's region")
    })
}
