//! `mlp init`: a commented config, from flags or from answers to questions.

use std::collections::BTreeMap;
use std::io::{self, BufRead, IsTerminal as _, Write};
use std::path::PathBuf;

use mlp_product::actions::{self, Suite};
use mlp_product::config;
use mlp_product::outcome::Made;
use mlp_product::report::shell::word;
use mlp_template::error::InternalError;
use mlp_template::finding::{self, Finding};
use mlp_template::printable::printable;

use crate::config_text::config_text;
use crate::files::{self, Input};
use crate::show::Shown;
use crate::{UNUSABLE, finish};

#[derive(clap::Args)]
pub(crate) struct Flags {
    /// Where to write; by default a name that says what the config is, in the working directory. `-` is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite the file if it is there
    #[arg(long)]
    force: bool,
    /// starter, professional or enterprise
    #[arg(long)]
    tier: Option<String>,
    /// codecommit or s3
    #[arg(long)]
    source_control: Option<String>,
    /// Bucket and prefix of the source archives (with s3)
    #[arg(long)]
    s3_prefix: Option<String>,
    /// Company, for people to read
    #[arg(long)]
    company_name: Option<String>,
    /// The first part of every name
    #[arg(long)]
    company_prefix: Option<String>,
    /// AWS account, 12 digits
    #[arg(long)]
    account_id: Option<String>,
    /// The tenant inside the account, such as c001
    #[arg(long)]
    tenant_id: Option<String>,
    /// dev, test, staging or prod
    #[arg(long)]
    env: Option<String>,
    /// AWS region, such as us-west-2
    #[arg(long)]
    region: Option<String>,
    /// What the models are for; a part of every name
    #[arg(long)]
    use_case: Option<String>,
    /// Tells several products of one use case apart
    #[arg(long)]
    workload: Option<String>,
    /// Who gets the alarms (enterprise)
    #[arg(long)]
    alerts_email: Option<String>,
    /// standalone or sg-provisioner (enterprise)
    #[arg(long)]
    vpc_mode: Option<String>,
    /// parameter-store or direct (enterprise)
    #[arg(long)]
    vpc_source: Option<String>,
    /// SSM parameter of the VPC's id (with parameter-store)
    #[arg(long)]
    vpc_parameter_store_path: Option<String>,
    /// SSM parameter of the private subnets' ids (with parameter-store)
    #[arg(long)]
    subnet_parameter_store_path: Option<String>,
    /// SSM parameter of the security group's id (with parameter-store and sg-provisioner)
    #[arg(long)]
    sg_parameter_store_path: Option<String>,
    /// SSM parameter of the route tables' ids (with parameter-store)
    #[arg(long)]
    route_table_parameter_store_path: Option<String>,
    /// VPC id (with direct)
    #[arg(long)]
    vpc_id: Option<String>,
    /// Private subnet ids, separated by commas (with direct)
    #[arg(long)]
    subnet_ids: Option<String>,
    /// Security group id (with direct and sg-provisioner)
    #[arg(long)]
    security_group_id: Option<String>,
    /// Route table ids, separated by commas (with direct)
    #[arg(long)]
    route_table_ids: Option<String>,
    /// The tag `cost_center`
    #[arg(long)]
    cost_center: Option<String>,
    /// The tag `project`
    #[arg(long)]
    project: Option<String>,
    /// The tag `owner`
    #[arg(long)]
    owner: Option<String>,
}

/// One value of a config that `init` knows.
struct Question {
    flag: &'static str,
    pointer: &'static str,
    prompt: &'static str,
    /// Whether the config needs it (where it has a place at all).
    required: bool,
    when: fn(&Answers) -> bool,
    given: fn(&Flags) -> &Option<String>,
}

/// JSON pointer to text.
type Answers = BTreeMap<&'static str, String>;

fn is(answers: &Answers, pointer: &str, values: &[&str]) -> bool {
    answers.get(pointer).is_some_and(|answer| values.contains(&answer.as_str()))
}

fn enterprise(answers: &Answers) -> bool {
    is(answers, "/ml_product/tier", &["enterprise"])
}

fn from_ssm(answers: &Answers) -> bool {
    enterprise(answers) && is(answers, "/ml_product/vpc_integration/vpc_source", &["parameter-store", "ssm"])
}

fn direct(answers: &Answers) -> bool {
    enterprise(answers) && is(answers, "/ml_product/vpc_integration/vpc_source", &["direct"])
}

fn given_group(answers: &Answers) -> bool {
    is(answers, "/ml_product/vpc_integration/mode", &["sg-provisioner", "sgprov"])
}

macro_rules! questions {
    ($($flag:ident $name:literal $pointer:literal $prompt:literal $required:literal $when:expr;)*) => {
        /// In the order in which they are asked.
        const QUESTIONS: &[Question] = &[
            $(Question {
                flag: $name,
                pointer: $pointer,
                prompt: $prompt,
                required: $required,
                when: $when,
                given: |flags| &flags.$flag,
            },)*
        ];
    };
}

questions! {
    tier "--tier" "/ml_product/tier" "Tier (starter, professional, enterprise)" true |_| true;
    source_control "--source-control" "/ml_product/source_control" "Source control (codecommit, s3)" true |_| true;
    s3_prefix "--s3-prefix" "/ml_product/s3_prefix" "Bucket and prefix of the source archives" true
        |answers| is(answers, "/ml_product/source_control", &["s3"]);
    company_name "--company-name" "/client/company_name" "Company, for people to read" true |_| true;
    company_prefix "--company-prefix" "/client/company_prefix" "Company prefix, the first part of every name" true |_| true;
    account_id "--account-id" "/client/account_id" "AWS account id" true |_| true;
    tenant_id "--tenant-id" "/client/tenant_id" "Tenant id" true |_| true;
    env "--env" "/environment/env" "Environment (dev, test, staging, prod)" true |_| true;
    region "--region" "/environment/region" "AWS region" true |_| true;
    use_case "--use-case" "/ml_product/use_case" "Use case" true |_| true;
    workload "--workload" "/ml_product/workload" "Workload, to tell products of one use case apart" false |_| true;
    alerts_email "--alerts-email" "/ml_product/alerts_email" "E-mail address for alarms" true enterprise;
    vpc_mode "--vpc-mode" "/ml_product/vpc_integration/mode" "VPC mode (standalone, sg-provisioner)" true enterprise;
    vpc_source "--vpc-source" "/ml_product/vpc_integration/vpc_source" "Where VPC ids come from (parameter-store, direct)" true
        enterprise;
    vpc_parameter_store_path "--vpc-parameter-store-path" "/ml_product/vpc_integration/vpc_parameter_store_path"
        "SSM parameter of the VPC's id" true from_ssm;
    subnet_parameter_store_path "--subnet-parameter-store-path" "/ml_product/vpc_integration/subnet_parameter_store_path"
        "SSM parameter of the private subnets' ids" true from_ssm;
    sg_parameter_store_path "--sg-parameter-store-path" "/ml_product/vpc_integration/sg_parameter_store_path"
        "SSM parameter of the security group's id" true |answers| from_ssm(answers) && given_group(answers);
    route_table_parameter_store_path "--route-table-parameter-store-path"
        "/ml_product/vpc_integration/route_table_parameter_store_path" "SSM parameter of the route tables' ids" false from_ssm;
    vpc_id "--vpc-id" "/ml_product/vpc_integration/vpc_id" "VPC id" true direct;
    subnet_ids "--subnet-ids" "/ml_product/vpc_integration/subnet_ids" "Private subnet ids, separated by commas" true direct;
    security_group_id "--security-group-id" "/ml_product/vpc_integration/security_group_id" "Security group id" true
        |answers| direct(answers) && given_group(answers);
    route_table_ids "--route-table-ids" "/ml_product/vpc_integration/route_table_ids"
        "Route table ids, separated by commas" false direct;
    cost_center "--cost-center" "/tags/cost_center" "Tag cost_center, who pays" true |_| true;
    project "--project" "/tags/project" "Tag project, what it belongs to" true |_| true;
    owner "--owner" "/tags/owner" "Tag owner, who answers questions" true |_| true;
}

pub(crate) fn run(flags: &Flags, shown: &Shown) -> Result<u8, InternalError> {
    let mut answers = Answers::new();
    for question in QUESTIONS {
        if let Some(text) = (question.given)(flags) {
            answers.insert(question.pointer, text.clone());
        }
    }
    if io::stdin().is_terminal() {
        let problem = ask(&mut answers, &mut io::stdin().lock(), &mut io::stderr());
        if let Err(error) = problem {
            shown.error(&format!("nothing written: {error}"));
            return Ok(UNUSABLE);
        }
    }
    let missing: Vec<&str> = QUESTIONS
        .iter()
        .filter(|question| {
            question.required && (question.when)(&answers) && !answers.contains_key(question.pointer)
        })
        .map(|question| question.flag)
        .collect();
    if !missing.is_empty() {
        shown.error(&format!(
            "without a terminal to ask on, these flags are needed too: {}",
            missing.join(", ")
        ));
        return Ok(UNUSABLE);
    }
    let text = draft(&answers);
    let name = flags.out.clone().unwrap_or_else(|| default_name(&text));
    let input = Input { name: name.display().to_string(), bytes: text.clone().into_bytes(), sha256: None };
    let checked = actions::validate_config(text.as_bytes(), &Suite::default())?;
    let mut made = Made { outcome: checked.outcome, files: Vec::new() };
    "init".clone_into(&mut made.outcome.action);
    if made.outcome.ok {
        if name.as_os_str() == "-" {
            return Ok(shown.printed(crate::show::print_data(&text), crate::DONE));
        }
        if let Err(error) = files::whole(&name, text.as_bytes(), flags.force) {
            let why = if error.kind() == io::ErrorKind::AlreadyExists {
                "it is there already; --force overwrites it".to_owned()
            } else {
                error.to_string()
            };
            shown.error(&format!("{} can't be written: {why}", name.display()));
            return Ok(UNUSABLE);
        }
        made.outcome.outputs = vec![name.display().to_string()];
        let status = finish(made, Some(&input), shown);
        let file = word(&name.display().to_string());
        shown.note(&format!(
            "\nNext:\n  mlp validate-config --config {file}\n  mlp generate --config {file} --out out/"
        ));
        return Ok(status);
    }
    shown.note("nothing written: this is what the config would have been, and what is wrong with it\n");
    Ok(finish(made, Some(&input), shown))
}

fn draft(answers: &Answers) -> String {
    config_text(&|pointer| answers.get(pointer).cloned())
}

/// Asks for everything that has no answer yet, and again until the answer is right.
fn ask(answers: &mut Answers, input: &mut impl BufRead, output: &mut impl Write) -> io::Result<()> {
    for question in QUESTIONS {
        if !(question.when)(answers) {
            continue;
        }
        if answers.contains_key(question.pointer) {
            // A wrong flag is told here and not after all questions, when the answers would be lost with it.
            let Some(finding) = problem(answers, question.pointer) else { continue };
            answers.remove(question.pointer);
            explain(&finding, output)?;
        }
        loop {
            let hint = if question.required { "" } else { " [none]" };
            write!(output, "{}{hint}: ", question.prompt)?;
            output.flush()?;
            let mut line = String::new();
            if input.read_line(&mut line)? == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the input ended before all questions were answered",
                ));
            }
            let answer = line.trim();
            if answer.is_empty() {
                if !question.required {
                    break;
                }
                let what = question.prompt.split(" (").next().unwrap_or_default();
                writeln!(
                    output,
                    "  An answer is needed: {what}. Ctrl-C ends `mlp init`; nothing is written then."
                )?;
                continue;
            }
            answers.insert(question.pointer, answer.to_owned());
            match problem(answers, question.pointer) {
                None => break,
                Some(finding) => {
                    answers.remove(question.pointer);
                    explain(&finding, output)?;
                }
            }
        }
    }
    Ok(())
}

fn explain(finding: &Finding, output: &mut impl Write) -> io::Result<()> {
    let help = finding.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
    writeln!(output, "  {}", printable(&format!("{}{help}", finding.message)))
}

/// What is wrong with one answer: the config so far is checked, and only what is said about this value counts.
fn problem(answers: &Answers, pointer: &str) -> Option<Finding> {
    let findings = match config::load(draft(answers).as_bytes()) {
        Ok(loaded) => loaded.findings,
        Err(findings) => findings,
    };
    findings.into_iter().find(|finding| {
        let about =
            finding.path.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        about && finding::blocks(std::slice::from_ref(finding))
    })
}

/// The name that the examples have: who, where, what and which scenario.
fn default_name(text: &str) -> PathBuf {
    let Ok(loaded) = config::load(text.as_bytes()) else { return PathBuf::from("config.yaml") };
    let (client, environment) = (&loaded.config.client, &loaded.config.environment);
    PathBuf::from(format!(
        "{}-{}-{}-{}-{}-ml-{}.yaml",
        client.company_prefix,
        environment.env.as_str(),
        client.tenant_id,
        environment.region,
        loaded.config.ml_product.use_case,
        loaded.config.scenario(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialogue(input: &str) -> (io::Result<()>, Answers, String) {
        let (mut answers, mut output) = (Answers::new(), Vec::new());
        let result = ask(&mut answers, &mut input.as_bytes(), &mut output);
        (result, answers, String::from_utf8(output).unwrap())
    }

    const STARTER: &str = "starter\ncodecommit\nMüller: & \"Co\"\nmueller\n012345678901\na001\nprod\nus-west-2\nchurn\n\n0042\nshop\nml-team\n";

    #[test]
    fn answers_make_a_config_that_validates() {
        let (result, answers, _) = dialogue(STARTER);
        result.unwrap();
        let loaded = config::load(draft(&answers).as_bytes()).unwrap();
        assert_eq!(loaded.config.client.company_name, "Müller: & \"Co\"");
        assert_eq!(loaded.config.client.account_id.as_str(), "012345678901");
    }

    #[test]
    fn a_wrong_answer_is_explained_and_asked_again() {
        let (result, answers, output) = dialogue(
            &STARTER.replace("starter\n", "huge\nstarter\n").replace("us-west-2", "us-west-9\nus-west-2"),
        );
        result.unwrap();
        assert_eq!(answers["/environment/region"], "us-west-2");
        assert!(output.contains("`tier` is `huge`, but must be"), "{output}");
        assert!(output.contains("did you mean `us-west-1` or `us-west-2`?"), "{output}");
        assert_eq!(output.matches("Tier (").count(), 2);
    }

    #[test]
    fn enterprise_asks_for_its_vpc_and_starter_does_not() {
        let (_, _, starter) = dialogue(STARTER);
        assert!(!starter.contains("VPC"));
        let enterprise = STARTER
            .replace("starter\n", "enterprise\n")
            .replace("churn\n\n", "churn\n\na@b.example\nsg-provisioner\ndirect\nvpc-0a1b2c3d\nsubnet-0a1b2c3d, subnet-1a1b2c3d\nsg-0a1b2c3d\n\n");
        let (result, answers, output) = dialogue(&enterprise);
        result.unwrap();
        assert!(output.contains("Security group id") && !output.contains("SSM parameter"), "{output}");
        assert_eq!(
            config::load(draft(&answers).as_bytes()).unwrap().config.scenario(),
            "codecommit-sgprov-direct"
        );
    }

    #[test]
    fn a_wrong_flag_is_told_before_the_questions_after_it() {
        let mut answers = Answers::from([("/ml_product/tier", "huge".to_owned())]);
        let mut output = Vec::new();
        ask(&mut answers, &mut STARTER.as_bytes(), &mut output).unwrap();
        let output = String::from_utf8(output).unwrap();
        assert!(
            output.starts_with("  `tier` is `huge`") && output.matches("Tier (").count() == 1,
            "{output}"
        );
        assert_eq!(answers["/ml_product/tier"], "starter");
    }

    #[test]
    fn enter_alone_says_what_is_needed_and_asks_again() {
        let (result, _, output) = dialogue(&format!("\n{}", STARTER.replace("us-west-2\n", "\nus-west-2\n")));
        result.unwrap();
        assert!(
            output.starts_with("Tier (starter, professional, enterprise):   An answer is needed: Tier."),
            "{output}"
        );
        assert_eq!(output.matches("An answer is needed").count(), 2, "{output}");
    }

    #[test]
    fn what_is_written_after_all_questions_has_no_warning() {
        let (result, answers, _) = dialogue(STARTER);
        result.unwrap();
        assert_eq!(config::load(draft(&answers).as_bytes()).unwrap().findings, []);
    }

    #[test]
    fn an_input_that_ends_early_is_an_error() {
        assert!(dialogue("starter\n").0.is_err());
    }

    #[test]
    fn texts_that_yaml_would_misread_are_quoted() {
        let mut answers = dialogue(STARTER).1;
        for text in ["yes", "012", "a: b", "a #b", "- x", "*x", "1e3", "'q'", "~", "null", " lead"] {
            answers.insert("/tags/project", text.to_owned());
            answers.insert("/client/company_name", text.to_owned());
            let loaded = yaml_text(&draft(&answers));
            assert_eq!(loaded, text);
        }
    }

    fn yaml_text(text: &str) -> String {
        let document =
            mlp_template::yaml::load(text.as_bytes(), &mlp_template::yaml::Limits::config()).unwrap();
        let json = document.to_json();
        assert_eq!(json["tags"]["project"], json["client"]["company_name"]);
        json["client"]["company_name"].as_str().unwrap().to_owned()
    }
}
