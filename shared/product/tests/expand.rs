//! Templates with products against what the macro makes of them.
//!
//! `tests/golden/expand/<case>` holds `input.yaml`, a template, or `request.json`, a macro request; `place.json` says for which
//! account, region and values it is expanded, if not the usual ones; `expected.yaml` or `error.txt` is what must come of
//! it. `UPDATE_GOLDEN=1` writes the latter anew.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use mlp_product::actions::{self, Language};
use mlp_product::expand::{self, Lookups, Place, Response, Status};
use mlp_template::check;
use mlp_template::finding::Finding;
use serde::Deserialize;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What `place.json` may say.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Given {
    account_id: Option<String>,
    region: Option<String>,
    parameters: BTreeMap<String, String>,
    ssm: BTreeMap<String, String>,
    permissions_boundary: Option<String>,
    macro_name: Option<String>,
}

impl Given {
    fn of(case: &Path) -> Self {
        fs::read(case.join("place.json"))
            .map_or_else(|_| Self::default(), |text| serde_json::from_slice(&text).unwrap())
    }

    fn place(&self) -> Place {
        Place {
            account_id: self.account_id.clone().unwrap_or_else(|| "123456789012".to_owned()),
            region: self.region.clone().unwrap_or_else(|| "us-west-2".to_owned()),
            parameters: self.parameters.clone().into_iter().collect(),
            permissions_boundary: self.permissions_boundary.clone(),
            macro_name: self.macro_name.clone(),
        }
    }

    fn lookup(&self, path: &str) -> Result<String, String> {
        self.ssm.get(path).cloned().ok_or_else(|| "there is no such parameter".to_owned())
    }
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(root().join("tests/golden/expand"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(cases.len() > 1);
    cases
}

/// The macro request that CloudFormation would make of a template.
fn request(template: &[u8], given: &Given) -> Vec<u8> {
    let document = mlp_template::yaml::load(template, &mlp_template::yaml::Limits::template()).unwrap();
    let (input, _) = expand::from_document(&document, &given.place());
    // Other macros of the template have run, or will.
    let (fragment, values) =
        (serde_json::to_string(&input.fragment).unwrap(), serde_json::to_string(&input.parameters).unwrap());
    format!(
        r#"{{"region": "{}", "accountId": "{}", "transformId": "{}::MLProvisioner", "params": {{}}, "requestId": "d1b4ca94",
        "fragment": {fragment}, "templateParameterValues": {values}}}"#,
        input.region, input.account_id, input.account_id
    )
    .into_bytes()
}

fn respond(request: &[u8], given: &Given) -> Response {
    let lookups: Lookups =
        expand::needs(request).into_iter().map(|path| (path.clone(), given.lookup(&path))).collect();
    expand::Request::read(request)
        .with_permissions_boundary(given.permissions_boundary.clone())
        .respond(&lookups)
}

fn shown(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let place = match (finding.line, finding.column) {
            (Some(line), Some(column)) => format!("{line}:{column}"),
            _ => "nowhere".to_owned(),
        };
        writeln!(
            text,
            "{place} {} {} {}\n    {}",
            finding.severity, finding.code, finding.path, finding.message
        )
        .unwrap();
        if let Some(help) = &finding.help {
            writeln!(text, "    help: {help}").unwrap();
        }
    }
    text
}

/// What a case gives: the name of the golden file and its text.
fn made(case: &Path) -> (&'static str, String) {
    let given = Given::of(case);
    if let Ok(request) = fs::read(case.join("request.json")) {
        let answer = respond(&request, &given);
        return ("response.json", format!("{}\n", serde_json::to_string_pretty(&answer).unwrap()));
    }
    let template = fs::read(case.join("input.yaml")).unwrap();
    let made = actions::expand(&template, &given.place(), Language::Yaml, |path| given.lookup(path)).unwrap();
    let answer = respond(&request(&template, &given), &given);
    if made.outcome.ok {
        assert_eq!(answer.status, Status::Success, "{}: {answer:?}", case.display());
        let expanded = &made.files.first().unwrap().text;
        // Both ways in give one template.
        let json = |text: &str| check::text(text.as_bytes()).1.unwrap().to_json().to_string();
        let same = json(expanded) == json(answer.fragment.unwrap().get());
        assert!(same, "{}: the macro's answer is another template than mlp's", case.display());
        return ("expected.yaml", expanded.clone());
    }
    // A value for a parameter that isn't there never reaches the macro.
    let message = answer.error_message.unwrap_or_else(|| "only mlp refuses this".to_owned());
    ("error.txt", format!("{message}\n\n{}", shown(&made.outcome.findings)))
}

#[test]
fn every_case_gives_what_is_expected() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let (file, text) = made(&case);
        let path = case.join(file);
        if update {
            for other in ["expected.yaml", "error.txt", "response.json"] {
                let _ = fs::remove_file(case.join(other));
            }
            fs::write(&path, &text).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            wrong.push(format!("{}:\n{}", path.display(), text.chars().take(2_000).collect::<String>()));
        }
    }
    assert!(wrong.is_empty(), "differ (UPDATE_GOLDEN=1 writes them):\n{}", wrong.join("\n"));
}

#[test]
fn the_templates_of_the_docs_expand_without_a_finding() {
    let page = fs::read_to_string(root().join("docs/macro.md")).unwrap();
    let templates: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .filter(|block| block.contains("Resources:"))
        .collect();
    assert!(templates.len() >= 3);
    for template in templates {
        let place = Given::default().place();
        let made = actions::expand(template.as_bytes(), &place, Language::Json, |path| Err(path.to_owned()))
            .unwrap();
        assert_eq!(shown(&made.outcome.findings), "", "{template}");
        assert!(!made.files.is_empty());
    }
}

#[test]
fn the_recorded_requests_are_answered() {
    let lookup = |path: &str| match path {
        "/vpc/main/VPCId" => Ok("vpc-0a1b2c3d4e5f60718".to_owned()),
        _ => Ok("subnet-0123456789abcdef0,subnet-0fedcba9876543210".to_owned()),
    };
    for (event, needs, wrong) in [
        ("two-resources-and-parameters", 0, None),
        ("ids-from-parameter-store", 2, None),
        ("two-mistakes", 0, Some("Fraud.Tier: ")),
        ("embedded", 0, Some("write `Transform: MLProvisioner` at the top")),
    ] {
        let request = fs::read(root().join(format!("events/macro/{event}.json"))).unwrap();
        let paths = expand::needs(&request);
        assert_eq!(paths.len(), needs, "{event}");
        let lookups: Lookups = paths.into_iter().map(|path| (path.clone(), lookup(&path))).collect();
        let answer = expand::respond(&request, &lookups);
        assert_eq!(answer.request_id.get(), r#""5dba79b5-f117-4de0-9ce4-d40363bfb6ab""#);
        match wrong {
            None => assert_eq!(answer.status, Status::Success, "{event}: {answer:?}"),
            Some(part) => assert!(answer.error_message.unwrap().contains(part), "{event}"),
        }
    }
}
