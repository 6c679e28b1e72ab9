//! How text from outside gets onto a page: as text that people can see, whatever it holds.

use std::fmt::{self, Write};

use askama::filters::Escaper;

/// The escaper of every page (`askama.toml` names it), so a template can't forget it.
///
/// `& < > " '` become character references, as in every HTML escaper. Characters that nobody sees or that turn the text
/// around them (controls, bidirectional overrides and isolates, zero-width ones) are shown by their number instead:
/// what a reviewer reads is what stands in the config.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Visible;

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

/// Controls except tab and line feed, and Unicode's formatting characters that change how others are shown.
///
/// Source: Unicode Standard Annex 9 ("Directional Formatting Characters"), and the zero-width and invisible characters
/// of general category Cf; noncharacters, which HTML forbids.
pub(crate) fn is_hidden(c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control() || u32::from(c) & 0xfffe == 0xfffe,
    }
}
