//! What roles, users and groups are allowed.

use super::catalogue::{Check, check};
use super::identity;
use super::inspection::Inspection;
use super::statements::Statement;
use crate::glob;
use crate::template::Path;

pub(super) const CHECKS: &[Check] = &[EVERY_RESOURCE, ALL_BUT, PASS_ROLE, CREATE_ACCESS_KEY, DELETE_BUCKET];

check! {
    /// Looks at every statement with `Effect: Allow` in managed policies, in policies inside of roles, users and groups,
    /// and in SAM's `Policies`. `Resource: "*"` is found when the statement has no `Condition`; so is `NotResource`, which
    /// means "every resource but". Some actions can't be scoped to a resource; bound those by `aws:RequestedRegion` or by
    /// a key of the service. Key policies and other policies of resources are not meant: there `*` is the resource itself.
    ///
    /// ```yaml
    /// - Sid: Bad
    ///   Effect: Allow
    ///   Action: s3:GetObject
    ///   Resource: "*"
    /// - Sid: Good
    ///   Effect: Allow
    ///   Action: s3:GetObject
    ///   Resource: !Sub arn:${AWS::Partition}:s3:::my-bucket/*
    /// ```
    EVERY_RESOURCE = "MLP-IAM-001", Error, "A statement for every resource, without a condition";
    why: "Whoever gets hold of the role reaches every resource of the account with these actions, other teams' included.";
    help: "name the resources by their ARNs, or bound the statement by a condition if the action can't be scoped";
}

check! {
    /// `NotAction` with `Effect: Allow` allows every action of every service but the ones named, also those that AWS adds
    /// next year.
    ///
    /// ```yaml
    /// - Effect: Allow
    ///   NotAction: iam:*     # instead: Action with a list of what is needed
    ///   Resource: !GetAtt Bucket.Arn
    /// ```
    ALL_BUT = "MLP-IAM-003", Warning, "A statement that allows everything but some actions";
    why: "It grows by itself: every action that AWS adds is allowed.";
    help: "list the actions that are needed in `Action`";
}

check! {
    /// Looks for `iam:PassRole`, also when a pattern such as `iam:*` or `*` covers it. A statement that names the roles and
    /// the services, both without wildcards, is not found: there is nothing to fix in it. The review report shows it under
    /// Permissions, with all others.
    ///
    /// ```yaml
    /// - Effect: Allow
    ///   Action: iam:PassRole
    ///   Resource: !GetAtt SagemakerRole.Arn
    ///   Condition: {StringEquals: {"iam:PassedToService": sagemaker.amazonaws.com}}
    /// ```
    PASS_ROLE = "MLP-IAM-004", Warning, "A role may be passed on";
    why: "Whoever may pass a role to a service acts with that role's permissions.";
    help: "name the one role in Resource and the one service in the condition key iam:PassedToService";
}

check! {
    /// Looks for `iam:CreateAccessKey`, also when a pattern covers it.
    CREATE_ACCESS_KEY = "MLP-IAM-005", Warning, "Access keys may be made";
    why: "A key made for another user lives on after the role is gone, with that user's permissions.";
    help: "leave it out: builds and pipelines work with roles and need no keys";
}

check! {
    /// Looks for `s3:DeleteBucket`, also when a pattern such as `s3:*` covers it.
    DELETE_BUCKET = "MLP-IAM-006", Warning, "Buckets may be deleted";
    why: "A deleted bucket's name can be taken by anybody, who then gets what is sent to it.";
    help: "leave it out: the stack deletes its bucket itself; list the s3 actions that are needed";
}

/// Actions that are shown wherever they are allowed.
const SHOWN: [(&str, &Check); 3] = [
    ("iam:PassRole", &PASS_ROLE),
    ("iam:CreateAccessKey", &CREATE_ACCESS_KEY),
    ("s3:DeleteBucket", &DELETE_BUCKET),
];

pub(super) fn check(inspection: &mut Inspection<'_>) {
    let template = inspection.template;
    identity::statements(template, &mut |_, statement, path| {
        every_resource(inspection, statement, path);
        all_but(inspection, statement, path);
        shown(inspection, statement, path);
    });
}

fn every_resource(inspection: &mut Inspection<'_>, statement: Statement<'_>, path: &Path<'_>) {
    if statement.is_conditional() {
        return;
    }
    let name = statement.name();
    statement.texts("Resource", path, &mut |resource, path| {
        if resource == "*" {
            let message = format!("{name} has the resource `*` and no condition");
            inspection.found(&EVERY_RESOURCE, path, message);
        }
    });
    if statement.get("NotResource").is_some() {
        let message =
            format!("{name} is for every resource but those in `NotResource`, and has no condition");
        inspection.found(&EVERY_RESOURCE, &path.key("NotResource"), message);
    }
}

fn all_but(inspection: &mut Inspection<'_>, statement: Statement<'_>, path: &Path<'_>) {
    if statement.get("NotAction").is_some() {
        let message = format!("{} allows every action but those in `NotAction`", statement.name());
        inspection.found(&ALL_BUT, &path.key("NotAction"), message);
    }
}

fn shown(inspection: &mut Inspection<'_>, statement: Statement<'_>, path: &Path<'_>) {
    let name = statement.name();
    statement.texts("Action", path, &mut |pattern, place| {
        for (action, check) in SHOWN {
            if !glob::matches_action(pattern, action) {
                continue;
            }
            let by = if pattern.eq_ignore_ascii_case(action) {
                format!("allows {action}")
            } else {
                format!("allows {action} by `{pattern}`")
            };
            if action != "iam:PassRole" {
                inspection.found(check, place, format!("{name} {by}"));
                continue;
            }
            if let Some(bounds) = pass_role_bounds(statement) {
                inspection.found(check, place, format!("{name} {by}{bounds}"));
            }
        }
    });
}

/// How far the passing of roles is bounded already; `None` when that is far enough.
fn pass_role_bounds(statement: Statement<'_>) -> Option<&'static str> {
    let named = statement.get("Resource").is_some() && !statement.names_everything("Resource");
    match (named, statement.asks_about("iam:PassedToService")) {
        (true, true) if statement.has_wildcard("Resource") => {
            Some(", for roles that it names with a wildcard")
        }
        (true, true) if !statement.is_only("iam:PassedToService") => {
            Some(", for the roles that it names, with a condition that doesn't name the services")
        }
        (true, true) => None,
        (true, false) => Some(", for the roles that it names, to any service"),
        (false, true) => Some(", for every role, to the services that it names"),
        (false, false) => Some(", for every role and to any service"),
    }
}
