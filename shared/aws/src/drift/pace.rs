//! One pace for all calls of a run: when AWS throttles one, all wait.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::calls::{CallError, Kind};

const SHORTEST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// How often a call is made that AWS doesn't answer.
const UNANSWERED: u32 = 3;

/// The pace.
#[derive(Debug, Default)]
pub struct Pace {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    delay: Duration,
    until: Option<Instant>,
    calls: usize,
    throttled: usize,
    /// Moves the waiting calls apart, so that they don't come back all at once.
    spread: u32,
}

impl Pace {
    /// How many calls were made, and how many of them were throttled.
    pub fn calls(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.calls, state.throttled)
    }

    /// Makes a call when it is its turn, until AWS answers it or the time is over.
    ///
    /// # Errors
    ///
    /// What AWS says; throttling only when `deadline` came first.
    pub async fn call<T, F>(&self, deadline: Instant, make: impl Fn() -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut unanswered = 0;
        loop {
            self.turn().await;
            let result = make().await;
            match &result {
                Err(error) if error.kind == Kind::Throttled && Instant::now() < deadline => self.slower(),
                Err(error) if error.kind == Kind::Unavailable && Instant::now() < deadline => {
                    unanswered += 1;
                    if unanswered >= UNANSWERED {
                        return result;
                    }
                    sleep(SHORTEST * unanswered).await;
                }
                _ => {
                    self.faster();
                    return result;
                }
            }
        }
    }

    /// Waits while nobody may call.
    async fn turn(&self) {
        loop {
            let until = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                match state.until.filter(|until| *until > Instant::now()) {
                    None => {
                        state.calls += 1;
                        return;
                    }
                    Some(until) => {
                        state.spread = state.spread.wrapping_add(7) % 16;
                        until + state.delay * state.spread / 16
                    }
                }
            };
            sleep_until(until).await;
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.until.is_none_or(|until| until <= Instant::now()) {
                state.calls += 1;
                return;
            }
        }
    }

    fn slower(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.throttled += 1;
        // Calls that were under way together are throttled together: that counts once.
        if state.until.is_none_or(|until| until <= Instant::now()) {
            state.delay = (state.delay * 2).clamp(SHORTEST, LONGEST);
            state.until = Some(Instant::now() + state.delay);
        }
    }

    fn faster(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.until.is_none_or(|until| until <= Instant::now()) {
            state.delay = state.delay * 9 / 10;
        }
    }
}
