//! Changes as lines of text, for a terminal and for a mail.

use mlp_template::printable;

use super::properties::{Property, Replaces};
use super::risks::Risk;
use super::summary::{Changes, Deletion, Resource};
use super::values::{DisplayedValue, ValueState};

/// The longest text, in bytes. A message of Amazon SNS may have 256 KiB (API Reference, `Publish`), its frame included.
const MAX_TEXT_BYTES: usize = 195_000;

/// What is kept free for the lines at the end.
const RESERVED_BYTES: usize = 15_000;

/// The longest value on a line, in characters.
const MAX_VALUE_CHARACTERS: usize = 160;

/// The changes as a person reads them without a browser: risks first, then every resource, then what to do next.
///
/// Shorter than 200 KB, whatever the change set: what doesn't fit is counted. No character of it moves a terminal's cursor
/// or turns the text around.
pub fn text(changes: &Changes) -> String {
    let mut page = Lines { out: String::new() };
    page.line(0, &format!("{} of stack {}", title(changes), changes.stack_name));
    let place = [&changes.tier, &changes.scenario, &changes.account_id, &changes.region];
    let place: Vec<&str> = place.into_iter().filter_map(|it| it.as_deref()).collect();
    if !changes.ml_name.is_empty() {
        page.line(0, &format!("Product {} ({})", changes.ml_name, place.join(", ")));
    }
    let set = match &changes.deletion {
        Some(_) => "Stack".to_owned(),
        None => format!("Change set {}", changes.change_set.name.as_deref().unwrap_or("without a name")),
    };
    page.line(0, &format!("{set}: {}", verdict(changes)));
    page.line(0, &format!("In all: {}", changes.headline()));
    if !changes.risks.is_empty() {
        page.line(0, "");
        page.line(0, "RISKS");
        let left = page.each(&changes.risks, risk);
        page.rest(left, "risk");
    }
    if !changes.resources.is_empty() {
        page.line(0, "");
        page.line(0, "CHANGES");
        let left = page.each(&changes.resources, resource);
        page.rest(left, "resource");
    }
    if !changes.next.is_empty() {
        page.line(0, "");
        page.line(0, "NEXT");
        let mut end = Lines { out: String::new() };
        for step in &changes.next {
            end.line(1, &format!("{}. {}", step.title, step.text));
            for command in &step.commands {
                for line in command.lines() {
                    end.line(2, line);
                }
            }
        }
        // Commands have names in them, and those are short where AWS has a say.
        if end.out.len() <= RESERVED_BYTES {
            page.out.push_str(&end.out);
        } else {
            page.line(1, "The report says what to do.");
        }
    }
    page.out
}

/// What happens to the stack, as a title.
pub(super) fn title(changes: &Changes) -> &'static str {
    match changes.deletion {
        None => "Changes",
        Some(Deletion::Final) => "Deletion",
        Some(Deletion::Recreated) => "Deletion and new creation",
    }
}

/// What can be done with the change set, in one sentence.
pub(super) fn verdict(changes: &Changes) -> String {
    match changes.deletion {
        None => {}
        Some(Deletion::Final) => {
            return "it is deleted with everything in it that no policy keeps".to_owned();
        }
        Some(Deletion::Recreated) => {
            return "it is deleted with everything in it that no policy keeps, then created again".to_owned();
        }
    }
    let set = &changes.change_set;
    let because = set.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    if set.failed() {
        return format!("CloudFormation could not create it{because}");
    }
    if set.says_nothing_changes() {
        return "nothing changes".to_owned();
    }
    match (changes.is_empty(), set.can_be_executed) {
        (true, true) => "no resource changes; outputs, tags or metadata of the stack may".to_owned(),
        (true, false) => "nothing changes".to_owned(),
        (false, true) => "ready to be executed".to_owned(),
        (false, false) => {
            let status = set.execution_status.as_ref().or(set.status.as_ref());
            status.map_or_else(
                || "CloudFormation doesn't say whether it can be executed".to_owned(),
                |status| format!("can't be executed now, CloudFormation says {status}{because}"),
            )
        }
    }
}

struct Lines {
    out: String,
}

impl Lines {
    /// A line, with invisible characters replaced.
    fn line(&mut self, indent: usize, text: &str) {
        for _ in 0..indent {
            self.out.push_str("  ");
        }
        push_visible(&mut self.out, text, MAX_VALUE_CHARACTERS * 12);
        while self.out.ends_with(' ') {
            self.out.pop();
        }
        self.out.push('\n');
    }

    /// Entries as long as there is room; answers how many there was no room for.
    fn each<T>(&mut self, entries: &[T], write: fn(&mut Self, &T)) -> usize {
        for (index, entry) in entries.iter().enumerate() {
            let before = self.out.len();
            write(self, entry);
            if self.out.len() > MAX_TEXT_BYTES - RESERVED_BYTES {
                self.out.truncate(before);
                return entries.len() - index;
            }
        }
        0
    }

    fn rest(&mut self, left: usize, word: &str) {
        if left > 0 {
            let ending = if left == 1 { "" } else { "s" };
            self.line(1, &format!("... and {left} {word}{ending} more; the report has all of them"));
        }
    }
}

/// Appends a text on one line, cut off at a number of characters, with every character that can't be seen by its number.
fn push_visible(out: &mut String, text: &str, longest: usize) {
    for (index, c) in text.chars().enumerate() {
        if index == longest {
            out.push_str("...");
            return;
        }
        printable::push(out, c);
    }
}

fn called(physical_id: Option<&str>, kind: &str) -> String {
    physical_id.map_or_else(|| kind.to_owned(), |id| format!("{kind}, {id}"))
}

fn risk(page: &mut Lines, risk: &Risk) {
    let may = if risk.certain { "" } else { " (may happen)" };
    let name = called(risk.physical_id.as_deref(), &risk.kind);
    page.line(1, &format!("! {}{may}: {} ({name})", risk.impact.words(), risk.logical_id));
    page.line(3, &format!("It {}.", risk.description));
    if let Some(lost) = &risk.lost {
        page.line(3, &format!("Lost: {lost}."));
    }
    page.line(3, &format!("Remediation: {}.", risk.remediation));
}

fn resource(page: &mut Lines, resource: &Resource) {
    let name = called(resource.physical_id.as_deref(), &resource.kind);
    let words = resource.effect.words();
    page.line(1, &format!("{:<2} {} ({name}): {words}", resource.effect.sign(), resource.logical_id));
    if let Some(purpose) = &resource.purpose {
        page.line(3, purpose);
    }
    if let Some(drift) = &resource.drift {
        page.line(3, &format!("It {drift}."));
    }
    // What a resource that comes or goes has is for the report.
    if !resource.effect.is_whole() {
        for entry in &resource.properties {
            property(page, entry);
        }
    }
}

fn property(page: &mut Lines, property: &Property) {
    let same = common(property);
    let value = |shown: Option<&DisplayedValue>| {
        let Some(shown) = shown else { return "(unknown)".to_owned() };
        let mut text = String::new();
        if same > 0 {
            text.push_str("...");
        }
        let rest: String = shown.text.chars().skip(same).collect();
        push_visible(&mut text, &rest, MAX_VALUE_CHARACTERS);
        // A text with spaces at its ends must show them; JSON and our own remarks must not be quoted.
        let plain = shown.state == ValueState::Complete && same == 0 && !text.starts_with(['{', '[']);
        if plain { format!("\"{text}\"") } else { text }
    };
    let told = match (&property.before, &property.after) {
        (None, None) => property.change.word().to_owned(),
        (before, after) => match property.change {
            super::PropertyChange::Added => format!("added {}", value(after.as_ref())),
            super::PropertyChange::Removed => format!("removed {}", value(before.as_ref())),
            super::PropertyChange::Changed | super::PropertyChange::Recorded => {
                format!("{} -> {}", value(before.as_ref()), value(after.as_ref()))
            }
        },
    };
    let mut remarks = Vec::new();
    match property.replaces {
        Some(Replaces::Yes) => remarks.push("replaces".to_owned()),
        Some(Replaces::Maybe) => remarks.push("may replace".to_owned()),
        Some(Replaces::No) | None => {}
    }
    if !property.causes.is_empty() {
        remarks.push(format!("because of {}", property.causes.join(", ")));
    }
    if !property.certain {
        remarks.push("not certain yet".to_owned());
    }
    let remarks = if remarks.is_empty() { String::new() } else { format!(" [{}]", remarks.join("; ")) };
    page.line(3, &format!("{}: {told}{remarks}", property.path));
}

/// How many characters of two long values need not be shown, because both begin with them.
fn common(property: &Property) -> usize {
    const SHOWN_CHARACTERS: usize = 20;
    let (Some(before), Some(after)) = (&property.before, &property.after) else { return 0 };
    let same = before.text.chars().zip(after.text.chars()).take_while(|(a, b)| a == b).count();
    let differs = before.text != after.text;
    if differs && same > MAX_VALUE_CHARACTERS / 2 { same - SHOWN_CHARACTERS } else { 0 }
}
