//! Versions, checksums, encryption, locks, restorations, requester pays, presigned URLs, and faults of the embedded
//! cloud's S3.

use std::time::Duration;

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{
    ChecksumMode, GlacierJobParameters, ObjectAttributes, RequestPayer, RestoreRequest, ServerSideEncryption, Tier,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use xsw::demo::Stored;
use xsw::domain::checksum::Algorithm;

use super::*;

const KEY: &str = "arn:aws:kms:ap-northeast-1:111111111111:key/0a1b2c3d";

/// One account with these buckets, and its user, who may do `actions`.
async fn cloud_with(buckets: impl IntoIterator<Item = Bucket>, actions: &[&str]) -> (Cloud, Credentials) {
    let me = User::new("me").policy("p", allow(actions, &["*"]));
    let keys = credentials(&me.access_key_id, me.secret_access_key.expose_secret(), None);
    let account = buckets.into_iter().fold(Account::new("111111111111").user(me), Account::bucket);
    (Cloud::start(World::new().account(account)).await.unwrap(), keys)
}

/// Status and headers of a refused call.
fn refused<T: std::fmt::Debug, E: std::fmt::Debug>(
    answer: Result<T, SdkError<E>>,
) -> (u16, impl Fn(&str) -> Option<String>) {
    let error = answer.expect_err("the call is refused");
    let response = error.raw_response().expect("there is an answer");
    let headers: Vec<(String, String)> =
        response.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let of = move |name: &str| headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.clone());
    (response.status().as_u16(), of)
}

/// Sends a GET as it is and reads all that comes; the error ends it where there is one.
async fn plain(url: &str) -> (Vec<u8>, Option<std::io::ErrorKind>) {
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer).await.err().map(|error| error.kind());
    (answer, ended)
}

async fn presigned(client: &aws_sdk_s3::Client, bucket: &str, key: &str, seconds: u64) -> String {
    let config = aws_sdk_s3::presigning::PresigningConfig::expires_in(Duration::from_secs(seconds)).unwrap();
    client.get_object().bucket(bucket).key(key).presigned(config).await.unwrap().uri().to_owned()
}

#[tokio::test]
async fn versions_are_kept_listed_and_read() {
    let bucket = Bucket::new("kept").object("k", Object::new("first")).versioned();
    let bucket = bucket.object("a/b", Object::new("x")).object("a/c", Object::new("y"));
    let (cloud, me) = cloud_with([bucket], &["s3:*"]).await;
    let client = s3(&cloud, &me);
    let get = |version: Option<&str>| {
        client.get_object().bucket("kept").key("k").set_version_id(version.map(str::to_owned)).send()
    };
    assert_eq!(get(None).await.unwrap().version_id(), Some("null"));
    let put = client.put_object().bucket("kept").key("k").body(b"second".to_vec().into()).send().await.unwrap();
    let second = put.version_id().unwrap().to_owned();
    assert!(cloud.put_object("kept", "k", Object::new("third")));
    let deleted = client.delete_object().bucket("kept").key("k").send().await.unwrap();
    let marker = deleted.version_id().unwrap().to_owned();
    assert_eq!(deleted.delete_marker(), Some(true));

    let list = client.list_object_versions().bucket("kept").send().await.unwrap();
    let keys: Vec<_> = list.versions().iter().map(|one| (one.key().unwrap(), one.is_latest().unwrap())).collect();
    assert_eq!(keys, [("a/b", true), ("a/c", true), ("k", false), ("k", false), ("k", false)]);
    assert_eq!(list.versions()[3].version_id(), Some(&*second));
    assert_eq!(list.versions()[4].version_id(), Some("null"));
    assert_eq!(list.delete_markers()[0].version_id(), Some(&*marker));
    assert_eq!(list.delete_markers()[0].is_latest(), Some(true));
    let page = client.list_object_versions().bucket("kept").delimiter("/").max_keys(2).send().await.unwrap();
    assert_eq!((page.common_prefixes().len(), page.delete_markers().len()), (1, 1));
    assert_eq!((page.next_key_marker(), page.next_version_id_marker()), (Some("k"), Some(&*marker)));
    let rest = client.list_object_versions().bucket("kept").delimiter("/").key_marker("k").version_id_marker(&marker);
    assert_eq!(rest.send().await.unwrap().versions().len(), 3);

    let body = get(Some(&second)).await.unwrap().body.collect().await.unwrap().into_bytes();
    assert_eq!(body, "second");
    let (status, header) = refused(get(None).await);
    assert_eq!((status, header("x-amz-delete-marker").as_deref()), (404, Some("true")));
    assert_eq!(header("x-amz-version-id"), Some(marker.clone()));
    assert!(refusal(get(None).await).starts_with("NoSuchKey: "));
    let (status, header) = refused(get(Some(&marker)).await);
    assert_eq!((status, header("x-amz-delete-marker").as_deref()), (405, Some("true")));
    assert!(refusal(get(Some(&marker)).await).starts_with("MethodNotAllowed: "));
    assert!(refusal(get(Some("never-was")).await).starts_with("NoSuchVersion: "));
    let head = client.head_object().bucket("kept").key("k").send().await;
    assert_eq!(refused(head).1("x-amz-delete-marker").as_deref(), Some("true"));
    assert_eq!(client.list_objects_v2().bucket("kept").send().await.unwrap().key_count(), Some(2));

    let undeleted = client.delete_object().bucket("kept").key("k").version_id(&marker).send().await.unwrap();
    assert_eq!(undeleted.delete_marker(), Some(true));
    assert_eq!(get(None).await.unwrap().body.collect().await.unwrap().into_bytes(), "third");
    let status = client.get_bucket_versioning().bucket("kept").send().await.unwrap();
    assert_eq!(status.status().map(|status| status.as_str()), Some("Enabled"));
}

#[tokio::test]
async fn versions_have_permissions_of_their_own() {
    let bucket = || Bucket::new("kept").versioned().object("k", Object::new("x").tag("a", "b"));
    let (cloud, me) = cloud_with([bucket()], &["s3:GetObject", "s3:ListBucket", "s3:GetObjectTagging"]).await;
    let client = s3(&cloud, &me);
    let id = client.get_object().bucket("kept").key("k").send().await.unwrap().version_id().unwrap().to_owned();
    let get = client.get_object().bucket("kept").key("k").version_id(&id).send().await;
    assert!(refusal(get).contains("perform: s3:GetObjectVersion on"));
    let tags = client.get_object_tagging().bucket("kept").key("k").version_id(&id).send().await;
    assert!(refusal(tags).contains("perform: s3:GetObjectVersionTagging on"));
    let list = client.list_object_versions().bucket("kept").send().await;
    assert!(refusal(list).contains("perform: s3:ListBucketVersions on"));
    let delete = client.delete_object().bucket("kept").key("k").version_id(&id).send().await;
    assert!(refusal(delete).contains("perform: s3:DeleteObjectVersion on"));
    let status = client.get_bucket_versioning().bucket("kept").send().await;
    assert!(refusal(status).contains("perform: s3:GetBucketVersioning on"));
}

/// What a HEAD tells: the one checksum's value, and its type.
fn told(head: &HeadObjectOutput) -> (Option<&str>, Option<&str>) {
    let values = [
        head.checksum_crc64_nvme(),
        head.checksum_crc32(),
        head.checksum_crc32_c(),
        head.checksum_sha1(),
        head.checksum_sha256(),
    ];
    (values.into_iter().flatten().next(), head.checksum_type().map(|kind| kind.as_str()))
}

#[tokio::test]
async fn checksums_are_those_of_the_upload() {
    let nine = || Object::new("123456789");
    let bucket = Bucket::new("sums")
        .object("crc64nvme", nine())
        .object("crc32", nine().checksum(Algorithm::Crc32))
        .object("crc32c", nine().checksum(Algorithm::Crc32c))
        .object("sha1", nine().checksum(Algorithm::Sha1))
        .object("sha256", nine().checksum(Algorithm::Sha256))
        .object("none", nine().checksum(Algorithm::Md5))
        .object("parts-crc64nvme", nine().multipart(4))
        .object("parts-crc32", nine().checksum(Algorithm::Crc32).multipart(4))
        .object("parts-crc32-whole", nine().checksum(Algorithm::Crc32).multipart(4).full_object())
        .object("parts-sha256", nine().checksum(Algorithm::Sha256).multipart(4));
    let (cloud, me) = cloud_with([bucket], &["s3:*"]).await;
    let client = s3(&cloud, &me);
    let plain_etag = "\"25f9e794323b453885f5181f1b624d0b\"";
    let of_whole = Some("FULL_OBJECT");
    for (key, value, kind) in [
        ("crc64nvme", Some("rosUhgp5mIg="), of_whole),
        ("crc32", Some("y/Q5Jg=="), of_whole),
        ("crc32c", Some("4waSgw=="), of_whole),
        ("sha1", Some("98O8HYCOBHMq32eZZczDTKeuNEE="), of_whole),
        ("sha256", Some("FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="), of_whole),
        ("none", None, None),
        ("parts-crc64nvme", Some("rosUhgp5mIg="), of_whole),
        ("parts-crc32-whole", Some("y/Q5Jg=="), of_whole),
    ] {
        let head =
            client.head_object().bucket("sums").key(key).checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert_eq!(told(&head), (value, kind), "{key}");
        assert_eq!(head.e_tag() == Some(plain_etag), !key.starts_with("parts"), "{key}");
        let quiet = client.head_object().bucket("sums").key(key).send().await.unwrap();
        assert_eq!(told(&quiet), (None, None), "{key}");
        let get = client.get_object().bucket("sums").key(key).checksum_mode(ChecksumMode::Enabled);
        assert_eq!(get.range("bytes=0-3").send().await.unwrap().checksum_type(), None, "{key}");
    }
    for key in ["parts-crc32", "parts-sha256"] {
        let head =
            client.head_object().bucket("sums").key(key).checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        let (value, kind) = told(&head);
        assert!(value.is_some_and(|value| value.ends_with("-3")) && kind == Some("COMPOSITE"), "{key}");
        assert!(head.e_tag().is_some_and(|etag| etag.ends_with("-3\"")), "{key}");
    }
    let list = client.list_objects_v2().bucket("sums").send().await.unwrap();
    let listed: Vec<String> = list
        .contents()
        .iter()
        .map(|one| {
            let algorithm = one.checksum_algorithm().first().map_or("-", |algorithm| algorithm.as_str());
            format!("{} {algorithm} {}", one.key().unwrap(), one.checksum_type().map_or("-", |kind| kind.as_str()))
        })
        .collect();
    assert!(listed.contains(&"none - -".to_owned()) && listed.contains(&"sha1 SHA1 FULL_OBJECT".to_owned()));
    assert!(listed.contains(&"parts-sha256 SHA256 COMPOSITE".to_owned()), "{listed:?}");

    let attributes = client.get_object_attributes().bucket("sums").key("parts-sha256");
    let wanted = [ObjectAttributes::ObjectParts, ObjectAttributes::Checksum, ObjectAttributes::ObjectSize];
    let attributes = attributes.set_object_attributes(Some(wanted.into())).send().await.unwrap();
    assert_eq!((attributes.object_size(), attributes.e_tag()), (Some(9), None));
    let parts = attributes.object_parts().unwrap();
    assert_eq!(parts.total_parts_count(), Some(3));
    assert_eq!(parts.parts().iter().map(|part| part.size().unwrap()).collect::<Vec<_>>(), [4, 4, 1]);
    assert!(parts.parts()[0].checksum_sha256().is_some());
    let part = client.get_object().bucket("sums").key("parts-sha256").part_number(3).send().await.unwrap();
    assert_eq!((part.content_range(), part.parts_count()), (Some("bytes 8-8/9"), Some(3)));
}

#[tokio::test]
async fn a_large_object_has_its_checksum_and_only_when_asked() {
    let bucket = Bucket::new("sums").object("large", Object::made(24 << 20, 9));
    let (cloud, me) = cloud_with([bucket], &["s3:*"]).await;
    let get = s3(&cloud, &me).get_object().bucket("sums").key("large").checksum_mode(ChecksumMode::Enabled);
    let answer = get.send().await.unwrap();
    let told = answer.checksum_crc64_nvme().unwrap().to_owned();
    let mut hasher = xsw::domain::checksum::Hasher::new(Algorithm::Crc64Nvme);
    hasher.update(&answer.body.collect().await.unwrap().into_bytes());
    let own = hasher.finish();
    assert_eq!(Some(own), xsw::domain::checksum::Checksum::from_header(Algorithm::Crc64Nvme, &told));
}

#[tokio::test]
async fn an_encrypted_object_asks_for_its_key() {
    let bucket = || Bucket::new("sealed").kms(KEY).object("k", Object::new("123456789").kms(KEY));
    let (cloud, me) = cloud_with([bucket()], &["s3:*"]).await;
    let client = s3(&cloud, &me);
    let head = client.head_object().bucket("sealed").key("k").send().await.unwrap();
    assert_eq!(head.server_side_encryption(), Some(&ServerSideEncryption::AwsKms));
    assert_eq!(head.ssekms_key_id(), Some(KEY));
    assert_ne!(head.e_tag(), Some("\"25f9e794323b453885f5181f1b624d0b\""));
    let denied = refusal(client.get_object().bucket("sealed").key("k").send().await);
    assert!(denied.contains("perform: kms:Decrypt on resource"), "{denied}");

    let (cloud, me) = cloud_with([bucket()], &["s3:*", "kms:Decrypt"]).await;
    let client = s3(&cloud, &me);
    let get = client.get_object().bucket("sealed").key("k").checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
    assert_eq!(get.checksum_crc64_nvme(), Some("rosUhgp5mIg="));
    let put = client.put_object().bucket("sealed").key("new").body(b"x".to_vec().into()).send().await;
    assert!(refusal(put).contains("perform: kms:GenerateDataKey on resource"));

    let (cloud, me) = cloud_with([bucket()], &["s3:*", "kms:Decrypt", "kms:GenerateDataKey"]).await;
    let client = s3(&cloud, &me);
    client.put_object().bucket("sealed").key("new").body(b"x".to_vec().into()).send().await.unwrap();
    let head = client.head_object().bucket("sealed").key("new").send().await.unwrap();
    assert_eq!(head.ssekms_key_id(), Some(KEY));
    let encryption = client.get_bucket_encryption().bucket("sealed").send().await.unwrap();
    let rule = encryption.server_side_encryption_configuration().unwrap().rules()[0].clone();
    assert_eq!(rule.apply_server_side_encryption_by_default().unwrap().kms_master_key_id(), Some(KEY));
}

#[tokio::test]
async fn details_are_told_to_whom_may_see_them() {
    let until: jiff::Timestamp = "2030-01-02T03:04:05Z".parse().unwrap();
    let headers = Stored {
        cache_control: Some("max-age=60".to_owned()),
        content_disposition: Some("attachment".to_owned()),
        content_encoding: Some("gzip".to_owned()),
        replication_status: Some("COMPLETED".to_owned()),
        expiration: Some("expiry-date=\"Wed, 02 Jan 2030 00:00:00 GMT\", rule-id=\"old\"".to_owned()),
        website_redirect_location: Some("/there".to_owned()),
        ..Stored::default()
    };
    let object = Object::new("x").headers(headers).retained("GOVERNANCE", until).legal_hold(true).metadata("by", "me");
    let bucket = || Bucket::new("told").object_lock().object("k", object.clone()).object("free", Object::new("x"));
    let (cloud, me) = cloud_with([bucket(), Bucket::new("plain").object("k", Object::new("x"))], &["s3:*"]).await;
    let client = s3(&cloud, &me);
    let head = client.head_object().bucket("told").key("k").send().await.unwrap();
    assert_eq!(head.cache_control(), Some("max-age=60"));
    assert_eq!(head.content_disposition(), Some("attachment"));
    assert_eq!(head.content_encoding(), Some("gzip"));
    assert_eq!(head.replication_status().map(|status| status.as_str()), Some("COMPLETED"));
    assert_eq!(head.website_redirect_location(), Some("/there"));
    assert!(head.expiration().is_some_and(|text| text.ends_with("rule-id=\"old\"")));
    assert_eq!(head.object_lock_mode().map(|mode| mode.as_str()), Some("GOVERNANCE"));
    assert_eq!(head.object_lock_retain_until_date().map(|date| date.secs()), Some(until.as_second()));
    assert_eq!(head.object_lock_legal_hold_status().map(|status| status.as_str()), Some("ON"));
    assert_eq!(head.metadata().unwrap()["by"], "me");
    let retention = client.get_object_retention().bucket("told").key("k").send().await.unwrap();
    assert_eq!(retention.retention().unwrap().mode().map(|mode| mode.as_str()), Some("GOVERNANCE"));
    assert!(client.get_object_legal_hold().bucket("told").key("k").send().await.is_ok());
    let free = client.get_object_retention().bucket("told").key("free").send().await;
    assert!(refusal(free).starts_with("NoSuchObjectLockConfiguration: "));
    let none = client.get_object_retention().bucket("plain").key("k").send().await;
    assert_eq!(refusal(none), "InvalidRequest: Bucket is missing Object Lock Configuration");

    let (cloud, me) = cloud_with([bucket()], &["s3:GetObject"]).await;
    let client = s3(&cloud, &me);
    let head = client.head_object().bucket("told").key("k").send().await.unwrap();
    assert_eq!((head.object_lock_mode(), head.object_lock_legal_hold_status()), (None, None));
    let retention = client.get_object_retention().bucket("told").key("k").send().await;
    assert!(refusal(retention).contains("perform: s3:GetObjectRetention on"));
    let attributes = client.get_object_attributes().bucket("told").key("k").object_attributes(ObjectAttributes::Etag);
    assert!(refusal(attributes.send().await).contains("perform: s3:GetObjectAttributes on"));
}

#[tokio::test]
async fn an_archived_object_is_restored() {
    let cold = Object::new("cold").storage_class("GLACIER");
    let bucket = Bucket::new("cold").object("k", cold).object("warm", Object::new("warm"));
    let bucket = bucket.object("deep", Object::new("deep").storage_class("DEEP_ARCHIVE"));
    let (cloud, me) = cloud_with([bucket], &["s3:*"]).await;
    let client = s3(&cloud, &me);
    let restore = |key: &str, tier: Tier| {
        let job = GlacierJobParameters::builder().tier(tier).build().unwrap();
        let request = RestoreRequest::builder().days(2).glacier_job_parameters(job).build();
        client.restore_object().bucket("cold").key(key).restore_request(request).send()
    };
    let get = || client.get_object().bucket("cold").key("k").send();
    assert!(refusal(get().await).starts_with("InvalidObjectState: "));
    assert!(refusal(restore("warm", Tier::Standard).await).starts_with("InvalidObjectState: "));
    assert!(refusal(restore("deep", Tier::Expedited).await).starts_with("InvalidArgument: "));
    restore("k", Tier::Expedited).await.unwrap();
    let (status, _) = refused(restore("k", Tier::Expedited).await);
    assert_eq!(status, 409);
    let head = async || client.head_object().bucket("cold").key("k").send().await.unwrap();
    assert_eq!(head().await.restore(), Some("ongoing-request=\"true\""));
    assert!(refusal(get().await).starts_with("InvalidObjectState: "));

    cloud.set_clock_offset(61);
    assert!(head().await.restore().unwrap().starts_with("ongoing-request=\"false\", expiry-date=\""));
    assert_eq!(get().await.unwrap().body.collect().await.unwrap().into_bytes(), "cold");
    let listed = client
        .list_objects_v2()
        .bucket("cold")
        .optional_object_attributes(aws_sdk_s3::types::OptionalObjectAttributes::RestoreStatus)
        .send()
        .await
        .unwrap();
    let restored = listed.contents().iter().find(|one| one.key() == Some("k")).unwrap();
    assert_eq!(restored.restore_status().unwrap().is_restore_in_progress(), Some(false));
}

#[tokio::test]
async fn whoever_reads_a_requester_pays_bucket_says_so() {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": "111111111111" },
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::paid", "arn:aws:s3:::paid/*"],
        }],
    });
    let me = User::new("me").policy("p", allow(&["s3:*"], &["*"]));
    let owner = User::new("owner").policy("p", allow(&["s3:*"], &["*"]));
    let keys = |user: &User| credentials(&user.access_key_id, user.secret_access_key.expose_secret(), None);
    let (mine, owners) = (keys(&me), keys(&owner));
    let paid = Bucket::new("paid").requester_pays().policy(policy).object("k", Object::new("x"));
    let world = World::new().account(Account::new("111111111111").user(me));
    let cloud = Cloud::start(world.account(Account::new("222222222222").user(owner).bucket(paid))).await.unwrap();
    let client = s3(&cloud, &mine);
    let get = || client.get_object().bucket("paid").key("k");
    assert_eq!(refusal(get().send().await), "AccessDenied: Access Denied");
    let answer = get().request_payer(RequestPayer::Requester).send().await.unwrap();
    assert_eq!(answer.request_charged().map(|charged| charged.as_str()), Some("requester"));
    assert_eq!(refusal(client.list_objects_v2().bucket("paid").send().await), "AccessDenied: Access Denied");
    let list = client.list_objects_v2().bucket("paid").request_payer(RequestPayer::Requester).send().await.unwrap();
    assert_eq!(list.request_charged().map(|charged| charged.as_str()), Some("requester"));
    assert_eq!(refused(client.head_bucket().bucket("paid").send().await).0, 403);
    let owners = s3(&cloud, &owners);
    let answer = owners.get_object().bucket("paid").key("k").send().await.unwrap();
    assert_eq!(answer.request_charged(), None);
    let payer = owners.get_bucket_request_payment().bucket("paid").send().await.unwrap();
    assert_eq!(payer.payer().map(|payer| payer.as_str()), Some("Requester"));
}

#[tokio::test]
async fn a_presigned_url_ends() {
    let (cloud, me) = cloud_with([Bucket::new("signed").object("a b+c.txt", Object::new("signed"))], &["s3:*"]).await;
    let client = s3(&cloud, &me);
    let url = presigned(&client, "signed", "a b+c.txt", 60).await;
    let text = async |url: &str| String::from_utf8(plain(url).await.0).unwrap();
    let answer = text(&url).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("signed"), "{answer}");
    let forged = text(&url.replace("X-Amz-Expires=60", "X-Amz-Expires=600")).await;
    assert!(forged.contains("<Code>SignatureDoesNotMatch</Code>"), "{forged}");
    let long = presigned(&client, "signed", "a b+c.txt", 604_800).await;
    assert!(text(&long).await.starts_with("HTTP/1.1 200 "));
    cloud.set_clock_offset(61);
    let late = text(&url).await;
    assert!(late.starts_with("HTTP/1.1 403 "), "{late}");
    assert!(late.contains("<Code>AccessDenied</Code><Message>Request has expired</Message>"), "{late}");
    // It is good by its own end, not by the fifteen minutes of a signed request.
    cloud.set_clock_offset(3600);
    assert!(text(&long).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn bytes_go_wrong_as_planned_and_are_counted() {
    let bucket = Bucket::new("faults").object("k", Object::made(300_000, 4)).object("other", Object::new("x"));
    let (cloud, me) = cloud_with([bucket], &["s3:*"]).await;
    let client = s3(&cloud, &me);
    let get = || client.get_object().bucket("faults").key("k");
    let whole = get().send().await.unwrap().body.collect().await.unwrap().into_bytes();
    assert_eq!(cloud.body_bytes(), 300_000);

    cloud.plan("s3:GetObject", 1, Fault::flip(70_000));
    let wrong = get().range("bytes=100-").send().await.unwrap().body.collect().await.unwrap().into_bytes();
    let places: Vec<usize> = (0..wrong.len()).filter(|place| wrong[*place] != whole[place + 100]).collect();
    assert_eq!((wrong.len(), places), (299_900, vec![70_000]));

    // Planned for the one object: the other is not touched.
    cloud.plan_for("s3:GetObject", "faults/k", 1, Fault::stall(65_537));
    assert!(client.get_object().bucket("faults").key("other").send().await.is_ok());
    let mut body = get().send().await.unwrap().body;
    let mut came = 0;
    while came < 65_537 {
        came += body.next().await.unwrap().unwrap().len();
    }
    assert_eq!(came, 65_537);
    let more = tokio::time::timeout(Duration::from_millis(200), body.next()).await;
    assert!(more.is_err(), "nothing more comes, and nothing ends");
    drop(body);

    cloud.plan("s3:GetObject", 1, Fault::cut(10));
    assert!(get().send().await.unwrap().body.collect().await.is_err());
    assert_eq!(cloud.ranges("faults/k"), [0..300_000, 100..300_000, 0..300_000, 0..300_000]);
    assert!(cloud.ranges("faults/other").into_iter().eq(std::iter::once(0..1)));
    assert_eq!(cloud.body_bytes(), 300_000 + 299_900 + 65_537 + 10 + 1);
}

#[tokio::test]
async fn a_reset_comes_before_any_answer() {
    let (cloud, me) = cloud_with([Bucket::new("faults").object("k", Object::new("x"))], &["s3:*"]).await;
    let client = s3(&cloud, &me);
    let url = presigned(&client, "faults", "k", 60).await;
    cloud.plan("s3:GetObject", 1, Fault::reset());
    assert_eq!(plain(&url).await, (Vec::new(), Some(std::io::ErrorKind::ConnectionReset)));
    assert!(plain(&url).await.0.starts_with(b"HTTP/1.1 200 "));
    cloud.plan("sts:GetCallerIdentity", 1, Fault::reset());
    let answer = sts(&cloud, &me).get_caller_identity().send().await;
    assert!(answer.is_err_and(|error| error.as_service_error().is_none()));
}

#[tokio::test]
async fn the_demo_has_one_of_everything() {
    let (cloud, me) = demo().await;
    let session = assume(&cloud, &me, "111111111111/Developer").await;
    let client = s3(&cloud, &session);
    let buckets = client.list_buckets().send().await.unwrap();
    let names: Vec<&str> = buckets.buckets().iter().filter_map(|bucket| bucket.name()).collect();
    assert_eq!(names, ["hub-artifacts", "hub-europe", "hub-million", "hub-samples", "hub-versions"]);

    let list = client.list_objects_v2().bucket("hub-samples").send().await.unwrap();
    assert_eq!(list.contents().len(), 40);
    for object in list.contents() {
        let key = object.key().unwrap();
        let get = client.get_object().bucket("hub-samples").key(key).checksum_mode(ChecksumMode::Enabled).send().await;
        let refused = match key {
            "archive/2022.tar" | "archive/2023.tar" => "InvalidObjectState: ",
            "encrypted/not-yours.txt" => "AccessDenied: ",
            _ => {
                let answer = get.unwrap_or_else(|error| panic!("{key}: {error:?}"));
                assert_eq!(answer.e_tag(), object.e_tag(), "{key}");
                assert_eq!(answer.content_length(), object.size(), "{key}");
                assert!(object.size() > Some(0) || matches!(key, "text/empty" | "web/moved"), "{key}");
                continue;
            }
        };
        assert!(refusal(get).starts_with(refused), "{key}");
    }
    let versions = client.list_object_versions().bucket("hub-versions").send().await.unwrap();
    assert_eq!((versions.versions().len(), versions.delete_markers().len()), (8, 2));
    let elsewhere = client.head_bucket().bucket("hub-europe").send().await;
    assert_eq!(refused(elsewhere).1("x-amz-bucket-region").as_deref(), Some("eu-central-1"));
    let paid = client.list_objects_v2().bucket("open-data-paid");
    assert_eq!(refusal(paid.clone().send().await), "AccessDenied: Access Denied");
    assert!(paid.request_payer(RequestPayer::Requester).send().await.is_ok());
}
