//! Where a finding stands in the user's file.

use mlp_template::finding::Finding;
use mlp_template::yaml::Document;

/// Puts a finding at the value of its path.
pub(super) fn at_value(document: &Document, finding: Finding) -> Finding {
    match document.place(&finding.path) {
        Some(place) => finding.at(place.value.0, place.value.1),
        None => at_key(document, finding),
    }
}

/// Puts a finding at the key of its path, or of the nearest block around it that is there.
pub(super) fn at_key(document: &Document, finding: Finding) -> Finding {
    let mut path = finding.path.as_str();
    loop {
        if let Some(place) = document.place(path) {
            let (line, column) = place.key.unwrap_or(place.value);
            return finding.at(line, column);
        }
        // The root is always there, so this ends.
        path = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    }
}
