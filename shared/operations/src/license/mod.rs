//! Whether an account holds the license for a tier: AWS License Manager, asked once until its answer expires.

pub(crate) mod task;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use mlp_aws::calls::Kind;
use mlp_aws::license_manager::{Checkout, LicenseDesk};
use mlp_template::codes;
use mlp_template::finding::Finding;

use crate::execution::failure::{Failure, Name};

/// How much a license matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Nobody is asked.
    #[default]
    Off,
    /// What is missing is a warning.
    Warn,
    /// Nothing goes on without a license.
    Enforce,
}

impl Mode {
    /// `off`, `warn` or `enforce`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self::Off),
            "warn" => Some(Self::Warn),
            "enforce" => Some(Self::Enforce),
            _ => None,
        }
    }
}

/// The license that the suite's stack names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct License {
    /// How much it matters.
    pub mode: Mode,
    /// The product's SKU.
    pub sku: String,
    /// The fingerprint of the issuer's key.
    pub fingerprint: String,
    /// The account that asks, if it is known.
    pub account: Option<String>,
}

/// Answers of License Manager, kept as long as they hold and the process lives.
#[derive(Debug, Default)]
pub struct Licenses {
    /// By SKU, fingerprint and tier.
    granted: Mutex<BTreeMap<[String; 3], SystemTime>>,
}

/// License Manager is asked anew this long before a grant is over.
const EARLY: Duration = Duration::from_mins(1);

impl Licenses {
    /// Whether the tier is licensed: nothing to say, or a warning in mode `warn`.
    ///
    /// # Errors
    ///
    /// In mode `enforce`: [`Name::LicenseRefused`], [`Name::LicenseDenied`] or [`Name::LicenseUnavailable`], which are three
    /// different things. A grant that still holds survives License Manager being down.
    pub async fn check(
        &self,
        desk: &dyn LicenseDesk,
        license: &License,
        tier: &str,
        token: &str,
        now: SystemTime,
    ) -> Result<Option<Finding>, Failure> {
        if license.mode == Mode::Off {
            return Ok(None);
        }
        let key = [license.sku.clone(), license.fingerprint.clone(), tier.to_owned()];
        let until = self.granted.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
        if until.is_some_and(|until| until > now + EARLY) {
            return Ok(None);
        }
        let account = license.account.as_deref();
        let wanted = Checkout { sku: &license.sku, fingerprint: &license.fingerprint, tier, token, account };
        let error = match desk.checkout(wanted).await {
            Ok(until) => {
                if let Some(until) = until {
                    self.granted.lock().unwrap_or_else(PoisonError::into_inner).insert(key, until);
                }
                return Ok(None);
            }
            Err(error) => error,
        };
        let failure = match error.kind {
            Kind::Throttled | Kind::Unavailable if until.is_some_and(|until| until > now) => return Ok(None),
            Kind::Throttled | Kind::Unavailable => Failure::new(
                Name::LicenseUnavailable,
                format!("License Manager did not answer whether `{tier}` is licensed: {error}"),
            ),
            Kind::Denied => Failure::new(
                Name::LicenseDenied,
                format!(
                    "the deploy function may not ask License Manager whether `{tier}` is licensed: {error}"
                ),
            ),
            // Whether there is a license, only the other region knows.
            Kind::Elsewhere => Failure::new(
                Name::LicenseRefused,
                format!(
                    "License Manager answers for the SKU `{}` in another region only: {error}",
                    license.sku
                ),
            )
            .help("run the suite in the license's home region, or ask the issuer for a license of this one"),
            Kind::Gone | Kind::Exists | Kind::Conflict | Kind::Refused => Failure::new(
                Name::LicenseRefused,
                format!(
                    "this account has no license for `{tier}` (entitlement `{tier}` of the product SKU `{}`): {error}",
                    license.sku
                ),
            ),
        };
        match license.mode {
            Mode::Off => Ok(None),
            Mode::Enforce => Err(failure),
            Mode::Warn => {
                let help = failure.advice().to_owned();
                Ok(Some(Finding::warning(codes::LICENCE, "/ml_product/tier", failure.message).help(help)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mlp_aws::calls::CallError;
    use std::future::Future;
    use std::pin::Pin;

    use super::*;
    use proptest::prelude::*;

    /// Answers the same until told otherwise, and counts.
    struct Desk {
        answer: Mutex<Result<Option<SystemTime>, Kind>>,
        asked: Mutex<usize>,
    }

    impl LicenseDesk for Desk {
        fn checkout<'a>(
            &'a self,
            _: Checkout<'a>,
        ) -> Pin<Box<dyn Future<Output = Result<Option<SystemTime>, CallError>> + Send + 'a>> {
            *self.asked.lock().unwrap() += 1;
            let answer = *self.answer.lock().unwrap();
            Box::pin(async move {
                answer.map_err(|kind| CallError { kind, operation: "CheckoutLicense", reason: "x".into() })
            })
        }
    }

    fn desk(answer: Result<Option<SystemTime>, Kind>) -> Desk {
        Desk { answer: Mutex::new(answer), asked: Mutex::new(0) }
    }

    fn license(mode: Mode) -> License {
        License { mode, sku: "sku".into(), fingerprint: "f".into(), account: None }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    async fn check(
        licenses: &Licenses,
        desk: &Desk,
        mode: Mode,
        now: u64,
    ) -> Result<Option<Finding>, Failure> {
        licenses.check(desk, &license(mode), "enterprise", "t", at(now)).await
    }

    #[tokio::test]
    async fn a_grant_is_kept_until_shortly_before_it_ends() {
        let (licenses, desk) = (Licenses::default(), desk(Ok(Some(at(1_000)))));
        for now in [0, 10, 900] {
            assert_eq!(check(&licenses, &desk, Mode::Enforce, now).await, Ok(None));
        }
        assert_eq!(*desk.asked.lock().unwrap(), 1);
        *desk.answer.lock().unwrap() = Err(Kind::Unavailable);
        assert_eq!(check(&licenses, &desk, Mode::Enforce, 990).await, Ok(None), "it still holds");
        let failure = check(&licenses, &desk, Mode::Enforce, 1_000).await.unwrap_err();
        assert_eq!(failure.name, Name::LicenseUnavailable);
    }

    #[tokio::test]
    async fn no_answer_no_permission_and_no_license_are_three_things() {
        for (kind, name) in [
            (Kind::Refused, Name::LicenseRefused),
            (Kind::Gone, Name::LicenseRefused),
            (Kind::Elsewhere, Name::LicenseRefused),
            (Kind::Denied, Name::LicenseDenied),
            (Kind::Throttled, Name::LicenseUnavailable),
            (Kind::Unavailable, Name::LicenseUnavailable),
        ] {
            let desk = desk(Err(kind));
            let failure = check(&Licenses::default(), &desk, Mode::Enforce, 0).await.unwrap_err();
            assert_eq!(failure.name, name);
            let told = if kind == Kind::Elsewhere { "in another region" } else { "`enterprise`" };
            assert!(failure.message.contains(told), "{failure}");
            let warning = check(&Licenses::default(), &desk, Mode::Warn, 0).await.unwrap().unwrap();
            assert_eq!(warning.code, codes::LICENCE);
            assert_eq!(check(&Licenses::default(), &desk, Mode::Off, 0).await, Ok(None));
        }
    }

    proptest! {
        #[test]
        fn nothing_goes_on_without_a_grant_and_a_grant_is_never_refused(steps in prop::collection::vec((0_u64..400, 0..4_u8), 1..30)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (licenses, desk) = (Licenses::default(), desk(Err(Kind::Refused)));
            let (mut now, mut holds_until) = (0, 0);
            for (passed, answer) in steps {
                now += passed;
                *desk.answer.lock().unwrap() = match answer {
                    0 => Ok(Some(at(now + 300))),
                    1 => Err(Kind::Unavailable),
                    2 => Err(Kind::Throttled),
                    _ => Err(Kind::Denied),
                };
                let asked = *desk.asked.lock().unwrap();
                let result = runtime.block_on(check(&licenses, &desk, Mode::Enforce, now));
                let asked = *desk.asked.lock().unwrap() > asked;
                if asked && answer == 0 {
                    holds_until = now + 300;
                }
                prop_assert_eq!(result.is_ok(), holds_until > now && (answer != 3 || !asked), "at {} until {}", now, holds_until);
            }
        }
    }
}
