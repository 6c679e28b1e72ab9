//! S3's order of events on one key.

use std::cmp::Ordering;
use std::fmt;
use std::iter::repeat_n;

/// The longest sequencer that is read. S3's have 16 to 18 digits today; the bound only keeps nonsense out of headers.
const MAX_DIGITS: usize = 64;

/// The `sequencer` of an event: a hexadecimal string that grows with every write to one key.
///
/// "The event notification with the greater sequencer hexadecimal value is the event that occurred later. [...] sequencer
/// strings can be of different lengths. So, to compare these values, first left-pad the shorter value with zeros, and
/// then do a lexicographical comparison." Sequencers of different keys say nothing about each other.
/// Source: Amazon S3 User Guide, "Event message structure"
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>, read in its 2026
/// edition; editions of some earlier years say "right pad", which contradicts the greater hexadecimal value).
///
/// ```
/// use mlp_aws::s3::sequencer::Sequencer;
/// let earlier = Sequencer::parse("0055AED6DCD90281E5").unwrap();
/// let later = Sequencer::parse("0055AED6DCD90281E6").unwrap();
/// assert!(earlier < later);
/// // Compared as numbers: padded on the left.
/// assert!(Sequencer::parse("B").unwrap() < Sequencer::parse("A0F").unwrap());
/// ```
#[derive(Debug, Clone)]
pub struct Sequencer(String);

impl Sequencer {
    /// Reads 1-64 hexadecimal digits of either case; anything else is no sequencer.
    pub fn parse(text: &str) -> Option<Self> {
        let fits =
            (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        // One case, because `a` and `A` are the same digit and would not compare as such.
        fits.then(|| Self(text.to_ascii_uppercase()))
    }

    /// The digits, in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for Sequencer {
    fn cmp(&self, other: &Self) -> Ordering {
        let digits = self.0.len().max(other.0.len());
        let padded = |text: &Self| repeat_n(b'0', digits - text.0.len()).chain(text.0.clone().into_bytes());
        padded(self).cmp(padded(other))
    }
}

impl PartialOrd for Sequencer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

// By the same rule as the order: `AB` and `00AB` are one place in the sequence.
impl PartialEq for Sequencer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Sequencer {}

impl fmt::Display for Sequencer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sequencer(text: &str) -> Sequencer {
        Sequencer::parse(text).unwrap()
    }

    #[test]
    fn the_shorter_sequencer_is_padded_on_the_left() {
        assert!(sequencer("0055AED6DCD90281E5") < sequencer("0055AED6DCD90281E6"));
        assert!(sequencer("B") < sequencer("AFFFF"));
        assert!(sequencer("AB") < sequencer("AB01"));
        assert_eq!(sequencer("AB"), sequencer("000AB"));
    }

    #[test]
    fn digits_of_either_case_are_the_same() {
        assert_eq!(sequencer("00ab"), sequencer("00AB"));
        assert!(sequencer("0a") > sequencer("09"));
    }

    #[test]
    fn text_that_is_not_hexadecimal_is_no_sequencer() {
        for text in ["", "0x12", "12 ", "G", "é", &"0".repeat(65)] {
            assert!(Sequencer::parse(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_the_padded_strings(a in "[0-9A-F]{1,20}", b in "[0-9A-F]{1,20}") {
            let expected = format!("{a:0>20}").cmp(&format!("{b:0>20}"));
            prop_assert_eq!(sequencer(&a).cmp(&sequencer(&b)), expected);
        }
    }
}
