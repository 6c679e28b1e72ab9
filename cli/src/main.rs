//! `mlp`: ML Provisioner's library on a laptop and in CI.
//!
//! A front end: it reads arguments and files, calls one action of `mlp-product` and shows the result. No rule stands here
//! that the Lambda functions would need too. Commands in [`remote`] have the suite in AWS do it.

mod config_text;
mod expand;
mod files;
mod init;
#[cfg(test)]
mod mentions;
mod remote;
mod seed;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use mlp_product::actions::{self, Suite};
use mlp_product::config::Tier;
use mlp_product::outcome::Made;
use mlp_template::error::InternalError;
use mlp_template::security::Rules;
use mlp_template::yaml::Limits;

use crate::files::Input;
use crate::show::Shown;

/// A template is thousands of small strings that live and die together; with the system's allocator half of the time
/// goes into them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(
    name = "mlp",
    version,
    about = "From one small YAML config to the CloudFormation stack of an ML project",
    after_help = "Exit status: 0 done, 1 findings that block, or an execution that failed or was refused, 2 wrong usage or \
        unreadable input, 3 AWS could not be reached or refused the call, 130 interrupted (an execution goes on)."
)]
struct Arguments {
    #[command(flatten)]
    look: Look,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Args)]
struct Look {
    /// How results are shown; `json` is one object on standard output (docs/mlp.md)
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// When to use color; `auto` means on a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    color: Color,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
enum Command {
    /// Write a commented config that validates; asks for what the flags don't say
    #[command(
        after_help = "Example:\n  mlp init --tier starter --source-control codecommit --company-name TechCorp \\\n    --company-prefix techcorp --account-id 123456789012 --tenant-id a001 --env prod \\\n    --region us-west-2 --use-case customer-churn \\\n    --cost-center CRM --project Churn --owner crm-ml"
    )]
    Init(Box<init::Flags>),
    /// Every finding of a config, with line and column
    #[command(after_help = "Example:\n  mlp validate-config --config my.yaml")]
    ValidateConfig {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// The tiers, and how many resources each has
    #[command(after_help = "Example:\n  mlp list-products --format json")]
    ListProducts,
    /// What a tier holds, resource by resource; with --config what that product holds, with its names
    #[command(after_help = "Examples:\n  mlp show-product enterprise\n  mlp show-product --config my.yaml")]
    ShowProduct {
        /// starter, professional or enterprise
        #[arg(value_parser = tier, required_unless_present_any = ["config", "by_flag"], conflicts_with_all = ["config", "by_flag"])]
        tier: Option<Tier>,
        /// The same as the argument
        #[arg(long = "tier", id = "by_flag", value_name = "TIER", value_parser = tier, conflicts_with = "config")]
        by_flag: Option<Tier>,
        /// The config; `-` reads standard input
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Write the CloudFormation template of a config
    #[command(after_help = "Example:\n  mlp create-prov-template --config my.yaml --out out/")]
    CreateProvTemplate {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        out: OutFolder,
        #[command(flatten)]
        rules: RulesFolder,
    },
    /// Write the least-privilege policies of whoever deploys a config's product
    #[command(after_help = "Example:\n  mlp create-policy --config my.yaml --out out/")]
    CreatePolicy {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        out: OutFolder,
        #[command(flatten)]
        suite: SuiteNames,
    },
    /// Write the review report of a config: one HTML page for those who decide
    #[command(after_help = "Example:\n  mlp create-review-report --config my.yaml --rules rules/")]
    CreateReviewReport {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        out: OutFolder,
        #[command(flatten)]
        rules: RulesFolder,
        #[command(flatten)]
        suite: SuiteNames,
    },
    /// Write all that the bucket would hold for a config: template, policies and review report
    #[command(after_help = "Example:\n  mlp generate --config my.yaml --out out/")]
    Generate {
        #[command(flatten)]
        config: ConfigFile,
        #[command(flatten)]
        out: OutFolder,
        #[command(flatten)]
        rules: RulesFolder,
        #[command(flatten)]
        suite: SuiteNames,
    },
    /// Check structure, references and security of a template: of the one that a config leads to, or of any
    #[command(
        after_help = "Examples:\n  mlp validate-prov-template template.yaml\n  mlp validate-prov-template --config my.yaml --rules rules/"
    )]
    ValidateProvTemplate {
        /// A CloudFormation template in YAML or JSON; `-` reads standard input
        #[arg(value_name = "TEMPLATE", required_unless_present_any = ["config", "by_flag"], conflicts_with_all = ["config", "by_flag"])]
        template: Option<PathBuf>,
        /// The same as the argument
        #[arg(long = "template", id = "by_flag", value_name = "FILE", conflicts_with = "config")]
        by_flag: Option<PathBuf>,
        /// The config; its template is made and checked. `-` reads standard input
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        #[command(flatten)]
        rules: RulesFolder,
    },
    /// Expand the products of a template, as CloudFormation's macro would
    #[command(
        after_help = "Examples:\n  mlp expand template.yaml --region us-west-2 --parameter Stage=prod > expanded.yaml\n  mlp expand template.yaml --out expanded.json && cfn-lint expanded.json"
    )]
    Expand(Box<expand::Flags>),
    /// Write the source trees with which the first run of both pipelines succeeds
    #[command(
        after_help = "Examples:\n  mlp seed --out seed/          # two folders, for any Git host\n  mlp seed --out seed/ --zip    # two archives, for the source control `s3`"
    )]
    Seed(seed::Flags),
    #[command(flatten)]
    Remote(remote::Command),
    /// Print the completions of a shell
    #[command(
        after_help = "Example:\n  mkdir -p ~/.local/share/bash-completion/completions\n  mlp completions bash > ~/.local/share/bash-completion/completions/mlp"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(clap::Args)]
struct ConfigFile {
    /// The config; `-` reads standard input
    #[arg(
        id = "config_argument",
        value_name = "CONFIG",
        required_unless_present = "config",
        conflicts_with = "config"
    )]
    argument: Option<PathBuf>,
    /// The same as the argument
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigFile {
    fn path(&self) -> &std::path::Path {
        self.config.as_deref().or(self.argument.as_deref()).unwrap_or(std::path::Path::new(""))
    }
}

#[derive(clap::Args)]
struct OutFolder {
    /// The folder to write into, laid out like the bucket
    #[arg(long, value_name = "DIR", default_value = "out", value_parser = out_folder)]
    out: PathBuf,
}

#[derive(clap::Args)]
struct RulesFolder {
    /// The organization's Guard rules, enforced beside the built-in checks: a folder with `*.guard` files, subfolders
    /// included, or one such file
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
}

/// What the suite that deploys the product calls its own resources.
#[derive(clap::Args)]
struct SuiteNames {
    /// ARN of the managed policy that bounds the product's roles: the suite's output `PermissionsBoundaryArn`
    /// [default: the policy `mlp-product-boundary-<region>` of the config's account]
    #[arg(long, value_name = "ARN")]
    permissions_boundary: Option<String>,
    /// The suite's bucket, from which CloudFormation reads templates [default: `mlp-<account>-<region>`]
    #[arg(long, value_name = "NAME")]
    suite_bucket: Option<String>,
}

impl SuiteNames {
    /// A laptop is in no account and no region, but may know the suite's names.
    fn suite(&self) -> Suite {
        Suite {
            bucket: self.suite_bucket.clone(),
            permissions_boundary: self.permissions_boundary.clone(),
            ..Suite::default()
        }
    }
}

/// Elsewhere `-` means standard output, so nobody who writes it means a folder.
fn out_folder(text: &str) -> Result<PathBuf, String> {
    match text {
        "-" => {
            Err("several files can't go to standard output: name a folder (`./-` for one called `-`)"
                .to_owned())
        }
        folder => Ok(folder.into()),
    }
}

fn tier(text: &str) -> Result<Tier, String> {
    Tier::parse(text).ok_or_else(|| format!("a tier is one of {}", Tier::ALL.map(Tier::as_str).join(", ")))
}

/// Done.
const DONE: u8 = 0;
/// Findings that block, or an execution that failed or was refused.
const BLOCKED: u8 = 1;
/// Wrong usage, or input or output that can't be read or written.
const UNUSABLE: u8 = 2;
/// AWS could not be reached, or refused the call.
const UNREACHABLE: u8 = 3;
/// Somebody pressed Ctrl-C, as shells say it.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error),
    };
    let shown = Shown::new(arguments.look.format == Format::Json, arguments.look.color);
    let status = match run(&arguments.command, &shown) {
        Ok(status) => status,
        Err(error) => {
            shown.error(&error.to_string());
            BLOCKED
        }
    };
    ExitCode::from(status)
}

/// Says what is wrong with the command line, which it quotes; or shows help or the version.
fn refused(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if text.contains(mlp_template::printable::is_hidden) {
        show::complain(&text);
        return ExitCode::from(UNUSABLE);
    }
    error.exit()
}

fn run(command: &Command, shown: &Shown) -> Result<u8, InternalError> {
    // A laptop belongs to no account and no region.
    let suite = Suite::default();
    match command {
        Command::Init(flags) => init::run(flags, shown),
        Command::ValidateConfig { config } => {
            on_file("validate-config", config.path(), Limits::config(), shown, |bytes| {
                actions::validate_config(bytes, &suite)
            })
        }
        Command::ListProducts => Ok(finish(actions::list_products()?, None, shown)),
        Command::ShowProduct { config: Some(config), .. } => {
            on_file("show-product", config, Limits::config(), shown, |bytes| {
                actions::show_product_of(bytes, &suite)
            })
        }
        Command::ShowProduct { tier, by_flag, .. } => {
            let tier = tier.or(*by_flag).unwrap_or(Tier::Starter);
            Ok(finish(actions::show_product(tier)?, None, shown))
        }
        Command::CreateProvTemplate { config, out, rules } => {
            into_files("create-prov-template", config, out, rules, shown, |bytes, rules| {
                actions::create_prov_template(bytes, &suite, rules)
            })
        }
        Command::CreatePolicy { config, out, suite } => {
            into_files("create-policy", config, out, &RulesFolder { rules: None }, shown, |bytes, _| {
                actions::create_policy(bytes, &suite.suite())
            })
        }
        Command::CreateReviewReport { config, out, rules, suite } => {
            into_files("create-review-report", config, out, rules, shown, |bytes, rules| {
                actions::create_review_report(bytes, &suite.suite(), rules)
            })
        }
        Command::Generate { config, out, rules, suite } => {
            into_files("generate", config, out, rules, shown, |bytes, rules| {
                actions::generate(bytes, &suite.suite(), rules)
            })
        }
        Command::ValidateProvTemplate { config: Some(config), rules, .. } => {
            let Some(rules) = read_rules("validate-prov-template", rules, shown) else {
                return Ok(UNUSABLE);
            };
            on_file("validate-prov-template", config, Limits::config(), shown, |bytes| {
                actions::validate_prov_template(bytes, &suite, &rules)
            })
        }
        Command::ValidateProvTemplate { template, by_flag, rules, .. } => {
            let Some(rules) = read_rules("validate-prov-template", rules, shown) else {
                return Ok(UNUSABLE);
            };
            let template = template.clone().or(by_flag.clone()).unwrap_or_default();
            on_file("validate-prov-template", &template, Limits::template(), shown, |bytes| {
                actions::validate_template(bytes, &rules)
            })
        }
        Command::Expand(flags) => expand::run(flags, shown),
        Command::Seed(flags) => seed::run(flags, shown),
        Command::Remote(command) => remote::run(command, shown),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "mlp", &mut script);
            Ok(shown.printed(show::print_data(&String::from_utf8_lossy(&script)), DONE))
        }
    }
}

/// Reads a file, runs an action on it and shows the result.
fn on_file(
    action: &str,
    path: &std::path::Path,
    limits: Limits,
    shown: &Shown,
    run: impl Fn(&[u8]) -> Result<Made, InternalError>,
) -> Result<u8, InternalError> {
    let Some(input) = read(action, path, limits, shown) else { return Ok(UNUSABLE) };
    let made = run(&input.bytes)?;
    Ok(finish(made, Some(&input), shown))
}

/// Reads a config, makes files of it, writes them and shows the result.
fn into_files(
    action: &str,
    config: &ConfigFile,
    folder: &OutFolder,
    rules: &RulesFolder,
    shown: &Shown,
    make: impl Fn(&[u8], &Rules) -> Result<Made, InternalError>,
) -> Result<u8, InternalError> {
    let Some(rules) = read_rules(action, rules, shown) else { return Ok(UNUSABLE) };
    let Some(input) = read(action, config.path(), Limits::config(), shown) else { return Ok(UNUSABLE) };
    let mut output = make(&input.bytes, &rules)?;
    files::same_product(&folder.out, &mut output);
    if let Err(problem) = files::write(&folder.out, &mut output) {
        shown.error(&problem);
        return Ok(UNUSABLE);
    }
    Ok(finish(output, Some(&input), shown))
}

/// The organisation's rules, or nothing after having said why they can't be read.
fn read_rules(action: &str, folder: &RulesFolder, shown: &Shown) -> Option<Rules> {
    let Some(path) = &folder.rules else { return Some(Rules::none()) };
    match files::rules(path) {
        Ok(input) => {
            let rules =
                Rules::parse(&input.files).with_overlooked(input.overlooked.iter().map(String::as_str));
            let is_empty = input.files.is_empty();
            Some(if is_empty { rules.with_nothing_read(&path.display().to_string()) } else { rules })
        }
        Err(finding) => {
            refuse(action, path, finding, shown);
            None
        }
    }
}

/// The file, or nothing after having said why it can't be read.
fn read(action: &str, path: &std::path::Path, limits: Limits, shown: &Shown) -> Option<Input> {
    match Input::read(path, limits) {
        Ok(input) => Some(input),
        Err(finding) => {
            refuse(action, path, finding, shown);
            None
        }
    }
}

/// Says why something can't be read.
fn refuse(action: &str, path: &std::path::Path, finding: mlp_template::finding::Finding, shown: &Shown) {
    let mut outcome = mlp_product::outcome::Outcome::of(action, vec![finding]);
    outcome.source.key = Some(path.display().to_string());
    shown.printed(shown.outcome(&outcome, None), UNUSABLE);
}

/// Shows a result, and says with which status it ends.
fn finish(mut made: Made, input: Option<&Input>, shown: &Shown) -> u8 {
    if let Some(input) = input {
        made.outcome.source.key = Some(input.name.clone());
        made.outcome.source.sha256.clone_from(&input.sha256);
    }
    let status = if made.outcome.ok { DONE } else { BLOCKED };
    shown.printed(shown.outcome(&made.outcome, input), status)
}
