//! The embedded cloud, seen by the AWS SDK.
#![cfg(feature = "demo")]

use aws_credential_types::Credentials;
use aws_sdk_s3::config::{BehaviorVersion, Region, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use secrecy::ExposeSecret as _;
use serde_json::json;
use xsw::demo::{Account, Bucket, Cloud, Fault, Object, Role, User, World, allow, trust};

#[path = "demo_cloud/copies.rs"]
mod copies;
#[path = "demo_cloud/objects.rs"]
mod objects;
#[path = "demo_cloud/permissions.rs"]
mod permissions;
#[path = "demo_cloud/sign_in.rs"]
mod sign_in;

const ME: &str = "arn:aws:iam::111111111111:user/me";
const DEVICE: &str = "arn:aws:iam::111111111111:mfa/me";

fn credentials(id: &str, secret: &str, token: Option<&str>) -> Credentials {
    Credentials::new(id, secret, token.map(str::to_owned), None, "test")
}

/// The demo's cloud and its visitor.
async fn demo() -> (Cloud, Credentials) {
    let world = World::demo();
    let user = world.visitor().expect("the demo has a visitor");
    let me = credentials(&user.access_key_id, user.secret_access_key.expose_secret(), None);
    (Cloud::start(world).await.expect("the demo's world is right"), me)
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
    credentials(keys.access_key_id(), keys.secret_access_key(), Some(keys.session_token()))
}

/// A session of `role`, as `account/name`.
async fn assume(cloud: &Cloud, from: &Credentials, role: &str) -> Credentials {
    let (account, name) = role.split_once('/').expect("account/name");
    let call = sts(cloud, from)
        .assume_role()
        .role_arn(format!("arn:aws:iam::{account}:role/{name}"))
        .role_session_name("test");
    keys(call.send().await.expect("the role lets the caller in").credentials())
}

/// The code and message of a refused call, as one line.
fn refusal<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    answer: Result<T, SdkError<E, R>>,
) -> String {
    let error = answer.expect_err("the call is refused");
    let error = error.as_service_error().unwrap_or_else(|| panic!("no service error: {error:?}"));
    format!("{}: {}", error.code().unwrap_or("?"), error.message().unwrap_or("?"))
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
    assert_eq!(refusal(answer), "InvalidClientTokenId: The security token included in the request is invalid.");
    let wrong = credentials(me.access_key_id(), "wrong", None);
    assert!(refusal(sts(&cloud, &wrong).get_caller_identity().send().await).starts_with("SignatureDoesNotMatch: "));
    assert!(refusal(s3(&cloud, &wrong).list_buckets().send().await).starts_with("SignatureDoesNotMatch: "));
    assert!(refusal(s3(&cloud, &stranger).list_buckets().send().await).starts_with("InvalidAccessKeyId: "));
}

#[tokio::test]
async fn a_role_is_reached_through_another_and_reads_its_bucket() {
    let (cloud, me) = demo().await;
    let direct =
        sts(&cloud, &me).assume_role().role_arn("arn:aws:iam::222222222222:role/S3Reader").role_session_name("test");
    assert_eq!(
        refusal(direct.send().await),
        format!(
            "AccessDenied: User: {ME} is not authorized to perform: sts:AssumeRole on resource: \
             arn:aws:iam::222222222222:role/S3Reader"
        )
    );

    let jump = assume(&cloud, &me, "111111111111/Jump").await;
    let reader = assume(&cloud, &jump, "222222222222/S3Reader").await;
    let identity = sts(&cloud, &reader).get_caller_identity().send().await.unwrap();
    assert_eq!(identity.arn(), Some("arn:aws:sts::222222222222:assumed-role/S3Reader/test"));

    let client = s3(&cloud, &reader);
    let page = client.list_objects_v2().bucket("gautamtest-assume-role").delimiter("/").send().await.unwrap();
    let names: Vec<&str> = page.contents().iter().filter_map(|object| object.key()).collect();
    assert_eq!(names, ["archive-2024.tar", "big.bin", "test.txt", "test2.txt"]);
    let prefixes: Vec<&str> = page.common_prefixes().iter().filter_map(|one| one.prefix()).collect();
    assert_eq!(prefixes, ["reports/"]);
    assert_eq!(page.key_count(), Some(5));

    let object = client.get_object().bucket("gautamtest-assume-role").key("test.txt").send().await.unwrap();
    assert_eq!(object.body.collect().await.unwrap().into_bytes(), "hello from production\n");

    let denied = refusal(client.list_buckets().send().await);
    assert!(denied.ends_with("because no identity-based policy allows the s3:ListAllMyBuckets action"), "{denied}");
    let put = client.put_object().bucket("gautamtest-assume-role").key("new").send().await;
    assert!(refusal(put).starts_with("AccessDenied: "));
}

#[tokio::test]
async fn chained_roles_last_an_hour_at_most() {
    let (cloud, me) = demo().await;
    let ask = |from: &Credentials, role: &str, seconds| {
        sts(&cloud, from)
            .assume_role()
            .role_arn(format!("arn:aws:iam::{role}"))
            .role_session_name("test")
            .duration_seconds(seconds)
            .send()
    };
    assert!(ask(&me, "111111111111:role/Developer", 12 * 3600).await.is_ok());
    assert_eq!(
        refusal(ask(&me, "111111111111:role/Jump", 3601).await),
        "ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    );
    assert_eq!(
        refusal(ask(&me, "111111111111:role/Developer", 43_201).await),
        "ValidationError: 1 validation error detected: Value '43201' at 'durationSeconds' failed to satisfy \
         constraint: Member must have value less than or equal to 43200"
    );
    let jump = assume(&cloud, &me, "111111111111/Jump").await;
    assert!(ask(&jump, "222222222222:role/S3Reader", 3600).await.is_ok());
    assert_eq!(
        refusal(ask(&jump, "222222222222:role/S3Reader", 3601).await),
        "ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by \
         role chaining."
    );
    let cut = ask(&me, "222222222222:role/Sprint", 3600).await.unwrap();
    let left = cut.credentials().unwrap().expiration().secs() - cloud.now().as_second();
    assert!((30..=60).contains(&left), "{left} s left");
}

#[tokio::test]
async fn an_external_id_opens_the_audit_account() {
    let (cloud, me) = demo().await;
    let ask = |role: &str, external_id: Option<&str>| {
        sts(&cloud, &me)
            .assume_role()
            .role_arn(format!("arn:aws:iam::333333333333:role/{role}"))
            .role_session_name("test")
            .set_external_id(external_id.map(str::to_owned))
            .send()
    };
    let bare = |role: &str| {
        format!(
            "AccessDenied: User: {ME} is not authorized to perform: sts:AssumeRole on resource: \
             arn:aws:iam::333333333333:role/{role}"
        )
    };
    assert_eq!(refusal(ask("ReadOnly", None).await), bare("ReadOnly"));
    assert_eq!(refusal(ask("ReadOnly", Some("audit-2025")).await), bare("ReadOnly"));
    assert!(ask("ReadOnly", Some("audit-2026")).await.is_ok());
    // A role that does not exist looks just like one that trusts somebody else.
    assert_eq!(refusal(ask("Partner", None).await), bare("Partner"));
    assert_eq!(refusal(ask("Nobody", None).await), bare("Nobody"));
    assert!(refusal(ask("ReadOnly", Some("x!")).await).contains("at 'externalId' failed to satisfy constraint"));
}

#[tokio::test]
async fn an_mfa_code_is_good_once() {
    let (cloud, me) = demo().await;
    let admin = |from: &Credentials, code: Option<String>| {
        sts(&cloud, from)
            .assume_role()
            .role_arn("arn:aws:iam::222222222222:role/Admin")
            .role_session_name("test")
            .set_serial_number(code.as_ref().map(|_| DEVICE.to_owned()))
            .set_token_code(code)
            .send()
    };
    // Begin where a window of thirty seconds begins, so that none ends in the middle of the test.
    let offset = 30 - cloud.now().as_second().rem_euclid(30);
    cloud.set_clock_offset(offset);
    const WRONG: &str = "AccessDenied: MultiFactorAuthentication failed with invalid MFA one time pass code. ";
    assert!(refusal(admin(&me, None).await).starts_with("AccessDenied: User: "));
    assert!(refusal(admin(&me, Some("12345".into())).await).starts_with("ValidationError: "));
    let code = cloud.mfa_code(DEVICE).unwrap();
    let session = keys(admin(&me, Some(code.clone())).await.unwrap().credentials());
    assert!(s3(&cloud, &session).list_buckets().send().await.is_ok());
    assert_eq!(refusal(admin(&me, Some(code)).await), WRONG);

    // One GetSessionToken carries its MFA into every role.
    let code = cloud.mfa_code(DEVICE).unwrap();
    let answer = sts(&cloud, &me).get_session_token().serial_number(DEVICE).token_code(code).send().await.unwrap();
    let with_mfa = keys(answer.credentials());
    assert!(admin(&with_mfa, None).await.is_ok());
    assert!(admin(&with_mfa, None).await.is_ok());
    assert!(refusal(sts(&cloud, &with_mfa).get_session_token().send().await).starts_with("AccessDenied: "));
    let without = keys(sts(&cloud, &me).get_session_token().send().await.unwrap().credentials());
    assert!(refusal(admin(&without, None).await).starts_with("AccessDenied: User: "));
    assert_eq!(cloud.mfa_code(DEVICE), None);
    // Half a minute later there is a new one.
    cloud.set_clock_offset(offset + 30);
    assert!(cloud.mfa_code(DEVICE).is_some());
}

#[tokio::test]
async fn session_tokens_and_expiry_are_enforced() {
    let (cloud, me) = demo().await;
    let session = assume(&cloud, &me, "111111111111/Developer").await;
    assert!(s3(&cloud, &session).list_buckets().send().await.is_ok());

    for token in [None, Some("forged")] {
        let wrong = credentials(session.access_key_id(), session.secret_access_key(), token);
        assert!(refusal(s3(&cloud, &wrong).list_buckets().send().await).starts_with("InvalidToken: "));
        let answer = sts(&cloud, &wrong).get_caller_identity().send().await;
        assert!(refusal(answer).starts_with("InvalidClientTokenId: "));
    }
    let extra = credentials(me.access_key_id(), me.secret_access_key(), Some("forged"));
    assert!(refusal(s3(&cloud, &extra).list_buckets().send().await).starts_with("InvalidToken: "));

    cloud.expire_sessions();
    let expired = s3(&cloud, &session).list_buckets().send().await;
    assert_eq!(expired.as_ref().unwrap_err().raw_response().unwrap().status().as_u16(), 400);
    assert_eq!(refusal(expired), "ExpiredToken: The provided token has expired.");
    // The region is told even so, as the client may need it next.
    let head = s3(&cloud, &session).head_bucket().bucket("audit-logs").send().await.unwrap_err();
    assert_eq!(head.raw_response().unwrap().status().as_u16(), 400);
    assert_eq!(head.raw_response().unwrap().headers().get("x-amz-bucket-region"), Some("eu-west-1"));
    let expired = sts(&cloud, &session).get_caller_identity().send().await;
    assert_eq!(expired.as_ref().unwrap_err().raw_response().unwrap().status().as_u16(), 403);
    assert_eq!(refusal(expired), "ExpiredToken: The security token included in the request is expired");
}

#[tokio::test]
async fn a_session_policy_and_tags_narrow_a_session() {
    let (cloud, me) = demo().await;
    let ask = || {
        sts(&cloud, &me).assume_role().role_arn("arn:aws:iam::111111111111:role/Developer").role_session_name("test")
    };
    let only = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::hub-artifacts/config/*"}}"#;
    let answer = ask().policy(only).source_identity("me").send().await.unwrap();
    assert_eq!(answer.source_identity(), Some("me"));
    let client = s3(&cloud, &keys(answer.credentials()));
    assert!(client.get_object().bucket("hub-artifacts").key("config/app.json").send().await.is_ok());
    let denied = refusal(client.get_object().bucket("hub-artifacts").key("README.md").send().await);
    assert!(denied.ends_with("because no session policy allows the s3:GetObject action"), "{denied}");

    assert!(refusal(ask().policy("{}").send().await).starts_with("MalformedPolicyDocument: "));
    assert!(refusal(ask().policy(" ".repeat(2049)).send().await).starts_with("ValidationError: "));
    let arn = |name: &str| {
        aws_sdk_sts::types::PolicyDescriptorType::builder().arn(format!("arn:aws:iam::aws:policy/{name}")).build()
    };
    let reading = keys(ask().policy_arns(arn("AmazonS3ReadOnlyAccess")).send().await.unwrap().credentials());
    assert!(s3(&cloud, &reading).list_buckets().send().await.is_ok());
    let put = s3(&cloud, &reading).put_object().bucket("hub-artifacts").key("new").send().await;
    assert!(refusal(put).starts_with("AccessDenied: "));
    assert!(refusal(ask().policy_arns(arn("Unheard")).send().await).starts_with("ValidationError: "));
    let long = aws_sdk_sts::types::Tag::builder().key("k").value("v".repeat(256)).build().unwrap();
    let tags = (0..9).map(|_| long.clone()).collect();
    assert!(refusal(ask().set_tags(Some(tags)).send().await).starts_with("PackedPolicyTooLarge: "));
}

#[tokio::test]
async fn a_million_keys_are_listed_from_the_middle() {
    let (cloud, me) = demo().await;
    let client = s3(&cloud, &assume(&cloud, &me, "111111111111/Developer").await);
    let top = client.list_objects_v2().bucket("hub-million").delimiter("/").send().await.unwrap();
    assert_eq!((top.key_count(), top.is_truncated()), (Some(2), Some(false)));

    let from_the_middle = client
        .list_objects_v2()
        .bucket("hub-million")
        .prefix("events/")
        .start_after("events/0500000.json")
        .send()
        .await
        .unwrap();
    assert_eq!(from_the_middle.key_count(), Some(1000));
    assert_eq!(from_the_middle.contents()[0].key(), Some("events/0500001.json"));
    let next = client
        .list_objects_v2()
        .bucket("hub-million")
        .prefix("events/")
        .set_continuation_token(from_the_middle.next_continuation_token().map(str::to_owned))
        .max_keys(2)
        .send()
        .await
        .unwrap();
    assert_eq!(next.contents()[0].key(), Some("events/0501001.json"));
    assert_eq!(next.is_truncated(), Some(true));
    let bad = client.list_objects_v2().bucket("hub-million").continuation_token("?").send().await;
    assert_eq!(refusal(bad), "InvalidArgument: The continuation token provided is incorrect");

    // The first version of the API, by its markers.
    let page = client.list_objects().bucket("hub-million").delimiter("/").max_keys(1).send().await.unwrap();
    assert_eq!(page.next_marker(), Some("README.txt"));
    let page = client.list_objects().bucket("hub-million").delimiter("/").marker("README.txt").send().await.unwrap();
    assert_eq!((page.common_prefixes().len(), page.is_truncated()), (1, Some(false)));

    let object = client.get_object().bucket("hub-million").key("events/0999999.json").send().await.unwrap();
    let listed = client.list_objects_v2().bucket("hub-million").prefix("events/0999999").send().await.unwrap();
    assert_eq!(listed.contents()[0].e_tag(), object.e_tag());
    let body = object.body.collect().await.unwrap().into_bytes();
    assert_eq!(Some(body.len() as i64), listed.contents()[0].size());
    assert!(body.starts_with(b"{\"number\":999999,"));
}

#[tokio::test]
async fn ranges_agree_with_the_whole_under_conditions() {
    let (cloud, me) = demo().await;
    let client = s3(&cloud, &assume(&cloud, &me, "111111111111/Developer").await);
    let get = || client.get_object().bucket("hub-artifacts").key("images/small.img");
    let whole = get().checksum_mode(aws_sdk_s3::types::ChecksumMode::Enabled).send().await.unwrap();
    assert!(whole.checksum_crc64_nvme().is_some());
    let etag = whole.e_tag().unwrap().to_owned();
    let bytes = whole.body.collect().await.unwrap().into_bytes();
    assert_eq!(bytes.len(), 3 * 1024 * 1024 + 17);

    for (range, expected) in [
        ("bytes=0-9", 0..10),
        ("bytes=70001-200000", 70_001..200_001),
        ("bytes=-5", bytes.len() - 5..bytes.len()),
        ("bytes=3145740-", 3_145_740..bytes.len()),
        ("bytes=3145740-99999999", 3_145_740..bytes.len()),
    ] {
        let part = get().range(range).if_match(&etag).send().await.unwrap();
        let header = format!("bytes {}-{}/{}", expected.start, expected.end - 1, bytes.len());
        assert_eq!(part.content_range(), Some(header.as_str()));
        assert_eq!(part.body.collect().await.unwrap().into_bytes(), bytes[expected], "{range}");
    }
    let status = |answer: Result<aws_sdk_s3::operation::get_object::GetObjectOutput, _>| {
        let error: SdkError<aws_sdk_s3::operation::get_object::GetObjectError> = answer.expect_err("refused");
        error.raw_response().map(|response| response.status().as_u16())
    };
    assert_eq!(status(get().range("bytes=99999999-").send().await), Some(416));
    assert_eq!(status(get().if_match("\"other\"").send().await), Some(412));
    assert_eq!(status(get().if_none_match(&etag).send().await), Some(304));
    let past = aws_sdk_s3::primitives::DateTime::from_secs(1_000_000_000);
    let future = aws_sdk_s3::primitives::DateTime::from_secs(4_000_000_000);
    assert_eq!(status(get().if_unmodified_since(past).send().await), Some(412));
    assert_eq!(status(get().if_modified_since(future).send().await), Some(304));
    assert!(get().if_modified_since(past).if_unmodified_since(future).send().await.is_ok());

    let head = client.head_object().bucket("hub-artifacts").key("images/disk.img").send().await.unwrap();
    assert_eq!(head.content_length(), Some(200 * 1024 * 1024));
    assert!(head.e_tag().is_some_and(|etag| etag.ends_with("-25\"")));
    let cold = client.get_object().bucket("hub-artifacts").key("archive/2023.tar").send().await;
    assert!(refusal(cold).starts_with("InvalidObjectState: "));
    let absent = client.get_object().bucket("hub-artifacts").key("absent").send().await;
    assert!(refusal(absent).starts_with("NoSuchKey: "));
}

#[tokio::test]
async fn a_missing_key_is_denied_to_whom_may_not_list() {
    let (cloud, me) = demo().await;
    let only = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
    let ask = sts(&cloud, &me).assume_role().role_arn("arn:aws:iam::111111111111:role/Developer");
    let session = keys(ask.role_session_name("test").policy(only).send().await.unwrap().credentials());
    let absent = s3(&cloud, &session).get_object().bucket("hub-artifacts").key("absent").send().await;
    assert!(refusal(absent).ends_with("because no session policy allows the s3:ListBucket action"));
    let nowhere = s3(&cloud, &session).get_object().bucket("no-such-bucket-here").key("k").send().await;
    assert!(refusal(nowhere).starts_with("NoSuchBucket: "));
    // A bucket of another account tells no reason.
    let foreign = s3(&cloud, &session).get_object().bucket("gautamtest-assume-role").key("test.txt").send().await;
    assert_eq!(refusal(foreign), "AccessDenied: Access Denied");
}

/// What `encoding-type=url` did to a key, undone: it encodes like a form.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = std::str::from_utf8(&digits).expect("two digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).expect("keys are UTF-8")
}

#[tokio::test]
async fn hostile_keys_are_listed_and_read() {
    let (cloud, me) = demo().await;
    let client = s3(&cloud, &assume(&cloud, &me, "222222222222/Sprint").await);
    let url = aws_sdk_s3::types::EncodingType::Url;
    let page = client.list_objects_v2().bucket("prod-hostile-keys").encoding_type(url).send().await.unwrap();
    assert!(page.contents().len() > 50);
    for object in page.contents() {
        let key = decoded(object.key().unwrap());
        let answer = client.get_object().bucket("prod-hostile-keys").key(&key).send().await;
        let answer = answer.unwrap_or_else(|error| panic!("{key:?}: {error:?}"));
        let body = answer.body.collect().await.unwrap().into_bytes();
        if key.len() < 300 && key != "harmless.txt" {
            assert_eq!(body, format!("The key of this object is {key:?}.\n"));
        }
    }
}

#[tokio::test]
async fn another_region_is_told_in_a_header() {
    let (cloud, me) = demo().await;
    let ask = sts(&cloud, &me).assume_role().role_arn("arn:aws:iam::333333333333:role/ReadOnly");
    let session = keys(ask.role_session_name("test").external_id("audit-2026").send().await.unwrap().credentials());
    let there = s3_in(&cloud, &session, "eu-west-1");
    let page = there.list_objects_v2().bucket("audit-logs").prefix("AWSLogs/").delimiter("/").send().await.unwrap();
    assert_eq!(page.common_prefixes().len(), 3);

    let here = s3(&cloud, &session);
    let error = here.list_objects_v2().bucket("audit-logs").send().await.unwrap_err();
    let response = error.raw_response().unwrap();
    assert_eq!(response.status().as_u16(), 301);
    assert_eq!(response.headers().get("x-amz-bucket-region"), Some("eu-west-1"));
    assert_eq!(error.code(), Some("PermanentRedirect"));
    let error = here.head_bucket().bucket("audit-logs").send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 301);
    assert_eq!(error.raw_response().unwrap().headers().get("x-amz-bucket-region"), Some("eu-west-1"));
    let foreign = there.head_bucket().bucket("hub-artifacts").send().await.unwrap_err();
    assert_eq!(foreign.raw_response().unwrap().headers().get("x-amz-bucket-region"), Some("ap-northeast-1"));

    let buckets = here.list_buckets().send().await.unwrap();
    assert_eq!(buckets.buckets().len(), 1);
    assert_eq!(buckets.buckets()[0].bucket_region(), Some("eu-west-1"));
    let location = s3_in(&cloud, &session, "us-east-1").get_bucket_location().bucket("audit-logs").send().await;
    assert_eq!(location.unwrap().location_constraint().map(|region| region.as_str()), Some("eu-west-1"));
}

#[tokio::test]
async fn buckets_are_those_of_the_account_page_by_page() {
    let (cloud, me) = demo().await;
    let client = s3(&cloud, &assume(&cloud, &me, "222222222222/Sprint").await);
    let first = client.list_buckets().max_buckets(1).send().await.unwrap();
    assert_eq!(first.buckets()[0].name(), Some("gautamtest-assume-role"));
    let token = first.continuation_token().unwrap();
    let second = client.list_buckets().max_buckets(1).continuation_token(token).send().await.unwrap();
    assert_eq!(second.buckets()[0].name(), Some("prod-hostile-keys"));
    assert_eq!(second.continuation_token(), None);
    assert_eq!(client.list_buckets().prefix("prod-").send().await.unwrap().buckets().len(), 1);
    assert_eq!(client.list_buckets().bucket_region("eu-west-1").send().await.unwrap().buckets().len(), 0);
}

#[tokio::test]
async fn objects_are_written_once_and_deleted() {
    let (cloud, me) = demo().await;
    let client = s3(&cloud, &assume(&cloud, &me, "111111111111/Developer").await);
    let put = || client.put_object().bucket("hub-artifacts").key("new/a b+c.txt").tagging("k=v%20w");
    put().if_none_match("*").body(b"one".to_vec().into()).send().await.unwrap();
    let again = put().if_none_match("*").body(b"two".to_vec().into()).send().await;
    assert!(refusal(again).starts_with("PreconditionFailed: "));
    put().body(b"three".to_vec().into()).send().await.unwrap();
    let object = client.get_object().bucket("hub-artifacts").key("new/a b+c.txt").send().await.unwrap();
    assert_eq!(object.body.collect().await.unwrap().into_bytes(), "three");
    let tags = client.get_object_tagging().bucket("hub-artifacts").key("new/a b+c.txt").send().await.unwrap();
    assert_eq!(tags.tag_set()[0].value(), "v w");
    client.delete_object().bucket("hub-artifacts").key("new/a b+c.txt").send().await.unwrap();
    let gone = client.get_object().bucket("hub-artifacts").key("new/a b+c.txt").send().await;
    assert!(refusal(gone).starts_with("NoSuchKey: "));
}

#[tokio::test]
async fn planned_faults_happen_once() {
    let (cloud, me) = demo().await;
    let client = s3(&cloud, &assume(&cloud, &me, "111111111111/Developer").await);
    cloud.plan("s3:ListBuckets", 1, Fault::error(503, "SlowDown"));
    assert!(refusal(client.list_buckets().send().await).starts_with("SlowDown: "));
    assert!(client.list_buckets().send().await.is_ok());
    assert_eq!(cloud.calls("s3:ListBuckets"), 2);
    cloud.plan("sts:GetCallerIdentity", 1, Fault::error(503, "ServiceUnavailable"));
    assert!(refusal(sts(&cloud, &me).get_caller_identity().send().await).starts_with("ServiceUnavailable: "));

    cloud.plan("s3:GetObject", 1, Fault::cut(100_000));
    let get = || client.get_object().bucket("hub-artifacts").key("images/small.img").send();
    assert!(get().await.unwrap().body.collect().await.is_err());
    assert!(get().await.unwrap().body.collect().await.is_ok());

    // Hours off: the client is told, whatever it asks.
    cloud.set_clock_offset(-7200);
    assert!(refusal(client.list_buckets().send().await).starts_with("RequestTimeTooSkewed: "));
    assert!(refusal(sts(&cloud, &me).get_caller_identity().send().await).starts_with("SignatureDoesNotMatch: "));
}

#[tokio::test]
async fn a_dropped_cloud_is_gone() {
    let (cloud, me) = demo().await;
    let client = sts(&cloud, &me);
    assert!(client.get_caller_identity().send().await.is_ok());
    drop(cloud);
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(client.get_caller_identity().send().await.is_err());
}

#[tokio::test]
async fn a_bucket_of_another_account_needs_both_sides() {
    let bucket = |name: &str, principal: &str| {
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "AWS": principal },
                "Action": "s3:GetObject",
                "Resource": format!("arn:aws:s3:::{name}/*"),
            }],
        });
        Bucket::new(name).policy(policy).object("k", Object::new("v"))
    };
    let reader = |name: &str| {
        Role::new(name, trust(&["111111111111"], None)).policy("read", allow(&["s3:GetObject"], &["arn:aws:s3:::n*"]))
    };
    let me = User::new("me").policy("assume", allow(&["sts:AssumeRole"], &["*"]));
    let keys = credentials(&me.access_key_id, me.secret_access_key.expose_secret(), None);
    let world = World::new()
        .account(Account::new("111111111111").user(me).role(reader("Reader")).role(reader("Other")))
        .account(
            Account::new("222222222222")
                .bucket(bucket("named", "arn:aws:iam::111111111111:role/Reader"))
                .bucket(bucket("unnamed", "333333333333"))
                .bucket(bucket("beyond", "arn:aws:iam::111111111111:role/Reader")),
        );
    let cloud = Cloud::start(world).await.unwrap();
    let session = assume(&cloud, &keys, "111111111111/Reader").await;
    let get = |session: &Credentials, name: &str| s3(&cloud, session).get_object().bucket(name).key("k").send();
    assert!(get(&session, "named").await.is_ok());
    assert_eq!(refusal(get(&session, "unnamed").await), "AccessDenied: Access Denied");
    assert_eq!(refusal(get(&session, "beyond").await), "AccessDenied: Access Denied");
    let other = assume(&cloud, &keys, "111111111111/Other").await;
    assert_eq!(refusal(get(&other, "named").await), "AccessDenied: Access Denied");
    assert!(cloud.put_object("named", "later", Object::new("x")) && cloud.remove_object("named", "later"));
}

#[tokio::test]
async fn a_presigned_url_carries_its_token() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (cloud, me) = demo().await;
    let session = assume(&cloud, &me, "111111111111/Developer").await;
    let config = aws_sdk_s3::presigning::PresigningConfig::expires_in(std::time::Duration::from_secs(60)).unwrap();
    let get = s3(&cloud, &session).get_object().bucket("hub-artifacts").key("README.md");
    let url = get.presigned(config).await.unwrap().uri().to_owned();
    let get = async |url: &str| {
        let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = get(&url).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("What the builds leave behind.\n"), "{answer}");
    cloud.expire_sessions();
    assert!(get(&url).await.contains("<Code>ExpiredToken</Code>"));
}

#[tokio::test]
async fn secrets_stay_out_of_debug() {
    let (cloud, me) = demo().await;
    let session = assume(&cloud, &me, "111111111111/Jump").await;
    let shown = format!("{cloud:?} {:?}", World::demo());
    for secret in [me.secret_access_key(), session.secret_access_key(), session.session_token().unwrap()] {
        assert!(!shown.contains(secret));
    }
}

#[test]
fn the_profile_file_describes_the_demo() {
    let file: toml::Table = toml::from_str(include_str!("../assets/demo/config.toml")).unwrap();
    let world = World::demo();
    let mut roles = 0;
    for account in file["accounts"].as_array().unwrap() {
        let known = world.accounts.iter().find(|one| Some(one.id.as_str()) == account["id"].as_str()).unwrap();
        let Some(described) = account.get("roles").and_then(|roles| roles.as_array()) else {
            // Its roles come with the sign-in.
            let center = world.identity_center.as_ref().unwrap();
            assert!(center.assignments.iter().any(|(id, _)| *id == known.id), "{account}");
            assert_eq!(file["sources"]["staff"]["sso_start_url"].as_str(), Some(&*center.start_url));
            assert_eq!(file["sources"]["staff"]["sso_region"].as_str(), Some(&*center.region));
            continue;
        };
        assert_eq!(described.len(), known.roles.len());
        for role in described {
            assert!(known.roles.iter().any(|one| Some(one.name.as_str()) == role["name"].as_str()), "{role}");
            for bucket in role.get("buckets").and_then(|buckets| buckets.as_array()).into_iter().flatten() {
                let name = bucket.as_str().unwrap().trim_start_matches("s3://").split('/').next().unwrap();
                let mut buckets = world.accounts.iter().flat_map(|account| &account.buckets);
                assert!(buckets.any(|one| one.name == name), "{bucket}");
            }
            roles += 1;
        }
    }
    assert_eq!(roles, 13);
}

#[tokio::test]
async fn a_world_with_a_wrong_policy_does_not_start() {
    let world = World::new()
        .account(Account::new("111111111111").role(Role::new("r", json!({ "Statement": [{ "Effect": "Maybe" }] }))));
    let error = Cloud::start(world).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the policy of arn:aws:iam::111111111111:role/r: \"Allow\" or \"Deny\" is expected, at Statement[0].Effect \
         of the policy"
    );
}
