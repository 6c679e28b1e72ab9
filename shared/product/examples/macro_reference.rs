//! Prints `docs/macro-reference.md`.

use std::fmt::Write as _;
use std::io::Write as _;

use mlp_product::config::properties::{self, Kind, Property};
use mlp_product::expand;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut page = String::from(
        "# The macro's properties and attributes\n\nMade by `cargo xtask docs` from the config's schemas and the tier files; \
         edit those. What they are for stands in [macro.md](macro.md).\n\n## Properties\n\n\"Any function\": `Ref`, \
         `Fn::ImportValue`, `Fn::If` and all others may stand there. Everywhere else the value itself is\nwanted, or a `Ref` \
         to a template parameter.\n\n| Property | What | Values | Required | Any function |\n|---|---|---|---|---|\n",
    );
    for (name, property) in properties::all() {
        let required = if property.required { "yes" } else { "" };
        let functions = if property.functions { "yes" } else { "" };
        let what = property.description();
        let values = values(property).replace('|', "\\|");
        writeln!(page, "| `{name}` | {what} | {values} | {required} | {functions} |")?;
    }
    writeln!(
        page,
        "| `{}` | {} | `arn:aws:iam::<account>:policy/<name>` |  | yes |",
        properties::BOUNDARY_PROPERTY,
        properties::BOUNDARY_DESCRIPTION
    )?;
    let attributes = expand::referenceable()?;
    page.push_str(
        "\n## Published values\n\n`!GetAtt Fraud.KmsKeyArn` and `${Fraud.KmsKeyArn}`, by the smallest tier that has them.\n\n| Attribute | What | From tier | Only |\n|---|---|---|---|\n",
    );
    for attribute in attributes.iter().filter(|attribute| attribute.published) {
        let when = attribute.when.as_deref().unwrap_or_default();
        writeln!(
            page,
            "| `{}` | {} | {} | {when} |",
            attribute.name,
            attribute.purpose,
            attribute.tier.as_str()
        )?;
    }
    page.push_str(
        "\n## Resources and their attributes\n\n`!GetAtt Fraud.ArtifactsBucket` is what `Ref` of that resource gives, and \
         `!GetAtt Fraud.ArtifactsBucket.Arn` its\nattribute.\n\n| Resource | Attributes | What | From tier | Only |\n|---|---|---|---|---|\n",
    );
    for resource in
        attributes.iter().filter(|attribute| !attribute.published && !attribute.name.contains('.'))
    {
        let own: Vec<String> = attributes
            .iter()
            .filter_map(|attribute| attribute.name.strip_prefix(&format!("{}.", resource.name)))
            .map(|name| format!("`{name}`"))
            .collect();
        let when = resource.when.as_deref().unwrap_or_default();
        let kind = resource.purpose.trim_start_matches("`Ref` of ");
        writeln!(
            page,
            "| `{}` | {} | {kind} | {} | {when} |",
            resource.name,
            own.join(", "),
            resource.tier.as_str()
        )?;
    }
    std::io::stdout().write_all(page.as_bytes())?;
    Ok(())
}

/// What may stand there, in words.
fn values(property: &Property) -> String {
    let says =
        |keyword: &str| property.schema.get(keyword).and_then(serde_json::Value::as_str).map(str::to_owned);
    let aliases = property.schema.get("x-aliases");
    let choices: Option<Vec<String>> =
        property.schema.get("enum").and_then(serde_json::Value::as_array).map(|all| {
            all.iter()
                .filter(|choice| {
                    choice.as_str().is_none_or(|it| aliases.is_none_or(|aliases| aliases.get(it).is_none()))
                })
                .map(|choice| {
                    format!("`{}`", choice.as_str().map_or_else(|| choice.to_string(), str::to_owned))
                })
                .collect()
        });
    let fallback = match property.kind {
        Kind::Text => "text",
        Kind::Whole => "a whole number",
        Kind::Flag => "`true`, `false`",
        Kind::List => "a list",
        Kind::Tags => "a map",
        Kind::Block(_) => "the properties below",
    };
    let mut values = says("x-allowed")
        .or_else(|| choices.map(|choices| choices.join(", ")))
        .unwrap_or_else(|| fallback.to_owned());
    if let Some(default) = property.schema.get("default") {
        let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        values = format!("{values}; default `{default}`");
    }
    values
}
