//! `mlp approve` and `mlp reject`: the answer to an execution that waits.

use mlp_aws::calls::{CallError, Kind};
use mlp_aws::s3::store::{self, BucketStore};
use mlp_aws::step_functions::arns::ExecutionArn;
use mlp_aws::step_functions::executions::{Executions, Status};
use mlp_operations::execution::approval::{STATED, is_same_person};
use mlp_operations::execution::failure::Name;
use mlp_operations::execution::keys;
use mlp_product::report::shell::word;
use mlp_template::printable::printable;
use serde_json::{Value as Json, json};

use super::changes::{self, Detail};
use super::problem::Problem;
use super::report::text;

/// The most that is read of what was asked.
const LIMIT: usize = 1024 * 1024;

/// What an execution asks. It holds the token that is the answer's key, and is never shown as a whole.
pub(crate) struct Question {
    token: String,
    /// What an approval must carry.
    nonce: String,
    asked: Json,
}

/// What is answered.
pub(crate) enum Answer<'a> {
    Approve { by: &'a str },
    Reject { reason: &'a str },
}

/// Where the suite of an account and region keeps its objects, unless it was installed with another name.
pub(crate) fn bucket(execution: &ExecutionArn) -> String {
    format!("mlp-{}-{}", execution.account(), execution.region())
}

/// An execution as a word of a shell, with `--bucket` where `mlp` would look into another bucket than the suite's.
pub(crate) fn named(execution: &str, suite_bucket: Option<&str>) -> String {
    let expected = ExecutionArn::parse(execution).map(|arn| bucket(&arn));
    let other = suite_bucket.filter(|name| expected.as_deref() != Some(*name));
    let flag = other.map(|name| format!(" --bucket {}", word(name))).unwrap_or_default();
    format!("{}{flag}", word(execution))
}

impl Question {
    /// Reads what an execution asks.
    pub(crate) async fn read<E: Executions, S: BucketStore>(
        executions: &E,
        store: &S,
        bucket: &str,
        execution: &ExecutionArn,
    ) -> Result<Self, Problem> {
        let key = keys::approval(execution.name());
        let object = match store.get(bucket, &key, None, Some(LIMIT)).await {
            Ok(object) => object,
            Err(error) if error.kind == store::ErrorKind::Gone => {
                return Err(nobody_waits(executions, execution, "").await);
            }
            Err(error) => return Err(Problem::of_object(&error)),
        };
        let damaged =
            || Problem::refused(Name::Internal, format!("s3://{bucket}/{key} is no request for approval"));
        let asked: Json = serde_json::from_slice(&object.bytes).map_err(|_| damaged())?;
        let token = text(&asked, "/task_token").ok_or_else(damaged)?.to_owned();
        let nonce = text(&asked, "/nonce").unwrap_or_default().to_owned();
        let arn = execution.to_string();
        if let Some(other) = text(&asked, "/execution").filter(|other| *other != arn) {
            // A state machine of the same account that writes to the same bucket.
            return Err(Problem::usage(format!(
                "the request in s3://{bucket}/{key} comes from {other}, not from {arn}"
            ))
            .help("name the execution by its ARN, or the bucket with --bucket"));
        }
        Ok(Self { token, nonce, asked })
    }

    /// All changes that are asked about; `None` where the request names no object with them.
    pub(crate) async fn all<S: BucketStore>(&self, store: &S) -> Option<Detail> {
        changes::read(store, self.asked.get("changes")?).await
    }

    /// What is asked, in words.
    pub(crate) fn words(&self, all: Option<&Detail>) -> String {
        let mut lines = Vec::new();
        let mut line = |title: &str, value: Option<String>| {
            if let Some(value) = value {
                lines.push(format!("{title:<10} {}\n", printable(&value)));
            }
        };
        let given = |pointer| text(&self.asked, pointer).map(str::to_owned);
        line("Product", given("/ml_name"));
        line("Action", given("/action"));
        line("Stack", given("/stack_name"));
        line("Account", super::report::place(&self.asked));
        // A custom resource is known; an ARN is what the execution's input says.
        let asked = given("/requested_by").map(|by| if by.starts_with("arn:") { by + STATED } else { by });
        line("Asked", Some(asked.unwrap_or_else(|| "by an unknown requester".to_owned())));
        line("Changes", self.asked.get("changes").and_then(super::report::changes));
        line("Report", given("/changes/report"));
        line("Expires", given("/expires"));
        let summary = self.asked.get("changes");
        lines.concat() + &summary.map(|summary| super::report::in_detail(summary, all)).unwrap_or_default()
    }

    /// Gives the answer. The result has the shape of an execution's.
    pub(crate) async fn answer<E: Executions>(
        &self,
        executions: &E,
        execution: &ExecutionArn,
        answer: &Answer<'_>,
    ) -> Result<Json, Problem> {
        let (action, sent) = match answer {
            Answer::Approve { by } => {
                if let Some(asked) =
                    text(&self.asked, "/requested_by").filter(|asked| is_same_person(asked, by))
                {
                    let message = format!("{asked} started the execution, and can't approve it");
                    return Err(Problem::refused(Name::ApprovalInvalid, message)
                        .help("ask another approver; the execution still waits"));
                }
                let output = json!({"approved": true, "by": by, "nonce": self.nonce}).to_string();
                ("approve", executions.succeed(&self.token, &output).await)
            }
            Answer::Reject { reason } => {
                let name = Name::Rejected.as_str();
                ("reject", executions.fail(&self.token, name, reason).await)
            }
        };
        match sent {
            Ok(()) => Ok(self.result(action, execution)),
            Err(error) if error.kind == Kind::Gone => {
                let late = "the answer comes too late: it was answered before, or its time is over; ";
                Err(nobody_waits(executions, execution, late).await)
            }
            Err(error) => Err(unsent(&error, execution)),
        }
    }

    /// The result where no answer was given.
    pub(crate) fn unanswered(&self, execution: &ExecutionArn) -> Json {
        let mut result = self.result("approve", execution);
        if let Some(result) = result.as_object_mut() {
            result.insert("ok".to_owned(), false.into());
            result.insert("outcome".to_owned(), "waiting-for-approval".into());
        }
        result
    }

    fn result(&self, action: &str, execution: &ExecutionArn) -> Json {
        let mut result = json!({
            "schema_version": mlp_operations::execution::outcome::SCHEMA_VERSION,
            "action": action,
            "ok": true,
            "outcome": "answered",
            "execution": execution.to_string(),
            "generator_version": env!("CARGO_PKG_VERSION"),
        });
        if let Some(object) = result.as_object_mut() {
            for key in ["ml_name", "changes"] {
                if let Some(value) = self.asked.get(key) {
                    object.insert(key.to_owned(), value.clone());
                }
            }
        }
        result
    }
}

fn unsent(error: &CallError, execution: &ExecutionArn) -> Problem {
    Problem::of_call(error, &format!("the state machine of {execution}"))
}

/// Why there is nothing to answer: what has become of the execution.
async fn nobody_waits<E: Executions>(executions: &E, execution: &ExecutionArn, why: &str) -> Problem {
    let arn = execution.to_string();
    let described = match executions.describe(&arn).await {
        Ok(described) => described,
        Err(error) if error.kind == Kind::Gone => {
            return Problem::of_call(&error, &format!("execution {arn}"));
        }
        // Only the answer is late for sure.
        Err(_) if !why.is_empty() => {
            return Problem::refused(Name::ApprovalTimedOut, format!("{why}{arn} can't be looked at"));
        }
        Err(error) => return Problem::of_call(&error, &arn),
    };
    let is = match described.status {
        Status::Running | Status::PendingRedrive if why.is_empty() => {
            "runs, and doesn't wait for an approval now"
        }
        Status::Running | Status::PendingRedrive => "goes on",
        Status::Succeeded => "has ended well",
        Status::Failed => "has failed",
        Status::TimedOut => "ran out of time",
        Status::Aborted => "was stopped",
    };
    let with = described.error.map(|error| format!(" with {error}")).unwrap_or_default();
    Problem::refused(Name::ApprovalTimedOut, format!("{why}the execution {is}{with}"))
        .help(format!("`mlp follow {arn}` shows how it is"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BLOCKED, UNREACHABLE, UNUSABLE};
    use mlp_testkit::memory::{MemoryStore, run};
    use mlp_testkit::memory_executions as scripted;
    use mlp_testkit::memory_executions::{MemoryExecutions, Scene};

    const ARN: &str = "arn:aws:states:us-west-2:123456789012:execution:MLProvisionerDeploy:monday";

    fn arn() -> ExecutionArn {
        ExecutionArn::parse(ARN).unwrap()
    }

    fn waiting() -> MemoryExecutions {
        MemoryExecutions::playing(vec![Scene::Running(vec![])]).waiting("secret-token")
    }

    fn asking() -> MemoryStore {
        asking_with(&json!({
            "task_token": "secret-token", "nonce": "secret-nonce", "execution": ARN, "ml_name": "a-ml",
            "action": "deploy-product", "stack_name": "a-ml-stack", "account_id": "123456789012", "region": "us-west-2",
            "expires": "2026-11-27T00:00:00Z", "requested_by": "arn:aws:iam::1:user/ben",
            "changes": {
                "added": 1, "changed": 2, "replaced": 3, "deleted": 1, "report": "s3://b/r.html",
                "deletions": [{"logical_id": "Bucket", "type": "AWS::S3::Bucket", "physical_id": "a-ml-artifacts", "certain": true}],
            },
        }))
    }

    fn asking_with(asked: &Json) -> MemoryStore {
        let store = MemoryStore::versioned();
        store.upload("pending/approvals/monday.json", asked.to_string().as_bytes());
        store
    }

    fn answered(
        executions: &MemoryExecutions,
        store: &MemoryStore,
        answer: &Answer<'_>,
    ) -> Result<Json, Problem> {
        let place = bucket(&arn());
        assert_eq!(place, "mlp-123456789012-us-west-2");
        let question = run(Question::read(executions, store, &place, &arn()))?;
        run(question.answer(executions, &arn(), answer))
    }

    fn told(problem: &Problem) -> String {
        problem.result("approve", None)["error"]["message"].as_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn whoever_decides_sees_the_changes_and_never_the_token() {
        let question = run(Question::read(&waiting(), &asking(), &bucket(&arn()), &arn())).ok().unwrap();
        assert_eq!(
            question.words(None),
            "Product    a-ml\n\
             Action     deploy-product\n\
             Stack      a-ml-stack\n\
             Account    123456789012, us-west-2\n\
             Asked      arn:aws:iam::1:user/ben (the starter's own statement; nothing confirms it)\n\
             Changes    1 added, 2 changed, 3 REPLACED, 1 deleted\n\
             Report     s3://b/r.html\n\
             Expires    2026-11-27T00:00:00Z\n\
             \n\
             Deleted\n  Bucket (AWS::S3::Bucket, a-ml-artifacts)\n"
        );
    }

    #[test]
    fn an_approval_says_who_gave_it() {
        let executions = waiting();
        let result =
            answered(&executions, &asking(), &Answer::Approve { by: "arn:aws:iam::1:user/a" }).unwrap();
        assert_eq!((&result["outcome"], &result["ml_name"]), (&json!("answered"), &json!("a-ml")));
        assert!(!result.to_string().contains("secret-token"));
        let output =
            json!({"approved": true, "by": "arn:aws:iam::1:user/a", "nonce": "secret-nonce"}).to_string();
        assert_eq!(executions.answers(), [scripted::Answer::Success("secret-token".into(), output)]);
        assert!(!result.to_string().contains("secret-nonce"));
    }

    #[test]
    fn who_asked_is_told_so_before_anything_is_sent() {
        let executions = waiting();
        let problem =
            answered(&executions, &asking(), &Answer::Approve { by: "arn:aws:iam::1:user/ben" }).unwrap_err();
        assert!(told(&problem).contains("can't approve it"), "{}", told(&problem));
        assert!(executions.answers().is_empty());
        answered(&executions, &asking(), &Answer::Reject { reason: "I was wrong" }).unwrap();
    }

    #[test]
    fn a_rejection_says_why() {
        let executions = waiting();
        answered(&executions, &asking(), &Answer::Reject { reason: "not on Friday" }).unwrap();
        let failure = ["secret-token", "MLProvisioner.Rejected", "not on Friday"].map(str::to_owned);
        let [token, error, cause] = failure;
        assert_eq!(executions.answers(), [scripted::Answer::Failure(token, error, cause)]);
    }

    #[test]
    fn an_answer_that_comes_too_late_is_told_with_what_has_become_of_the_execution() {
        let scenes = vec![Scene::failed("MLProvisioner.ApprovalTimedOut", &json!({}))];
        let executions = MemoryExecutions::playing(scenes).late("secret-token");
        let problem = answered(&executions, &asking(), &Answer::Approve { by: "a" }).unwrap_err();
        assert_eq!(problem.status, BLOCKED);
        assert_eq!(
            told(&problem),
            "the answer comes too late: it was answered before, or its time is over; \
             the execution has failed with MLProvisioner.ApprovalTimedOut"
        );
        assert!(executions.answers().is_empty());
    }

    #[test]
    fn the_second_answer_is_too_late() {
        let executions = waiting();
        let reject = Answer::Reject { reason: "no" };
        answered(&executions, &asking(), &reject).unwrap();
        let problem = answered(&executions, &asking(), &reject).unwrap_err();
        assert!(told(&problem).ends_with("the execution goes on"), "{}", told(&problem));
        assert_eq!(executions.answers().len(), 1);
    }

    #[test]
    fn an_execution_that_asks_nothing_is_told_apart_from_none() {
        let answer = Answer::Approve { by: "a" };
        let problem = answered(&waiting(), &MemoryStore::default(), &answer).unwrap_err();
        assert_eq!(problem.status, BLOCKED);
        assert_eq!(told(&problem), "the execution runs, and doesn't wait for an approval now");
        let none = MemoryExecutions::playing(vec![]);
        let problem = answered(&none, &MemoryStore::default(), &answer).unwrap_err();
        assert_eq!((problem.status, told(&problem)), (UNUSABLE, format!("there is no execution {ARN}")));
    }

    #[test]
    fn a_request_of_another_execution_is_not_answered() {
        let executions = waiting();
        let other = json!({"task_token": "secret-token", "execution": "arn:other"});
        for (asked, status) in [(other, UNUSABLE), (json!({"execution": ARN}), BLOCKED), (json!([]), BLOCKED)]
        {
            let problem =
                answered(&executions, &asking_with(&asked), &Answer::Approve { by: "a" }).unwrap_err();
            assert_eq!(problem.status, status, "{asked}");
        }
        assert!(executions.answers().is_empty());
    }

    #[test]
    fn who_may_not_answer_learns_which_permission_is_missing() {
        let executions = waiting().refusing("states:SendTaskSuccess", Kind::Denied);
        let problem = answered(&executions, &asking(), &Answer::Approve { by: "a" }).unwrap_err();
        let result = problem.result("approve", None);
        assert_eq!(problem.status, UNREACHABLE);
        assert!(
            result["error"]["help"].as_str().is_some_and(|help| help.contains("`states:SendTaskSuccess`"))
        );
    }
}
