//! The model registry and the repositories.

use mlp_template::template::{Value, map};

use super::{Built, Context};

/// `AWS::SageMaker::ModelPackageGroup`.
///
/// The description can't be changed without replacing the group, so nothing in it depends on the tier or the generator.
pub(super) fn model_package_group(cx: &Context<'_>) -> Built {
    Ok(map([
        ("ModelPackageGroupName", cx.name()?),
        ("ModelPackageGroupDescription", Value::str(format!("Models for {}", cx.product.use_case))),
        ("Tags", cx.tag_list()),
    ]))
}

/// `AWS::CodeCommit::Repository`, empty: the first push makes its branch.
///
/// Encrypted with AWS's own key for CodeCommit: with the product's key, everybody who pushes would need it.
pub(super) fn repository(cx: &Context<'_>) -> Built {
    Ok(map([
        ("RepositoryName", cx.name()?),
        ("RepositoryDescription", Value::str(format!("{} for {}", cx.spec.purpose, cx.product.use_case))),
        ("Tags", cx.tag_list()),
    ]))
}
