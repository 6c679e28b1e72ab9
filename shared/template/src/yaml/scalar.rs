//! YAML 1.2's core schema: what a plain scalar is.

use super::{Scalar, ScalarKind};

impl ScalarKind {
    /// What the core schema takes a plain scalar for.
    pub(super) fn of(text: &str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Self::Null,
            "true" | "True" | "TRUE" => Self::Bool(true),
            "false" | "False" | "FALSE" => Self::Bool(false),
            _ if is_integer(text) => integer(text).map_or(Self::Float, Self::Int),
            _ if is_float(text) => Self::Float,
            _ => Self::Str,
        }
    }
}

/// Whether a number of YAML 1.2's core schema is text in YAML 1.1, by its digits: `069655774878`. A leading zero makes an octal
/// number there, and 8 and 9 are no octal digits. Tools that write YAML 1.1 leave the quotes of such a text out.
///
/// Sources: YAML 1.1, "Integer Language-Independent Type"; `PyYAML`'s `resolver.py`.
pub fn is_text_in_yaml_1_1(text: &str) -> bool {
    text.starts_with('0') && all(text, |byte| byte.is_ascii_digit()) && text.contains(['8', '9'])
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn all(digits: &str, is_digit: impl Fn(u8) -> bool) -> bool {
    !digits.is_empty() && digits.bytes().all(is_digit)
}

fn is_integer(text: &str) -> bool {
    text.strip_prefix("0o").is_some_and(|digits| all(digits, |byte| matches!(byte, b'0'..=b'7')))
        || text.strip_prefix("0x").is_some_and(|digits| all(digits, |byte| byte.is_ascii_hexdigit()))
        || all(unsigned(text), |byte| byte.is_ascii_digit())
}

fn integer(text: &str) -> Option<i64> {
    if let Some(digits) = text.strip_prefix("0o") {
        i64::from_str_radix(digits, 8).ok()
    } else if let Some(digits) = text.strip_prefix("0x") {
        i64::from_str_radix(digits, 16).ok()
    } else {
        text.parse().ok()
    }
}

fn is_float(text: &str) -> bool {
    let number = unsigned(text);
    if matches!(number, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = number.split_once(['e', 'E']).map_or((number, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(whole)
        && is_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| all(unsigned(exponent), |byte| byte.is_ascii_digit()))
}

impl Scalar {
    /// Whether a plain scalar is a number for a reader of YAML 1.1, such as CloudFormation's: also what is text in 1.2, such
    /// as `1_000`, `0b101`, and `12:30` (sexagesimal).
    pub(crate) fn is_number_of_yaml_1_1(&self) -> bool {
        match self.kind {
            ScalarKind::Int(_) | ScalarKind::Float => true,
            ScalarKind::Str => is_number_of_yaml_1_1_only(&self.text.to_ascii_lowercase()),
            ScalarKind::Null | ScalarKind::Bool(_) => false,
        }
    }
}

/// The numbers of YAML 1.1 that are text in 1.2: `1_000`, `0b101`, and `12:30` (sexagesimal).
fn is_number_of_yaml_1_1_only(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let only = |text: &str, allowed: &str| !text.is_empty() && text.chars().all(|c| allowed.contains(c));
    if let Some(bits) = digits.strip_prefix("0b") {
        return only(bits, "01_");
    }
    if let Some(hex) = digits.strip_prefix("0x") {
        return only(hex, "0123456789abcdef_");
    }
    let mut parts = digits.split(':');
    let whole = parts.next().is_some_and(|first| only(first, "0123456789_"));
    whole && parts.all(|part| part.len() <= 2 && part.parse::<u8>().is_ok_and(|value| value < 60))
}
