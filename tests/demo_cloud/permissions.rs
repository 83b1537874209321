//! IAM of the embedded cloud, bucket policies, and service control policies: read, simulated, and changed while
//! sessions are open.

use super::*;

const ACCOUNT: &str = "111111111111";

/// Sends a call of IAM; gives the status and the XML. There is no SDK of IAM here, so that of STS signs it.
async fn iam(cloud: &Cloud, credentials: &Credentials, fields: &[(&str, &str)]) -> (u16, String) {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Version", "2010-05-08").extend_pairs(fields);
    let form = form.finish();
    let call = sts(cloud, credentials).get_caller_identity().customize().mutate_request(move |request| {
        request.headers_mut().insert("content-length", form.len().to_string());
        *request.body_mut() = form.clone().into();
    });
    // That SDK makes nothing of the answer.
    let error = call.send().await.expect_err("no answer of STS");
    let raw = error.raw_response().expect("there is an answer");
    (raw.status().as_u16(), String::from_utf8_lossy(raw.body().bytes().unwrap_or_default()).into_owned())
}

/// What stands in the first element of a name.
fn element(xml: &str, name: &str) -> String {
    let rest = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}")).1;
    rest.split_once(&format!("</{name}>")).unwrap().0.to_owned()
}

fn document(xml: &str, name: &str) -> serde_json::Value {
    let text = percent_encoding::percent_decode_str(&element(xml, name)).decode_utf8_lossy().into_owned();
    serde_json::from_str(&text).unwrap()
}

/// Code and message of a refused call.
fn error(answer: (u16, String)) -> String {
    assert!(answer.0 >= 400, "{answer:?}");
    format!("{}: {}", element(&answer.1, "Code"), element(&answer.1, "Message"))
}

/// An account with the user `me` of these actions, the role `Reader` whom `me` may assume, and the bucket `data`.
async fn world(actions: &[&str], role: impl FnOnce(Role) -> Role) -> (Cloud, Credentials) {
    let me = User::new("me").tag("team", "x").policy("own", allow(actions, &["*"]));
    let keys = credentials(&me.access_key_id, me.secret_access_key.expose_secret(), None);
    let reader = role(Role::new("Reader", trust(&[ME], None)));
    let data = Bucket::new("data").object("k", Object::new("bytes"));
    let account = Account::new(ACCOUNT).user(me).role(reader).bucket(data);
    let other = Account::new("222222222222").role(Role::new("Far", trust(&[ACCOUNT], None)));
    (Cloud::start(World::new().account(account).account(other)).await.unwrap(), keys)
}

#[tokio::test]
async fn a_role_is_told_as_iam_tells_it() {
    let boundary = allow(&["s3:*"], &["*"]);
    let (cloud, me) = world(&["iam:*", "sts:AssumeRole"], |role| {
        role.policy("Read", allow(&["s3:GetObject"], &["arn:aws:s3:::data/*"]))
            .managed("Shared", allow(&["s3:ListBucket"], &["*"]))
            .attach("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
            .boundary(boundary.clone())
            .description("Reads & reports")
            .tag("team", "data")
    })
    .await;
    let reader = [("RoleName", "Reader")];
    let of_reader = async |action: &str, more: &[(&str, &str)]| {
        let (status, xml) = iam(&cloud, &me, &[&[("Action", action)], &reader[..], more].concat()).await;
        assert_eq!(status, 200, "{xml}");
        xml
    };
    let role = of_reader("GetRole", &[]).await;
    assert_eq!(element(&role, "Arn"), "arn:aws:iam::111111111111:role/Reader");
    assert_eq!(element(&role, "MaxSessionDuration"), "3600");
    assert_eq!(element(&role, "Description"), "Reads &amp; reports");
    assert_eq!(element(&role, "PermissionsBoundaryArn"), "arn:aws:iam::111111111111:policy/ReaderBoundary");
    assert_eq!(document(&role, "AssumeRolePolicyDocument"), trust(&[ME], None));
    assert_eq!(element(&role, "RoleLastUsed"), "");
    assume(&cloud, &me, "111111111111/Reader").await;
    assert!(of_reader("GetRole", &[]).await.contains("<LastUsedDate>20"));
    assert!(of_reader("ListRoleTags", &[]).await.contains("<Key>team</Key><Value>data</Value>"));

    assert_eq!(element(&of_reader("ListRolePolicies", &[]).await, "PolicyNames"), "<member>Read</member>");
    let inline = of_reader("GetRolePolicy", &[("PolicyName", "Read")]).await;
    assert_eq!(document(&inline, "PolicyDocument"), allow(&["s3:GetObject"], &["arn:aws:s3:::data/*"]));
    let attached = of_reader("ListAttachedRolePolicies", &[]).await;
    for arn in ["arn:aws:iam::111111111111:policy/Shared", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"] {
        assert!(attached.contains(arn), "{attached}");
        let policy = iam(&cloud, &me, &[("Action", "GetPolicy"), ("PolicyArn", arn)]).await.1;
        assert_eq!((element(&policy, "Arn"), element(&policy, "AttachmentCount")), (arn.to_owned(), "1".to_owned()));
        let version = [("Action", "GetPolicyVersion"), ("PolicyArn", arn), ("VersionId", "v1")];
        assert!(document(&iam(&cloud, &me, &version).await.1, "Document")["Statement"].is_array());
    }
    let page = of_reader("ListAttachedRolePolicies", &[("MaxItems", "1")]).await;
    assert_eq!((element(&page, "IsTruncated"), element(&page, "Marker")), ("true".to_owned(), "1".to_owned()));
    let rest = of_reader("ListAttachedRolePolicies", &[("Marker", "1")]).await;
    assert!(rest.contains("AmazonS3ReadOnlyAccess") && !rest.contains("Shared") && !rest.contains("<Marker>"));

    let roles = iam(&cloud, &me, &[("Action", "ListRoles")]).await.1;
    assert!(roles.contains("role/Reader") && !roles.contains("role/Far"));
    let far = iam(&cloud, &me, &[("Action", "GetRole"), ("RoleName", "Far")]).await;
    assert_eq!(error(far), "NoSuchEntity: The role with name Far cannot be found.");
    let user = iam(&cloud, &me, &[("Action", "GetUser")]).await.1;
    assert_eq!(element(&user, "UserName"), "me");
    let own = [("Action", "GetUserPolicy"), ("UserName", "me"), ("PolicyName", "own")];
    assert_eq!(
        document(&iam(&cloud, &me, &own).await.1, "PolicyDocument"),
        allow(&["iam:*", "sts:AssumeRole"], &["*"])
    );
    let groups = iam(&cloud, &me, &[("Action", "ListGroupsForUser"), ("UserName", "me")]).await.1;
    assert_eq!(element(&groups, "Groups"), "");
    assert_eq!(cloud.calls_by(me.access_key_id(), "iam:GetRole"), 3);
}

#[tokio::test]
async fn iam_is_judged_and_signed_like_everything() {
    let (cloud, me) = world(&["iam:GetUser"], |role| role).await;
    let get = [("Action", "GetRole"), ("RoleName", "Reader")];
    assert_eq!(
        error(iam(&cloud, &me, &get).await),
        format!(
            "AccessDenied: User: {ME} is not authorized to perform: iam:GetRole on resource: role Reader because no \
             identity-based policy allows the iam:GetRole action"
        )
    );
    let wrong = credentials(me.access_key_id(), "wrong", None);
    assert!(error(iam(&cloud, &wrong, &get).await).starts_with("SignatureDoesNotMatch: "));
    let stranger = credentials("AKIASTRANGER", "secret", None);
    assert!(error(iam(&cloud, &stranger, &get).await).starts_with("InvalidClientTokenId: "));
    // A session of the user without MFA may call nothing of IAM.
    let session = keys(sts(&cloud, &me).get_session_token().send().await.unwrap().credentials());
    assert!(error(iam(&cloud, &session, &[("Action", "GetUser")]).await).starts_with("InvalidClientTokenId: "));
    assert!(error(iam(&cloud, &me, &[("Action", "Nothing")]).await).starts_with("InvalidAction: "));
    assert_eq!(iam(&cloud, &me, &[("Action", "GetUser")]).await.0, 200);
    cloud.plan("iam:GetUser", 1, Fault::error(400, "Throttling"));
    assert!(error(iam(&cloud, &me, &[("Action", "GetUser")]).await).starts_with("Throttling: "));
}

#[tokio::test]
async fn a_change_of_a_policy_reaches_sessions_that_are_open() {
    let (cloud, me) = world(&["iam:*", "sts:AssumeRole"], |role| role).await;
    let session = assume(&cloud, &me, "111111111111/Reader").await;
    let client = s3(&cloud, &session);
    let get = || client.get_object().bucket("data").key("k").send();
    assert!(refusal(get().await).ends_with("because no identity-based policy allows the s3:GetObject action"));
    let read = allow(&["s3:GetObject"], &["arn:aws:s3:::data/*"]).to_string();
    let policy = [("RoleName", "Reader"), ("PolicyName", "Read")];
    let put = [&[("Action", "PutRolePolicy"), ("PolicyDocument", &read)], &policy[..]].concat();
    let answer = iam(&cloud, &me, &put).await;
    assert_eq!(answer.0, 200, "{answer:?}");
    assert!(get().await.is_ok());
    let deny = read.replace("Allow", "Deny");
    let put = [&[("Action", "PutRolePolicy"), ("PolicyDocument", &deny)], &policy[..]].concat();
    iam(&cloud, &me, &put).await;
    assert!(refusal(get().await).ends_with("with an explicit deny in an identity-based policy"));
    let delete = [&[("Action", "DeleteRolePolicy")], &policy[..]].concat();
    assert_eq!(iam(&cloud, &me, &delete).await.0, 200);
    assert!(error(iam(&cloud, &me, &delete).await).starts_with("NoSuchEntity: "));
    let bad = [&[("Action", "PutRolePolicy"), ("PolicyDocument", "{")], &policy[..]].concat();
    assert!(error(iam(&cloud, &me, &bad).await).starts_with("MalformedPolicyDocument: "));

    let closed = trust(&["222222222222"], None).to_string();
    let update = |document: &str| {
        let fields = ["UpdateAssumeRolePolicy", "Reader", document].map(str::to_owned);
        let (cloud, me) = (&cloud, &me);
        async move {
            let [action, role, document] = &fields;
            iam(cloud, me, &[("Action", action), ("RoleName", role), ("PolicyDocument", document)]).await
        }
    };
    assert_eq!(update(&closed).await.0, 200);
    let refused = sts(&cloud, &me).assume_role().role_arn("arn:aws:iam::111111111111:role/Reader");
    assert!(refusal(refused.role_session_name("test").send().await).starts_with("AccessDenied: "));
    let nobody = trust(&["arn:aws:iam::222222222222:role/Nobody"], None).to_string();
    assert!(error(update(&nobody).await).contains("Invalid principal in policy: \"AWS\""));

    let own = allow(&["s3:*"], &["*"]).to_string();
    let put = [("Action", "PutUserPolicy"), ("UserName", "me"), ("PolicyName", "s3"), ("PolicyDocument", &own)];
    assert!(s3(&cloud, &me).get_object().bucket("data").key("k").send().await.is_err());
    assert_eq!(iam(&cloud, &me, &put).await.0, 200);
    assert!(s3(&cloud, &me).get_object().bucket("data").key("k").send().await.is_ok());
}

#[tokio::test]
async fn a_principals_policies_are_simulated() {
    let (cloud, me) = world(&["iam:SimulatePrincipalPolicy"], |role| {
        let near = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::data/*" },
            { "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::data/secret/*" },
            { "Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*",
              "Condition": { "StringLike": { "s3:prefix": "a/*" } } },
        ] });
        role.policy("Near", near)
    })
    .await;
    let simulate = async |action: &str, resource: &str, prefix: Option<&str>| {
        let mut fields = vec![
            ("Action", "SimulatePrincipalPolicy"),
            ("PolicySourceArn", "arn:aws:iam::111111111111:role/Reader"),
            ("ActionNames.member.1", action),
            ("ResourceArns.member.1", resource),
        ];
        if let Some(prefix) = prefix {
            fields.push(("ContextEntries.member.1.ContextKeyName", "s3:prefix"));
            fields.push(("ContextEntries.member.1.ContextKeyType", "string"));
            fields.push(("ContextEntries.member.1.ContextKeyValues.member.1", prefix));
        }
        let (status, xml) = iam(&cloud, &me, &fields).await;
        assert_eq!(status, 200, "{xml}");
        (element(&xml, "EvalDecision"), element(&xml, "MissingContextValues"))
    };
    let cases = [
        ("s3:GetObject", "arn:aws:s3:::data/k", None, "allowed"),
        ("s3:GetObject", "arn:aws:s3:::data/secret/k", None, "explicitDeny"),
        ("s3:PutObject", "arn:aws:s3:::data/k", None, "implicitDeny"),
        ("s3:ListBucket", "arn:aws:s3:::data", None, "implicitDeny"),
        ("s3:ListBucket", "arn:aws:s3:::data", Some("a/b"), "allowed"),
    ];
    for (action, resource, prefix, wanted) in cases {
        let (decision, missing) = simulate(action, resource, prefix).await;
        assert_eq!(decision, wanted, "{action} {resource}");
        assert_eq!(missing.contains("s3:prefix"), prefix.is_none());
    }
}

#[tokio::test]
async fn a_bucket_policy_is_read_written_and_taken_away() {
    let (cloud, me) = world(&["s3:*"], |role| role).await;
    let client = s3(&cloud, &me);
    let get = || client.get_bucket_policy().bucket("data").send();
    let put = |policy: serde_json::Value| client.put_bucket_policy().bucket("data").policy(policy.to_string()).send();
    assert_eq!(refusal(get().await), "NoSuchBucketPolicy: The bucket policy does not exist");
    let statement = |principal: &str, effect: &str, resource: &str| {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": effect, "Principal": { "AWS": principal },
            "Action": "s3:GetObject", "Resource": resource }] })
    };
    let deny = statement(ME, "Deny", "arn:aws:s3:::data/*");
    put(deny.clone()).await.unwrap();
    let told: serde_json::Value = serde_json::from_str(get().await.unwrap().policy().unwrap()).unwrap();
    assert_eq!(told, deny);
    let read = || client.get_object().bucket("data").key("k").send();
    assert!(refusal(read().await).ends_with("with an explicit deny in a resource-based policy"));
    let status = client.get_bucket_policy_status().bucket("data").send().await.unwrap();
    assert_eq!(status.policy_status().and_then(|status| status.is_public()), Some(false));
    client.delete_bucket_policy().bucket("data").send().await.unwrap();
    assert!(read().await.is_ok());

    let nobody = statement("arn:aws:iam::222222222222:role/Nobody", "Allow", "arn:aws:s3:::data/*");
    assert_eq!(refusal(put(nobody).await), "MalformedPolicy: Invalid principal in policy");
    let elsewhere = statement(ME, "Allow", "arn:aws:s3:::database/*");
    assert_eq!(refusal(put(elsewhere).await), "MalformedPolicy: Policy has invalid resource");
    let controls = client.get_bucket_ownership_controls().bucket("data").send().await.unwrap();
    let rules = controls.ownership_controls().unwrap().rules();
    assert_eq!(rules[0].object_ownership().as_str(), "BucketOwnerEnforced");
}

#[tokio::test]
async fn a_service_control_policy_is_named_in_the_refusal() {
    let me = User::new("me").policy("own", allow(&["s3:*", "sts:AssumeRole"], &["*"]));
    let keys = credentials(&me.access_key_id, me.secret_access_key.expose_secret(), None);
    let deny = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Action": ["s3:GetObject", "sts:AssumeRole"], "Resource": "*" },
    ] });
    let data = Bucket::new("data").object("k", Object::new("bytes"));
    let account = Account::new(ACCOUNT).user(me).bucket(data).scp("NoReading", deny);
    let cloud = Cloud::start(World::new().account(account)).await.unwrap();
    let client = s3(&cloud, &keys);
    let answer = client.get_object().bucket("data").key("k").send().await;
    assert!(refusal(answer).ends_with("with an explicit deny in a service control policy"));
    assert!(client.head_bucket().bucket("data").send().await.is_ok());
    let role =
        sts(&cloud, &keys).assume_role().role_arn("arn:aws:iam::222222222222:role/Any").role_session_name("test");
    assert!(refusal(role.send().await).ends_with("with an explicit deny in a service control policy"));
}

#[tokio::test]
async fn the_demo_shows_every_reason_and_the_owner_mends_it() {
    let (cloud, me) = demo().await;
    let role = async |name: &str| assume(&cloud, &me, &format!("888888888888/{name}")).await;
    let read = async |from: &Credentials, key: &str| {
        s3(&cloud, from).get_object().bucket("data-lake").key(key).send().await.map(drop)
    };
    let orders = "orders/2026-03-01.csv";

    let analyst = role("Analyst").await;
    assert!(s3(&cloud, &analyst).list_objects_v2().bucket("data-lake").send().await.is_ok());
    let denied = refusal(read(&analyst, orders).await);
    assert!(denied.ends_with("because no identity-based policy allows the s3:GetObject action"), "{denied}");

    let lake = role("Lake").await;
    assert!(read(&lake, orders).await.is_ok());
    let denied = refusal(read(&lake, "restricted/salaries.csv").await);
    assert!(denied.ends_with("with an explicit deny in a resource-based policy"), "{denied}");

    let vendor = sts(&cloud, &me).assume_role().role_arn("arn:aws:iam::888888888888:role/Vendor");
    let vendor = vendor.role_session_name("test");
    assert!(refusal(vendor.clone().external_id("lake-0000").send().await).starts_with("AccessDenied: "));
    assert!(vendor.external_id("lake-7f3a").send().await.is_ok());

    // Of another account, and not in the bucket's policy.
    let developer = assume(&cloud, &me, "111111111111/Developer").await;
    assert_eq!(refusal(read(&developer, orders).await), "AccessDenied: Access Denied");

    let auditor = role("Auditor").await;
    let look = [("Action", "GetRolePolicy"), ("RoleName", "Analyst"), ("PolicyName", "ReadLake")];
    let lake = ["arn:aws:s3:::data-lake", "arn:aws:s3:::data-lake/*"];
    let told = document(&iam(&cloud, &auditor, &look).await.1, "PolicyDocument");
    assert_eq!(told, allow(&["s3:ListBucket", "s3:GetBucketLocation"], &lake));
    assert!(s3(&cloud, &auditor).get_bucket_policy().bucket("data-lake").send().await.is_ok());
    let mended = allow(&["s3:ListBucket", "s3:GetBucketLocation", "s3:GetObject"], &lake).to_string();
    let put = [("Action", "PutRolePolicy"), ("RoleName", "Analyst"), ("PolicyName", "ReadLake")];
    let put = [&put[..], &[("PolicyDocument", &mended)]].concat();
    assert!(error(iam(&cloud, &auditor, &put).await).starts_with("AccessDenied: "));
    assert_eq!(iam(&cloud, &role("Owner").await, &put).await.0, 200);
    assert!(read(&analyst, orders).await.is_ok(), "the session that was refused before");

    let copy = s3(&cloud, &role("Copier").await).copy_object().copy_source("hub-artifacts/images/small.img");
    assert!(copy.bucket("data-landing").key("images/small.img").send().await.is_ok());
}
