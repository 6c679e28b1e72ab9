//! Where a value stands in a template, as an RFC 6901 JSON pointer that costs nothing until it is written.

use std::fmt;

use crate::pointer;

/// A place in a template, in the long form of CloudFormation's JSON: the `x` of `!Join ["", [x]]` stands at
/// `.../Fn::Join/1/0`.
///
/// A walk makes one per step on its own stack, each naming the one above it.
///
/// ```
/// # use mlp_template::template::Path;
/// let root = Path::ROOT;
/// let (resources, id) = (root.key("Resources"), "Bucket");
/// let bucket = resources.key(id);
/// assert_eq!(bucket.key("DependsOn").index(0).to_string(), "/Resources/Bucket/DependsOn/0");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    token: Token<'p>,
}

/// One step of a [`Path`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'p> {
    /// Into a map, or into the argument of a function (`Fn::Join`).
    Key(&'p str),
    /// Into a list.
    Index(usize),
}

impl Path<'static> {
    /// The template itself.
    pub const ROOT: Self = Self { parent: None, token: Token::Key("") };
}

impl<'p> Path<'p> {
    /// The value of a key.
    pub fn key<'q>(&'q self, key: &'q str) -> Path<'q> {
        Path { parent: Some(self), token: Token::Key(key) }
    }

    /// An element of a list.
    pub fn index(&self, index: usize) -> Path<'_> {
        Path { parent: Some(self), token: Token::Index(index) }
    }

    /// The steps from the root.
    pub fn tokens(&self) -> Vec<Token<'p>> {
        let mut tokens = Vec::new();
        let mut path = self;
        while let Some(parent) = path.parent {
            tokens.push(path.token);
            path = parent;
        }
        tokens.reverse();
        tokens
    }

    /// Whether any step is into this key.
    pub fn has_key(&self, key: &str) -> bool {
        self.token == Token::Key(key) || self.parent.is_some_and(|parent| parent.has_key(key))
    }

    /// The steps as people say them: `Properties.Tags.0.Value`, the first `skip` steps left out.
    pub fn dotted(&self, skip: usize) -> String {
        let tokens: Vec<String> =
            self.tokens().into_iter().skip(skip).map(|token| token.to_string()).collect();
        tokens.join(".")
    }
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Index(index) => write!(f, "{index}"),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parent) = self.parent else { return Ok(()) };
        parent.fmt(f)?;
        match self.token {
            Token::Key(key) => write!(f, "/{}", pointer::escape(key)),
            Token::Index(index) => write!(f, "/{index}"),
        }
    }
}
