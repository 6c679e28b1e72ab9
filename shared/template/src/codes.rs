//! Every finding's code: one table, from which `docs/findings.md` is made.
//!
//! A code never changes its meaning and is never used again for another one.

use crate::finding::Code;

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeInfo {
    /// Such as `MLP-CFG-003`.
    pub code: &'static str,
    /// A few words.
    pub title: &'static str,
    /// Why it is found, and what to do, in a few sentences (Markdown).
    pub explanation: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $explanation:literal;)*) => {
        $(
            #[doc = concat!("`", $code, "`: ", $title, ". ", $explanation)]
            pub const $name: Code = Code::new($code);
        )*

        /// Every code, in the order of the documentation.
        pub const ALL: &[CodeInfo] = &[
            $(CodeInfo { code: $code, title: $title, explanation: $explanation },)*
        ];
    };
}

codes! {
    YAML_NOT_UTF8 = "MLP-YAML-001", "The file is not UTF-8",
        "The bytes are not valid UTF-8, for example because an editor saved the file as Latin-1 or UTF-16. Save it as UTF-8.";
    YAML_SYNTAX = "MLP-YAML-002", "The file is not YAML",
        "The YAML parser stopped at the place named. Common causes are a missing colon, an unclosed quote and wrong indentation.";
    YAML_TOO_LARGE = "MLP-YAML-003", "The file is too large",
        "A config may have 256 KiB, a template 1 MiB (CloudFormation's own limit for templates in S3). A real config has about 2 KiB.";
    YAML_TOO_DEEP = "MLP-YAML-004", "The nesting is too deep",
        "A config needs 5 levels and may have 32; a template may have 128.";
    YAML_TOO_MANY_NODES = "MLP-YAML-005", "The document is too big once its aliases are expanded",
        "Anchors and aliases that repeat each other grow without bound (\"billion laughs\"). Write the values out.";
    YAML_SEVERAL_DOCUMENTS = "MLP-YAML-006", "The file holds several documents",
        "A `---` begins a second document. One file describes one product; make one file of each.";
    YAML_EMPTY = "MLP-YAML-007", "The file is empty",
        "There is nothing in it, or comments only. `mlp init` writes a config to start from.";
    YAML_DUPLICATE_KEY = "MLP-YAML-008", "A key stands twice in one map",
        "YAML readers disagree about which of the two counts, so neither does. Delete one.";
    YAML_TAG = "MLP-YAML-009", "A YAML tag stands where none is allowed",
        "A config is plain data: no `!Ref`, no `!!binary`. Templates may use CloudFormation's short-form functions.";
    YAML_TAB = "MLP-YAML-010", "A tab is used for indentation",
        "YAML forbids tabs there. Use spaces. Between a key's colon and its value, a tab is read as a space.";
    YAML_KEY = "MLP-YAML-011", "A key is not text",
        "Keys must be plain text, not lists, maps or null.";
    YAML_CONTROL_CHARACTER = "MLP-YAML-012", "The file holds a character that YAML forbids",
        "NUL and other control characters can't stand in YAML. The file may be binary, damaged or UTF-16. In templates, U+0085, U+2028 and U+2029 are refused too: CloudFormation reads YAML 1.1, in which they end a line.";
    YAML_ALIAS = "MLP-YAML-013", "An alias can't be resolved",
        "`*name` needs an `&name` before it, outside of itself. Merge keys (`<<`) are not read: YAML 1.2 has none.";

    UNKNOWN_KEY = "MLP-CFG-001", "A key that configs don't have",
        "Every key is checked, so that a typing error can't silently switch something off. The help names the nearest key.";
    MISSING_KEY = "MLP-CFG-002", "A required key is missing",
        "The message says which key, and in which tier or mode it is required.";
    WRONG_TYPE = "MLP-CFG-003", "A value has the wrong type",
        "For example a list where text is wanted.";
    NOT_A_CHOICE = "MLP-CFG-004", "A value is none of the allowed ones",
        "The message lists what is allowed.";
    WRONG_SHAPE = "MLP-CFG-005", "A value has the wrong shape",
        "The message says in words what is allowed.";
    WRONG_LENGTH = "MLP-CFG-006", "A text or list is too short or too long",
        "The message says how long it is and how long it may be.";
    OUT_OF_RANGE = "MLP-CFG-007", "A number is out of range",
        "The message says what is allowed.";
    UNQUOTED_ID = "MLP-CFG-008", "An id is written without quotes",
        "YAML reads `012345670123` as a number and loses its leading zeros. Put quotes around account ids and the like. Digits that begin with a zero and have an 8 or 9 are text in YAML 1.1, so they are read with a warning.";
    UNKNOWN_REGION = "MLP-CFG-009", "Not an AWS region",
        "The region is in none of AWS's partitions that this version knows.";
    NOT_IN_TIER = "MLP-CFG-010", "A key that this tier doesn't have",
        "For example `vpc_integration` outside of enterprise. Remove it or choose the tier that has it.";
    S3_PREFIX = "MLP-CFG-011", "`s3_prefix` names no bucket and prefix",
        "It is `bucket` or `bucket/some/prefix`, without `s3://` and without a slash at either end.";
    OTHER_ID_SOURCE = "MLP-CFG-012", "A VPC key of the other mode or id source",
        "`parameter-store` wants the `..._parameter_store_path` keys and `direct` the ids; a security group belongs to `sg-provisioner`. What would not be read is refused.";
    WRONG_CIDR = "MLP-CFG-013", "Not an IPv4 network",
        "A network is written like `10.0.0.0/8`, with no bit set behind the prefix.";
    WRONG_TAG = "MLP-CFG-014", "A tag that AWS would refuse",
        "Keys have 1-127 and values 1-255 of the characters letters, digits, space and `_ . : / = + - @`; `aws:` and `ml-provisioner:` are reserved; a resource has at most 50 tags, the product's own included; keys that differ only in case are refused by IAM.";
    MISSING_TAG = "MLP-CFG-015", "A wanted tag is missing",
        "`cost_center`, `project` and `owner` make costs and owners findable.";
    NO_EFFECT = "MLP-CFG-016", "A key without effect here",
        "It is allowed but nothing in this tier or scenario reads it.";
    PRIVILEGED_WITHOUT_REASON = "MLP-CFG-017", "`privileged_mode` without `privileged_justification`",
        "Privileged builds have root access to the build host's Docker daemon. Whoever asks for that says why, in the config.";
    WRONG_EMAIL = "MLP-CFG-018", "Not an e-mail address",
        "Amazon SNS sends a confirmation to it; nobody gets an alarm before it is confirmed.";
    NOT_YET = "MLP-CFG-019", "A value that this version doesn't support yet",
        "`connection` (GitHub, GitLab, Bitbucket through AWS CodeConnections) is planned. Use `codecommit` or `s3`.";
    RESERVED_NAME = "MLP-CFG-020", "A name begins with what AWS reserves",
        "S3 refuses bucket names that begin with `xn--`, `sthree-` or `amzn-s3-demo-`; EC2 refuses security group names that begin with `sg-`.";
    AMBIGUOUS_NAME = "MLP-CFG-021", "A name that another product could get too",
        "The hyphen both joins the parts of a name and may stand in them. With an environment's name in the company prefix, or a region's short code at the start of the use case, two products could have the same roles and bucket, and the policies of one would be those of the other. A product with `product_name_override` has a digest in these names. A use case `fraud` with the workload `rt` has all names of the use case `fraud-rt`: `MLP-GEN-003` says so where both exist.";
    RESERVED_WORDS = "MLP-CFG-022", "A name contains words that end other products' names",
        "CodeBuild names report groups after the project: `{ml_name}-build-{report}`. A product whose own name contains `ml-build` or `ml-deploy` could be matched by another product's policies. It is a warning where only a `product_name_override` can give the other product that name.";
    DIGEST_WORD = "MLP-CFG-023", "A name that another product's cut name could be",
        "A name that is too long for a service is cut and ends in `-{12 symbols}-ml-{suffix}`, where the symbols are a digest of digits and of letters without a, e, i, l, o and u; so do the global names of a product with an override. A product whose own name has such a word of 12 symbols before `-ml` is refused if it is as long as cut names are, or if its symbols are those of an override.";
    RESERVED_BUCKET = "MLP-CFG-024", "A bucket of a product or of the suite",
        "Sources and data can't be in the artifacts bucket of a product (`...-ml-artifacts`) or in the bucket of a suite (`mlp-<account>-<region>`, or the name in its parameter `BucketName`): the product's roles may read the bucket that the config names.";

    OTHER_ACCOUNT = "MLP-GEN-001", "The config is for another account",
        "The template is made all the same; deploy it in the account that the config names.";
    OTHER_REGION = "MLP-GEN-002", "The config is for another region",
        "The template is made all the same; deploy it in the region that the config names.";
    OUTPUT_TAKEN = "MLP-GEN-003", "Another config makes the same product",
        "Two configs in the bucket lead to one product and scenario, so to one output key. The older one has it; delete the one that is not wanted. It is a warning when the scenarios differ: both templates are made, and deploying both would change one stack. `mlp` gives this warning for the templates in its folder.";
    TYPE_NOT_IN_REGION = "MLP-GEN-005", "The region doesn't offer a resource type of the product",
        "CloudFormation doesn't list the type in the region, so the stack would fail. [regions.md](regions.md) is the table. `deploy-product` and `test-deploy` refuse such a region; every other action gives a warning.";
    TYPE_DOUBTFUL = "MLP-GEN-006", "The region may not offer a resource type of the product",
        "CloudFormation lists the type in the region and no endpoint of its service is known, or nothing is known of the region.";

    TPL_SHAPE = "MLP-TPL-001", "A template section has the wrong shape",
        "For example `Resources` that is a list, or a resource without `Type`.";
    TPL_UNKNOWN_SECTION = "MLP-TPL-002", "A key that CloudFormation doesn't know here",
        "Sections and resource attributes are a closed list; CloudFormation refuses any other key.";
    TPL_LOGICAL_ID = "MLP-TPL-003", "A logical id that is not alphanumeric",
        "Logical ids have 1-255 of the characters A-Z, a-z and 0-9.";
    TPL_DUPLICATE_ID = "MLP-TPL-004", "One name for a parameter and a resource",
        "`Ref` looks in both, so a name may stand in one of them only.";
    TPL_UNKNOWN_REFERENCE = "MLP-TPL-005", "A reference to something that isn't there",
        "`Ref`, `Fn::GetAtt` and `Fn::Sub` must name a resource, a parameter or a pseudo parameter of the template.";
    TPL_UNKNOWN_CONDITION = "MLP-TPL-006", "A condition that isn't there",
        "`Condition` and `Fn::If` must name an entry of `Conditions`.";
    TPL_DEPENDS_ON = "MLP-TPL-007", "`DependsOn` names no resource",
        "It must name another resource of the template.";
    TPL_CIRCLE = "MLP-TPL-008", "Resources depend on each other in a circle",
        "CloudFormation can't decide which to create first. The message shows the circle and the properties that make it. Conditions can't name each other in a circle either.";
    TPL_LIMIT = "MLP-TPL-009", "Over a limit of CloudFormation",
        "500 resources, 200 parameters, 200 outputs, 200 mappings, 1 MiB of text, 1,024 bytes of description; and IAM's 6,144 characters in a managed policy, white space not counted.";
    TPL_UNKNOWN_FUNCTION = "MLP-TPL-010", "An unknown intrinsic function",
        "The tag or `Fn::` key is none of CloudFormation's.";
    TPL_FUNCTION = "MLP-TPL-011", "An intrinsic function with a wrong argument",
        "For example `Fn::Join` without its list, or `Fn::FindInMap` of a mapping that isn't there.";
    TPL_UNUSED_PARAMETER = "MLP-TPL-012", "A parameter that nothing uses",
        "It can be removed.";
    TPL_MACRO = "MLP-TPL-013", "A macro decides what this template becomes",
        "The template has a `Transform`; what it expands to can't be checked before CloudFormation has run it. Under SAM an unknown name is a warning, since SAM may make it; under `AWS::Include` and macros of your own, which may change anything, every finding is one. `AWS::LanguageExtensions` alone hides nothing and is not reported.";

    TPL_ALIAS = "MLP-TPL-014", "A YAML alias",
        "CloudFormation refuses templates with aliases (`*name`). `aws cloudformation package`, `sam package` and `mlp expand` write them out.";

    MAC_EMBEDDED = "MLP-MAC-001", "The macro is called inside of the template",
        "`MLProvisioner` works on a whole template: it adds resources, and rewrites references to products wherever they stand. So it is named in the template's `Transform` section and not in a `Fn::Transform`.";
    MAC_TYPE = "MLP-MAC-002", "A resource type that the macro doesn't have",
        "The type is `MLProvisioner::MLOps::MLProduct`; `MLProvisioner::MLProduct` is read as the same.";
    MAC_ATTRIBUTE = "MLP-MAC-003", "A resource attribute that a product can't have, or not so",
        "A product may have `Condition`, `DependsOn`, `DeletionPolicy`, `UpdateReplacePolicy` and `Metadata`; each of its resources gets them.";
    MAC_VALUE = "MLP-MAC-004", "A value that must be known when the macro runs",
        "Names, tiers and modes decide which resources there are, and CloudFormation resolves functions only after all macros. Write the value, or a `Ref` to a template parameter.";
    MAC_PARAMETER = "MLP-MAC-005", "A template parameter that can't be used here",
        "The template has no such parameter, the request brings no value for it, or it is `NoEcho`: the values of names, tiers, modes and paths can be read in the stack and in messages.";
    MAC_REFERENCE = "MLP-MAC-006", "A reference to something that a product doesn't have",
        "The message says which tier or scenario has it, if any does.";
    MAC_COLLISION = "MLP-MAC-007", "Two resources get one logical id",
        "A product's resources are called after it: `Fraud` makes `FraudArtifactsBucket`. Rename the product or the other resource.";
    MAC_SAME_NAMES = "MLP-MAC-008", "Two products get the same names",
        "Names come from company prefix, environment, tenant, use case and workload. Products that differ in none of these would create the same roles and buckets.";
    MAC_LOOKUP = "MLP-MAC-009", "An SSM parameter that can't be used",
        "With `parameter-store`, the values are read from SSM Parameter Store when the macro runs. The path must be one that the suite's parameter `ParameterPaths` allows, and the parameter must be there and hold what the property is for. Messages give the length of a wrong value and never the value.";
    MAC_LOOP = "MLP-MAC-010", "A product in a loop, or named by a loop or a function",
        "The macro can't tell what a `Fn::ForEach` makes, which product its variable stands for, or which product or attribute a function names. Let CloudFormation run the loop and the function first: name `AWS::LanguageExtensions` before `MLProvisioner` in `Transform`.";
    MAC_REQUEST = "MLP-MAC-011", "Not a request of CloudFormation",
        "A macro's request has `fragment`, `region`, `accountId`, `requestId` and `templateParameterValues`.";
    MAC_METADATA = "MLP-MAC-012", "Metadata that the macro writes itself",
        "`Metadata.MLProvisioner` says which products a template holds. Remove it from the template.";
    MAC_PRIVATE_DNS = "MLP-MAC-013", "Two products want the same private names in one VPC",
        "AWS allows one interface endpoint with private DNS for each service in a VPC. All products but one set `EndpointPrivateDns: false`.";
    MAC_NO_TRANSFORM = "MLP-MAC-014", "The template doesn't name the macro",
        "CloudFormation calls the macro only if `Transform` names `MLProvisioner`.";

    DEP_INPUT = "MLP-DEP-001", "An execution's input that can't be understood",
        "Executions take `action`, `config` and the switches that docs/deploy.md lists for each action.";
    DEP_NOT_FORCED = "MLP-DEP-002", "It was not said that it is meant",
        "`deploy-product` and `delete-product` change what people work with: the input says `\"force\": true`.";
    DEP_NOT_OWNED = "MLP-DEP-003", "A stack that belongs to somebody else",
        "A custom resource changes and deletes its own product only; the tag `ml-provisioner:owner` of the stack says whose it is.";
    DEP_TEMPLATE_REPLACED = "MLP-DEP-004", "A stored template was not what its name says",
        "Templates below `deployments/templates/` are named after the digest of their bytes. One of them held other bytes; CloudFormation gets the version that was checked.";
    DEP_ADOPTED = "MLP-DEP-005", "A stack is taken over",
        "With `adopt`, a stack of ours that has no tags, or whose custom resource no longer exists, becomes this product's stack.";
    DEP_RENAMED = "MLP-DEP-006", "A config that made another product before",
        "The use case, the workload or another part of the name was changed. The product of the old name stays, with its data and its cost, until somebody deletes it by its stack's name.";
    PRE_SSM = "MLP-PRE-001", "An SSM parameter that the stack needs can't be used",
        "CloudFormation reads it when it deploys. Its path must be one that the suite's parameter `ParameterPaths` allows. It must be there in this account and region, and hold what the config's key is for. Messages give the length of a wrong value and never the value.";
    PRE_SOURCE_BUCKET = "MLP-PRE-002", "The bucket of the sources is missing or keeps no versions",
        "Pipelines with `source_control: s3` start when a new version of their source arrives; without versioning they can't be created.";
    PRE_COLLISION = "MLP-PRE-003", "A name that something else has already",
        "Roles and buckets have names without the region. The same product in a second region needs `environment.multi_region: true` there.";
    PRE_NETWORK = "MLP-PRE-004", "A VPC, subnet, route table or security group that the product can't use",
        "It must be there in this account and region; subnets, route tables and groups belong to the VPC, and an endpoint takes one subnet a zone, in a zone that has the endpoint service. Endpoints need names, routes, DNS attributes and rules on port 443 that the VPC doesn't have otherwise yet.";
    PRE_ROLE = "MLP-PRE-005", "A service role that CloudFormation can't take on",
        "The role of the parameter `ServiceRoleArn` must be there and trust `cloudformation.amazonaws.com`; else no change set can be made.";
    PRE_QUOTA = "MLP-PRE-006", "A quota that is nearly exhausted",
        "The product may fit or not: ask for a higher quota, or remove what nobody needs. CodePipeline polls for at most 300 pipelines in a region, and that can't be raised.";
    DRIFT_IGNORE = "MLP-DRF-001", "The list of drift to be ignored has a mistake",
        "With a mistake anywhere in `drift-ignore.yaml` nothing is ignored: a finding too many is better than one too few.";
    DRIFT_IGNORE_EXPIRED = "MLP-DRF-002", "An entry of the list of drift to be ignored is over",
        "What it names counts again since the day after `expires`.";
    DRIFT_IGNORE_UNUSED = "MLP-DRF-003", "An entry of the list of drift to be ignored matched nothing",
        "The drift was mended, or the entry never meant what it says.";
    LICENCE = "MLP-LIC-001", "No licence for the tier, as far as is known",
        "In licence mode `warn` the deployment goes on. The message says whether License Manager refused, did not answer or may not be asked.";

    IO_NOT_FOUND = "MLP-IO-001", "There is no such file", "Check the path.";
    IO_NOT_A_FILE = "MLP-IO-002", "The path is a directory", "Name one file.";
    IO_UNREADABLE = "MLP-IO-003", "The file can't be read", "The message gives the operating system's reason.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_means_two_things() {
        let mut codes: Vec<_> = ALL.iter().map(|info| info.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ALL.len());
    }

    #[test]
    fn every_code_is_explained_in_a_sentence() {
        for info in ALL {
            assert!(info.explanation.ends_with('.') && !info.title.ends_with('.'), "{}", info.code);
        }
    }
}
