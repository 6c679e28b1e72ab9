//! "Did you mean ...?": the nearest of the names that would have been right.

use std::cell::Cell;

use crate::printable::{as_it_looks, odd_character};

/// How much work all suggestions of one run may take together, see [`cost`]. That is about 20,000 comparisons of names of
/// usual length, and some tens of milliseconds. Past it, findings have no suggestion.
pub const MAX_WORK: usize = 8_000_000;

/// The longest name that is compared, in bytes. Nobody mistypes a longer one.
const LONGEST: usize = 200;

/// Makes suggestions for one run of a check, within a bound: a file with thousands of wrong names and thousands of right
/// ones would otherwise be compared name by name.
///
/// ```
/// # use mlp_template::suggest::Suggestions;
/// let suggestions = Suggestions::default();
/// assert_eq!(suggestions.nearest("tenant", ["tenant_id", "account_id"]), ["tenant_id"]);
/// assert_eq!(suggestions.did_you_mean("acount_id", ["tenant_id", "account_id"]).unwrap(), "did you mean `account_id`?");
/// ```
#[derive(Debug, Clone)]
pub struct Suggestions {
    /// What may still be spent.
    left: Cell<usize>,
}

impl Default for Suggestions {
    fn default() -> Self {
        Self { left: Cell::new(MAX_WORK) }
    }
}

/// What a comparison of two names costs: the table of edits that it fills, and a little for everything else.
fn cost(word: &str, candidate: &str) -> usize {
    (word.len() + 8) * (candidate.len() + 8)
}

impl Suggestions {
    /// The candidates that a word was probably meant to be, best first: a few typing errors away, or sharing its words
    /// (`email` for `alerts_email`). Several only if they are equally near. None when the work is used up before all
    /// candidates are compared: the best of a part of them may be a wrong one.
    pub fn nearest<'a>(&self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        if word.len() > LONGEST || self.left.get() == 0 {
            return Vec::new();
        }
        let word = &*as_it_looks(word);
        let plain = plain(word);
        let mut best = Vec::new();
        let mut least = usize::MAX;
        for candidate in candidates.into_iter().filter(|candidate| candidate.len() <= LONGEST) {
            let Some(left) = self.left.get().checked_sub(cost(word, candidate)) else {
                self.left.set(0);
                return Vec::new();
            };
            self.left.set(left);
            let Some(distance) = distance(word, &plain, candidate) else { continue };
            if distance < least {
                least = distance;
                best.clear();
            }
            if distance == least {
                best.push(candidate);
            }
        }
        // Near to everything is near to nothing.
        if best.len() > 3 { Vec::new() } else { best }
    }

    /// The question, if there is something to ask; in front of it which character of the word only looks right.
    pub fn did_you_mean<'a>(
        &self,
        word: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Option<String> {
        let question = self.question(word, candidates)?;
        let odd = odd_character(word, "name").map(|odd| format!("{odd}; ")).unwrap_or_default();
        Some(format!("{odd}{question}"))
    }

    /// The question alone, for findings whose help names the character in any case.
    pub fn question<'a>(&self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
        let nearest = self.nearest(word, candidates);
        (!nearest.is_empty()).then(|| format!("did you mean {}?", or_list(nearest)))
    }
}

/// How far a candidate is from a word; `None` when it is too far to be meant.
fn distance(word: &str, plain_word: &str, candidate: &str) -> Option<usize> {
    #[cfg(debug_assertions)]
    work::count(cost(word, candidate));
    let plain_candidate = plain(candidate);
    let longest = plain_word.len().max(plain_candidate.len());
    // The distance can't be less than the difference in length.
    let tolerance = (longest / 3).max(1);
    if plain_word.len().abs_diff(plain_candidate.len()) <= tolerance {
        let edits = strsim::damerau_levenshtein(plain_word, &plain_candidate);
        if edits <= tolerance {
            return Some(edits);
        }
    }
    let shared = |a: &str, b: &str| {
        let words: Vec<_> = words(b).collect();
        words_are_in(a, &words)
    };
    (shared(word, candidate) || shared(candidate, word)).then_some(longest)
}

fn words_are_in(text: &str, words_of_other: &[String]) -> bool {
    let mut some = false;
    words(text).all(|word| {
        some |= word.len() >= 3;
        words_of_other.iter().any(|other| *other == word || (word.len() >= 3 && other.starts_with(&word)))
    }) && some
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Letters and digits only, in lower case: `tenantId`, `Tenant-ID` and `tenant_id` are the same.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// `a`, `b` or `c`, each in backticks.
pub fn or_list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// What comparisons cost: tests hold it against [`MAX_WORK`].
#[cfg(debug_assertions)]
pub mod work {
    use std::cell::Cell;

    thread_local! {
        /// What all comparisons of this thread have cost.
        static WORK: Cell<usize> = const { Cell::new(0) };
    }

    /// Counts a comparison that is made.
    pub(super) fn count(cost: usize) {
        WORK.set(WORK.get() + cost);
    }

    /// What the comparisons cost that `run` makes, and its result.
    pub fn of<T>(run: impl FnOnce() -> T) -> (usize, T) {
        WORK.set(0);
        let result = run();
        (WORK.get(), result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;

    const KEYS: [&str; 5] = ["company_name", "company_prefix", "account_id", "tenant_id", "alerts_email"];

    fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        Suggestions::default().nearest(word, candidates)
    }

    #[test]
    fn typing_errors_other_spellings_and_parts_of_a_key_lead_to_it() {
        for (word, key) in [
            ("tenant", "tenant_id"),
            ("tenantId", "tenant_id"),
            ("Account-ID", "account_id"),
            ("acount_id", "account_id"),
            ("email", "alerts_email"),
            ("prefix", "company_prefix"),
            ("notification_alerts_email", "alerts_email"),
        ] {
            assert_eq!(nearest(word, KEYS), [key], "{word}");
        }
    }

    #[test]
    fn what_is_near_to_nothing_leads_nowhere() {
        let endless = "tenant_".repeat(10_000);
        for word in ["", "x", "colour", "id", "company", &endless] {
            assert!(
                nearest(word, KEYS.into_iter().filter(|key| !key.starts_with("company"))).is_empty(),
                "{word}"
            );
        }
    }

    #[test]
    fn candidates_that_are_equally_near_are_all_named() {
        assert_eq!(
            Suggestions::default().did_you_mean("us-west", ["us-east-1", "us-west-1", "us-west-2"]).unwrap(),
            "did you mean `us-west-1` or `us-west-2`?"
        );
    }

    #[test]
    fn work_that_is_used_up_gives_no_suggestion_of_half_of_the_candidates() {
        let suggestions = Suggestions { left: Cell::new(2 * cost("tenant", "tenant_id")) };
        assert!(suggestions.nearest("tenant", ["account_id", "tenant_ids", "tenant_id"]).is_empty());
        assert!(suggestions.nearest("tenant", ["tenant_id"]).is_empty());
    }

    /// So many lines.
    fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
        (0..count).map(line).fold(String::new(), |all, line| all + &line)
    }

    /// A template with so many parameters, resources, conditions and mappings, and so many references to none of them.
    fn template(names: usize, wrong: usize) -> String {
        let tags = lines(wrong, |n| {
            format!(
                "        - {{Key: !Sub 'k${{Wrnog{n}Name}}', Value: !If [Wrnog{n}Condition, !Ref Wrnog{n}Reference, \
                 !FindInMap [Wrnog{n}Map, a, b]]}}\n"
            )
        });
        format!(
            "Parameters:\n{}Conditions:\n{}Mappings:\n{}Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    DependsOn: \
             [{}]\n    Properties:\n      Tags:\n{tags}",
            lines(names, |n| format!("  Right{n}Reference: {{Type: String}}\n")),
            lines(names, |n| format!("  Right{n}Condition: !Equals [a, b]\n")),
            lines(names, |n| format!("  Right{n}Map: {{a: {{b: c}}}}\n")),
            lines(wrong, |n| format!("Wrnog{n}Resource, ")),
        )
    }

    #[test]
    fn suggestions_of_a_template_are_bounded_however_many_names_and_mistakes_it_has() {
        let check = |names, wrong| {
            let text = template(names, wrong);
            work::of(|| check::text(text.as_bytes()).0)
        };
        let (small, found) = check(5, 5);
        assert!(
            small > 0
                && found.iter().any(|it| it.help.as_ref().is_some_and(|it| it.contains("did you mean")))
        );
        for (names, wrong) in [(1_500, 1_500), (3_000, 300), (300, 3_000)] {
            let (work, found) = check(names, wrong);
            assert!(work <= MAX_WORK, "{names} names, {wrong} mistakes: {work}");
            assert!(found.len() > 4 * wrong, "{}", found.len());
        }
    }
}
