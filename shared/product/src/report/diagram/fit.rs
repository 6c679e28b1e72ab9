//! Making text fit its box, without a browser: widths are estimated from above.
//!
//! Fonts differ from machine to machine. The estimates are those of wide faces (Verdana and its like; monospace faces
//! are 0.6 em and a little), so on most machines there is room left; a browser test measures.

/// A face in its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    /// The logical id: 13.5 px, semi-bold.
    Title,
    /// A physical name: 11 px, monospace.
    Name,
    /// Everything else: 11 px.
    Detail,
    /// What kind of resource it is: 9.5 px capitals, spaced.
    Kind,
}

impl Face {
    /// The width of a character in hundredths of a pixel.
    fn advance(self, c: char) -> i32 {
        let em = match self {
            Self::Title => 1350,
            Self::Name | Self::Detail => 1100,
            Self::Kind => 950,
        };
        let per_mille = match (self, c) {
            (_, c) if !c.is_ascii() && c != '…' && c != '·' => 1_050,
            (Self::Name, _) => 615,
            (Self::Kind, _) => 820,
            // Semi-bold is wider.
            (Self::Title, 'i' | 'j' | 'l' | 'I' | '.' | '-' | ' ' | 't' | 'f') => 480,
            (Self::Title, 'r') => 500,
            (Self::Title, 'm' | 'w' | 'M' | 'W' | '@' | '%') => 1_060,
            (Self::Title, c) if c.is_ascii_uppercase() => 820,
            (Self::Title, _) => 720,
            (
                Self::Detail,
                'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' | 't' | 'f' | 'r',
            ) => 440,
            (Self::Detail, 'm' | 'w' | 'M' | 'W' | '@' | '%') => 1_020,
            (Self::Detail, c) if c.is_ascii_uppercase() => 760,
            (Self::Detail, _) => 640,
        };
        em * per_mille / 1_000
    }

    /// The width of a text in pixels, rounded up.
    pub(super) fn width(self, text: &str) -> i32 {
        let hundredths: i32 = text.chars().map(|c| self.advance(c)).sum();
        (hundredths + 99) / 100
    }

    /// The text, its middle cut out where it would be wider than `width` pixels: names differ at their ends.
    pub(super) fn fit(self, text: &str, width: i32) -> String {
        if self.width(text) <= width {
            return text.to_owned();
        }
        let chars: Vec<char> = text.chars().collect();
        let mut kept = chars.len();
        while kept > 0 {
            kept -= 1;
            let head = kept.div_ceil(2);
            let tail = chars.len() - (kept - head);
            let cut: String = chars.iter().take(head).chain(&['…']).chain(chars.iter().skip(tail)).collect();
            if self.width(&cut) <= width {
                return cut;
            }
        }
        "…".to_owned()
    }

    /// Words in lines of at most `width` pixels, with `between` between the words of a line.
    pub(super) fn lines(self, words: &[String], between: &str, width: i32) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for word in words {
            let word = self.fit(word, width);
            if let Some(line) = lines.last_mut() {
                let longer = format!("{line}{between}{word}");
                if self.width(&longer) <= width {
                    *line = longer;
                    continue;
                }
            }
            lines.push(word);
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_fits_stays_and_a_longer_one_keeps_both_ends() {
        assert_eq!(Face::Name.fit("short", 100), "short");
        let cut = Face::Name.fit("globalbank-prod-c001-us-west-2-demand-forecasting-ml-build", 120);
        assert!(cut.starts_with("globalb") && cut.ends_with("build") && cut.contains('…'), "{cut}");
        assert!(Face::Name.width(&cut) <= 120);
        assert_eq!(Face::Title.fit("anything", 0), "…");
    }

    #[test]
    fn words_fill_lines() {
        let words = ["Aaaaaaaa", "Bbbbbbbb", "Cccccccc"].map(str::to_owned);
        let lines = Face::Detail.lines(&words, " · ", 150);
        assert_eq!(lines, ["Aaaaaaaa · Bbbbbbbb", "Cccccccc"]);
    }
}
