//! What others read from SSM Parameter Store.

use mlp_template::template::{Value, map};

use super::{Built, Context};

/// `AWS::SSM::Parameter`: `/ml/{ml_name}/{leaf}`.
pub(super) fn parameter(cx: &Context<'_>) -> Built {
    let leaf = cx.link(cx.spec.links.leaf.as_deref(), "leaf")?;
    Ok(map([
        ("Name", Value::str(cx.product.names.ssm_path(leaf))),
        ("Description", Value::str(cx.spec.purpose.as_str())),
        ("Type", Value::str("String")),
        ("Value", cx.published()?),
        ("Tags", cx.tag_map()),
    ]))
}
