//! "Did you mean": the nearest of the names that would have been right.

/// The candidate that a person most likely meant, if any is near: at most a third of the name may differ, or one is a
/// part of the other.
///
/// Upper and lower case count as equal, and so do `-`, `_` and a blank: `bucket` finds `Bucket`, `tenant` `tenant_id`. Of
/// equally near candidates the first wins.
///
/// ```
/// # use mlp_core::suggest::nearest;
/// assert_eq!(nearest("Bukcet", ["Queue", "Bucket"]), Some("Bucket"));
/// assert_eq!(nearest("tenant", ["account_id", "tenant_id"]), Some("tenant_id"));
/// assert_eq!(nearest("Bukcet", ["Queue"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Shorter words are parts of too many others.
    const SHORTEST_PART: usize = 4;
    let simple = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let wanted = simple(name);
    let most = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = simple(candidate);
            let long_enough = wanted.len().min(other.len()) >= SHORTEST_PART;
            let is_part = long_enough && (other.contains(&wanted) || wanted.contains(&other));
            let distance = strsim::damerau_levenshtein(&wanted, &other);
            (distance <= most || is_part).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The help sentence for the nearest candidate.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}
