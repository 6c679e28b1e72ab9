//! "Did you mean": the nearest of the names that would have been right.

/// The candidate that a person most likely meant, if any is near: at most a third of the name may differ.
///
/// Upper and lower case count as equal, so that `bucket` finds `Bucket`. Of equally near candidates the first wins.
///
/// ```
/// # use mlp_core::suggest::nearest;
/// assert_eq!(nearest("Bukcet", ["Queue", "Bucket"]), Some("Bucket"));
/// assert_eq!(nearest("Bukcet", ["Queue"]), None);
/// ```
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let most = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The help sentence for the nearest candidate.
pub fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}
