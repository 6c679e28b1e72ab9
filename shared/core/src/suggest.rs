//! "Did you mean ...?": the nearest of the names that would have been right.

/// The candidates that a word was probably meant to be, best first: a few typing errors away, or sharing its words
/// (`email` for `alerts_email`). Several only if they are equally near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let plain = plain(word);
    let mut best = Vec::new();
    let mut least = usize::MAX;
    for candidate in candidates {
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

/// How far a candidate is from a word; `None` when it is too far to be meant.
fn distance(word: &str, plain_word: &str, candidate: &str) -> Option<usize> {
    let plain_candidate = plain(candidate);
    let longest = plain_word.len().max(plain_candidate.len());
    // The distance can't be less than the difference in length; long input isn't worth a comparison.
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
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(200).collect()
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

/// The question, if there is something to ask.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let nearest = nearest(word, candidates);
    (!nearest.is_empty()).then(|| format!("did you mean {}?", or_list(nearest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] = ["company_name", "company_prefix", "account_id", "tenant_id", "alerts_email"];

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
        for word in ["", "x", "colour", "id", "company"] {
            assert!(
                nearest(word, KEYS.into_iter().filter(|key| !key.starts_with("company"))).is_empty(),
                "{word}"
            );
        }
    }

    #[test]
    fn candidates_that_are_equally_near_are_all_named() {
        assert_eq!(
            did_you_mean("us-west", ["us-east-1", "us-west-1", "us-west-2"]).unwrap(),
            "did you mean `us-west-1` or `us-west-2`?"
        );
    }
}
