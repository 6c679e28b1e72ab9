//! One rule for text that people read, wherever it is printed: pages, messages, the terminal, mails.
//!
//! Text from outside (a config, a template, AWS's reasons, another person's approval request) can hold characters that
//! are invisible, that control a terminal, or that change the order of the text. Each is printed as its number instead. So a
//! person reads what the text contains.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Controls except tab and line feed, and Unicode's formatting characters that change how others are shown.
///
/// Source: Unicode Standard Annex 9 ("Directional Formatting Characters"); the characters with the property
/// `Default_Ignorable_Code_Point` (DerivedCoreProperties.txt) and the musical controls of category Cf; noncharacters, which HTML
/// forbids. The variation selectors U+FE0E and U+FE0F stay: they choose how an emoji looks.
pub fn is_hidden(c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0d}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control() || u32::from(c) & 0xfffe == 0xfffe,
    }
}

/// Blanks that look like a space (U+0020) and are another character: text from web pages, word processors and input
/// methods holds them. In prose they are right; in a key, a name or an indentation they are a mistake that nobody sees.
///
/// Source: the Unicode Character Database, general category Zs.
pub fn is_odd_blank(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// A character that can't be seen, or can't be told from a space.
pub fn is_unseen(c: char) -> bool {
    is_odd_blank(c) || is_hidden(c)
}

/// A character that can't be seen, by its number and its Unicode name if that helps.
///
/// ```
/// # use mlp_template::printable::named;
/// assert_eq!(named('\u{a0}'), "U+00A0 (no-break space)");
/// assert_eq!(named('\u{1b}'), "U+001B");
/// ```
pub fn named(c: char) -> String {
    let name = match c {
        '\t' => "tab",
        '\u{a0}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{205f}' => "a space of another width",
        '\u{200b}' => "zero width space",
        '\u{200c}' => "zero width non-joiner",
        '\u{200d}' => "zero width joiner",
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "a mark of the direction of writing"
        }
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{202f}' => "narrow no-break space",
        '\u{2060}' => "word joiner",
        '\u{3000}' => "ideographic space",
        '\u{feff}' => "byte order mark",
        _ => "",
    };
    let number = format!("U+{:04X}", u32::from(c));
    if name.is_empty() { number } else { format!("{number} ({name})") }
}

/// The character of a keyboard that another one looks like, with that one's name: word processors and input methods put it
/// in its place.
///
/// ```
/// # use mlp_template::printable::look_alike;
/// assert_eq!(look_alike('\u{2013}'), Some(('-', "en dash")));
/// assert_eq!(look_alike('\u{ff1a}'), Some((':', "fullwidth form")));
/// assert_eq!(look_alike('-'), None);
/// ```
pub fn look_alike(c: char) -> Option<(char, &'static str)> {
    Some(match c {
        '\u{2010}' | '\u{2011}' => ('-', "hyphen of another kind"),
        '\u{2012}' => ('-', "figure dash"),
        '\u{2013}' => ('-', "en dash"),
        '\u{2014}' => ('-', "em dash"),
        '\u{2015}' => ('-', "horizontal bar"),
        '\u{2212}' => ('-', "minus sign"),
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' => ('\'', "typographic quotation mark"),
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => ('"', "typographic quotation mark"),
        '\u{2032}' => ('\'', "prime"),
        '\u{2033}' => ('"', "double prime"),
        '\u{3002}' => ('.', "ideographic full stop"),
        // Source: the Unicode Standard, "Halfwidth and Fullwidth Forms": ASCII from U+0021 on, in the same order.
        '\u{ff01}'..='\u{ff5e}' => (char::from_u32(u32::from(c) - 0xff01 + 0x21)?, "fullwidth form"),
        _ => return None,
    })
}

/// The letters of a keyboard that another letter or sign looks like, with what that one is: text of several alphabets, input
/// methods and word processors put it in their place. A ligature looks like two.
///
/// Source: Unicode Technical Standard 39, confusables.txt (the letters of Cyrillic, Greek and Armenian whose prototype is one of
/// ASCII); UnicodeData.txt (the decomposition of U+FB00 to U+FB04).
///
/// ```
/// # use mlp_template::printable::look_alike_letter;
/// assert_eq!(look_alike_letter('\u{456}'), Some(("i", "Cyrillic letter")));
/// assert_eq!(look_alike_letter('\u{fb01}'), Some(("fi", "ligature")));
/// assert_eq!(look_alike_letter('i'), None);
/// assert_eq!(look_alike_letter('я'), None);
/// ```
pub fn look_alike_letter(c: char) -> Option<(&'static str, &'static str)> {
    const CYRILLIC: &str = "Cyrillic letter";
    const GREEK: &str = "Greek letter";
    const LIGATURE: &str = "ligature";
    Some(match c {
        'а' => ("a", CYRILLIC),
        'е' => ("e", CYRILLIC),
        'о' => ("o", CYRILLIC),
        'р' => ("p", CYRILLIC),
        'с' => ("c", CYRILLIC),
        'у' => ("y", CYRILLIC),
        'х' => ("x", CYRILLIC),
        'і' => ("i", CYRILLIC),
        'ј' => ("j", CYRILLIC),
        'ѕ' => ("s", CYRILLIC),
        'һ' => ("h", CYRILLIC),
        'ԁ' => ("d", CYRILLIC),
        'ԛ' => ("q", CYRILLIC),
        'ԝ' => ("w", CYRILLIC),
        'ѵ' => ("v", CYRILLIC),
        'А' => ("A", CYRILLIC),
        'В' => ("B", CYRILLIC),
        'Е' => ("E", CYRILLIC),
        'К' => ("K", CYRILLIC),
        'М' => ("M", CYRILLIC),
        'Н' => ("H", CYRILLIC),
        'О' => ("O", CYRILLIC),
        'Р' => ("P", CYRILLIC),
        'С' => ("C", CYRILLIC),
        'Т' => ("T", CYRILLIC),
        'У' => ("Y", CYRILLIC),
        'Х' => ("X", CYRILLIC),
        'І' => ("I", CYRILLIC),
        'Ј' => ("J", CYRILLIC),
        'Ѕ' => ("S", CYRILLIC),
        'ο' => ("o", GREEK),
        'α' => ("a", GREEK),
        'ν' => ("v", GREEK),
        'ρ' => ("p", GREEK),
        'ι' => ("i", GREEK),
        'κ' => ("k", GREEK),
        'υ' => ("u", GREEK),
        'Α' => ("A", GREEK),
        'Β' => ("B", GREEK),
        'Ε' => ("E", GREEK),
        'Ζ' => ("Z", GREEK),
        'Η' => ("H", GREEK),
        'Ι' => ("I", GREEK),
        'Κ' => ("K", GREEK),
        'Μ' => ("M", GREEK),
        'Ν' => ("N", GREEK),
        'Ο' => ("O", GREEK),
        'Ρ' => ("P", GREEK),
        'Τ' => ("T", GREEK),
        'Υ' => ("Y", GREEK),
        'Χ' => ("X", GREEK),
        'ո' => ("n", "Armenian letter"),
        'օ' => ("o", "Armenian letter"),
        '\u{131}' => ("i", "letter i without its dot"),
        '\u{fb00}' => ("ff", LIGATURE),
        '\u{fb01}' => ("fi", LIGATURE),
        '\u{fb02}' => ("fl", LIGATURE),
        '\u{fb03}' => ("ffi", LIGATURE),
        '\u{fb04}' => ("ffl", LIGATURE),
        _ => return None,
    })
}

/// An accent that is a character of its own behind the letter that it belongs to.
///
/// Source: the Unicode Standard, block "Combining Diacritical Marks".
fn is_accent(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// The text with the characters of a keyboard that its own look like, and without those that can't be seen.
pub fn as_it_looks(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match (look_alike_letter(c), look_alike(c)) {
            (Some((letters, _)), _) => out.push_str(letters),
            (None, Some((meant, _))) => out.push(meant),
            (None, None) if is_hidden(c) || is_accent(c) => {}
            (None, None) => out.push(if is_odd_blank(c) { ' ' } else { c }),
        }
    }
    Cow::Owned(out)
}

/// Of a text that is wrong: which character can't be seen or looks like another one, where, and what to do. `what` is the text
/// in words, such as `key`.
///
/// Letters of other alphabets count only if there is no other letter of theirs: a text that is written in Cyrillic is
/// not one of look-alikes.
///
/// ```
/// # use mlp_template::printable::odd_character;
/// assert_eq!(
///     odd_character("t\u{456}er", "key").unwrap(),
///     "character 2 of the key is `\u{456}` (U+0456, Cyrillic letter), which only looks like `i`: write `i`"
/// );
/// assert_eq!(odd_character("владелец", "key"), None);
/// ```
pub fn odd_character(text: &str, what: &str) -> Option<String> {
    if text.is_ascii() && !text.contains(is_unseen) {
        return None;
    }
    let sure = |c: char| is_unseen(c) || look_alike(c).is_some();
    let is_of_keyboard = |c: char| !c.is_alphabetic() || c.is_ascii() || look_alike_letter(c).is_some();
    let letters = text.chars().all(|c| sure(c) || is_accent(c) || is_of_keyboard(c));
    let odd: Vec<(usize, char)> = text
        .chars()
        .enumerate()
        .filter(|(_, c)| sure(*c) || (letters && (look_alike_letter(*c).is_some() || is_accent(*c))))
        .collect();
    let (index, c) = *odd.first()?;
    let more = match odd.len() {
        1 => String::new(),
        count => format!(" (the first of {count})"),
    };
    let alike = look_alike(c).map(|(meant, name)| (meant.to_string(), name));
    let alike = alike.or_else(|| look_alike_letter(c).map(|(meant, name)| (meant.to_owned(), name)));
    let (named, looks, fix) = if let Some((meant, name)) = alike {
        let fix = if meant == "\"" || meant == "'" {
            format!("quotes of YAML are `{meant}`; put that in its place, or delete it")
        } else {
            format!("write `{meant}`")
        };
        (format!("`{c}` (U+{:04X}, {name})", u32::from(c)), format!("only looks like `{meant}`"), fix)
    } else if is_odd_blank(c) {
        let fix = "put a space in its place, or delete it".to_owned();
        (named(c), "only looks like a space".to_owned(), fix)
    } else if is_accent(c) {
        let named = format!("U+{:04X} (an accent)", u32::from(c));
        (named, "is shown on the character in front of it".to_owned(), "delete it".to_owned())
    } else {
        (named(c), "is invisible".to_owned(), "delete it".to_owned())
    };
    Some(format!("character {} of the {what} is {named}, which {looks}{more}: {fix}", index + 1))
}

/// A text on one line.
///
/// ```
/// # use mlp_template::printable::printable;
/// assert_eq!(printable("approved\u{202e}\nby \u{1b}[2Jnobody"), "approved[U+202E] by [U+001B][2Jnobody");
/// assert_eq!(printable("größer ✓"), "größer ✓");
/// ```
pub fn printable(text: &str) -> Cow<'_, str> {
    shown(text, |c| is_hidden(c) || matches!(c, '\t' | '\n'))
}

/// A text of several lines.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    shown(text, |c| is_hidden(c) || c == '\t')
}

fn shown(text: &str, odd: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&odd) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if odd(c) { push(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Appends a character to a line.
pub fn push(out: &mut String, c: char) {
    match c {
        '\n' | '\t' => out.push(' '),
        // Writing to a String can't fail.
        c if is_hidden(c) => drop(write!(out, "[U+{:04X}]", u32::from(c))),
        c => out.push(c),
    }
}

/// Appends a character to a line of the user's file, in which odd blanks must be seen too.
pub(crate) fn push_of_file(out: &mut String, c: char) {
    if is_odd_blank(c) {
        // Writing to a String can't fail.
        let _ = write!(out, "[U+{:04X}]", u32::from(c));
    } else {
        push(out, c);
    }
}

/// JSON for a terminal: the same values, with an escape for each hidden character. These stand only in texts.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    if !json.contains(is_hidden) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: &str = "a\u{1b}[2J\u{7}\u{9b}\u{202e}b\u{2066}c\u{200b}d\u{ad}\u{feff}\u{e0041}\r\ne\tf\u{61c}\u{34f}g\u{3164}h\u{fe00}i\u{e0100}j\u{1d173}";

    #[test]
    fn no_hidden_character_survives_and_all_others_do() {
        for text in [printable(ODD), printable_lines(ODD), printable_json(ODD)] {
            assert!(!text.contains(is_hidden), "{text:?}");
        }
        assert!(!printable(ODD).contains(['\n', '\t']) && printable_lines(ODD).contains('\n'));
        let plain = "größer ✓ 日本 e\u{301} \u{1f600} ✔\u{fe0f}";
        assert!(matches!(printable(plain), Cow::Borrowed(text) if text == plain));
    }

    #[test]
    fn odd_blanks_are_shown_in_a_line_of_a_file_and_left_alone_in_prose() {
        let text = "a\u{a0}b\u{3000}c\u{2009} d";
        assert_eq!(printable(text), text);
        let mut line = String::new();
        text.chars().for_each(|c| push_of_file(&mut line, c));
        assert_eq!(line, "a[U+00A0]b[U+3000]c[U+2009] d");
    }

    #[test]
    fn json_keeps_its_values() {
        let value = serde_json::json!({"a\u{202e}": ["\u{1b}[2J", ODD, 3], "plain": "ü"});
        let text = format!("{value:#}\n");
        let shown = printable_json(&text);
        assert!(!shown.contains(is_hidden), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
