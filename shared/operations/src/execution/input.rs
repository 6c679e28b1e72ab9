//! What an execution is asked to do.

use mlp_product::config::{BucketName, Tier};
use mlp_template::codes;
use mlp_template::finding::{Code, Finding};
use mlp_template::suggest::Suggestions;
use serde::{Deserialize, Serialize};
use serde_json::{Map as Object, Value as Json};

use crate::custom_resource::Respond;

/// How long an approval is waited for when the input doesn't say, in seconds: three days, so that a weekend fits in.
pub const APPROVAL_SECONDS: u64 = 3 * 24 * 60 * 60;

/// The longest wait for an approval, in seconds: a change set that is a week old describes another stack.
pub const LONGEST_APPROVAL_SECONDS: u64 = 7 * 24 * 60 * 60;

/// What is done with a config.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Creates the stack or brings it up to date.
    DeployProduct,
    /// Deploys under a name of its own, looks, and removes it again.
    TestDeploy,
    /// Deletes the stack.
    DeleteProduct,
    /// Shows what a deployment would change.
    ShowChanges,
    /// Looks for what was changed behind the templates' and configs' backs.
    CheckDrift,
    /// Finds a config's mistakes.
    ValidateConfig,
    /// Lists the tiers.
    ListProducts,
    /// Shows a tier, or a config's product, resource by resource.
    ShowProduct,
    /// Makes the policies of who deploys a config's product.
    CreatePolicy,
    /// Makes a config's template.
    CreateProvTemplate,
    /// Checks a config's template, or any.
    ValidateProvTemplate,
    /// Makes a config's review report.
    CreateReviewReport,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 12] = [
        Self::DeployProduct,
        Self::TestDeploy,
        Self::DeleteProduct,
        Self::ShowChanges,
        Self::CheckDrift,
        Self::ValidateConfig,
        Self::ListProducts,
        Self::ShowProduct,
        Self::CreatePolicy,
        Self::CreateProvTemplate,
        Self::ValidateProvTemplate,
        Self::CreateReviewReport,
    ];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeployProduct => "deploy-product",
            Self::TestDeploy => "test-deploy",
            Self::DeleteProduct => "delete-product",
            Self::ShowChanges => "show-changes",
            Self::CheckDrift => "check-drift",
            Self::ValidateConfig => "validate-config",
            Self::ListProducts => "list-products",
            Self::ShowProduct => "show-product",
            Self::CreatePolicy => "create-policy",
            Self::CreateProvTemplate => "create-prov-template",
            Self::ValidateProvTemplate => "validate-prov-template",
            Self::CreateReviewReport => "create-review-report",
        }
    }

    /// Whether the library alone carries it out, without a look at any stack.
    pub fn is_local(self) -> bool {
        match self {
            Self::DeployProduct
            | Self::TestDeploy
            | Self::DeleteProduct
            | Self::ShowChanges
            | Self::CheckDrift => false,
            Self::ValidateConfig
            | Self::ListProducts
            | Self::ShowProduct
            | Self::CreatePolicy
            | Self::CreateProvTemplate
            | Self::ValidateProvTemplate
            | Self::CreateReviewReport => true,
        }
    }

    /// Whether it must be said that it is meant.
    pub fn needs_force(self) -> bool {
        matches!(self, Self::DeployProduct | Self::DeleteProduct)
    }
}

/// What an action is about: where the config is, or what it takes instead of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ConfigSource {
    /// In a bucket.
    Stored {
        /// The bucket.
        bucket: String,
        /// The key.
        key: String,
        /// The version; the current one, if absent. It is pinned when it is first read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
    /// In the input itself, as text.
    Inline(String),
    /// None: a stack by its name or ARN, to be deleted when nobody has the config any more, or to be looked at.
    Deployed {
        /// The stack.
        stack: String,
    },
    /// None: tiers, to be shown.
    Products {
        /// The tiers.
        tiers: Vec<Tier>,
    },
    /// None: every product whose stack's name begins so, to be looked at.
    Fleet {
        /// How the stacks' names begin; all, if empty.
        prefix: String,
    },
}

/// An execution's input that nothing is wrong with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the input")]
pub struct Input {
    /// What is done.
    pub action: Action,
    /// With which config.
    pub config: ConfigSource,
    /// Whether that is a template of somebody's own and no config.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_template: bool,
    /// Whether somebody must approve the changes, and how long that is waited for, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_seconds: Option<u64>,
    /// Whether a stack that never came to be may be deleted and made anew.
    pub recreate_failed: bool,
    /// Whether a stack of ours is taken over that has no tags, or whose custom resource no longer exists.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopt: bool,
    /// Whether `test-deploy` leaves its stack behind.
    pub keep: bool,
    /// Whether what was changed by hand is put back.
    pub revert_drift: bool,
    /// Whom to answer at the end: a custom resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respond: Option<Respond>,
    /// Who asked, as far as they say it: the ARN that `sts:GetCallerIdentity` answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
}

/// The longest ARN that is taken as `requested_by`. Source: IAM API Reference, `arnType` (20 to 2,048 characters).
const LONGEST_ARN: usize = 2_048;

/// Every action that has a config.
const WITH_CONFIG: [Action; 11] = [
    Action::DeployProduct,
    Action::TestDeploy,
    Action::DeleteProduct,
    Action::ShowChanges,
    Action::CheckDrift,
    Action::ValidateConfig,
    Action::ShowProduct,
    Action::CreatePolicy,
    Action::CreateProvTemplate,
    Action::ValidateProvTemplate,
    Action::CreateReviewReport,
];

/// What says what an action is about; one of them is given.
const SUBJECTS: [&str; 5] = ["config", "stack", "prefix", "tier", "template"];

/// Which keys there are, and for which actions.
const KEYS: [(&str, &[Action]); 14] = [
    ("action", &Action::ALL),
    ("config", &WITH_CONFIG),
    ("stack", &[Action::DeleteProduct, Action::CheckDrift]),
    ("prefix", &[Action::CheckDrift]),
    ("tier", &[Action::ShowProduct]),
    ("template", &[Action::ValidateProvTemplate]),
    ("force", &Action::ALL),
    ("approval", &[Action::DeployProduct, Action::TestDeploy, Action::DeleteProduct]),
    ("recreate_failed", &[Action::DeployProduct]),
    ("adopt", &[Action::DeployProduct, Action::DeleteProduct]),
    ("keep", &[Action::TestDeploy]),
    ("drift", &[Action::DeployProduct, Action::ShowChanges]),
    ("respond", &[Action::DeployProduct, Action::DeleteProduct]),
    ("requested_by", &Action::ALL),
];

impl Input {
    /// Reads an execution's input.
    ///
    /// ```
    /// # use mlp_operations::execution::input::Input;
    /// # use serde_json::json;
    /// let findings = Input::read(&json!({"action": "deploy-prodct", "config": {"bucket": "uploads"}})).unwrap_err();
    /// assert_eq!(findings[0].help.as_deref(), Some("did you mean `deploy-product`?"));
    /// assert_eq!(findings[1].path, "/config/key");
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn read(input: &Json) -> Result<Self, Vec<Finding>> {
        let Json::Object(fields) = input else {
            let help =
                r#"start the execution with {"action": "...", "config": {"bucket": "...", "key": "..."}}"#;
            return Err(vec![wrong("", "the input is not a JSON object").help(help)]);
        };
        let suggestions = Suggestions::default();
        let mut reader = Reader { fields, suggestions: &suggestions, findings: Vec::new() };
        let action = reader.action();
        let config = reader.subject(action);
        let force = reader.flag("force");
        let input = Self {
            action: action.unwrap_or(Action::ShowChanges),
            config: config.unwrap_or(ConfigSource::Inline(String::new())),
            is_template: reader.is_given("template"),
            approval_seconds: reader.approval(),
            recreate_failed: reader.flag("recreate_failed"),
            adopt: reader.flag("adopt"),
            keep: reader.flag("keep"),
            revert_drift: reader.revert(),
            respond: reader.respond(),
            requested_by: reader.requested_by(),
        };
        reader.keys(action);
        if action.is_some_and(Action::needs_force) && !force {
            let action = input.action.as_str();
            reader.findings.push(
                Finding::error(
                    codes::DEP_NOT_FORCED,
                    "/force",
                    format!("`{action}` needs `\"force\": true`"),
                )
                .help("run `show-changes` first; then say that it is meant"),
            );
        }
        if reader.findings.is_empty() { Ok(input) } else { Err(reader.findings) }
    }
}

struct Reader<'a> {
    fields: &'a Object<String, Json>,
    suggestions: &'a Suggestions,
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn action(&mut self) -> Option<Action> {
        let names = || Action::ALL.iter().map(|action| action.as_str());
        let allowed = || names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let Some(given) = self.fields.get("action").and_then(Json::as_str) else {
            let is = match self.fields.get("action") {
                None | Some(Json::Null) => "missing".to_owned(),
                Some(other) => brief(other),
            };
            self.findings.push(wrong("/action", format!("`action` is {is}; it is one of {}", allowed())));
            return None;
        };
        let action = Action::ALL.into_iter().find(|action| action.as_str() == given);
        if action.is_none() {
            let message = format!("there is no action `{}`; allowed are {}", shown(given), allowed());
            let help = self.suggestions.did_you_mean(given, names());
            self.findings.push(Finding { help, ..wrong("/action", message) });
        }
        action
    }

    fn is_given(&self, key: &str) -> bool {
        self.fields.get(key).is_some_and(|value| !value.is_null())
    }

    fn subject(&mut self, action: Option<Action>) -> Option<ConfigSource> {
        let given: Vec<&str> = SUBJECTS.into_iter().filter(|key| self.is_given(key)).collect();
        if let [first, second, ..] = given.as_slice() {
            let message = format!("`{first}` and `{second}` both say what is meant");
            self.findings.push(wrong(&format!("/{second}"), message).help("leave one of them out"));
            return None;
        }
        match (given.first().copied(), action) {
            (Some("stack"), _) => self
                .text("stack", "`stack` is neither a stack's name nor its ARN")
                .map(|stack| ConfigSource::Deployed { stack }),
            (Some("prefix"), _) => self
                .text("prefix", "`prefix` is not how the names of stacks begin")
                .map(|prefix| ConfigSource::Fleet { prefix }),
            (Some("tier"), _) => self.tier().map(|tier| ConfigSource::Products { tiers: vec![tier] }),
            (Some(key), _) => self.given(key),
            (None, Some(Action::ListProducts)) => Some(ConfigSource::Products { tiers: Tier::ALL.to_vec() }),
            (None, Some(Action::CheckDrift)) => Some(ConfigSource::Fleet { prefix: String::new() }),
            (None, action) => {
                let or = match action {
                    Some(Action::ShowProduct) => "; or a `tier`",
                    Some(Action::ValidateProvTemplate) => "; or a `template`, in the same way",
                    _ => "",
                };
                let help = format!(
                    r#"name the object, {{"bucket": "...", "key": "configs/x.yaml"}}, or give the config's text{or}"#
                );
                self.findings.push(wrong("/config", "`config` is missing").help(help));
                None
            }
        }
    }

    fn text(&mut self, key: &str, otherwise: &str) -> Option<String> {
        let text = self.fields.get(key).and_then(Json::as_str).filter(|text| !text.is_empty());
        if text.is_none() {
            self.findings.push(wrong(&format!("/{key}"), otherwise));
        }
        text.map(str::to_owned)
    }

    fn tier(&mut self) -> Option<Tier> {
        let given = self.text("tier", "`tier` is not text")?;
        let tier = Tier::parse(&given);
        if tier.is_none() {
            let names = Tier::ALL.map(Tier::as_str);
            let message = format!("there is no tier `{}`; allowed are {}", shown(&given), names.join(", "));
            self.findings.push(Finding {
                help: self.suggestions.did_you_mean(&given, names),
                ..wrong("/tier", message)
            });
        }
        tier
    }

    /// A config, or a template in its place.
    fn given(&mut self, name: &str) -> Option<ConfigSource> {
        match self.fields.get(name) {
            Some(Json::String(text)) => Some(ConfigSource::Inline(text.clone())),
            Some(Json::Object(config)) if is_config(config) => {
                let message =
                    format!("`{name}` is a {name} as JSON; its text is wanted, or where it is stored");
                let help = r#"give it as text, in quotation marks, or upload it and name {"bucket": "...", "key": "configs/x.yaml"}"#;
                self.findings.push(wrong(&format!("/{name}"), message).help(help));
                None
            }
            Some(Json::Object(place)) => {
                let mut text = |key: &str, wanted: bool| {
                    let path = format!("/{name}/{key}");
                    match place.get(key) {
                        Some(Json::String(text)) if !text.is_empty() => Some(text.clone()),
                        None | Some(Json::Null) if !wanted => None,
                        None => {
                            self.findings.push(wrong(&path, format!("`{name}` has no `{key}`")));
                            None
                        }
                        Some(_) => {
                            self.findings.push(wrong(&path, format!("`{key}` is not text")));
                            None
                        }
                    }
                };
                let (bucket, key, version) =
                    (text("bucket", true), text("key", true), text("version", false));
                let bucket = bucket.and_then(|given| {
                    let read = bucket_name(&given, &format!("/{name}/bucket"));
                    read.map_err(|finding| self.findings.push(finding)).ok()
                });
                for field in
                    place.keys().filter(|field| !["bucket", "key", "version"].contains(&field.as_str()))
                {
                    let help = self.suggestions.did_you_mean(field, ["bucket", "key", "version"]);
                    let path = mlp_template::yaml::join(&format!("/{name}"), field);
                    let finding = wrong(&path, format!("`{name}` has no `{}`", shown(field)));
                    self.findings.push(Finding { help, ..finding });
                }
                Some(ConfigSource::Stored { bucket: bucket?, key: key?, version })
            }
            _ => {
                let message = format!("`{name}` is neither a {name}'s text nor where it is stored");
                let help = r#"{"bucket": "...", "key": "configs/x.yaml"}"#;
                self.findings.push(wrong(&format!("/{name}"), message).help(help));
                None
            }
        }
    }

    /// A flag; absent is no.
    fn flag(&mut self, key: &str) -> bool {
        match self.fields.get(key) {
            None | Some(Json::Null) => false,
            Some(Json::Bool(value)) => *value,
            Some(other) => {
                let message = format!("`{key}` is {}; allowed are true and false", brief(other));
                let finding = wrong(&format!("/{key}"), message);
                self.findings.push(match other.as_str() {
                    Some("true" | "false") => finding.help("write it without quotation marks"),
                    _ => finding,
                });
                false
            }
        }
    }

    /// `true`, or `{"timeout_seconds": n}`.
    fn approval(&mut self) -> Option<u64> {
        let value = self.fields.get("approval")?;
        let seconds = value.get("timeout_seconds").and_then(Json::as_u64);
        match (value, seconds) {
            (Json::Null | Json::Bool(false), _) => None,
            (Json::Bool(true), _) => Some(APPROVAL_SECONDS),
            (Json::Object(fields), Some(seconds))
                if fields.len() == 1 && (60..=LONGEST_APPROVAL_SECONDS).contains(&seconds) =>
            {
                Some(seconds)
            }
            (other, _) => {
                let message = format!(
                    "`approval` is {}; allowed are true, false and {{\"timeout_seconds\": 60 to {LONGEST_APPROVAL_SECONDS}}}",
                    brief(other)
                );
                self.findings.push(wrong("/approval", message));
                None
            }
        }
    }

    /// Written by the function that takes custom resources' requests.
    fn respond(&mut self) -> Option<Respond> {
        let value = self.fields.get("respond").filter(|value| !value.is_null())?;
        let read = serde_json::from_value(value.clone());
        read.map_err(|error| {
            let message = format!("`respond` is no custom resource's request: {error}");
            self.findings.push(wrong("/respond", message));
        })
        .ok()
    }

    /// An ARN; it is shown to who approves.
    fn requested_by(&mut self) -> Option<String> {
        let value = self.fields.get("requested_by").filter(|value| !value.is_null())?;
        let arn = value.as_str().filter(|text| {
            text.starts_with("arn:")
                && text.len() <= LONGEST_ARN
                && text.chars().all(|it| it.is_ascii_graphic())
        });
        if arn.is_none() {
            let message = format!("`requested_by` is {}; it is an ARN", brief(value));
            let help = "leave it out, or give the ARN that `aws sts get-caller-identity` answers";
            self.findings.push(wrong("/requested_by", message).help(help));
        }
        arn.map(str::to_owned)
    }

    fn revert(&mut self) -> bool {
        match self.fields.get("drift") {
            None | Some(Json::Null) => false,
            Some(Json::String(text)) if text == "revert" => true,
            Some(other) => {
                let message = format!("`drift` is {}; allowed is \"revert\"", brief(other));
                self.findings.push(wrong("/drift", message));
                false
            }
        }
    }

    /// Keys that there are not, or not for this action.
    fn keys(&mut self, action: Option<Action>) {
        for (key, value) in self.fields {
            let path = mlp_template::yaml::join("", key);
            match KEYS.iter().find(|(known, _)| known == key) {
                None => {
                    let message = format!("an execution's input has no `{}`", shown(key));
                    let help = self.suggestions.did_you_mean(key, KEYS.iter().map(|(known, _)| *known));
                    self.findings.push(Finding { help, ..wrong(&path, message) });
                }
                // Somebody who switches off what isn't there is right.
                Some(_) if matches!(value, Json::Null | Json::Bool(false)) => {}
                Some((_, actions)) => {
                    if let Some(action) = action.filter(|action| !actions.contains(action)) {
                        let message = format!("`{key}` means nothing to `{}`", action.as_str());
                        let names: Vec<&str> = actions.iter().map(|action| action.as_str()).collect();
                        self.findings
                            .push(wrong(&path, message).help(format!("it is for {}", names.join(" and "))));
                    }
                }
            }
        }
    }
}

/// The name of a bucket. What else an S3 client takes there (an access point, a path behind the name) could stand for the
/// suite's bucket without being equal to its name, and so lead around [`is_given`](crate::execution::keys::is_given).
pub(crate) fn bucket_name(text: &str, path: &str) -> Result<String, Finding> {
    let named = BucketName::parse(text).map(|name| name.as_str().to_owned());
    named.map_err(|_| {
        let message = format!("`{}` is no bucket's name; it is {}", shown(text), BucketName::ALLOWED);
        wrong(path, message)
            .help("give the bucket's name alone: no ARN, no access point, no `s3://` and no slash")
    })
}

fn wrong(path: &str, message: impl Into<String>) -> Finding {
    const CODE: Code = codes::DEP_INPUT;
    Finding::error(CODE, path, message)
}

/// Whether an object is a config, or a template, and not the place of one.
fn is_config(object: &Object<String, Json>) -> bool {
    let is_place = ["bucket", "key", "version"].iter().any(|key| object.contains_key(*key));
    let sections = ["client", "environment", "ml_product", "tags", "Resources", "AWSTemplateFormatVersion"];
    !is_place && sections.iter().any(|key| object.contains_key(*key))
}

fn shown(text: &str) -> String {
    mlp_template::template::read::shorten(text)
}

/// A value in a message: never a whole document, which may hold anything.
fn brief(value: &Json) -> String {
    match value {
        Json::Object(_) => "an object".to_owned(),
        Json::Array(_) => "a list".to_owned(),
        Json::String(text) => format!("the text `{}`", shown(text)),
        other => format!("`{other}`"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(input: &Json) -> Vec<String> {
        let found = Input::read(input).err().unwrap_or_default();
        found.into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn a_test_takes_no_switch_that_has_no_effect_on_it() {
        let with = |action: &str| {
            Input::read(&json!({"action": action, "config": "a: 1", "force": true, "recreate_failed": true}))
        };
        assert!(with("deploy-product").unwrap().recreate_failed);
        let findings = with("test-deploy").unwrap_err();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].path, "/recreate_failed");
        assert_eq!(findings[0].help.as_deref(), Some("it is for deploy-product"));
    }

    #[test]
    fn a_bucket_is_named_by_its_name_alone() {
        for bucket in [
            "suite/pending",
            "suite/",
            "/suite",
            "Suite",
            "s3://suite",
            "arn:aws:s3:::suite",
            "arn:aws:s3:us-west-2:123456789012:accesspoint/one",
            "one-abcdefghijklmnopqrstuvwxyz0123456789-s3alias",
            "one.mrap",
            "suite?versions",
            "suite%2Fpending",
            "ab",
        ] {
            for (action, given) in [("show-changes", "config"), ("validate-prov-template", "template")] {
                let mut input = json!({"action": action});
                input[given] = json!({"bucket": bucket, "key": "approvals/x.json"});
                let found = Input::read(&input).unwrap_err();
                assert_eq!(found.len(), 1, "{bucket}: {found:?}");
                assert_eq!(found[0].path, format!("/{given}/bucket"), "{bucket}");
                assert!(found[0].message.contains(BucketName::ALLOWED), "{found:?}");
            }
        }
        let input =
            json!({"action": "show-changes", "config": {"bucket": "my.uploads-1", "key": "configs/x.yaml"}});
        assert!(Input::read(&input).is_ok());
    }

    #[test]
    fn each_action_says_what_it_is_about_in_its_own_way() {
        let read = |input: Json| Input::read(&input).unwrap().config;
        assert_eq!(
            read(serde_json::json!({"action": "list-products"})),
            ConfigSource::Products { tiers: Tier::ALL.to_vec() }
        );
        assert_eq!(
            read(serde_json::json!({"action": "show-product", "tier": "enterprise", "config": null})),
            ConfigSource::Products { tiers: vec![Tier::Enterprise] }
        );
        assert_eq!(
            read(serde_json::json!({"action": "check-drift"})),
            ConfigSource::Fleet { prefix: String::new() }
        );
        let template = serde_json::json!({"action": "validate-prov-template", "template": {"bucket": "uploads", "key": "k"}});
        let input = Input::read(&template).unwrap();
        assert!(input.is_template && matches!(input.config, ConfigSource::Stored { .. }));
        for action in Action::ALL.into_iter().filter(|action| WITH_CONFIG.contains(action)) {
            let input = serde_json::json!({"action": action, "config": "text", "force": true});
            assert_eq!(read(input), ConfigSource::Inline("text".to_owned()), "{action:?}");
        }
    }

    #[test]
    fn what_is_of_another_type_is_called_by_it_and_not_missing() {
        let told = |input: Json| {
            let found = Input::read(&input).unwrap_err();
            let first = &found[0];
            (found.len(), first.message.clone(), first.help.clone().unwrap_or_default())
        };
        let force = told(serde_json::json!({"action": "show-changes", "config": "x", "force": "true"}));
        assert_eq!(force.1, "`force` is the text `true`; allowed are true and false");
        assert_eq!(force.2, "write it without quotation marks");
        let action = told(serde_json::json!({"action": ["show-changes"], "config": "x"}));
        assert!(action.1.starts_with("`action` is a list; it is one of "), "{action:?}");
        let config =
            told(serde_json::json!({"action": "show-changes", "config": {"client": {}, "tags": {}}}));
        assert_eq!(
            (config.0, config.1.as_str()),
            (1, "`config` is a config as JSON; its text is wanted, or where it is stored")
        );
    }

    #[test]
    fn what_an_execution_carries_is_read_back_as_it_was() {
        let sources = [
            ConfigSource::Stored { bucket: "b".to_owned(), key: "k".to_owned(), version: None },
            ConfigSource::Inline("text".to_owned()),
            ConfigSource::Deployed { stack: "s".to_owned() },
            ConfigSource::Products { tiers: vec![Tier::Starter] },
            ConfigSource::Fleet { prefix: String::new() },
        ];
        for source in sources {
            let text = serde_json::to_string(&source).unwrap();
            assert_eq!(serde_json::from_str::<ConfigSource>(&text).unwrap(), source, "{text}");
        }
    }

    #[test]
    fn what_means_nothing_to_an_action_is_said_and_where() {
        for (input, wanted) in [
            (serde_json::json!({"action": "list-products", "config": "x"}), vec!["/config"]),
            (serde_json::json!({"action": "show-product"}), vec!["/config"]),
            (serde_json::json!({"action": "show-product", "tier": "enterprize"}), vec!["/tier"]),
            (serde_json::json!({"action": "show-product", "tier": 3}), vec!["/tier"]),
            (serde_json::json!({"action": "show-product", "tier": "starter", "config": "x"}), vec!["/tier"]),
            (serde_json::json!({"action": "create-policy", "tier": "starter"}), vec!["/tier"]),
            (serde_json::json!({"action": "create-policy", "config": "x", "keep": true}), vec!["/keep"]),
            (
                serde_json::json!({"action": "validate-prov-template", "template": {"key": "k"}}),
                vec!["/template/bucket"],
            ),
            (serde_json::json!({"action": "validate-prov-template", "template": ["x"]}), vec!["/template"]),
            (serde_json::json!({"action": "check-drift", "prefix": ""}), vec!["/prefix"]),
            (serde_json::json!({"action": "check-drift", "drift": "revert"}), vec!["/drift"]),
            (serde_json::json!({"action": "deploy-product", "prefix": "x"}), vec!["/prefix", "/force"]),
        ] {
            assert_eq!(paths(&input), wanted, "{input}");
        }
    }
}
