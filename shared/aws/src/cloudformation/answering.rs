//! Answers to custom resources, whoever sends them.

use std::future::Future;
use std::pin::Pin;

use super::answers::Answers;
use crate::calls::CallError;

/// [`Answers`] without its type.
pub trait Answering: Sync {
    /// As [`Answers::answer`].
    fn send<'a>(
        &'a self,
        url: &'a str,
        body: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), CallError>> + Send + 'a>>;

    /// As [`Answers::hears`].
    fn hears(&self, url: &str) -> bool;
}

impl<T: Answers + Sync> Answering for T {
    fn send<'a>(
        &'a self,
        url: &'a str,
        body: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<(), CallError>> + Send + 'a>> {
        Box::pin(self.answer(url, body))
    }

    fn hears(&self, url: &str) -> bool {
        Answers::hears(self, url)
    }
}
