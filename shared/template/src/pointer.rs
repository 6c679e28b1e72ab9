//! RFC 6901 JSON pointers, the way every place in a document is named.

/// Appends a token.
///
/// ```
/// assert_eq!(mlp_template::pointer::join("/tags", "a/b"), "/tags/a~1b");
/// ```
pub fn join(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", escape(token))
}

/// The tokens.
///
/// ```
/// assert!(mlp_template::pointer::tokens("/tags/a~1b").eq(["tags", "a/b"]));
/// ```
pub fn tokens(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(unescape)
}

/// A token as a pointer has it.
pub fn escape(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// A token as the document has it.
pub fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_being_escaped() {
        for token in ["", "a", "a/b", "~", "~1", "/~0", "a~01/"] {
            assert_eq!(unescape(&escape(token)), token);
            assert!(tokens(&join("/x", token)).eq(["x", token]));
        }
    }
}
