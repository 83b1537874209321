//! The embedded cloud, seen by the AWS SDK.
#![cfg(feature = "demo")]

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{
    BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use secrecy::ExposeSecret as _;
use xsw::demo::{Cloud, World};

const ME: &str = "arn:aws:iam::111111111111:user/me";
const DEVICE: &str = "arn:aws:iam::111111111111:mfa/me";

fn credentials(id: &str, secret: &str, token: Option<&str>) -> Credentials {
    Credentials::new(id, secret, token.map(str::to_owned), None, "test")
}

/// The demo's cloud and its visitor.
async fn demo() -> (Cloud, Credentials) {
    let world = World::demo();
    let user = world.visitor().expect("the demo has a visitor");
    let me = credentials(
        &user.access_key_id,
        user.secret_access_key.expose_secret(),
        None,
    );
    (
        Cloud::start(world)
            .await
            .expect("the demo's world is right"),
        me,
    )
}

fn sts(cloud: &Cloud, credentials: &Credentials) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::Config::builder()
        .behavior_version(aws_sdk_sts::config::BehaviorVersion::latest())
        .region(aws_sdk_sts::config::Region::new("ap-northeast-1"))
        .endpoint_url(cloud.endpoint_url())
        .credentials_provider(credentials.clone())
        .retry_config(aws_sdk_sts::config::retry::RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_sts::Client::from_conf(config.build())
}

fn s3_in(cloud: &Cloud, credentials: &Credentials, region: &'static str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .endpoint_url(cloud.endpoint_url())
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
        .credentials_provider(credentials.clone())
        .retry_config(aws_sdk_s3::config::retry::RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    aws_sdk_s3::Client::from_conf(config.build())
}

fn s3(cloud: &Cloud, credentials: &Credentials) -> aws_sdk_s3::Client {
    s3_in(cloud, credentials, "ap-northeast-1")
}

fn keys(answer: Option<&aws_sdk_sts::types::Credentials>) -> Credentials {
    let keys = answer.expect("the answer has credentials");
    credentials(
        keys.access_key_id(),
        keys.secret_access_key(),
        Some(keys.session_token()),
    )
}

/// A session of `role`, as `account/name`.
async fn assume(cloud: &Cloud, from: &Credentials, role: &str) -> Credentials {
    let (account, name) = role.split_once('/').expect("account/name");
    let call = sts(cloud, from)
        .assume_role()
        .role_arn(format!("arn:aws:iam::{account}:role/{name}"))
        .role_session_name("test");
    keys(
        call.send()
            .await
            .expect("the role lets the caller in")
            .credentials(),
    )
}

/// The code and message of a refused call, as one line.
fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    answer: Result<T, SdkError<E, R>>,
) -> String {
    let error = answer.expect_err("the call is refused");
    let error = error
        .as_service_error()
        .unwrap_or_else(|| panic!("no service error: {error:?}"));
    format!(
        "{}: {}",
        error.code().unwrap_or("?"),
        error.message().unwrap_or("?")
    )
}

#[tokio::test]
async fn the_caller_is_known() {
    let (cloud, me) = demo().await;
    let identity = sts(&cloud, &me).get_caller_identity().send().await.unwrap();
    assert_eq!(identity.arn(), Some(ME));
    assert_eq!(identity.account(), Some("111111111111"));
    assert_eq!(cloud.calls("sts:GetCallerIdentity"), 1);

    let stranger = credentials("AKIASTRANGER", "secret", None);
    let answer = sts(&cloud, &stranger).get_caller_identity().send().await;
    assert_eq!(
        refusal(answer),
        "InvalidClientTokenId: The security token included in the request is invalid."
    );
    let wrong = credentials(me.access_key_id(), "wrong", None);
    assert!(
        refusal(sts(&cloud, &wrong).get_caller_identity().send().await)
            .starts_with("SignatureDoesNotMatch: ")
    );
    assert!(
        refusal(s3(&cloud, &wrong).list_buckets().send().await)
            .starts_with("SignatureDoesNotMatch: ")
    );
    assert!(
        refusal(s3(&cloud, &stranger).list_buckets().send().await)
            .starts_with("InvalidAccessKeyId: ")
    );
}

#[tokio::test]
async fn a_role_is_reached_through_another_and_reads_its_bucket() {
    let (cloud, me) = demo().await;
    let direct = sts(&cloud, &me)
        .assume_role()
        .role_arn("arn:aws:iam::222222222222:role/S3Reader")
        .role_session_name("test");
    assert_eq!(
        refusal(direct.send().await),
        format!(
            "AccessDenied: User: {ME} is not authorized to perform: sts:AssumeRole on resource: \
             arn:aws:iam::222222222222:role/S3Reader"
        )
    );

    let jump = assume(&cloud, &me, "111111111111/Jump").await;
    let reader = assume(&cloud, &jump, "222222222222/S3Reader").await;
    let identity = sts(&cloud, &reader)
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(
        identity.arn(),
        Some("arn:aws:sts::222222222222:assumed-role/S3Reader/test")
    );

    let client = s3(&cloud, &reader);
    let page = client
        .list_objects_v2()
        .bucket("gautamtest-assume-role")
        .delimiter("/")
        .send()
        .await
        .unwrap();
    let names: Vec<&str> = page
        .contents()
        .iter()
        .filter_map(|object| object.key())
        .collect();
    assert_eq!(
        names,
        ["archive-2024.tar", "big.bin", "test.txt", "test2.txt"]
    );
    let prefixes: Vec<&str> = page
        .common_prefixes()
        .iter()
        .filter_map(|one| one.prefix())
        .collect();
    assert_eq!(prefixes, ["reports/"]);
    assert_eq!(page.key_count(), Some(5));

    let object = client
        .get_object()
        .bucket("gautamtest-assume-role")
        .key("test.txt")
        .send()
        .await
        .unwrap();
    assert_eq!(
        object.body.collect().await.unwrap().into_bytes(),
        "hello from production\n"
    );

    let denied = refusal(client.list_buckets().send().await);
    assert!(
        denied.ends_with("because no identity-based policy allows the s3:ListAllMyBuckets action"),
        "{denied}"
    );
    let put = client
        .put_object()
        .bucket("gautamtest-assume-role")
        .key("new")
        .send()
        .await;
    assert!(refusal(put).starts_with("AccessDenied: "));
}
