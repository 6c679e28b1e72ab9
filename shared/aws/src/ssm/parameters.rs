//! Values of SSM Parameter Store, looked up by name.
//!
//! What isn't there is no error here: the reason stands beside the name, in words for the user whose template or config
//! asked for it. What could not be asked for is one of [`read`], and a reason like the others of [`look_up`], whose caller
//! has one chance to answer. Values are never part of a reason or of a log line.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;

/// The most names that a call of `GetParameters` takes. Source: its page in the Systems Manager API Reference.
pub const BATCH: usize = 10;

/// Parameters by name. Every call is bounded in time and has already been retried when it fails.
pub trait ParameterStore {
    /// Reads at most [`BATCH`] parameters, none of them twice. What doesn't exist is missing in the answer.
    ///
    /// # Errors
    ///
    /// When the call as a whole failed. One name that the role may not read, or that is no name at all, is enough.
    fn get(
        &self,
        names: &[String],
    ) -> impl Future<Output = Result<BTreeMap<String, Parameter>, ParametersError>> + Send;
}

/// SSM parameter path to what was found there: the value (of a `StringList` the comma-separated text), or why there is
/// none, in words for the user.
pub type Lookups = BTreeMap<String, Result<String, String>>;

/// What is stored under a name.
#[derive(Clone, PartialEq, Eq)]
pub enum Parameter {
    /// A `String`, or a `StringList` with commas between its items.
    Plain(String),
    /// A `SecureString`, which is not decrypted.
    Secure,
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain(..)",
            Self::Secure => "Secure",
        })
    }
}

/// What kind of failure a [`ParametersError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// No permission.
    Denied,
    /// Throttled, after all retries.
    Throttled,
    /// Timed out, a server's error or a broken connection, after all retries.
    Unavailable,
    /// Anything else that AWS refuses.
    Other,
}

/// A `GetParameters` that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParametersError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// The service's error code or the reason why it wasn't reached, with the request's id if there is one.
    pub reason: String,
}

impl fmt::Display for ParametersError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, reason } = self;
        match kind {
            ErrorKind::Denied => {
                write!(
                    f,
                    "the function that looks it up needs the permission `ssm:GetParameters` on it ({reason})"
                )
            }
            ErrorKind::Throttled | ErrorKind::Unavailable => {
                write!(f, "Parameter Store did not answer, try again ({reason})")
            }
            ErrorKind::Other => write!(f, "Parameter Store refused it ({reason})"),
        }
    }
}

impl std::error::Error for ParametersError {}

impl ParametersError {
    /// Whether the same call may be answered later.
    fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::Throttled | ErrorKind::Unavailable)
    }
}

/// Looks parameters up. `names` has none of them twice. The answer has an entry for each of them.
pub async fn look_up<S: ParameterStore + Sync>(store: &S, names: &[String]) -> Lookups {
    let found = ask_all(store, names).await.into_iter();
    found.map(|(name, value)| (name, value.map_err(|unread| unread.to_string()))).collect()
}

/// As [`look_up`], for who can ask again.
///
/// # Errors
///
/// When Parameter Store did not answer, or may not be asked: that says nothing of what is stored.
pub async fn read<S: ParameterStore + Sync>(store: &S, names: &[String]) -> Result<Lookups, ParametersError> {
    let mut found = Lookups::new();
    for (name, value) in ask_all(store, names).await {
        let value = match value {
            Err(Unread::Failed(error)) if error.kind != ErrorKind::Other => return Err(error),
            value => value.map_err(|unread| unread.to_string()),
        };
        found.insert(name, value);
    }
    Ok(found)
}

/// Why there is no value.
enum Unread {
    /// There is none, or none that may be told.
    Told(&'static str),
    /// The call failed.
    Failed(ParametersError),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(reason) => f.write_str(reason),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

type Answers = BTreeMap<String, Result<String, Unread>>;

async fn ask_all<S: ParameterStore + Sync>(store: &S, names: &[String]) -> Answers {
    let mut found = Answers::new();
    for batch in names.chunks(BATCH) {
        let Err(error) = ask(store, batch, &mut found).await else { continue };
        if error.is_transient() {
            // Whoever is in trouble isn't asked for more, and nobody waits for one time-out after the other.
            break_off(names, &error, &mut found);
            return found;
        }
        // One name refuses the whole call. Each alone tells which.
        for name in batch {
            match ask(store, std::slice::from_ref(name), &mut found).await {
                Err(error) if error.is_transient() => {
                    break_off(names, &error, &mut found);
                    return found;
                }
                Err(error) => {
                    found.insert(name.clone(), Err(Unread::Failed(error)));
                }
                Ok(()) => {}
            }
        }
    }
    found
}

async fn ask<S: ParameterStore + Sync>(
    store: &S,
    names: &[String],
    found: &mut Answers,
) -> Result<(), ParametersError> {
    let mut answer = store.get(names).await?;
    for name in names {
        let value = match answer.remove(name) {
            Some(Parameter::Plain(value)) => Ok(value),
            Some(Parameter::Secure) => Err(Unread::Told(
                "it is a `SecureString`, which is not decrypted; store it as `String` or `StringList`",
            )),
            None => Err(Unread::Told("there is none in this account and region")),
        };
        found.insert(name.clone(), value);
    }
    Ok(())
}

/// Every name that has no entry yet gets the reason.
fn break_off(names: &[String], error: &ParametersError, found: &mut Answers) {
    for name in names {
        found.entry(name.clone()).or_insert_with(|| Err(Unread::Failed(error.clone())));
    }
}
