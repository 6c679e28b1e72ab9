//! What the page shows, section by section.

use std::sync::LazyLock;

use askama::Template;
use mlp_template::error::InternalError;
use mlp_template::finding::{Finding, Severity};
use sha2::Digest as _;

use super::Review;
use super::access::{Access, access};
use super::checklist::{Item, checklist};
use super::cost::{Cost, cost};
use super::diagram::{Diagram, diagram};
use super::resolve::Resolver;
use super::steps::{Step, steps};
use crate::product::{Group, Product, blueprint};

/// The style of this page; pages of other kinds have it too, and more behind it.
const STYLE: &str = include_str!("../../templates/report.css");

static POLICY: LazyLock<String> = LazyLock::new(|| content_security_policy(STYLE));

/// The content security policy that lets a style work and nothing else: no script, no image, no address.
pub fn content_security_policy(style: &str) -> String {
    let hash = base64(&sha2::Sha256::digest(style));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

/// The review report.
#[derive(Template)]
#[template(path = "review/page.html")]
pub(super) struct Page<'a> {
    product: &'a Product,
    style: &'static str,
    content_security_policy: &'static str,
    tier: &'a str,
    summary: &'a str,
    ml_name: &'a str,
    stack: String,
    version: &'static str,
    tags: Vec<(&'a str, String)>,
    keeps_logs: bool,
    errors: Vec<&'a Finding>,
    warnings: Vec<&'a Finding>,
    groups: Vec<GroupRows<'a>>,
    resource_count: usize,
    holding_data: usize,
    diagram: Diagram,
    access: Access,
    cost: Cost,
    checklist: Vec<Item>,
    steps: Vec<Step>,
}

/// The resources of a group.
struct GroupRows<'a> {
    title: &'static str,
    class: &'static str,
    rows: Vec<Row<'a>>,
}

impl GroupRows<'_> {
    fn holds_data(&self) -> bool {
        self.rows.iter().any(|row| row.holds_data)
    }
}

struct Row<'a> {
    id: &'a str,
    kind: &'a str,
    name: String,
    purpose: &'a str,
    holds_data: bool,
}

impl<'a> Page<'a> {
    pub(super) fn new(review: &Review<'a>) -> Result<Self, InternalError> {
        let Review { product, template, findings, suite } = *review;
        let resolver = Resolver::new(product, template, suite);
        let of = |severity| findings.iter().filter(|finding| finding.severity == severity).collect();
        let blueprint = blueprint(product.tier)?;
        let groups = groups(product, template, &resolver);
        let access = access(product, template, &resolver, suite)?;
        Ok(Self {
            product,
            style: STYLE,
            content_security_policy: &POLICY,
            tier: &blueprint.title,
            summary: &blueprint.summary,
            ml_name: product.names.ml_name(),
            stack: product.names.stack(),
            version: env!("CARGO_PKG_VERSION"),
            tags: product
                .inputs
                .tags
                .iter()
                .map(|(key, value)| (key.as_str(), resolver.text(value)))
                .collect(),
            keeps_logs: product.of_type("AWS::Logs::LogGroup").is_some(),
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
            resource_count: template.resources.len(),
            holding_data: groups.iter().flat_map(|group| &group.rows).filter(|row| row.holds_data).count(),
            groups,
            diagram: diagram(product, template, &resolver),
            steps: steps(product, template, &resolver, suite, access.operator.documents.len()),
            access,
            cost: cost(product, template)?,
            checklist: checklist(product, template, &resolver),
        })
    }
}

/// `1 warning`, `2 warnings`.
pub fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// Every resource of the template, in groups of the reading order.
fn groups<'a>(
    product: &'a Product,
    template: &'a mlp_template::template::Template,
    resolver: &Resolver<'_>,
) -> Vec<GroupRows<'a>> {
    let mut groups: Vec<(Option<Group>, GroupRows<'a>)> = Vec::new();
    for (id, resource) in &template.resources {
        let spec = product.resources.get(id);
        let group = spec.map(|spec| spec.group);
        let row = Row {
            id,
            kind: &resource.kind,
            name: resolver.name(id).unwrap_or_default().to_owned(),
            purpose: spec.map_or_else(
                || resource.comment.as_deref().unwrap_or_default(),
                |spec| spec.purpose.as_str(),
            ),
            holds_data: spec.is_some_and(|spec| spec.stateful),
        };
        match groups.iter_mut().find(|(other, _)| *other == group) {
            Some((_, rows)) => rows.rows.push(row),
            None => groups.push((
                group,
                GroupRows {
                    title: group.map_or("Other resources", Group::title),
                    class: group.map_or("other", super::diagram::class),
                    rows: vec![row],
                },
            )),
        }
    }
    groups.into_iter().map(|(_, rows)| rows).collect()
}

/// A piece of a sentence: `code` between backticks, text elsewhere.
pub struct Piece<'t> {
    /// Its text.
    pub text: &'t str,
    /// Whether it stood between backticks.
    pub code: bool,
}

/// A sentence with `code` in it, in pieces. A backtick without its partner is text.
pub fn prose(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('`')
        && let Some((code, behind)) = after.split_once('`')
    {
        pieces.push(Piece { text: before, code: false });
        pieces.push(Piece { text: code, code: true });
        rest = behind;
    }
    pieces.push(Piece { text: rest, code: false });
    pieces
}

/// Standard base64, which a content security policy wants for hashes.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 63;
            let digit = ALPHABET.get(index as usize).copied().unwrap_or(b'=');
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_the_standard_one() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("\u{ff}?", "w78/"),
        ] {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn backticks_make_code_in_pairs() {
        let shown: Vec<(&str, bool)> =
            prose("use `a` or `b").into_iter().map(|it| (it.text, it.code)).collect();
        assert_eq!(shown, [("use ", false), ("a", true), (" or `b", false)]);
    }
}
