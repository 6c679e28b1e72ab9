//! What an execution is asked to do.

use serde::{Deserialize, Serialize};
use serde_json::{Map as Object, Value as Json};

use crate::codes;
use crate::custom::Respond;
use crate::finding::{Code, Finding};
use crate::suggest::did_you_mean;

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
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 4] =
        [Self::DeployProduct, Self::TestDeploy, Self::DeleteProduct, Self::ShowChanges];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeployProduct => "deploy-product",
            Self::TestDeploy => "test-deploy",
            Self::DeleteProduct => "delete-product",
            Self::ShowChanges => "show-changes",
        }
    }

    /// Whether it must be said that it is meant.
    pub fn needs_force(self) -> bool {
        matches!(self, Self::DeployProduct | Self::DeleteProduct)
    }
}

/// Where the config is.
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
    /// None: a stack by its name or ARN, to be deleted when nobody has the config any more.
    Deployed {
        /// The stack.
        stack: String,
    },
}

/// An execution's input that nothing is wrong with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// What is done.
    pub action: Action,
    /// With which config.
    pub config: ConfigSource,
    /// Whether somebody must approve the changes, and how long that is waited for, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_seconds: Option<u64>,
    /// Whether a stack that never came to be may be deleted and made anew.
    pub recreate_failed: bool,
    /// Whether `test-deploy` leaves its stack behind.
    pub keep: bool,
    /// Whether what was changed by hand is put back.
    pub revert_drift: bool,
    /// Whom to answer at the end: a custom resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub respond: Option<Respond>,
}

/// Which keys there are, and for which actions.
const KEYS: [(&str, &[Action]); 9] = [
    ("action", &Action::ALL),
    ("config", &Action::ALL),
    ("stack", &[Action::DeleteProduct]),
    ("force", &Action::ALL),
    ("approval", &[Action::DeployProduct]),
    ("recreate_failed", &[Action::DeployProduct, Action::TestDeploy]),
    ("keep", &[Action::TestDeploy]),
    ("drift", &[Action::DeployProduct, Action::ShowChanges]),
    ("respond", &[Action::DeployProduct, Action::DeleteProduct]),
];

impl Input {
    /// Reads an execution's input.
    ///
    /// ```
    /// # use mlp_core::deploy::input::Input;
    /// # use serde_json::json;
    /// let findings = Input::read(&json!({"action": "deploy-prodct", "config": {"bucket": "b"}})).unwrap_err();
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
        let mut reader = Reader { fields, findings: Vec::new() };
        let action = reader.action();
        let config = reader.config();
        let force = reader.flag("force");
        let input = Self {
            action: action.unwrap_or(Action::ShowChanges),
            config: config.unwrap_or(ConfigSource::Inline(String::new())),
            approval_seconds: reader.approval(),
            recreate_failed: reader.flag("recreate_failed"),
            keep: reader.flag("keep"),
            revert_drift: reader.revert(),
            respond: reader.respond(),
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
    findings: Vec<Finding>,
}

impl Reader<'_> {
    fn action(&mut self) -> Option<Action> {
        let names = || Action::ALL.iter().map(|action| action.as_str());
        let allowed = || names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let Some(given) = self.fields.get("action").and_then(Json::as_str) else {
            self.findings.push(wrong("/action", format!("`action` is missing; it is one of {}", allowed())));
            return None;
        };
        let action = Action::ALL.into_iter().find(|action| action.as_str() == given);
        if action.is_none() {
            let message = format!("there is no action `{}`; allowed are {}", shown(given), allowed());
            let help = did_you_mean(given, names());
            self.findings.push(Finding { help, ..wrong("/action", message) });
        }
        action
    }

    fn config(&mut self) -> Option<ConfigSource> {
        match (self.fields.get("config"), self.fields.get("stack")) {
            (config, None | Some(Json::Null)) => self.given(config),
            (None | Some(Json::Null), Some(Json::String(stack))) if !stack.is_empty() => {
                Some(ConfigSource::Deployed { stack: stack.clone() })
            }
            (None | Some(Json::Null), Some(_)) => {
                self.findings.push(wrong("/stack", "`stack` is neither a stack's name nor its ARN"));
                None
            }
            (Some(_), Some(_)) => {
                let message = "`config` and `stack` both say what is meant";
                self.findings.push(wrong("/stack", message).help("leave one of them out"));
                None
            }
        }
    }

    fn given(&mut self, config: Option<&Json>) -> Option<ConfigSource> {
        match config {
            Some(Json::String(text)) => Some(ConfigSource::Inline(text.clone())),
            Some(Json::Object(place)) => {
                let mut text = |key: &str, wanted: bool| {
                    let path = format!("/config/{key}");
                    match place.get(key) {
                        Some(Json::String(text)) if !text.is_empty() => Some(text.clone()),
                        None | Some(Json::Null) if !wanted => None,
                        None => {
                            self.findings.push(wrong(&path, format!("`config` has no `{key}`")));
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
                for name in place.keys().filter(|name| !["bucket", "key", "version"].contains(&name.as_str()))
                {
                    let help = did_you_mean(name, ["bucket", "key", "version"]);
                    let path = crate::yaml::join("/config", name);
                    let finding = wrong(&path, format!("`config` has no `{}`", shown(name)));
                    self.findings.push(Finding { help, ..finding });
                }
                Some(ConfigSource::Stored { bucket: bucket?, key: key?, version })
            }
            Some(_) => {
                let message = "`config` is neither a config's text nor where it is stored";
                self.findings
                    .push(wrong("/config", message).help(r#"{"bucket": "...", "key": "configs/x.yaml"}"#));
                None
            }
            None => {
                let help = r#"name the object, {"bucket": "...", "key": "configs/x.yaml"}, or give the config's text"#;
                self.findings.push(wrong("/config", "`config` is missing").help(help));
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
                self.findings.push(wrong(&format!("/{key}"), message));
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
            let path = crate::yaml::join("", key);
            match KEYS.iter().find(|(known, _)| known == key) {
                None => {
                    let message = format!("an execution's input has no `{}`", shown(key));
                    let help = did_you_mean(key, KEYS.iter().map(|(known, _)| *known));
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

fn wrong(path: &str, message: impl Into<String>) -> Finding {
    const CODE: Code = codes::DEP_INPUT;
    Finding::error(CODE, path, message)
}

fn shown(text: &str) -> String {
    crate::template::read::shorten(text)
}

/// A value in a message: never a whole document, which may hold anything.
fn brief(value: &Json) -> String {
    match value {
        Json::Object(_) => "an object".to_owned(),
        Json::Array(_) => "a list".to_owned(),
        Json::String(text) => format!("`{}`", shown(text)),
        other => format!("`{other}`"),
    }
}
