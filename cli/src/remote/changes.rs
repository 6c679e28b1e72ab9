//! All changes of a deployment as lines of text, from the object that the execution keeps in the suite's bucket.

use mlp_aws::s3::store::BucketStore;
use mlp_operations::changes::{self, Changes};
use mlp_template::printable::printable_lines;
use serde_json::Value as Json;

use super::report::text;

/// The most that is read of the object.
const LIMIT: usize = 32 * 1024 * 1024;

/// What is known of the changes beside their summary.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Each of them, in words.
    All(String),
    /// Why only the summary is shown.
    Summary(String),
}

/// Reads the changes that a summary is of. `None`: the summary names no object.
pub(crate) async fn read<S: BucketStore>(store: &S, summary: &Json) -> Option<Detail> {
    let place = text(summary, "/data")?;
    let (bucket, key) = place.strip_prefix("s3://")?.split_once('/')?;
    let object = match store.get(bucket, key, None, Some(LIMIT)).await {
        Ok(object) => object,
        Err(error) => {
            let why = format!("all changes are in {place}, which can't be read ({})", error.reason);
            return Some(Detail::Summary(why));
        }
    };
    let Ok(changes) = serde_json::from_slice::<Changes>(&object.bytes) else {
        return Some(Detail::Summary(format!("{place} does not hold changes")));
    };
    // The summary comes from the execution. An object that says something else is not shown.
    let count = |key: &str| summary.get(key).and_then(Json::as_u64);
    let counts = mlp_operations::changes::ChangeCounts::from(&changes);
    let same = [
        ("added", counts.added),
        ("changed", counts.changed),
        ("replaced", counts.replaced),
        ("deleted", counts.deleted),
    ]
    .iter()
    .all(|(key, number)| count(key) == u64::try_from(*number).ok());
    if !same {
        return Some(Detail::Summary(format!("{place} does not hold the changes of this summary")));
    }
    Some(Detail::All(printable_lines(&changes::text(&changes)).into_owned()))
}

#[cfg(test)]
mod tests {
    use mlp_operations::changes::{ChangesContext, Next, Page};
    use mlp_testkit::memory::{MemoryStore, run};
    use serde_json::json;

    use super::*;

    fn stored() -> (MemoryStore, Json) {
        let page: Page = serde_json::from_value(json!({
            "StackName": "a-ml-stack", "ExecutionStatus": "AVAILABLE", "Status": "CREATE_COMPLETE",
            "Changes": [{"Type": "Resource", "ResourceChange": {
                "Action": "Remove", "LogicalResourceId": "Repo", "PhysicalResourceId": "a-ml-repo",
                "ResourceType": "AWS::CodeCommit::Repository",
            }}],
        }))
        .unwrap();
        let changes = Changes::new(&ChangesContext::default(), &[page], &Next::Nothing).unwrap();
        let store = MemoryStore::versioned();
        store.upload("reports/changes/a-ml/x.json", serde_json::to_vec(&changes).unwrap());
        let summary = json!({"added": 0, "changed": 0, "replaced": 0, "deleted": 1, "data": "s3://b/reports/changes/a-ml/x.json"});
        (store, summary)
    }

    #[test]
    fn every_change_is_told_by_name_with_its_dangers() {
        let (store, summary) = stored();
        let Some(Detail::All(text)) = run(read(&store, &summary)) else { panic!("only the summary") };
        assert!(
            text.contains("RISKS\n  ! data is lost: Repo (AWS::CodeCommit::Repository, a-ml-repo)"),
            "{text}"
        );
    }

    #[test]
    fn an_object_that_disagrees_with_the_summary_is_not_shown() {
        let (store, mut summary) = stored();
        summary["deleted"] = json!(0);
        assert!(
            matches!(run(read(&store, &summary)), Some(Detail::Summary(why)) if why.contains("of this summary"))
        );
        summary["data"] = json!("s3://b/nothing.json");
        assert!(
            matches!(run(read(&store, &summary)), Some(Detail::Summary(why)) if why.contains("can't be read"))
        );
        assert_eq!(run(read(&store, &json!({"added": 1}))), None);
    }
}
