//! Copies, uploads in parts, tags and deletions in the embedded cloud's S3.

use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, ChecksumType, CompletedMultipartUpload, CompletedPart, Delete, MetadataDirective,
    ObjectIdentifier, ServerSideEncryption, StorageClass, Tag, Tagging, TaggingDirective,
};
use xsw::demo::Stored;
use xsw::domain::checksum::{Algorithm, Checksum};

use super::*;

const MIB: u64 = 1024 * 1024;
const KEY: &str = "arn:aws:kms:ap-northeast-1:111111111111:key/0a1b2c3d";

/// Account 1 with a user who copies and the bucket `here`, account 2 with the bucket `there` under this policy.
async fn two_accounts(
    user: &[serde_json::Value],
    here: Bucket,
    policy: Option<serde_json::Value>,
) -> (Cloud, Credentials) {
    let numbered = user.iter().enumerate();
    let me = numbered.fold(User::new("me"), |me, (number, policy)| me.policy(format!("p{number}"), policy.clone()));
    let keys = credentials(&me.access_key_id, me.secret_access_key.expose_secret(), None);
    let there = Bucket::new("there");
    let there = policy.into_iter().fold(there, Bucket::policy);
    let world = World::new()
        .account(Account::new("111111111111").user(me).bucket(here))
        .account(Account::new("222222222222").bucket(there));
    (Cloud::start(world).await.unwrap(), keys)
}

async fn one_account(buckets: Vec<Bucket>) -> (Cloud, aws_sdk_s3::Client) {
    let me = User::new("me").policy("p", allow(&["s3:*", "kms:*"], &["*"]));
    let keys = credentials(&me.access_key_id, me.secret_access_key.expose_secret(), None);
    let account = buckets.into_iter().fold(Account::new("111111111111").user(me), Account::bucket);
    let cloud = Cloud::start(World::new().account(account)).await.unwrap();
    let client = s3(&cloud, &keys);
    (cloud, client)
}

fn opened(actions: &[&str]) -> serde_json::Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": ME }, "Action": actions, "Resource": "arn:aws:s3:::there/*",
    }] })
}

#[tokio::test]
async fn a_copy_between_accounts_needs_both_sides() {
    let here = || Bucket::new("here").object("a b+c", Object::new("bytes").tag("team", "x"));
    let read = |actions: &[&str]| allow(actions, &["arn:aws:s3:::here/*"]);
    let write = |actions: &[&str]| allow(actions, &["arn:aws:s3:::there/*"]);
    let tagging = ["s3:GetObject", "s3:GetObjectTagging"];
    let writing = ["s3:PutObject", "s3:PutObjectTagging"];
    type Case<'a> = (&'a [&'a str], &'a [&'a str], &'a [&'a str], Option<&'a str>);
    let cases: [Case; 7] = [
        (&tagging, &writing, &writing, None),
        (&["s3:GetObjectTagging"], &writing, &writing, Some("s3:GetObject")),
        (&["s3:GetObject"], &writing, &writing, Some("s3:GetObjectTagging")),
        (&tagging, &["s3:PutObjectTagging"], &writing, Some("")),
        (&tagging, &["s3:PutObject"], &writing, Some("")),
        (&tagging, &writing, &["s3:PutObjectTagging"], Some("")),
        (&tagging, &writing, &["s3:PutObject"], Some("")),
    ];
    for (reads, writes, policy, missing) in cases {
        let (cloud, me) = two_accounts(&[read(reads), write(writes)], here(), Some(opened(policy))).await;
        let copy = s3(&cloud, &me).copy_object().copy_source("here/a%20b%2Bc").bucket("there").key("k");
        let answer = copy.send().await;
        match missing {
            None => assert!(answer.is_ok(), "{answer:?}"),
            Some("") => assert_eq!(refusal(answer), "AccessDenied: Access Denied", "{reads:?} {writes:?} {policy:?}"),
            Some(action) => assert!(refusal(answer).ends_with(&format!("allows the {action} action")), "{action}"),
        }
        assert_eq!(cloud.calls_by(me.access_key_id(), "s3:CopyObject"), 1);
        assert_eq!(cloud.calls_by("AKIAOTHER", "s3:CopyObject"), 0);
    }
}

#[tokio::test]
async fn a_copy_keeps_or_replaces_what_it_is_told() {
    let headers = Stored { cache_control: Some("no-store".to_owned()), ..Stored::default() };
    let object = Object::new("bytes").content_type("text/plain").metadata("by", "me").tag("a", "b").headers(headers);
    let object = object.storage_class("STANDARD_IA").checksum(Algorithm::Sha256);
    let (cloud, client) =
        one_account(vec![Bucket::new("here").object("k", object), Bucket::new("there").versioned()]).await;
    let copy = || client.copy_object().copy_source("here/k").bucket("there").key("k");
    let head = || client.head_object().bucket("there").key("k").checksum_mode(ChecksumMode::Enabled).send();
    let tags = || client.get_object_tagging().bucket("there").key("k").send();
    let source = client.head_object().bucket("here").key("k").send().await.unwrap();

    let answer = copy().send().await.unwrap();
    assert!(answer.version_id().is_some());
    let result = answer.copy_object_result().unwrap();
    assert_eq!(result.e_tag(), source.e_tag());
    assert!(result.checksum_sha256().is_some());
    let kept = head().await.unwrap();
    assert_eq!((kept.content_type(), kept.cache_control()), (Some("text/plain"), Some("no-store")));
    assert_eq!(kept.metadata().unwrap()["by"], "me");
    assert_eq!(kept.storage_class(), None, "the class is not copied");
    assert_eq!(kept.checksum_sha256(), result.checksum_sha256());
    assert_eq!(tags().await.unwrap().tag_set()[0].key(), "a");

    let replaced = copy()
        .metadata_directive(MetadataDirective::Replace)
        .content_type("text/csv")
        .tagging_directive(TaggingDirective::Replace)
        .tagging("x=y&z=1")
        .storage_class(StorageClass::StandardIa)
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id(KEY);
    let answer = replaced.send().await.unwrap();
    assert_eq!(answer.ssekms_key_id(), Some(KEY));
    assert!(answer.copy_object_result().unwrap().checksum_crc32().is_some());
    let kept = head().await.unwrap();
    assert_eq!((kept.content_type(), kept.cache_control()), (Some("text/csv"), None));
    assert!(kept.metadata().is_none_or(|metadata| metadata.is_empty()));
    assert_eq!(kept.storage_class(), Some(&StorageClass::StandardIa));
    assert_eq!(tags().await.unwrap().tag_set().len(), 2);

    let etag = source.e_tag().unwrap();
    assert!(copy().copy_source_if_match(etag).send().await.is_ok());
    assert!(refusal(copy().copy_source_if_match("\"other\"").send().await).starts_with("PreconditionFailed: "));
    assert!(refusal(copy().copy_source_if_none_match(etag).send().await).starts_with("PreconditionFailed: "));
    assert!(refusal(copy().if_none_match("*").send().await).starts_with("PreconditionFailed: "));
    assert!(copy().key("new").if_none_match("*").send().await.is_ok());
    assert!(refusal(copy().if_match("\"other\"").send().await).starts_with("PreconditionFailed: "));
    assert!(refusal(copy().key("none").if_match(etag).send().await).starts_with("NoSuchKey: "));
    assert!(refusal(copy().bucket("here").send().await).starts_with("InvalidRequest: This copy request is illegal"));
    assert!(refusal(copy().copy_source("here/none").send().await).starts_with("NoSuchKey: "));
    assert!(refusal(copy().copy_source("nowhere/k").send().await).starts_with("NoSuchBucket: "));
    cloud.put_object("here", "cold", Object::new("x").storage_class("GLACIER"));
    assert!(refusal(copy().copy_source("here/cold").send().await).starts_with("InvalidObjectState: "));
    cloud.put_object("here", "big", Object::made(6 * 1024 * MIB, 1));
    let answer = refusal(copy().copy_source("here/big").send().await);
    assert!(answer.ends_with("larger than the maximum allowable size for a copy source: 5368709120"), "{answer}");
}

#[tokio::test]
async fn six_gigabytes_are_copied_in_parts_without_a_byte_of_memory() {
    let length = 6 * 1024 * MIB + 12_345;
    let here = Bucket::new("here").object("big", Object::made(length, 7));
    let (cloud, client) = one_account(vec![here, Bucket::new("there")]).await;
    let source = client.head_object().bucket("here").key("big").send().await.unwrap();
    let upload = client.create_multipart_upload().bucket("there").key("big").send().await.unwrap();
    let id = upload.upload_id().unwrap();
    let size = 512 * MIB;
    let mut parts = Vec::new();
    for (number, start) in (1..).zip((0..length).step_by(size as usize)) {
        let range = format!("bytes={start}-{}", (start + size).min(length) - 1);
        let copy = client.upload_part_copy().bucket("there").key("big").upload_id(id).part_number(number);
        let copy = copy.copy_source("here/big").copy_source_range(range).copy_source_if_match(source.e_tag().unwrap());
        let answer = copy.send().await.unwrap();
        let etag = answer.copy_part_result().unwrap().e_tag().unwrap().to_owned();
        parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let listed = client.list_parts().bucket("there").key("big").upload_id(id).max_parts(5).send().await.unwrap();
    assert_eq!((listed.parts().len(), listed.is_truncated()), (5, Some(true)));
    let done = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = client.complete_multipart_upload().bucket("there").key("big").upload_id(id).multipart_upload(done);
    let answer = complete.send().await.unwrap();
    assert!(answer.e_tag().unwrap().ends_with("-13\""));
    let head = |bucket| client.head_object().bucket(bucket).key("big").checksum_mode(ChecksumMode::Enabled).send();
    let (here, there) = (head("here").await.unwrap(), head("there").await.unwrap());
    assert_eq!(there.content_length(), Some(length as i64));
    assert!(there.checksum_crc64_nvme().is_some());
    assert_eq!(here.checksum_crc64_nvme(), there.checksum_crc64_nvme());
    assert_eq!(answer.checksum_crc64_nvme(), there.checksum_crc64_nvme());
    // At the seam of two parts it is what the source is.
    for range in ["bytes=536870900-536870930", "bytes=6442450940-"] {
        let of = |bucket| client.get_object().bucket(bucket).key("big").range(range).send();
        let here = of("here").await.unwrap().body.collect().await.unwrap().into_bytes();
        assert_eq!(here, of("there").await.unwrap().body.collect().await.unwrap().into_bytes());
        assert!(here.len() > 30);
    }
    assert_eq!(cloud.calls("s3:UploadPartCopy"), 13);
    let beyond = client.upload_part_copy().bucket("there").key("big").upload_id(id).part_number(1);
    assert!(refusal(beyond.copy_source("here/big").send().await).starts_with("NoSuchUpload: "));
}

/// Uploads `parts`, the numbers 1, 2, …, and completes them.
async fn upload(
    client: &aws_sdk_s3::Client,
    kind: Option<(ChecksumAlgorithm, Option<ChecksumType>)>,
    parts: &[Vec<u8>],
) -> aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadOutput {
    let (algorithm, of) = kind.unzip();
    // Under "when required" the SDK makes no checksum, whatever algorithm is asked for.
    let calculation = match algorithm {
        Some(_) => RequestChecksumCalculation::WhenSupported,
        None => RequestChecksumCalculation::WhenRequired,
    };
    let config = client.config().to_builder().request_checksum_calculation(calculation).build();
    let client = &aws_sdk_s3::Client::from_conf(config);
    let create = client.create_multipart_upload().bucket("there").key("k");
    let create = create.set_checksum_algorithm(algorithm.clone()).set_checksum_type(of.flatten());
    let id = create.send().await.unwrap().upload_id().unwrap().to_owned();
    let mut done = Vec::new();
    for (number, bytes) in (1..).zip(parts) {
        let part = client.upload_part().bucket("there").key("k").upload_id(&id).part_number(number);
        let part = part.set_checksum_algorithm(algorithm.clone()).body(bytes.clone().into());
        let answer = part.send().await.unwrap();
        let part = CompletedPart::builder().part_number(number).set_e_tag(answer.e_tag().map(str::to_owned));
        let part = part.set_checksum_crc32(answer.checksum_crc32().map(str::to_owned));
        done.push(part.set_checksum_sha256(answer.checksum_sha256().map(str::to_owned)).build());
    }
    let complete = client.complete_multipart_upload().bucket("there").key("k").upload_id(&id).if_none_match("*");
    let done = CompletedMultipartUpload::builder().set_parts(Some(done)).build();
    let answer = complete.multipart_upload(done).send().await.unwrap();
    client.delete_object().bucket("there").key("k").send().await.unwrap();
    answer
}

#[tokio::test]
async fn uploads_in_parts_have_the_digests_of_s3() {
    let (_cloud, client) = one_account(vec![Bucket::new("there")]).await;
    // Of "a" * 5 MiB and "b" * 100.
    let parts = [vec![b'a'; 5 * MIB as usize], vec![b'b'; 100]];
    let plain = upload(&client, None, &parts).await;
    let sums: Vec<u8> = parts.iter().flat_map(|part| md5(part)).collect();
    let etag: String = md5(&sums).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(plain.e_tag(), Some(&*format!("\"{etag}-2\"")));
    assert_eq!(plain.checksum_type(), Some(&ChecksumType::FullObject));
    let whole = client.put_object().bucket("there").key("k").body(parts.concat().into()).send().await.unwrap();
    assert_eq!(plain.checksum_crc64_nvme(), whole.checksum_crc64_nvme());
    assert!(whole.checksum_crc64_nvme().is_some());
    client.delete_object().bucket("there").key("k").send().await.unwrap();

    let full = upload(&client, Some((ChecksumAlgorithm::Crc32, Some(ChecksumType::FullObject))), &parts).await;
    let told = Checksum::from_header(Algorithm::Crc32, full.checksum_crc32().unwrap()).unwrap();
    assert_eq!(told.number(), Some(xsw::domain::checksum::crc(Algorithm::Crc32, &parts.concat())));
    let composite = upload(&client, Some((ChecksumAlgorithm::Crc32, None)), &parts).await;
    assert!(composite.checksum_crc32().unwrap().ends_with("==-2"));
    assert_eq!(composite.checksum_type(), Some(&ChecksumType::Composite));
    assert_eq!(composite.e_tag(), plain.e_tag());
    assert!(upload(&client, Some((ChecksumAlgorithm::Sha256, None)), &parts).await.checksum_sha256().is_some());
}

fn md5(bytes: &[u8]) -> Vec<u8> {
    use md5::Digest as _;
    md5::Md5::digest(bytes).to_vec()
}

#[tokio::test]
async fn uploads_in_parts_are_checked() {
    let here = Bucket::new("here").object("k", Object::made(20 * MIB, 1));
    let (_cloud, client) = one_account(vec![here, Bucket::new("there")]).await;
    let create = client.create_multipart_upload().bucket("there").key("a/k").send().await.unwrap();
    let id = create.upload_id().unwrap().to_owned();
    let other = client.create_multipart_upload().bucket("there").key("b").send().await.unwrap();
    let copy = |number| client.upload_part_copy().bucket("there").key("a/k").upload_id(&id).part_number(number);
    let range = |number, range: &str| copy(number).copy_source("here/k").copy_source_range(range).send();
    let etag = |answer: aws_sdk_s3::operation::upload_part_copy::UploadPartCopyOutput| {
        answer.copy_part_result().unwrap().e_tag().unwrap().to_owned()
    };
    let first = etag(range(1, "bytes=0-99").await.unwrap());
    let second = etag(range(2, "bytes=100-199").await.unwrap());
    assert!(refusal(range(3, "bytes=100-99999999").await).starts_with("InvalidArgument: Range specified is not valid"));
    assert!(refusal(range(3, "bytes=100-").await).starts_with("InvalidArgument: The x-amz-copy-source-range"));
    assert!(refusal(range(10_001, "bytes=0-9").await).starts_with("InvalidArgument: Part number"));

    let complete = |parts: &[(i32, &str)]| {
        let part = |(number, etag): &(i32, &str)| CompletedPart::builder().part_number(*number).e_tag(*etag).build();
        let done = CompletedMultipartUpload::builder().set_parts(Some(parts.iter().map(part).collect())).build();
        client.complete_multipart_upload().bucket("there").key("a/k").upload_id(&id).multipart_upload(done).send()
    };
    assert!(refusal(complete(&[(1, &first), (2, &second)]).await).starts_with("EntityTooSmall: "));
    assert!(refusal(complete(&[(2, &second), (1, &first)]).await).starts_with("InvalidPartOrder: "));
    assert!(refusal(complete(&[(1, &second)]).await).starts_with("InvalidPart: "));
    assert!(refusal(complete(&[(7, &first)]).await).starts_with("InvalidPart: "));

    let list = client.list_multipart_uploads().bucket("there").delimiter("/").send().await.unwrap();
    assert_eq!(list.uploads()[0].upload_id(), other.upload_id());
    assert_eq!((list.uploads().len(), list.common_prefixes()[0].prefix()), (1, Some("a/")));
    let page = client.list_multipart_uploads().bucket("there").max_uploads(1).send().await.unwrap();
    assert_eq!(
        (page.is_truncated(), page.next_key_marker(), page.next_upload_id_marker()),
        (Some(true), Some("a/k"), Some(&*id))
    );
    let rest =
        client.list_multipart_uploads().bucket("there").key_marker("a/k").upload_id_marker(&id).send().await.unwrap();
    assert_eq!(rest.uploads()[0].key(), Some("b"));

    let wrong = client.upload_part().bucket("there").key("a/k").upload_id(&id).part_number(1).content_md5("AAAA");
    assert!(refusal(wrong.body(b"x".to_vec().into()).send().await).contains("Digest: "));
    let etag = etag(copy(1).copy_source("here/k").send().await.unwrap());
    assert!(complete(&[(1, &etag), (2, &second)]).await.is_ok());
    assert!(refusal(complete(&[(1, &etag)]).await).starts_with("NoSuchUpload: "));
    let head = client.head_object().bucket("there").key("a/k").send().await.unwrap();
    assert_eq!(head.content_length(), Some(20 * MIB as i64 + 100));
    let part = client.get_object().bucket("there").key("a/k").part_number(2).send().await.unwrap();
    assert_eq!((part.parts_count(), part.content_length()), (Some(2), Some(100)));

    let abort =
        || client.abort_multipart_upload().bucket("there").key("b").upload_id(other.upload_id().unwrap()).send();
    abort().await.unwrap();
    assert!(refusal(abort().await).starts_with("NoSuchUpload: "));
    assert!(client.list_multipart_uploads().bucket("there").send().await.unwrap().uploads().is_empty());
}

#[tokio::test]
async fn tags_are_written_and_many_objects_deleted() {
    let bucket = Bucket::new("there").object("k", Object::new("x")).object("l", Object::new("y"));
    let (_cloud, client) = one_account(vec![bucket]).await;
    let tags = |names: &[&str]| {
        let tag = |name: &&str| Tag::builder().key(*name).value("v").build().unwrap();
        let tags = Tagging::builder().set_tag_set(Some(names.iter().map(tag).collect())).build().unwrap();
        client.put_object_tagging().bucket("there").key("k").tagging(tags).send()
    };
    tags(&["a", "b"]).await.unwrap();
    let read = || client.get_object_tagging().bucket("there").key("k").send();
    assert_eq!(read().await.unwrap().tag_set().len(), 2);
    assert!(refusal(tags(&["a", "a"]).await).starts_with("InvalidTag: "));
    assert!(refusal(tags(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"]).await).starts_with("BadRequest: "));
    client.delete_object_tagging().bucket("there").key("k").send().await.unwrap();
    assert!(read().await.unwrap().tag_set().is_empty());

    let key = |key: &str| ObjectIdentifier::builder().key(key).build().unwrap();
    let delete = Delete::builder().objects(key("k")).objects(key("none")).build().unwrap();
    let answer = client.delete_objects().bucket("there").delete(delete).send().await.unwrap();
    assert_eq!((answer.deleted().len(), answer.errors().len()), (2, 0));
    assert_eq!(client.list_objects_v2().bucket("there").send().await.unwrap().key_count(), Some(1));
}
