//! Which SSM parameters configs and templates may name.

use mlp_template::glob::matches;
use mlp_template::suggest::or_list;

/// The path patterns of the suite's parameter `ParameterPaths`: `*` stands for any characters, as in an IAM policy.
///
/// The roles of the suite can read the same paths and no others. This type exists so that a user gets a clear message
/// and not IAM's refusal.
///
/// ```
/// # use mlp_product::expand::ParameterPaths;
/// let paths = ParameterPaths::parse("/vpc/*,/s3/*/BucketName");
/// assert!(paths.allows("/vpc/main/VPCId") && paths.allows("/s3/lake/BucketName"));
/// assert!(!paths.allows("/vpc") && !paths.allows("/billing/db/password"));
/// assert!(ParameterPaths::any().allows("/billing/db/password"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParameterPaths(Vec<String>);

impl ParameterPaths {
    /// No limit: the caller knows of none. IAM still decides.
    pub fn any() -> Self {
        Self::default()
    }

    /// The patterns of a text with commas between them, as a CloudFormation list parameter is joined.
    pub fn parse(text: &str) -> Self {
        let patterns = text.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        Self(patterns.map(str::to_owned).collect())
    }

    /// Whether a config or template may name this path.
    pub fn allows(&self, path: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| matches(pattern, path))
    }

    /// The patterns, in words.
    pub(super) fn words(&self) -> String {
        or_list(self.0.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_everything_else_is_itself() {
        for (pattern, path, fits) in [
            ("/vpc/*", "/vpc/main/VPCId", true),
            ("/vpc/*", "/vpc/", true),
            ("/vpc/*", "/vpc", false),
            ("/vpc/*", "/vpcs/main", false),
            ("/vpc/*", "/x/vpc/main", false),
            ("/vpc/main", "/vpc/main", true),
            ("/vpc/main", "/vpc/main/VPCId", false),
            ("/*/lake/*", "/s3/lake/BucketName", true),
            ("/*/lake/*", "/s3/river/BucketName", false),
            ("/a/*/a", "/a/a", false),
            ("/a/*/a", "/a/b/a", true),
            ("/*", "/anything", true),
            ("/a.c/*", "/abc/x", false),
        ] {
            assert_eq!(ParameterPaths::parse(pattern).allows(path), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn blanks_and_empty_patterns_allow_nothing_more() {
        let paths = ParameterPaths::parse(" /vpc/* ,, /sg/*");
        assert!(paths.allows("/vpc/a") && paths.allows("/sg/a") && !paths.allows("/s3/a"));
        assert_eq!(paths.words(), "`/vpc/*` or `/sg/*`");
    }
}
