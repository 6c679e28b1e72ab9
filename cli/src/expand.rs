//! `mlp expand`: a template as the macro would make it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mlp_product::actions::{self, Language};
use mlp_product::config::AccountId;
use mlp_product::expand::Place;
use mlp_template::error::InternalError;
use mlp_template::yaml::Limits;

use crate::show::{self, Shown};
use crate::{BLOCKED, DONE, UNUSABLE, files, finish, read};

#[derive(clap::Args)]
pub(crate) struct Flags {
    /// The template, YAML or JSON; `-` reads standard input
    #[arg(value_name = "TEMPLATE")]
    template: PathBuf,
    /// The value of a template parameter; those left out have their defaults. May be given several times
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// The value of an SSM parameter, for products that take ids from Parameter Store. May be given several times
    #[arg(long = "ssm", value_name = "PATH=VALUE", value_parser = pair)]
    ssm: Vec<(String, String)>,
    /// The account that the stack is for
    #[arg(long, value_name = "ID", default_value = "123456789012", value_parser = account)]
    account_id: String,
    /// The region that the stack is for; it is part of every name
    #[arg(long, value_name = "REGION", env = "AWS_REGION", default_value = "us-east-1")]
    region: String,
    /// ARN of the managed policy that bounds the roles of products that name none, as the suite's macro would use it
    #[arg(long, value_name = "ARN")]
    permissions_boundary: Option<String>,
    /// The macro's name in `Transform`, if the suite was deployed with another `MacroName`
    #[arg(long, value_name = "NAME")]
    macro_name: Option<String>,
    /// Where to write; `-` is standard output. With `--format json` the template is written only to a file
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
    /// The template's language; by default what the name of `--out` says, else YAML
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    output: Option<Output>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Output {
    Yaml,
    Json,
}

/// 12 digits.
fn account(text: &str) -> Result<String, String> {
    AccountId::parse(text)
        .map(|id| id.to_string())
        .map_err(|_| "an account id has exactly 12 digits".to_owned())
}

/// `NAME=VALUE`; the value may hold more of these signs.
fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a name, `=` and a value are wanted".to_owned()),
    }
}

impl Flags {
    fn language(&self) -> Language {
        let is_json =
            |path: &Path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        match self.output {
            Some(Output::Json) => Language::Json,
            None if is_json(&self.out) => Language::Json,
            _ => Language::Yaml,
        }
    }
}

pub(crate) fn run(flags: &Flags, shown: &Shown) -> Result<u8, InternalError> {
    let Some(input) = read("expand", &flags.template, Limits::template(), shown) else {
        return Ok(UNUSABLE);
    };
    let place = Place {
        account_id: flags.account_id.clone(),
        region: flags.region.clone(),
        parameters: flags.parameters.iter().cloned().collect(),
        permissions_boundary: flags.permissions_boundary.clone(),
        macro_name: flags.macro_name.clone(),
    };
    let ssm: BTreeMap<&str, &str> =
        flags.ssm.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect();
    let lookup = |path: &str| match ssm.get(path) {
        Some(value) => Ok((*value).to_owned()),
        None => Err(format!("nothing is looked up in AWS here; give its value with `--ssm {path}=VALUE`")),
    };
    let mut made = actions::expand(&input.bytes, &place, flags.language(), lookup)?;
    let to_stdout = flags.out.as_os_str() == "-";
    if to_stdout {
        let template = made.files.pop();
        made.outcome.outputs.clear();
        made.outcome.hashes.clear();
        if shown.is_json() {
            return Ok(finish(made, Some(&input), shown));
        }
        shown.findings(&made.outcome, Some(&input));
        return Ok(match template {
            Some(template) => shown.printed(show::print_data(&template.text), DONE),
            None => BLOCKED,
        });
    }
    if let Some(file) = made.files.first_mut() {
        let name = flags.out.display().to_string();
        if let Err(error) = files::whole(&flags.out, file.text.as_bytes(), true) {
            shown.error(&format!("{name} can't be written: {error}"));
            return Ok(UNUSABLE);
        }
        made.outcome.hashes = made.outcome.hashes.into_values().map(|hash| (name.clone(), hash)).collect();
        made.outcome.outputs = vec![name];
    }
    Ok(finish(made, Some(&input), shown))
}
