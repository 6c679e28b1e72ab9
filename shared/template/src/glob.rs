//! Patterns with `*` for any text, in time proportional to the product of the lengths at most.

/// Whether a pattern covers a text: `*` is any text, also none; everything else is itself.
///
/// ```
/// use mlp_template::glob::matches;
///
/// assert!(matches("/vpc/*/id", "/vpc/main/id"));
/// assert!(!matches("/vpc/*", "/vpc"));
/// ```
pub fn matches(pattern: &str, text: &str) -> bool {
    covers(pattern, text, |wanted, found| wanted == found)
}

/// Whether the pattern of an IAM action (`iam:Pass*`, `*`, `S3:delete?ucket`) covers an action. Case doesn't count, and `?` is
/// any one character.
///
/// Source: IAM User Guide, "IAM JSON policy elements: Action".
pub fn matches_action(pattern: &str, action: &str) -> bool {
    covers(pattern, action, |wanted, found| wanted == b'?' || wanted.eq_ignore_ascii_case(&found))
}

fn covers(pattern: &str, text: &str, is_same: impl Fn(u8, u8) -> bool) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut in_text) = (0, 0);
    // Where the last `*` is, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while let Some(found) = text.get(in_text) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, in_text));
                at += 1;
            }
            Some(wanted) if is_same(*wanted, *found) => {
                at += 1;
                in_text += 1;
            }
            _ => {
                let Some((position, taken)) = star else { return false };
                star = Some((position, taken + 1));
                (at, in_text) = (position + 1, taken + 1);
            }
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_everything_else_is_itself() {
        for (pattern, text) in
            [("", ""), ("*", ""), ("a*", "a"), ("a*b*c", "a-b-b-c"), ("*b", "bb"), ("a*ü", "aüü"), ("?", "?")]
        {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", "A"), ("a*b", "a"), ("ab*ba", "aba"), ("a*b", "abc"), ("?", "a")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn patterns_cover_actions_as_iam_reads_them() {
        for pattern in
            ["iam:PassRole", "IAM:passrole", "iam:*", "*", "iam:Pass*", "iam:P?ssRole", "*:*Role", "**"]
        {
            assert!(matches_action(pattern, "iam:PassRole"), "{pattern}");
        }
        for pattern in ["iam:Pass", "iam:PassRole?", "s3:*", "", "iam:*s", "?am:PassRoles"] {
            assert!(!matches_action(pattern, "iam:PassRole"), "{pattern}");
        }
    }
}
