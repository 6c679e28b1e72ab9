//! Results on the terminal: text for people, one JSON object for programs.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};

use mlp_product::outcome::{Outcome, ProductSummary, ResourceCounts};
use mlp_template::printable::{printable, printable_json, printable_lines};
use mlp_template::render::render;

use crate::files::Input;
use crate::{Color, UNUSABLE};

/// How results are shown.
pub(crate) struct Shown {
    json: bool,
    color: bool,
}

impl Shown {
    pub(crate) fn new(json: bool, color: Color) -> Self {
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                io::stderr().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
            }
        };
        Self { json, color }
    }

    /// Something that is not about the input: a defect of ours, or a file that can't be written.
    pub(crate) fn error(&self, message: &str) {
        let (on, off) = if self.color { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
        complain_painted(&format!("{on}error{off}: {}\n", printable_lines(message)));
    }

    /// An error that has a name, with what belongs to it on further lines.
    pub(crate) fn named_error(&self, name: &str, message: &str) {
        let (on, off) = if self.color { ("\u{1b}[1;31m", "\u{1b}[0m") } else { ("", "") };
        complain_painted(&format!("{on}error[{}]{off}: {}\n", printable(name), printable_lines(message)));
    }

    /// Whether findings are coloured.
    pub(crate) fn is_colored(&self) -> bool {
        self.color
    }

    /// Whether results are shown as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Findings alone, on standard error; for commands whose result is something else than the result object.
    pub(crate) fn findings(&self, outcome: &Outcome, input: Option<&Input>) {
        let source = input.map(|input| (input.name.as_str(), input.bytes.as_slice()));
        complain_painted(&render(&outcome.findings, source, self.color));
    }

    /// Something worth knowing.
    pub(crate) fn note(&self, message: &str) {
        if !self.json {
            complain(&format!("{message}\n"));
        }
    }

    /// A result: JSON on standard output, or findings on standard error and the rest on standard output.
    ///
    /// # Errors
    ///
    /// When standard output takes no more, for example because the disk is full.
    pub(crate) fn outcome(&self, outcome: &Outcome, input: Option<&Input>) -> io::Result<()> {
        if self.json {
            return print_json(&serde_json::to_string_pretty(outcome)?);
        }
        let source = input.map(|input| (input.name.as_str(), input.bytes.as_slice()));
        complain_painted(&render(&outcome.findings, source, self.color));
        print(&if outcome.ok { text(outcome) } else { wrote(outcome) })
    }

    /// The status to end with after something was printed: a result that got lost is no success.
    pub(crate) fn printed(&self, printed: io::Result<()>, status: u8) -> u8 {
        match printed {
            Ok(()) => status,
            Err(error) => {
                self.error(&format!("standard output can't be written: {error}"));
                UNUSABLE
            }
        }
    }
}

fn text(outcome: &Outcome) -> String {
    let mut out = String::new();
    if let (Some(name), Some(tier), Some(scenario), Some(stack)) =
        (&outcome.ml_name, &outcome.tier, &outcome.scenario, &outcome.stack_name)
    {
        let _ =
            writeln!(out, "Product    {name}\nStack      {stack}\nTier       {tier}, scenario {scenario}");
    }
    match outcome.action.as_str() {
        "list-products" => out.push_str(&list(&outcome.products)),
        "show-product" => outcome.products.iter().for_each(|product| out.push_str(&one(product))),
        "validate-config" => out.push_str("The config is valid.\n"),
        "validate-prov-template" => {
            out.push_str(&counts(outcome.resource_counts.as_ref()));
            out.push_str(
                "The template is sound in structure and references, and no security check blocks it.\n",
            );
        }
        _ => {
            out.push_str(&counts(outcome.resource_counts.as_ref()));
            out.push_str(&wrote(outcome));
        }
    }
    out
}

/// The files written, also those that a blocked config still gets.
fn wrote(outcome: &Outcome) -> String {
    outcome.outputs.iter().fold(String::new(), |mut out, path| {
        let _ = writeln!(out, "Wrote      {path}");
        out
    })
}

fn counts(counts: Option<&ResourceCounts>) -> String {
    let Some(counts) = counts else { return String::new() };
    let mut out = format!("Resources  {}, of them {} SSM parameters\n", counts.total, counts.ssm_parameters);
    for (kind, number) in &counts.by_type {
        let _ = writeln!(out, "  {number:>3}  {kind}");
    }
    out
}

fn list(products: &[ProductSummary]) -> String {
    let mut out = String::new();
    for product in products {
        let _ = writeln!(out, "{:<14}{}", product.tier, product.summary);
        for scenario in &product.scenarios {
            let counts = &scenario.resource_counts;
            let _ = writeln!(
                out,
                "  {:<24}{:>3} resources, {:>2} of them SSM parameters",
                scenario.scenario, counts.total, counts.ssm_parameters
            );
        }
        out.push('\n');
    }
    out.push_str("`mlp show-product TIER` shows one of them resource by resource.\n");
    out
}

fn one(product: &ProductSummary) -> String {
    let mut out = format!("{}: {}\n", product.title, product.summary);
    if let Some(extends) = &product.extends {
        let _ = writeln!(out, "Holds and extends {extends}.");
    }
    out.push('\n');
    for scenario in &product.scenarios {
        let counts = &scenario.resource_counts;
        let _ = writeln!(
            out,
            "  {:<24}{:>3} resources, {:>2} of them SSM parameters",
            scenario.scenario, counts.total, counts.ssm_parameters
        );
    }
    let mut group = "";
    for resource in &product.resources {
        if resource.group != group {
            group = &resource.group;
            let _ = writeln!(out, "\n{group}");
        }
        let when = resource.when.as_ref().map(|when| format!(" [{when}]")).unwrap_or_default();
        let _ = writeln!(out, "  {:<38} {}{when}", resource.logical_id, resource.kind);
        let _ = writeln!(out, "      {}", resource.purpose);
        if let Some(name) = &resource.name {
            let _ = writeln!(out, "      {name}");
        }
    }
    out
}

/// Prints text for people to standard output. Hidden characters are shown by their number.
pub(crate) fn print(text: &str) -> io::Result<()> {
    print_data(&printable_lines(text))
}

/// Prints one JSON value to standard output, with escapes for hidden characters.
pub(crate) fn print_json(text: &str) -> io::Result<()> {
    print_data(&format!("{}\n", printable_json(text)))
}

/// Prints data (a template, a script) to standard output as it is. Whoever has closed the pipe doesn't want to read on; that
/// is no error.
pub(crate) fn print_data(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Prints text to standard error. Hidden characters are shown by their number.
pub(crate) fn complain(text: &str) {
    complain_painted(&printable_lines(text));
}

/// Prints text to standard error, which may be closed. The caller has made it printable: only colors, and what redraws a line, are hidden.
pub(crate) fn complain_painted(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
