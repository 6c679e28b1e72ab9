//! Questions to somebody at a terminal.

use std::io::{self, BufRead as _, IsTerminal as _};

use mlp_operations::execution::failure::Name;

use super::problem::Problem;
use crate::show::complain;

/// Asks and answers what was typed; nobody is asked where nobody sits.
fn ask(question: &str, instead: &str) -> Result<String, Problem> {
    if !io::stdin().is_terminal() {
        return Err(Problem::usage("nobody can be asked without a terminal").help(instead));
    }
    complain(question);
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(_) => Ok(line.trim().to_owned()),
        Err(error) => Err(Problem::usage(format!("the answer can't be read: {error}"))),
    }
}

/// Has the product's name typed before it is deleted.
pub(crate) fn product(ml_name: &str) -> Result<(), Problem> {
    let question = format!(
        "This deletes the product {ml_name}, and all versions of what is in its bucket.\nType its name to go on: "
    );
    typed(
        ml_name,
        &ask(
            &question,
            "`--yes` deletes without the question; with `--approval` the execution first shows what it will delete, and waits",
        )?,
    )
}

fn typed(ml_name: &str, answer: &str) -> Result<(), Problem> {
    if answer == ml_name {
        return Ok(());
    }
    Err(Problem::refused(Name::InvalidInput, "that is not the product's name; nothing was started")
        .help(format!("it is {ml_name}")))
}

/// Asks whether the changes may be made.
pub(crate) fn approval(words: &str) -> Result<bool, Problem> {
    complain(words);
    Ok(yes(&ask(
        "Approve these changes? [y/N] ",
        "`--yes` approves without the question; the report shows the changes",
    )?))
}

fn yes(answer: &str) -> bool {
    ["y", "yes"].iter().any(|yes| answer.eq_ignore_ascii_case(yes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_products_whole_name_deletes_it() {
        assert_eq!(typed("a-ml", "a-ml"), Ok(()));
        for answer in ["", "y", "a-m", "A-ML"] {
            assert_eq!(typed("a-ml", answer).map_err(|problem| problem.status), Err(crate::BLOCKED));
        }
    }

    #[test]
    fn only_a_yes_approves() {
        assert!(yes("y") && yes("YES"));
        for answer in ["", "n", "yeah", "ok"] {
            assert!(!yes(answer), "{answer}");
        }
    }
}
