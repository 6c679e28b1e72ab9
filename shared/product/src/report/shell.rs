//! Commands that a person copies into a shell.

/// A text as one word of a POSIX shell: bare where nothing in it is special, else in single quotes.
///
/// Characters that nobody sees are dropped: a command that is copied must do what it shows.
#[must_use]
pub fn word(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| !mlp_template::printable::is_hidden(*c) && *c != '\n' && *c != '\t')
        .collect();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A command of `aws` with one option a line.
pub fn aws(service_and_action: &str, options: &[(&str, String)]) -> String {
    let mut command = format!("aws {service_and_action}");
    for (option, value) in options {
        command.push_str(" \\\n  --");
        command.push_str(option);
        if !value.is_empty() {
            command.push(' ');
            command.push_str(value);
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_can_not_become_two_or_a_command() {
        assert_eq!(word("team-ml/models"), "team-ml/models");
        assert_eq!(word("a b"), "'a b'");
        assert_eq!(word("$(id)`id`;"), "'$(id)`id`;'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
        assert_eq!(word("a\u{202e}b\nc"), "abc");
    }
}
