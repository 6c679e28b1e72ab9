//! `RequestApproval` and `CheckApproval`: what the waiting execution is answered with is kept where only approvers read it,
//! and the answer is held against that.

use std::time::{Duration, SystemTime};

use mlp_aws::s3::store::BucketStore;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::status::{self, utc};
use crate::execution::approval::is_same_person;
use crate::execution::aws::Aws;
use crate::execution::calls::{random_digits, read_json, store_failed};
use crate::execution::failure::{Failure, Name};
use crate::execution::identity::Execution;
use crate::execution::keys;
use crate::execution::storing::{New, newest};
use crate::execution::work::{Approval, Approved, Next, Work};

/// A request for approval, as it is kept. It has no `Debug`: whoever reads token and nonce can answer it.
#[derive(Serialize, Deserialize)]
struct Request {
    /// The execution's ARN.
    execution: String,
    /// What `SendTaskSuccess` and `SendTaskFailure` take. Everybody sees it who may read the execution's history.
    task_token: String,
    /// What an approval must carry. It stands nowhere but here, so only an approver knows it.
    nonce: String,
    #[serde(flatten)]
    about: serde_json::Map<String, Json>,
}

/// What an approver answers: the output of the waiting task.
#[derive(Deserialize)]
struct Answer {
    nonce: String,
    #[serde(default)]
    by: Option<String>,
}

/// Sets how long the approval is waited for from now on; the answer to a custom resource must not come too late.
pub(crate) fn begin<S, C, B, P>(aws: &Aws<'_, S, C, B, P>, work: &mut Work) {
    let Some(approval) = &mut work.approval else { return };
    let now = aws.now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let left = work.input.respond.as_ref().map(|respond| respond.answer_by.saturating_sub(now));
    let seconds = approval.longest_seconds.min(left.unwrap_or(u64::MAX)).max(1);
    approval.timeout_seconds = seconds;
    approval.expires = utc(aws.now + Duration::from_secs(seconds));
}

/// Stores the request. A request that is made again has a new token and nonce; the old ones are worth nothing then.
pub(crate) async fn request<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    work: Work,
    token: &str,
) -> Result<Work, Failure> {
    let Some(approval) = &work.approval else {
        return Err(Failure::new(Name::Internal, "there is nothing to approve"));
    };
    let about = serde_json::json!({
        "action": work.action,
        "ml_name": work.product.ml_name,
        "stack_name": work.product.stack_name,
        "account_id": work.product.account_id,
        "region": work.product.region,
        "requested_by": work.requested_by(),
        "changes": work.changes,
        "timeout_seconds": approval.timeout_seconds,
        "expires": approval.expires,
        "warning": approval.warning(),
    });
    let request = Request {
        execution: execution.to_owned(),
        task_token: token.to_owned(),
        nonce: random_digits()?,
        about: about.as_object().cloned().unwrap_or_default(),
    };
    let expires = approval.expires.clone();
    let key = keys::approval(Execution::new(execution).name());
    let bytes = serde_json::to_vec_pretty(&request).unwrap_or_default();
    newest(aws.store, &aws.settings.bucket, New { key: &key, bytes, media_type: "application/json" }).await?;
    status::waits(aws, execution, &work, expires).await?;
    Ok(work)
}

/// Whether the answer is an approver's, and not of who asked.
pub(crate) async fn check<S: BucketStore + Sync, C, B, P>(
    aws: &Aws<'_, S, C, B, P>,
    execution: &str,
    mut work: Work,
) -> Result<Work, Failure> {
    let Some(Approval { about, is_deletion, .. }) = work.approval.clone() else {
        return Err(Failure::new(Name::Internal, "there is nothing to approve"));
    };
    let invalid = |message: String| Failure::new(Name::ApprovalInvalid, message);
    let key = keys::approval(Execution::new(execution).name());
    let request: Option<Request> =
        read_json(aws.store, &aws.settings.bucket, &key).await.map_err(|error| store_failed(&error))?;
    let answer: Option<Answer> = work.answer.take().and_then(|answer| serde_json::from_value(answer).ok());
    let (Some(request), Some(answer)) = (request, answer) else {
        return Err(invalid(format!(
            "the approval lacks the `nonce` that s3://{}/{key} has",
            aws.settings.bucket
        )));
    };
    if request.execution != execution || request.nonce != answer.nonce {
        return Err(invalid("the `nonce` of the approval is not that of the request".to_owned()));
    }
    if let (Some(asked), Some(by)) = (&work.input.requested_by, &answer.by)
        && is_same_person(asked, by)
    {
        return Err(invalid(format!("`{by}` started the execution, and can't approve it")));
    }
    work.approved = Some(Approved {
        about,
        by: answer.by,
        creates: work.template.as_ref().filter(|_| is_deletion).map(|template| template.key.clone()),
    });
    work.next = if is_deletion { Next::Delete } else { Next::Execute };
    Ok(work)
}

impl Work {
    /// Who asked, as people read it.
    pub(crate) fn requested_by(&self) -> Option<String> {
        let resource = self.input.respond.as_ref();
        self.input
            .requested_by
            .clone()
            .or_else(|| resource.map(|respond| format!("the custom resource {}", respond.owner())))
    }
}
