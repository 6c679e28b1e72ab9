//! The tasks of a deployment, one file a concern.

pub(crate) mod approval;
pub(crate) mod change_set;
pub(crate) mod changes;
pub(crate) mod conclude;
pub(crate) mod execution;
pub(crate) mod inspect;
pub(crate) mod local;
pub(crate) mod outputs;
pub(crate) mod ownership;
pub(crate) mod preflight;
pub(crate) mod status;
