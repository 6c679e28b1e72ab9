//! The keys of the objects that executions keep in the suite's bucket.
//!
//! People who start executions may read `deployments/results/` and `deployments/files/`. Nobody but the suite and the
//! approvers reads `pending/`: an object there answers a waiting execution, or CloudFormation. Every kind of object has a
//! folder of its own, so that no execution's name leads to another execution's objects.

use mlp_product::outcome::sha256;

/// Where templates are that CloudFormation executes, by the digest of their bytes.
pub const TEMPLATES: &str = "deployments/templates/";

/// Where an execution may be given configs and templates from: what people upload, and what was made of it for people to read.
/// A finding can tell of every other object what it says, of a pending approval too, because rules are written by others.
pub const GIVEN: [&str; 3] = ["configs/", "templates/", FILES];

/// Whether an execution may be given the object of the suite's bucket as its config or template.
///
/// ```
/// # use mlp_operations::execution::keys;
/// assert!(keys::is_given("configs/team-a/churn.yaml"));
/// assert!(!keys::is_given("pending/approvals/monday.json"));
/// assert!(!keys::is_given("configs/../pending/approvals/monday.json"));
/// ```
pub fn is_given(key: &str) -> bool {
    GIVEN.iter().any(|prefix| key.starts_with(prefix)) && !key.split('/').any(|part| part == "..")
}

const FILES: &str = "deployments/files/";

/// The template with this SHA-256 digest.
pub fn template(digest: &str) -> String {
    format!("{TEMPLATES}{digest}.yaml")
}

/// The result object of an execution.
///
/// ```
/// # use mlp_operations::execution::keys;
/// assert_eq!(keys::result("monday"), "deployments/results/monday.json");
/// assert_eq!(keys::result(".."), "deployments/results/%2E%2E.json");
/// ```
pub fn result(execution: &str) -> String {
    format!("deployments/results/{}.json", segment(execution))
}

/// The folder of the files that an execution makes or was given, with a slash at its end.
pub fn files(execution: &str) -> String {
    format!("{FILES}{}/", segment(execution))
}

/// The folder of a fleet's execution, without a slash at its end. A name may be used again after 90 days; `digits` tell the
/// executions apart.
pub fn fleet(execution: &str, digits: &str) -> String {
    format!("deployments/fleets/{}/{digits}", segment(execution))
}

/// The summary of the last execution of a fleet that had this name.
pub fn fleet_summary(execution: &str) -> String {
    format!("deployments/fleets/{}/summary.json", segment(execution))
}

/// The request for approval of an execution that waits. It holds the task token.
pub fn approval(execution: &str) -> String {
    format!("pending/approvals/{}.json", segment(execution))
}

/// The folder of the requests of one custom resource, by its owner's text
/// ([`Respond::owner`](crate::custom_resource::Respond::owner)), with a slash at its end.
pub fn requests(owner: &str) -> String {
    let digits: String = sha256(owner.as_bytes()).chars().take(40).collect();
    format!("pending/requests/{digits}/")
}

/// The request of a custom resource that an execution answers. It holds the address that CloudFormation is answered at.
pub fn request(owner: &str, execution: &str) -> String {
    format!("{}{}.json", requests(owner), segment(execution))
}

/// An execution's name as a part of a key. Step Functions allows no slash in it; clients may take `.` and `..` for folders.
fn segment(name: &str) -> String {
    if name.bytes().all(|byte| byte == b'.') { name.replace('.', "%2E") } else { name.replace('/', "%2F") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_an_execution_leads_to_another_kind_of_object() {
        let names =
            ["monday", "monday-approval", "monday-request", "fleets", "a/../../templates/x", ".", ".."];
        let mut keys = Vec::new();
        for name in names {
            let own = [
                result(name),
                files(name) + "result.json",
                fleet_summary(name),
                approval(name),
                request("o", name),
            ];
            assert!(own.iter().all(|key| !key.split('/').any(|part| part == "." || part == "..")), "{own:?}");
            keys.extend(own);
        }
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all, "{keys:?}");
    }
}
