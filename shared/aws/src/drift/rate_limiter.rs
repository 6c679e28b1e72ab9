//! One rate limit for all calls of a process. There is no limit until AWS throttles a call; then there is a gap
//! between calls. It grows with each throttled call and shrinks with each other call.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::calls::{CallError, Kind};

/// The first gap, and the longest.
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// The backoff after a call without an answer; it grows linearly.
const RESPITE: Duration = Duration::from_millis(500);

/// How many times a call is made that AWS doesn't answer. The clients themselves don't retry: the limiter would not
/// notice a throttled call that a client retries.
const UNANSWERED: u32 = 5;

/// An adaptive rate limiter.
#[derive(Debug, Default)]
pub struct RateLimiter {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Between two calls.
    gap: Duration,
    /// When the next may be made.
    next: Option<Instant>,
    /// When the gap grew last.
    slowed: Option<Instant>,
    calls: usize,
    throttled: usize,
}

impl RateLimiter {
    /// How many calls were made, and how many of them were throttled.
    pub fn calls(&self) -> (usize, usize) {
        let state = self.lock();
        (state.calls, state.throttled)
    }

    /// Makes a call when it is its turn, until AWS answers it or the time is over. None is begun afterwards.
    ///
    /// # Errors
    ///
    /// What AWS says; throttling only when `deadline` came first.
    pub async fn call<T, F>(&self, deadline: Instant, make: impl Fn() -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let mut unanswered = 0;
        let mut last = None;
        loop {
            let Some(decided) = self.turn(deadline).await else {
                return Err(last.unwrap_or_else(out_of_time));
            };
            let error = match make().await {
                Ok(answer) => {
                    self.faster();
                    return Ok(answer);
                }
                Err(error) => error,
            };
            match error.kind {
                Kind::Throttled => self.slower(decided),
                Kind::Unavailable if unanswered + 1 < UNANSWERED => {
                    unanswered += 1;
                    sleep_until((Instant::now() + RESPITE * unanswered).min(deadline)).await;
                }
                _ => {
                    self.faster();
                    return Err(error);
                }
            }
            last = Some(error);
        }
    }

    /// Records a throttled call that was scheduled at this time. The gap grows only for calls that were scheduled
    /// after it grew last.
    pub fn slower(&self, decided: Instant) {
        let mut state = self.lock();
        state.throttled += 1;
        if state.slowed.is_none_or(|slowed| decided >= slowed) {
            let now = Instant::now();
            state.gap = (state.gap * 2).clamp(SHORTEST, LONGEST);
            state.slowed = Some(now);
            state.next = Some(state.next.unwrap_or(now).max(now + state.gap));
        }
    }

    /// Waits for the next free slot before the deadline; returns when it was scheduled.
    async fn turn(&self, deadline: Instant) -> Option<Instant> {
        let now = Instant::now();
        let turn = {
            let mut state = self.lock();
            let turn = state.next.unwrap_or(now).max(now);
            if turn >= deadline {
                return None;
            }
            state.next = Some(turn + state.gap);
            state.calls += 1;
            turn
        };
        sleep_until(turn).await;
        Some(now)
    }

    fn faster(&self) {
        let mut state = self.lock();
        let gap = state.gap * 31 / 32;
        state.gap = if gap < SHORTEST / 10 { Duration::ZERO } else { gap };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn out_of_time() -> CallError {
    let reason =
        "AWS throttled other calls, or they took so long, that no time was left for this one".to_owned();
    CallError { kind: Kind::Throttled, operation: "the run's pace", reason }
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn refused(kind: Kind) -> CallError {
        CallError { kind, operation: "cloudformation:GetTemplate", reason: "told to".to_owned() }
    }

    /// Fails so often, then answers when it was made.
    fn failing(made: &AtomicUsize, times: usize, kind: Kind) -> Ready<Result<Instant, CallError>> {
        ready(if made.fetch_add(1, Ordering::Relaxed) < times {
            Err(refused(kind))
        } else {
            Ok(Instant::now())
        })
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_call_waits_longer_each_time_and_everybody_waits_with_it() {
        let (limiter, begun) = (RateLimiter::default(), Instant::now());
        let far = begun + Duration::from_hours(1);
        let (first, others) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let throttled = limiter.call(far, || failing(&first, 4, Kind::Throttled));
        let other = async {
            tokio::task::yield_now().await;
            limiter.call(far, || failing(&others, 0, Kind::Throttled)).await
        };
        let (throttled, other) = tokio::join!(throttled, other);
        // 0.1, 0.2, 0.4 and 0.8 s, and a little less for the one that was answered.
        assert!(throttled.unwrap() - begun >= SHORTEST * 14);
        assert!(other.unwrap() - begun >= SHORTEST, "who comes while nobody may call waits too");
        assert_eq!((limiter.calls(), others.into_inner()), ((6, 4), 1));
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_are_throttled_together_slow_the_pace_once() {
        let (limiter, begun) = (RateLimiter::default(), Instant::now());
        let far = begun + Duration::from_hours(1);
        let counts: Vec<AtomicUsize> = (0..8).map(|_| AtomicUsize::new(0)).collect();
        let calls = counts.iter().map(|count| {
            limiter.call(far, move || async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                failing(count, 1, Kind::Throttled).await
            })
        });
        let ended: Vec<Duration> =
            futures_util::future::join_all(calls).await.into_iter().map(|it| it.unwrap() - begun).collect();
        assert_eq!(limiter.calls(), (16, 8));
        assert!(ended.iter().all(|it| *it <= SHORTEST * 9), "{ended:?}");
        let apart: std::collections::BTreeSet<Duration> = ended.into_iter().collect();
        assert_eq!(apart.len(), 8, "they don't come back all at once");
    }

    #[tokio::test(start_paused = true)]
    async fn it_finds_the_pace_that_aws_answers_and_forgets_it_when_it_may() {
        let (limiter, begun) = (RateLimiter::default(), Instant::now());
        let far = begun + Duration::from_hours(1);
        // Four a second.
        let window = Mutex::new((begun, 0));
        let call = || async {
            let mut window = window.lock().unwrap();
            if window.0.elapsed() >= Duration::from_secs(1) {
                *window = (Instant::now(), 0);
            }
            window.1 += 1;
            if window.1 > 4 { Err(refused(Kind::Throttled)) } else { Ok(()) }
        };
        for _ in 0..400 {
            limiter.call(far, call).await.unwrap();
        }
        let seconds = begun.elapsed().as_secs();
        assert!((100..200).contains(&seconds), "400 calls at four a second at best: {seconds} s");
        let (_, throttled) = limiter.calls();
        assert!((10..100).contains(&throttled), "{throttled}");
        let later = AtomicUsize::new(0);
        for _ in 0..150 {
            limiter.call(far, || failing(&later, 0, Kind::Throttled)).await.unwrap();
        }
        let now = Instant::now();
        limiter.call(far, || failing(&later, 0, Kind::Throttled)).await.unwrap();
        assert_eq!(now.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_is_begun_after_the_deadline() {
        let limiter = RateLimiter::default();
        let (soon, made) = (Instant::now() + Duration::from_secs(10), AtomicUsize::new(0));
        let error = limiter.call(soon, || failing(&made, usize::MAX, Kind::Throttled)).await.unwrap_err();
        assert_eq!(error, refused(Kind::Throttled));
        assert!(Instant::now() < soon, "it doesn't wait for a turn that comes too late");
        tokio::time::sleep_until(soon).await;
        let late = AtomicUsize::new(0);
        let error = limiter.call(soon, || failing(&late, 0, Kind::Throttled)).await.unwrap_err();
        assert_eq!((error.kind, late.into_inner()), (Kind::Throttled, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_an_answer_is_made_again_a_few_times_and_one_that_is_refused_is_not() {
        let far = Instant::now() + Duration::from_hours(1);
        for (kind, times, made_in_all) in
            [(Kind::Unavailable, 4, 5), (Kind::Unavailable, 9, 5), (Kind::Denied, 9, 1), (Kind::Gone, 9, 1)]
        {
            let (limiter, made) = (RateLimiter::default(), AtomicUsize::new(0));
            let answer = limiter.call(far, || failing(&made, times, kind)).await;
            assert_eq!(answer.is_ok(), times < made_in_all, "{kind:?}");
            assert_eq!((made.into_inner(), limiter.calls()), (made_in_all, (made_in_all, 0)), "{kind:?}");
        }
    }
}
