//! How text from outside gets onto a page: as text that people can see, whatever it holds.

use std::fmt::{self, Write};

use askama::filters::Escaper;
use mlp_template::printable::is_hidden;

/// The escaper of every page (`askama.toml` names it), so a template can't forget it.
///
/// `& < > " '` become character references, as in every HTML escaper. Characters that nobody sees or that turn the text
/// around them (controls, bidirectional overrides and isolates, zero-width ones) are shown by their number instead:
/// what a reviewer reads is what stands in the config.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visible;

impl Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, mut dest: W, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(index) = rest.find(needs_escape) {
            let (plain, from) = rest.split_at(index);
            dest.write_str(plain)?;
            let mut chars = from.chars();
            if let Some(c) = chars.next() {
                self.write_escaped_char(&mut dest, c)?;
            }
            rest = chars.as_str();
        }
        dest.write_str(rest)
    }

    fn write_escaped_char<W: Write>(&self, mut dest: W, c: char) -> fmt::Result {
        match c {
            '&' => dest.write_str("&amp;"),
            '<' => dest.write_str("&lt;"),
            '>' => dest.write_str("&gt;"),
            '"' => dest.write_str("&quot;"),
            '\'' => dest.write_str("&#39;"),
            c if is_hidden(c) => write!(dest, "[U+{:04X}]", u32::from(c)),
            c => dest.write_char(c),
        }
    }
}

fn needs_escape(c: char) -> bool {
    matches!(c, '&' | '<' | '>' | '"' | '\'') || is_hidden(c)
}
