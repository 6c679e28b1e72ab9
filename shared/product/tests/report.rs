//! The review report: what stands in it, that nothing in it is markup of somebody else's, and golden pages.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use mlp_product::actions::{self, Suite};
use mlp_product::outcome::OutputKind;
use mlp_product::product::Product;
use mlp_product::report::{self, Review};
use mlp_product::{config, generate};
use mlp_template::codes;
use mlp_template::finding::Finding;
use mlp_template::printable::is_hidden;
use mlp_template::template::Template;
use proptest::prelude::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What the report shows of a config, with the findings of the config and more.
fn page(config: &[u8], more: &[Finding]) -> String {
    let mut findings = actions::validate_config(config, &Suite::default()).unwrap().outcome.findings;
    findings.extend(more.iter().cloned());
    let (product, template) = made(config);
    report::html(&Review {
        product: &product,
        template: &template,
        findings: &findings,
        suite: &Suite::default(),
    })
    .unwrap()
}

fn made(config: &[u8]) -> (Product, Template) {
    let mut product = Product::new(&config::load(config).unwrap().config).unwrap();
    product.config_sha256 = Some("0123456789abcdef".repeat(4));
    let template = generate::template(&product).unwrap();
    (product, template)
}

/// The goldens: each tier, both sources, both VPC modes, the longest names, another partition, and hostile texts.
const GOLDENS: [&str; 7] = [
    "configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-s3.yaml",
    "configs/examples/professional/edge-prod-b001-us-west-2-fraud-detection-ml-codecommit.yaml",
    "configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-codecommit-standalone-ssm.yaml",
    "configs/examples/enterprise/globalbank-prod-c001-us-west-2-demand-forecasting-ml-s3-sgprov-direct.yaml",
    "tests/golden/products/enterprise-longest-names.yaml",
    "tests/golden/products/starter-china.yaml",
    "tests/golden/reports/hostile.yaml",
];

fn golden(path: &str) -> (PathBuf, Vec<u8>) {
    let path = Path::new(path);
    let file = root().join("tests/golden/reports").join(path.file_name().unwrap()).with_extension("html");
    (file, fs::read(root().join(path)).unwrap())
}

/// Findings that show every field, among them what an organisation's rule could say.
fn some_findings() -> Vec<Finding> {
    vec![
        Finding::error(
            codes::TPL_CIRCLE,
            "/Resources/A/Properties",
            "`A` and `B` <b>depend</b> on each other",
        )
        .help("take one of the references away")
        .at(12, 3),
        Finding::warning(codes::OTHER_ACCOUNT, "/client/account_id", "</p><script>alert(1)</script>"),
        Finding::error(codes::TPL_LIMIT, "/Resources/Data/Properties/Name/0", "<img src=x onerror=alert(1)>")
            .in_resource()
            .why("<b>why</b> not"),
    ]
}

#[test]
fn golden_pages_stay_as_they_are() {
    let mut wrong = Vec::new();
    for path in GOLDENS {
        let (file, config) = golden(path);
        let findings = if path.ends_with("hostile.yaml") { some_findings() } else { Vec::new() };
        let html = page(&config, &findings);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&file, &html).unwrap();
        } else if fs::read_to_string(&file).ok().as_deref() != Some(html.as_str()) {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "differ (UPDATE_GOLDEN=1 writes them): {wrong:#?}");
}

/// Every example and every product of the goldens.
fn configs() -> Vec<(String, Vec<u8>)> {
    let folders = ["starter", "professional", "enterprise"].map(|tier| format!("configs/examples/{tier}"));
    let mut configs = Vec::new();
    for folder in folders.into_iter().chain(["tests/golden/products".to_owned()]) {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            configs.push((path.display().to_string(), fs::read(path).unwrap()));
        }
    }
    configs.sort();
    assert!(configs.len() > 20);
    configs
}

#[test]
fn every_resource_stands_in_the_table_with_type_name_and_purpose() {
    for (name, config) in configs() {
        let (product, template) = made(&config);
        let html = page(&config, &[]);
        let table = html.split_once("<table class=\"resources").unwrap().1.split_once("</table>").unwrap().0;
        for (id, resource) in &template.resources {
            let row = table.split_once(&format!("<span class=\"id\">{id}</span>"));
            let row =
                row.unwrap_or_else(|| panic!("{name}: {id} is missing")).1.split_once("</tr>").unwrap().0;
            let purpose = escaped(&product.resources[id].purpose);
            assert!(row.contains(&resource.kind) && row.contains(&purpose), "{name}: {id}: {row}");
            let physical = product.physical_name(id).ok();
            assert!(physical.is_none_or(|physical| row.contains(&physical)), "{name}: {id}: {row}");
        }
        assert_eq!(table.matches("class=\"id\"").count(), template.resources.len(), "{name}");
    }
}

#[test]
fn every_resource_has_its_place_in_the_diagram() {
    for (name, config) in configs() {
        let (product, template) = made(&config);
        let html = page(&config, &[]);
        let drawing = html.split_once("<svg").unwrap().1.split_once("</svg>").unwrap().0;
        for (id, resource) in &template.resources {
            let shown = if resource.kind == "AWS::SSM::Parameter" {
                product.resources[id].links.leaf.clone().unwrap()
            } else {
                format!("\n{id}")
            };
            assert!(drawing.contains(&shown), "{name}: {id}");
        }
    }
}

#[test]
fn the_diagram_follows_the_references_of_the_template() {
    let (_, config) = golden(GOLDENS[2]);
    let html = page(&config, &[]);
    let words = html.split_once("The diagram in words").unwrap().1.split_once("</ul>").unwrap().0;
    for connection in [
        "<strong>ModelBuildRepository</strong> is the source of <strong>ModelBuildPipeline</strong>",
        "<strong>ModelBuildProject</strong> registers models in <strong>ModelPackageGroup</strong>",
        "<strong>ModelPackageGroup</strong> tells an approval to <strong>ApprovalRule</strong>",
        "<strong>ApprovalRule</strong> starts <strong>ModelDeployPipeline</strong>",
        "<strong>SecurityLogGroup</strong> is counted by <strong>RootUsageFilter</strong>",
        "<strong>RootUsageFilter</strong> feeds <strong>RootUsageAlarm</strong>",
        "<strong>UnauthorizedCallsAlarm</strong> tells <strong>SecurityTopic</strong>",
        "<strong>SecurityTopic</strong> sends to <strong>SecurityEmail</strong>",
    ] {
        assert!(words.contains(connection), "{connection}: {words}");
    }
    assert!(!words.contains("RootUsageFilter</strong> feeds <strong>UnauthorizedCallsAlarm"), "{words}");
}

#[test]
fn cost_is_reckoned_by_the_zones_of_the_subnets() {
    let (_, hostile) = golden(GOLDENS[6]);
    let html = page(&hostile, &[]);
    assert!(html.contains("3 × 3 zones × 730 hours × $0.01") && html.contains(">$65.70<"));
    let (_, unknown) = golden(GOLDENS[2]);
    assert!(page(&unknown, &[]).contains("2 availability zones are assumed"));
    let (_, starter) = golden(GOLDENS[0]);
    assert!(page(&starter, &[]).contains("This product costs by use only."));
}

#[test]
fn prerequisites_are_those_of_the_scenario() {
    let (_, s3) = golden(GOLDENS[3]);
    let html = page(&s3, &[]);
    for needed in [
        "The source bucket has versioning on",
        "--key demand-forecasting/model-build.zip",
        "cloudtrail update-trail",
        "ml-alerts@globalbank.example",
        "--subnet-ids subnet-0123456789abcdef0 subnet-0fedcba9876543210",
        "--capabilities CAPABILITY_NAMED_IAM",
        "more than 51,200 only from a bucket",
        "metadata.pollingDisabledAt",
        "aws logs put-retention-policy",
        "--log-group-name /aws/codebuild/globalbank-",
        "SageMaker may send the same event more than once",
        "this run fails while there is no code",
    ] {
        assert!(html.contains(needed), "{needed}");
    }
    assert!(!html.contains("CodeCommit is open") && !html.contains("values in Parameter Store exist"));
    let (_, china) = golden(GOLDENS[5]);
    let html = page(&china, &[]);
    assert!(html.contains("offers AWS::SageMaker::ModelPackageGroup") && html.contains("amazonaws.com.cn"));
}

#[test]
fn the_same_review_gives_the_same_bytes_in_every_thread() {
    let (_, config) = golden(GOLDENS[2]);
    let first = page(&config, &[]);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| page(&config, &[]))).collect();
        for thread in threads {
            assert!(thread.join().unwrap() == first);
        }
    });
}

#[test]
fn a_page_has_no_script_no_inline_style_and_loads_nothing() {
    for path in GOLDENS {
        let html = page(&golden(path).1, &some_findings());
        for tag in html.split('<').skip(1).map(|tag| tag.split('>').next().unwrap().to_lowercase()) {
            let name = tag.split([' ', '\n']).next().unwrap();
            assert!(!["script", "img", "link", "iframe", "object", "embed", "base"].contains(&name), "{tag}");
            for attribute in
                [" src=", " srcset=", " style=", " onload=", " onerror=", " onclick=", " action="]
            {
                assert!(!tag.contains(attribute), "{tag}");
            }
        }
        assert!(html.contains("content=\"default-src &#39;none&#39;; style-src &#39;sha256-"));
    }
}

#[test]
fn the_path_names_product_and_scenario() {
    let (product, _) = made(&golden(GOLDENS[0]).1);
    assert_eq!(
        OutputKind::Report.path(product.names.ml_name(), &product.scenario),
        "reports/techcorp-prod-a001-us-west-2-customer-churn-ml-s3-review.html"
    );
}

/// Written apart from the page's own escaper.
fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            '\'' => "&#39;".to_owned(),
            c if is_hidden(c) => format!("[U+{:04X}]", c as u32),
            c => c.to_string(),
        })
        .collect()
}

fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<script>alert(1)</script>".to_owned()),
        Just("\"><img src=x onerror=alert(1)>".to_owned()),
        Just("' onmouseover='x".to_owned()),
        Just("]]>-->".to_owned()),
        Just("</style></title></svg>".to_owned()),
        Just("&lt;&#60;&".to_owned()),
        Just("{{ 7*7 }}{% raw %}".to_owned()),
        Just("\u{202e}\u{2066}\u{200b}\u{feff}".to_owned()),
        "[ -_a-~äß漢😀]{1,12}".prop_map(|text| text),
    ];
    proptest::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat())
}

/// How many characters of markup a page has.
fn markup(html: &str) -> [usize; 4] {
    ['<', '>', '"', '\''].map(|c| html.matches(c).count())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn text_from_outside_is_never_markup(company in hostile_text(), reason in hostile_text(), message in "\\PC{0,30}[\u{0}-\u{9}\u{202a}-\u{202e}<>'\"&]{1,9}", help in hostile_text(), path in hostile_text()) {
        let (mut product, template) = made(&golden(GOLDENS[0]).1);
        let finding = |message: &str, help: &str, path: &str| Finding::error(codes::TPL_CIRCLE, path, message).help(help);
        let mut render = |company: &str, reason: &str, finding: Finding| {
            product.company = company.to_owned();
            product.build.privileged = Some(reason.to_owned());
            report::html(&Review { product: &product, template: &template, findings: &[finding], suite: &Suite::default() }).unwrap()
        };
        // Backticks make code of what stands between them, which is markup of ours.
        let message = message.replace('`', "");
        let plain = render("a", "b", finding("c", "d", "e"));
        let hostile = render(&company, &reason, finding(&message, &help, &path));
        prop_assert_eq!(markup(&hostile), markup(&plain));
        prop_assert!(!hostile.chars().any(is_hidden));
        for text in [&company, &reason, &message, &help, &path] {
            prop_assert!(hostile.contains(&escaped(text)), "{:?}", text);
        }
    }
}
