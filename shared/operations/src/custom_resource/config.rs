//! The properties as a config.

use mlp_product::expand::config_of;
use mlp_template::codes;
use mlp_template::finding::Finding;
use serde_json::{Map as Object, Value as Json};

use super::SHORTEST_TIMEOUT;
use super::request::service_timeout;

/// The attribute that every resource has beside the published values.
pub const ATTRIBUTE_NAME: &str = "MlName";

/// What CloudFormation puts among the properties for itself.
const NOT_OURS: [&str; 2] = ["ServiceToken", "ServiceTimeout"];

/// The config that a resource's properties say, as the text of a config file (JSON, which is YAML too). They are those of
/// the macro's type; numbers and flags may be text, as CloudFormation sends them.
///
/// ```
/// # use mlp_operations::custom_resource::config;
/// # use serde_json::json;
/// let properties = json!({
///     "ServiceToken": "arn:aws:lambda:us-west-2:123456789012:function:mlp", "CompanyPrefix": "techcorp",
///     "TenantId": "a001", "Environment": "dev", "UseCase": "churn", "Tier": "starter", "SourceControl": "codecommit",
///     "Tags": {"cost_center": "c", "project": "p", "owner": "o"}, "Tyer": "starter",
/// });
/// let findings = config("Churn", properties.as_object().unwrap(), "123456789012", "us-west-2").unwrap_err();
/// assert!(findings.iter().any(|finding| finding.path == "/Resources/Churn/Properties/Tyer"));
/// ```
///
/// # Errors
///
/// Every finding, in the words of the properties, when at least one blocks.
pub fn config(
    id: &str,
    properties: &Object<String, Json>,
    account_id: &str,
    region: &str,
) -> Result<String, Vec<Finding>> {
    let own = properties.iter().filter(|(name, _)| !NOT_OURS.contains(&name.as_str()));
    let own: Object<String, Json> = own.map(|(name, value)| (name.clone(), value.clone())).collect();
    let config = config_of(id, &Json::Object(own), account_id, region);
    let short = service_timeout(properties).filter(|seconds| *seconds < SHORTEST_TIMEOUT).map(|seconds| {
        let path = format!("/Resources/{id}/Properties/ServiceTimeout");
        let message =
            format!("`ServiceTimeout` is {seconds}; a product needs at least {SHORTEST_TIMEOUT} seconds");
        Finding::error(codes::OUT_OF_RANGE, path, message)
            .help("leave it out: CloudFormation waits an hour then")
    });
    match (config, short) {
        // Warnings are found again when the config is read as a config.
        (Ok((config, _)), None) => Ok(format!("{config:#}\n")),
        (config, short) => Err(config.err().unwrap_or_default().into_iter().chain(short).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn properties() -> Json {
        json!({
            "ServiceToken": "arn:aws:lambda:us-west-2:123456789012:function:mlp", "ServiceTimeout": "3600",
            "CompanyPrefix": "globalbank", "TenantId": "c001", "Environment": "prod", "UseCase": "fraud-detection",
            "Tier": "enterprise", "SourceControl": "codecommit", "AlertsEmail": "ml@globalbank.com",
            "Tags": {"cost_center": "Fraud", "project": "Cards", "owner": "fraud-team"},
            "MultiRegion": "true", "Retention": {"LogDays": "365"},
            "VpcIntegration": {
                "Mode": "standalone", "VpcId": "vpc-0123456789abcdef0",
                "SubnetIds": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
            },
        })
    }

    fn read(properties: &Json) -> Result<String, Vec<Finding>> {
        config("Fraud", properties.as_object().unwrap(), "123456789012", "us-west-2")
    }

    #[test]
    fn properties_whose_numbers_and_flags_are_text_are_a_config_without_a_mistake() {
        let mut given = properties();
        let text = match read(&given) {
            Ok(text) => text,
            Err(findings) => panic!("{findings:#?}"),
        };
        let loaded = mlp_product::config::load(text.as_bytes()).unwrap();
        assert!(loaded.config.environment.multi_region);
        assert_eq!(loaded.config.client.account_id.as_str(), "123456789012");
        given["Retention"]["LogDays"] = json!("a year");
        let findings = read(&given).unwrap_err();
        assert_eq!(findings[0].path, "/Resources/Fraud/Properties/Retention/LogDays");
    }

    #[test]
    fn a_time_in_which_no_product_can_be_made_is_told_with_everything_else() {
        let mut given = properties();
        for (timeout, paths) in [
            (json!("600"), vec![]),
            (json!(599), vec!["/Resources/Fraud/Properties/ServiceTimeout"]),
            (json!("60"), vec!["/Resources/Fraud/Properties/ServiceTimeout"]),
        ] {
            given["ServiceTimeout"] = timeout;
            let findings = read(&given).err().unwrap_or_default();
            assert_eq!(findings.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(), paths);
        }
        given["Tyer"] = json!("starter");
        assert_eq!(read(&given).unwrap_err().len(), 2);
    }

    #[test]
    fn a_value_where_a_path_must_be_is_never_replaced_by_an_example() {
        let mut given = properties();
        given["VpcIntegration"] = json!({
            "Mode": "standalone", "VpcParameterStorePath": "vpc-0123456789abcdef0",
            "SubnetParameterStorePath": "/vpc/private-subnets",
        });
        let findings = read(&given).unwrap_err();
        assert!(findings.iter().any(|it| it.path.ends_with("/VpcParameterStorePath")), "{findings:#?}");
        given = properties();
        given["LoadBalancer"] =
            json!("arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/x/1");
        let findings = read(&given).unwrap_err();
        assert!(findings.iter().any(|finding| finding.message.contains("must be a path")), "{findings:#?}");
        given["AlertsEmail"] = json!({"Ref": "Email"});
        assert!(read(&given).is_err());
    }
}
