//! AWS as the operations see it: one folder a service, each with a trait and the real thing.
//!
//! - [`calls`]: what goes wrong with a call.
//! - [`clients`]: SDK clients with bounded time and bounded retries.
//! - [`logs`]: the functions' log.
//!
//! Nothing here knows a config, a template or a product, or decides anything.

pub mod calls;
pub mod clients;
pub mod cloudformation;
pub mod drift;
pub mod license_manager;
pub mod logs;
pub mod s3;
pub mod ssm;
pub mod step_functions;
pub mod sts;
