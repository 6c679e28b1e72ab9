//! How long the JSON of a value is once CloudFormation has filled in its functions: at least.

use crate::region::Region;
use crate::template::{Function, Map, SubPart, Template, Value};

/// What is known of the place that a template is for. Without a region, the shortest values of any.
#[derive(Debug, Clone, Default)]
pub struct Known {
    region: Option<Region>,
    /// The length of a value that isn't known.
    unknown: usize,
}

/// The longest name of a bucket (S3 User Guide, "General purpose bucket naming rules").
const LONGEST_BUCKET: usize = 63;

impl Known {
    /// What a template of ours says of itself.
    pub fn of(template: &Template) -> Self {
        let region = match template.metadata.get("MLProvisioner") {
            Some(Value::Map(made)) => made.get("Region").and_then(Value::as_str),
            _ => None,
        };
        Self { region: region.and_then(|region| Region::parse(region).ok()), unknown: 0 }
    }

    /// For a product's own policies, in which only the name of the data lake's bucket isn't known.
    pub fn of_product(region: &Region) -> Self {
        Self { region: Some(region.clone()), unknown: LONGEST_BUCKET }
    }

    /// The length of a pseudo parameter's value, or of one that isn't known.
    fn length(&self, name: &str) -> usize {
        let region = self.region.as_ref();
        match name {
            "AWS::AccountId" => "123456789012".len(),
            "AWS::Region" => region.map_or("us-east-1".len(), |region| region.as_str().len()),
            "AWS::Partition" => region.map_or("aws".len(), |region| region.partition().len()),
            "AWS::URLSuffix" => region.map_or("amazonaws.com".len(), |region| region.dns_suffix().len()),
            _ => self.unknown,
        }
    }

    /// The ARN of a KMS key, which CloudFormation names: `arn:{partition}:kms:{region}:{account}:key/{uuid}`.
    fn key_arn(&self) -> usize {
        let places = ["AWS::Partition", "AWS::Region", "AWS::AccountId"];
        "arn::kms:::key/".len() + 36 + places.iter().map(|name| self.length(name)).sum::<usize>()
    }
}

const NOTHING: &str = "AWS::NoValue";

/// The least number of characters that a value has as JSON, white space not counted. Values that aren't known count as empty
/// texts, and of the two branches of `Fn::If` the shorter one counts.
pub fn least(value: &Value, known: &Known) -> usize {
    match value {
        Value::Null => "null".len(),
        Value::Bool(value) => value.to_string().len(),
        Value::Int(value) => value.to_string().len(),
        Value::Number(text) => text.len(),
        Value::Str(text) => 2 + escaped(text),
        Value::List(values) => {
            let sizes = values.iter().filter(|value| !is_nothing(value)).map(|value| least(value, known));
            enclosed(sizes)
        }
        Value::Map(entries) => map(entries, known),
        Value::Ref(name) => 2 + known.length(name),
        Value::GetAtt(_, attribute) if attribute == "Arn" => 2 + "arn:aws:".len(),
        Value::Sub(sub) => {
            let part = |part: &SubPart| match part {
                SubPart::Text(text) => escaped(text),
                SubPart::Ref(name) => match sub.variables.get(name) {
                    Some(value) => inner(value, known),
                    None => known.length(name),
                },
                SubPart::GetAtt(..) => 0,
            };
            2 + sub.parts.iter().map(part).sum::<usize>()
        }
        Value::Call(Function::If, argument) => match &**argument {
            Value::List(choice) => {
                let branches = choice.iter().skip(1);
                branches
                    .map(|value| if is_nothing(value) { 0 } else { least(value, known) })
                    .min()
                    .unwrap_or(0)
            }
            _ => 0,
        },
        Value::Call(Function::Join, argument) => match &**argument {
            Value::List(arguments) => joined(arguments, known),
            _ => 2,
        },
        Value::GetAtt(..) | Value::Call(..) => 2,
    }
}

fn joined(arguments: &[Value], known: &Known) -> usize {
    let [Value::Str(delimiter), Value::List(parts)] = arguments else { return 2 };
    let texts: usize = parts.iter().map(|part| inner(part, known)).sum();
    2 + texts + escaped(delimiter) * parts.len().saturating_sub(1)
}

/// As [`least`], with the ARN of each KMS key in full: for products whose only `Fn::GetAtt` in policies is that of the key.
pub fn exact(value: &Value, known: &Known) -> usize {
    least(value, known) + keys(value) * (known.key_arn() - "arn:aws:".len())
}

/// How often a value has the ARN of something that CloudFormation names.
fn keys(value: &Value) -> usize {
    match value {
        Value::GetAtt(_, attribute) if attribute == "Arn" => 1,
        Value::List(values) => values.iter().map(keys).sum(),
        Value::Map(entries) => entries.values().map(keys).sum(),
        _ => 0,
    }
}

fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Ref(name) if name == NOTHING)
}

fn map(entries: &Map, known: &Known) -> usize {
    let entries = entries.iter().filter(|(_, value)| !is_nothing(value));
    enclosed(entries.map(|(key, value)| 2 + escaped(key) + 1 + least(value, known)))
}

/// Brackets around values and commas between them.
fn enclosed(sizes: impl Iterator<Item = usize>) -> usize {
    let (count, sum) = sizes.fold((0_usize, 0), |(count, sum), size| (count + 1, sum + size));
    2 + sum + count.saturating_sub(1)
}

/// A text's characters inside of other text.
fn inner(value: &Value, known: &Known) -> usize {
    least(value, known).saturating_sub(2)
}

/// A text's characters as JSON, without its quotes and its white space.
fn escaped(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).map(|c| if matches!(c, '"' | '\\') { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::map;

    #[test]
    fn a_size_is_that_of_the_json_that_cloudformation_makes() {
        let known = Known::of_product(&Region::parse("us-gov-west-1").unwrap());
        let statement = map([
            ("Effect", Value::str("Al low\"")),
            (
                "Resource",
                Value::list([
                    Value::sub("arn:${AWS::Partition}:s3:::${AWS::Region}"),
                    Value::reference(NOTHING),
                ]),
            ),
            ("Gone", Value::reference(NOTHING)),
        ]);
        let made = r#"{"Effect":"Allow\"","Resource":["arn:aws-us-gov:s3:::us-gov-west-1"]}"#;
        assert_eq!(least(&Value::Map(statement), &known), made.len());
        let joined = Value::Call(
            Function::Join,
            Box::new(Value::List(vec![
                Value::str("/"),
                Value::list([Value::str("ab"), Value::reference("AWS::AccountId")]),
            ])),
        );
        assert_eq!(least(&joined, &known), r#""ab/123456789012""#.len());
        let arn = "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(exact(&Value::GetAtt("Key".into(), "Arn".into()), &known), arn.len() + 2);
    }

    #[test]
    fn what_is_not_known_counts_as_little_as_it_can_be() {
        let either = |a: &str, b: &str| {
            Value::Call(Function::If, Box::new(Value::list([Value::str("C"), Value::str(a), Value::str(b)])))
        };
        assert_eq!(least(&either("abc", "a"), &Known::default()), 3);
        assert_eq!(least(&Value::sub("${Name}-${AWS::Region}"), &Known::default()), "\"-us-east-1\"".len());
    }
}
