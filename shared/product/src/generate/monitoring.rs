//! Dashboard, compliance logs, alarms and where they go.

use mlp_template::error::InternalError;
use mlp_template::template::{Sub, SubPart, Value, map};
use serde_json::{Value as Json, json};

use super::{Built, Context};

/// The metric namespace of the product's own metrics; at most 255 characters (`PutMetricFilter`).
fn namespace(cx: &Context<'_>) -> String {
    format!("MLProvisioner/{}", cx.product.names.ml_name())
}

/// `AWS::Logs::LogGroup`.
pub(super) fn log_group(cx: &Context<'_>) -> Built {
    let mut properties =
        map([("LogGroupName", cx.name()?), ("RetentionInDays", cx.product.retention.log_days.into())]);
    if let Some(key) = cx.key_arn() {
        properties.insert("KmsKeyId".to_owned(), key);
    }
    properties.insert("Tags".to_owned(), cx.tag_list());
    Ok(properties)
}

/// `AWS::Logs::MetricFilter`: counts the log events that the tier file's pattern finds.
pub(super) fn metric_filter(cx: &Context<'_>) -> Built {
    let metric = cx.link(cx.spec.links.metric.as_deref(), "metric")?;
    let log_group = cx.link(cx.spec.links.log_group.as_deref(), "log_group")?;
    Ok(map([
        ("FilterName", cx.name()?),
        ("LogGroupName", cx.reference(log_group)),
        (
            "MetricTransformations",
            Value::list([Value::map([
                ("MetricName", Value::str(metric)),
                ("MetricNamespace", Value::Str(namespace(cx))),
                ("MetricValue", Value::str("1")),
                ("DefaultValue", Value::Int(0)),
                ("Unit", Value::str("Count")),
            ])]),
        ),
    ]))
}

/// `AWS::CloudWatch::Alarm` on a metric that one of the filters writes.
pub(super) fn alarm(cx: &Context<'_>) -> Built {
    let metric = cx.link(cx.spec.links.metric.as_deref(), "metric")?;
    let topic = cx.link(cx.spec.links.topic.as_deref(), "topic")?;
    let written =
        cx.product.resources.values().any(|spec| {
            spec.kind == "AWS::Logs::MetricFilter" && spec.links.metric.as_deref() == Some(metric)
        });
    if !written {
        return Err(cx.bug(&format!("reads the metric {metric}, which no filter writes")));
    }
    Ok(map([
        ("AlarmName", cx.name()?),
        (
            "AlarmDescription",
            Value::str(format!("{}. Needs CloudTrail delivered into the log group.", cx.spec.purpose)),
        ),
        ("Namespace", Value::Str(namespace(cx))),
        ("MetricName", Value::str(metric)),
        // CloudFormation's drift detection compares what the template sets: an alarm whose actions somebody switched off would
        // read as in sync. Sources: AWS CloudFormation User Guide, "Detect unmanaged configuration changes to stacks and
        // resources with drift detection"; Template Reference, `AWS::CloudWatch::Alarm` (`ActionsEnabled`, true by default).
        ("ActionsEnabled", Value::Bool(true)),
        ("AlarmActions", Value::list([cx.reference(topic)])),
        ("Tags", cx.tag_list()),
    ]))
}

/// `AWS::SNS::Topic`.
pub(super) fn topic(cx: &Context<'_>) -> Built {
    let mut properties = map([("TopicName", cx.name()?)]);
    if let Some(key) = cx.key_arn() {
        properties.insert("KmsMasterKeyId".to_owned(), key);
    }
    properties.insert("Tags".to_owned(), cx.tag_list());
    Ok(properties)
}

/// `AWS::SNS::Subscription`: AWS asks the address to confirm before it gets anything.
pub(super) fn subscription(cx: &Context<'_>) -> Built {
    let topic = cx.link(cx.spec.links.topic.as_deref(), "topic")?;
    let email = cx
        .product
        .inputs
        .alerts_email
        .clone()
        .ok_or_else(|| cx.bug("needs an address, and the config has none"))?;
    Ok(map([("TopicArn", cx.reference(topic)), ("Endpoint", email)]))
}

/// `AWS::CloudWatch::Dashboard`: pipelines, builds and, where there are any, alarms.
///
/// CodePipeline publishes `PipelineDuration` (one sample an execution) and `FailedPipelineExecutions` for V2 pipelines
/// and no metric for success, so success is their difference (CodePipeline User Guide, "CodePipeline CloudWatch
/// metrics"). CodeBuild: CodeBuild User Guide, "CodeBuild CloudWatch metrics".
pub(super) fn dashboard(cx: &Context<'_>) -> Built {
    let pipelines = cx.names_of("AWS::CodePipeline::Pipeline")?;
    let projects = cx.names_of("AWS::CodeBuild::Project")?;
    let mut widgets = vec![text(cx)];
    let mut row = 3;
    widgets.push(metrics("Pipeline executions", (0, row), "Sum", &executions(&pipelines)));
    widgets.push(metrics(
        "Pipeline duration (seconds)",
        (8, row),
        "Average",
        &pipelines
            .iter()
            .map(|name| json!(["AWS/CodePipeline", "PipelineDuration", "PipelineName", name]))
            .collect::<Vec<_>>(),
    ));
    widgets.push(metrics(
        "Failed pipeline executions",
        (16, row),
        "Sum",
        &pipelines
            .iter()
            .map(|name| json!(["AWS/CodePipeline", "FailedPipelineExecutions", "PipelineName", name]))
            .collect::<Vec<_>>(),
    ));
    row += 6;
    let builds = |metric: &str| -> Vec<Json> {
        projects.iter().map(|name| json!(["AWS/CodeBuild", metric, "ProjectName", name])).collect()
    };
    widgets.push(metrics("Successful builds", (0, row), "Sum", &builds("SucceededBuilds")));
    widgets.push(metrics("Build duration (seconds)", (8, row), "Average", &builds("Duration")));
    widgets.push(metrics("Failed builds", (16, row), "Sum", &builds("FailedBuilds")));
    row += 6;
    let alarms: Vec<String> = cx
        .product
        .resources
        .iter()
        .filter(|(_, spec)| spec.kind == "AWS::CloudWatch::Alarm")
        .map(|(id, _)| format!("{MARK}{}.Arn{MARK}", cx.product.logical_id(id)))
        .collect();
    if !alarms.is_empty() {
        widgets.push(json!({
            "type": "alarm", "x": 0, "y": row, "width": 24, "height": 3,
            "properties": {
                "title": "Compliance alarms",
                "alarms": alarms,
            }
        }));
    }
    Ok(map([
        ("DashboardName", cx.name()?),
        ("DashboardBody", body(&json!({ "widgets": widgets }))?),
        ("Tags", cx.tag_list()),
    ]))
}

/// Stands around a reference while the body is still JSON; no name, tag or config text can hold this character.
const MARK: char = '\u{1}';

/// The dashboard's JSON as the text of a `Fn::Sub`, with its marked references.
fn body(widgets: &Json) -> Result<Value, InternalError> {
    let text = serde_json::to_string_pretty(widgets)
        .map_err(|error| InternalError::new(format!("the dashboard is no JSON: {error}")))?;
    let escaped_mark = "\\u0001";
    let mut sub = Sub::default();
    for (index, piece) in text.split(escaped_mark).enumerate() {
        match (index % 2, piece.split_once('.')) {
            (0, _) => sub.push_text(piece),
            (_, Some((id, attribute))) => {
                sub.parts.push(SubPart::GetAtt(id.to_owned(), attribute.to_owned()));
            }
            (_, None) => sub.parts.push(SubPart::Ref(piece.to_owned())),
        }
    }
    Ok(Value::Sub(sub))
}

fn region() -> String {
    format!("{MARK}AWS::Region{MARK}")
}

fn text(cx: &Context<'_>) -> Json {
    json!({
        "type": "text", "x": 0, "y": 0, "width": 24, "height": 3,
        "properties": {
            "markdown": format!(
                "# {}\nUse case **{}**, tier **{}**. Models: `{}`",
                cx.product.names.ml_name(),
                cx.product.use_case,
                cx.product.tier.as_str(),
                cx.names_of("AWS::SageMaker::ModelPackageGroup").unwrap_or_default().join("`, `"),
            )
        }
    })
}

/// Executions and, from them, successes of each pipeline.
fn executions(pipelines: &[String]) -> Vec<Json> {
    let mut rows = Vec::new();
    for (index, name) in pipelines.iter().enumerate() {
        let (all, failed) = (format!("all{index}"), format!("failed{index}"));
        rows.push(json!([
            "AWS/CodePipeline", "PipelineDuration", "PipelineName", name,
            { "id": all, "stat": "SampleCount", "visible": false }
        ]));
        rows.push(json!([
            "AWS/CodePipeline", "FailedPipelineExecutions", "PipelineName", name,
            { "id": failed, "stat": "Sum", "visible": false }
        ]));
        rows.push(json!([{
            "expression": format!("FILL({all}, 0) - FILL({failed}, 0)"),
            "id": format!("succeeded{index}"), "label": format!("{name} succeeded")
        }]));
    }
    rows
}

fn metrics(title: &str, (x, y): (u32, u32), stat: &str, rows: &[Json]) -> Json {
    json!({
        "type": "metric", "x": x, "y": y, "width": 8, "height": 6,
        "properties": {
            "title": title, "view": "timeSeries", "stacked": false, "region": region(),
            "stat": stat, "period": 3600, "metrics": rows
        }
    })
}
