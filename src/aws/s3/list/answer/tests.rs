use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use super::*;

#[test]
fn listed_keys_are_decoded_exactly() {
    for (encoded, key) in [
        ("a+b", "a b"),
        ("a%2Bb", "a+b"),
        ("a%252Fb", "a%2Fb"),
        ("%1B%5B2J", "\x1b[2J"),
        ("%E6%97%A5/x", "日/x"),
        ("%", "%"),
    ] {
        assert_eq!(decoded(encoded), key);
    }
}

#[test]
fn times_are_read_as_jiff_reads_them() {
    for text in [
        "1970-01-01T00:00:00Z",
        "2000-02-28T23:59:59.999Z",
        "2000-02-29T00:00:00.000Z",
        "2024-12-31T01:02:03.004Z",
        "2026-01-02T03:04:05.000Z",
        "2026-03-01T03:04:05Z",
        "2100-03-01T03:04:05Z",
        "2026-01-02T03:04:05.123456Z",
        "2026-01-02T03:04:05+09:00",
        "1969-12-31T23:59:59Z",
    ] {
        assert_eq!(time(text.as_bytes()), Some(text.parse().unwrap()), "{text}");
    }
    for text in ["", "yesterday", "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z", "20x6-01-02T03:04:05Z"] {
        assert_eq!(time(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn an_answer_as_s3_writes_it() {
    let body = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>a%2B</Prefix><Delimiter>/</Delimiter>
<NextContinuationToken>1/x&amp;y==</NextContinuationToken><KeyCount>3</KeyCount><MaxKeys>3</MaxKeys><IsTruncated>true</IsTruncated>
<Contents><Key>a+b%2Bc</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;0a&#x2d;1&quot;</ETag><Size>7</Size>
<Owner><ID>f00</ID><DisplayName>Key</DisplayName></Owner><StorageClass>GLACIER</StorageClass><ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm></Contents>
<Contents><Key><![CDATA[<&>]]></Key></Contents><Contents/><CommonPrefixes><Prefix>z%2F/</Prefix></CommonPrefixes><EncodingType>url</EncodingType></ListBucketResult>"#;
    let first = Object {
        key: "a b+c".into(),
        size: 7,
        last_modified: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        etag: Some("\"0a-1\"".into()),
        storage_class: Some("GLACIER".into()),
    };
    let second = Object { key: "<&>".into(), ..Object::default() };
    let entries = vec![Entry::Prefix("z//".into()), Entry::Object(first), Entry::Object(second)];
    assert_eq!(page(body.as_bytes()), Ok(Some(Page { entries, next: Some("1/x&y==".into()) })));
}

#[test]
fn answers_that_say_less() {
    let keys = |body: &str| page(body.as_bytes()).map(|page| page.map(|page| (page.entries.len(), page.next)));
    for (body, read) in [
        ("<ListBucketResult/>", Some((0, None))),
        ("<ListBucketResult></ListBucketResult>", Some((0, None))),
        // A token without IsTruncated is none: some servers always send one.
        ("<ListBucketResult><NextContinuationToken>t</NextContinuationToken></ListBucketResult>", Some((0, None))),
        (
            "<x:ListBucketResult xmlns:x=''><x:Contents><x:Key>k</x:Key></x:Contents></x:ListBucketResult>",
            Some((1, None)),
        ),
        ("<Error><Code>SlowDown</Code></Error>", None),
        ("<Error/>", None),
    ] {
        assert_eq!(keys(body), Ok(read), "{body}");
    }
    // A server that ignores encoding-type sends the keys as they are.
    let plain = page(b"<ListBucketResult><Contents><Key>a+%41&amp;</Key></Contents></ListBucketResult>");
    assert_eq!(plain.unwrap().unwrap().entries[0].key(), "a+%41&");
}

#[test]
fn half_an_answer_is_none() {
    let whole = "<ListBucketResult><Contents><Key>a&amp;b</Key><Size>1</Size></Contents></ListBucketResult>";
    assert!(page(whole.as_bytes()).is_ok());
    for end in 0..whole.len() {
        assert!(page(&whole.as_bytes()[..end]).is_err(), "{}", &whole[..end]);
    }
    for wrong in [
        "<ListBucketResult><Contents><Key>&no;</Key></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Size>x</Size></Contents></ListBucketResult>",
    ] {
        assert!(page(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn every_key_survives_its_encoding(keys in prop::collection::vec("\\PC{1,20}|[\\x01-\\x7f]{1,9}", 0..8), plus: bool) {
        let encode = |key: &String| {
            let text = utf8_percent_encode(key, NON_ALPHANUMERIC).to_string();
            if plus { text.replace("%20", "+") } else { text }
        };
        let lines: String = keys.iter().map(|key| format!("<Contents><Key>{}</Key></Contents>", encode(key))).collect();
        let body = format!("<ListBucketResult><EncodingType>url</EncodingType>{lines}</ListBucketResult>");
        let page = page(body.as_bytes()).unwrap().unwrap();
        let read: Vec<&str> = page.entries.iter().map(Entry::key).collect();
        prop_assert_eq!(read, keys);
    }

    #[test]
    fn plain_keys_survive_xml(keys in prop::collection::vec("[^\\p{C}\r\n]{1,20}", 0..8)) {
        let lines: String =
            keys.iter().map(|key| format!("<Contents><Key>{}</Key></Contents>", quick_xml::escape::escape(key))).collect();
        let page = page(format!("<ListBucketResult>{lines}</ListBucketResult>").as_bytes()).unwrap().unwrap();
        let read: Vec<&str> = page.entries.iter().map(Entry::key).collect();
        prop_assert_eq!(read, keys);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        _ = page(&bytes);
    }
}

/// The embedded cloud's most hostile bucket, read by the SDK and by us.
#[cfg(feature = "demo")]
#[tokio::test]
async fn we_read_what_the_sdk_reads() {
    use crate::aws::s3::list::Begin;
    use crate::aws::s3::{Depth, S3};
    use crate::domain::uri::S3Uri;
    use crate::ops::{Core, MfaHint};

    /// As the SDK reads it.
    async fn read_by_sdk(s3: &S3, uri: &S3Uri, depth: Depth) -> (Vec<Entry>, Option<String>) {
        let answer = s3
            .client("ap-northeast-1", super::super::super::Use::Browse, false)
            .list_objects_v2()
            .bucket(&uri.bucket)
            .prefix(&uri.key)
            .encoding_type(aws_sdk_s3::types::EncodingType::Url)
            .set_delimiter((depth == Depth::Level).then(|| "/".to_owned()))
            .send()
            .await
            .unwrap();
        let key = |key: &Option<String>| decoded(key.as_deref().unwrap()).into_owned();
        let prefixes = answer.common_prefixes().iter().map(|prefix| Entry::Prefix(key(&prefix.prefix)));
        let objects = answer.contents().iter().map(|object| {
            Entry::Object(Object {
                key: key(&object.key),
                size: object.size.unwrap().try_into().unwrap(),
                last_modified: crate::aws::timestamp(object.last_modified().unwrap()),
                etag: object.e_tag.clone(),
                storage_class: object.storage_class.as_ref().map(|class| class.as_str().to_owned()),
            })
        });
        (prefixes.chain(objects).collect(), answer.next_continuation_token.clone())
    }

    let visit = crate::demo::Visit::start().await.unwrap();
    let outer = crate::local::environment::Environment::process();
    let environment = visit.environment(outer);
    let common = crate::cli::Common { config: Some(visit.profile_file()), ..crate::cli::Common::default() };
    let profile = crate::config::load(&common.places(&environment)).unwrap().profile;
    let core = Core::new(profile, environment, None, MfaHint::default());
    let million = S3Uri::new("hub-million", "events/");
    for (role, uri, depth) in [
        ("prod/Sprint", S3Uri::new("prod-hostile-keys", ""), Depth::All),
        ("prod/Sprint", S3Uri::new("prod-hostile-keys", ""), Depth::Level),
        ("prod/S3Reader", S3Uri::new("gautamtest-assume-role", ""), Depth::Level),
        ("hub/Developer", million.clone(), Depth::All),
        ("hub/Developer", S3Uri::new("hub-artifacts", "nothing"), Depth::All),
    ] {
        let s3 = core.s3(core.profile.find(role).unwrap());
        let page = s3.page(&uri, depth, None).await.unwrap();
        assert_eq!((page.entries, page.next), read_by_sdk(&s3, &uri, depth).await, "{uri} {depth:?}");
    }
    let s3 = core.s3(core.profile.find("hub/Developer").unwrap());
    let page = s3.page_from(&million, Depth::All, Begin::After("events/0999997.json")).await.unwrap();
    let keys: Vec<&str> = page.entries.iter().map(Entry::key).collect();
    assert_eq!(keys, ["events/0999998.json", "events/0999999.json"]);
    // What is no page is the SDK's to read.
    let error = s3.page(&S3Uri::new("no-such-bucket-here", ""), Depth::All, None).await.unwrap_err();
    assert!(error.to_string().contains("there is no bucket"), "{error}");
}
