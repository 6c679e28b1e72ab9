//! A parameter store in memory that can go wrong in the ways Systems Manager does, for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use mlp_aws::ssm::parameters::{BATCH, ErrorKind, Parameter, ParameterStore, ParametersError};

/// Parameters, and what goes wrong with them.
#[derive(Debug, Default)]
pub struct MemoryParameters {
    parameters: BTreeMap<String, Parameter>,
    denied: BTreeSet<String>,
    throttled_after: Option<usize>,
    silent: bool,
    calls: Mutex<Vec<Vec<String>>>,
}

impl MemoryParameters {
    /// With a `String` or `StringList`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), Parameter::Plain(value.to_owned()));
        self
    }

    /// With a `SecureString`.
    #[must_use]
    pub fn with_secure(mut self, name: &str) -> Self {
        self.parameters.insert(name.to_owned(), Parameter::Secure);
        self
    }

    /// A call that asks for this name is refused as a whole.
    #[must_use]
    pub fn denying(mut self, name: &str) -> Self {
        self.denied.insert(name.to_owned());
        self
    }

    /// After so many calls every other is throttled.
    #[must_use]
    pub fn throttling_after(mut self, calls: usize) -> Self {
        self.throttled_after = Some(calls);
        self
    }

    /// No call is ever answered.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    /// The names of each call so far.
    pub fn calls(&self) -> Vec<Vec<String>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ParameterStore for MemoryParameters {
    async fn get(&self, names: &[String]) -> Result<BTreeMap<String, Parameter>, ParametersError> {
        let before = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.push(names.to_vec());
            calls.len() - 1
        };
        if self.silent {
            std::future::pending::<()>().await;
        }
        let refused = |kind, code: &str| Err(ParametersError { kind, reason: format!("{code}, HTTP 400") });
        if self.throttled_after.is_some_and(|calls| before >= calls) {
            return refused(ErrorKind::Throttled, "ThrottlingException");
        }
        if names.is_empty()
            || names.len() > BATCH
            || names.iter().collect::<BTreeSet<_>>().len() < names.len()
        {
            return refused(ErrorKind::Other, "ValidationException");
        }
        if names.iter().any(|name| self.denied.contains(name)) {
            return refused(ErrorKind::Denied, "AccessDeniedException");
        }
        Ok(names.iter().filter_map(|name| Some((name.clone(), self.parameters.get(name)?.clone()))).collect())
    }
}
