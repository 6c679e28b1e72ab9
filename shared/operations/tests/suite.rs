//! The real S3 client against the running suite; `cargo xtask test` starts one.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mlp_aws::clients;
use mlp_aws::s3::store::{BucketStore as _, Condition, ErrorKind, Metadata, Put};

fn bucket() -> String {
    std::env::var("MLP_BUCKET")
        .expect("these tests need the running suite: `cargo xtask test`, or `cargo xtask demo --keep` and `source target/local/env`")
}

/// Something that no other run has.
fn unique() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()
}

fn key(name: &str) -> String {
    format!("{name}/{}-{}.yaml", unique(), std::process::id())
}

fn put<'a>(bucket: &'a str, key: &'a str, text: &str, condition: Condition) -> Put<'a> {
    Put {
        bucket,
        key,
        bytes: text.as_bytes().to_vec(),
        media_type: "application/yaml",
        metadata: Metadata::from([("mlp-config-key".to_owned(), "a%20b".to_owned())]),
        condition,
    }
}

#[tokio::test]
async fn a_write_happens_only_under_its_condition() {
    // Below no prefix that the bucket's policy keeps for the suite's functions.
    let (config, bucket, key) = (clients::sdk_config().await, bucket(), key("scratch"));
    let store = clients::s3_store(&config, None);
    assert_eq!(store.head(&bucket, &key).await.unwrap(), None);
    assert_eq!(store.get(&bucket, &key, None, None).await.unwrap_err().kind, ErrorKind::Gone);

    let version = store.put(put(&bucket, &key, "one", Condition::Absent)).await.unwrap();
    let again = store.put(put(&bucket, &key, "two", Condition::Absent)).await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::Conflict);
    let first = store.head(&bucket, &key).await.unwrap().unwrap();
    assert!(version.is_some() && first.version_id == version);
    assert_eq!(first.metadata.get("mlp-config-key").map(String::as_str), Some("a%20b"));

    store.put(put(&bucket, &key, "two", Condition::since(Some(&first)))).await.unwrap();
    let late = store.put(put(&bucket, &key, "three", Condition::since(Some(&first)))).await.unwrap_err();
    assert_eq!(late.kind, ErrorKind::Conflict);

    let current = store.get(&bucket, &key, None, None).await.unwrap();
    assert_eq!(current.bytes, b"two");
    let older = store.get(&bucket, &key, first.version_id.as_deref(), Some(2)).await.unwrap();
    assert_eq!(older.bytes, b"on", "the version that was asked for, and no more of it than wanted");
}

#[tokio::test]
async fn a_bucket_of_another_account_is_neither_read_nor_written() {
    let (config, bucket, key) = (clients::sdk_config().await, bucket(), key("scratch"));
    clients::s3_store(&config, None).put(put(&bucket, &key, "one", Condition::Absent)).await.unwrap();
    let others = clients::s3_store(&config, Some("999999999999".to_owned()));
    assert_eq!(others.get(&bucket, &key, None, None).await.unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(others.head(&bucket, &key).await.unwrap_err().kind, ErrorKind::Denied);
    assert_eq!(others.list(&bucket, "scratch/", 1).await.unwrap_err().kind, ErrorKind::Denied);
    let written = others.put(put(&bucket, &key, "two", Condition::Absent)).await;
    assert_eq!(written.unwrap_err().kind, ErrorKind::Denied);
}

#[tokio::test]
async fn an_uploaded_config_is_answered_with_its_template() {
    let (config, bucket, key) = (clients::sdk_config().await, bucket(), key("configs"));
    let store = clients::s3_store(&config, None);
    let example = include_str!(
        "../../../configs/examples/starter/techcorp-prod-a001-us-west-2-customer-churn-ml-codecommit.yaml"
    );
    // A product of its own: another config that makes the same output would be refused.
    let text = example.replace("tenant_id: a001", &format!("tenant_id: r{:07x}", unique() & 0x0fff_ffff));
    store.put(put(&bucket, &key, &text, Condition::Absent)).await.unwrap();

    let deadline = Instant::now() + Duration::from_secs(30);
    let status = loop {
        match store.get(&bucket, &mlp_product::outcome::status_key(&key), None, None).await {
            Ok(status) => break status,
            Err(error) => assert_eq!(error.kind, ErrorKind::Gone, "{error}"),
        }
        assert!(Instant::now() < deadline, "no status within 30 seconds");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let status: serde_json::Value = serde_json::from_slice(&status.bytes).unwrap();
    assert_eq!(
        status.pointer("/resource_counts/total").and_then(serde_json::Value::as_u64),
        Some(13),
        "{status:#}"
    );
    let output = status.pointer("/outputs/0").and_then(serde_json::Value::as_str).unwrap();
    let template = store.get(&bucket, output, None, None).await.unwrap();
    let made = mlp_product::actions::create_prov_template(
        text.as_bytes(),
        &mlp_product::actions::Suite::default(),
        &mlp_template::security::Rules::none(),
    )
    .unwrap();
    assert_eq!(template.bytes, made.files.first().unwrap().text.as_bytes());
}
