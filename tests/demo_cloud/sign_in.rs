//! IAM Identity Center of the embedded cloud, seen by the AWS SDK and by a browser.

use aws_sdk_sso::config::retry::RetryConfig;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::*;

const START_URL: &str = "https://demo.awsapps.com/start";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const REDIRECT: &str = "http://127.0.0.1:4242/oauth/callback";

fn oidc(cloud: &Cloud) -> aws_sdk_ssooidc::Client {
    let config = aws_sdk_ssooidc::Config::builder()
        .behavior_version(aws_sdk_ssooidc::config::BehaviorVersion::latest())
        .region(aws_sdk_ssooidc::config::Region::new("ap-northeast-1"))
        .endpoint_url(cloud.endpoint_url())
        .retry_config(aws_sdk_ssooidc::config::retry::RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .allow_no_auth();
    aws_sdk_ssooidc::Client::from_conf(config.build())
}

fn portal(cloud: &Cloud) -> aws_sdk_sso::Client {
    let config = aws_sdk_sso::Config::builder()
        .behavior_version(aws_sdk_sso::config::BehaviorVersion::latest())
        .region(aws_sdk_sso::config::Region::new("ap-northeast-1"))
        .endpoint_url(cloud.endpoint_url())
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .allow_no_auth();
    aws_sdk_sso::Client::from_conf(config.build())
}

/// Id and secret of a client for these grants.
async fn client(cloud: &Cloud, grants: &[&str]) -> (String, String) {
    let mut request = oidc(cloud).register_client().client_name("test").client_type("public");
    for grant in grants {
        request = request.grant_types(*grant);
    }
    let request = request.redirect_uris("http://127.0.0.1/oauth/callback").issuer_url(START_URL);
    let answer = request.send().await.unwrap();
    (answer.client_id.unwrap(), answer.client_secret.unwrap())
}

fn create_token(
    cloud: &Cloud,
    (id, secret): &(String, String),
    grant: &str,
) -> aws_sdk_ssooidc::operation::create_token::builders::CreateTokenFluentBuilder {
    oidc(cloud).create_token().client_id(id).client_secret(secret).grant_type(grant)
}

/// The code of a refused call.
fn code<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug, R: std::fmt::Debug>(
    answer: Result<T, SdkError<E, R>>,
) -> String {
    refusal(answer).split(':').next().unwrap().to_owned()
}

/// A person who says yes to a device; gives access token, refresh token and client.
async fn signed_in(cloud: &Cloud) -> (String, String, (String, String)) {
    let client = client(cloud, &[DEVICE_CODE, "refresh_token"]).await;
    let request = oidc(cloud).start_device_authorization().client_id(&client.0).client_secret(&client.1);
    let device = request.start_url(START_URL).send().await.unwrap();
    get(device.verification_uri_complete().unwrap()).await;
    let answer = create_token(cloud, &client, DEVICE_CODE).device_code(device.device_code().unwrap()).send().await;
    let answer = answer.unwrap();
    (answer.access_token.unwrap(), answer.refresh_token.unwrap(), client)
}

/// The whole answer that a browser gets.
async fn get(url: &str) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn clients_are_checked_and_known() {
    let (cloud, _) = demo().await;
    let register = |kind: &str, redirect: &str, issuer: &str, grant: &str, scope: &str| {
        let request = oidc(&cloud).register_client().client_name("test").client_type(kind).grant_types(grant);
        request.redirect_uris(redirect).issuer_url(issuer).scopes(scope).send()
    };
    let (redirect, scope) = ("http://127.0.0.1/oauth/callback", "sso:account:access");
    for (kind, redirect, issuer, grant, scope, expected) in [
        ("secret", redirect, START_URL, DEVICE_CODE, scope, "InvalidClientMetadataException"),
        ("public", "https://evil.example/", START_URL, DEVICE_CODE, scope, "InvalidRedirectUriException"),
        ("public", redirect, START_URL, "password", scope, "UnsupportedGrantTypeException"),
        ("public", redirect, START_URL, DEVICE_CODE, "everything", "InvalidScopeException"),
        ("public", redirect, "https://other.awsapps.com/start", "authorization_code", scope, "InvalidRequestException"),
    ] {
        assert_eq!(code(register(kind, redirect, issuer, grant, scope).await), expected);
    }
    assert!(register("public", redirect, START_URL, "authorization_code", scope).await.is_ok());

    let known = client(&cloud, &[DEVICE_CODE]).await;
    let start = |id: &str, secret: &str, url: &str| {
        oidc(&cloud).start_device_authorization().client_id(id).client_secret(secret).start_url(url).send()
    };
    assert_eq!(code(start(&known.0, "wrong", START_URL).await), "InvalidClientException");
    assert_eq!(code(start(&known.0, &known.1, "https://x.awsapps.com/start").await), "InvalidRequestException");
    let device = start(&known.0, &known.1, START_URL).await.unwrap();
    assert_eq!((device.expires_in(), device.interval()), (600, 1));
    cloud.set_clock_offset(91 * 86_400);
    assert_eq!(code(start(&known.0, &known.1, START_URL).await), "InvalidClientException");
    assert!(cloud.calls("sso-oauth:RegisterClient") >= 7);
}

#[tokio::test]
async fn a_device_code_waits_for_the_person_and_is_good_once() {
    let (cloud, _) = demo().await;
    let known = client(&cloud, &[DEVICE_CODE]).await;
    let start = || async {
        let request = oidc(&cloud).start_device_authorization().client_id(&known.0).client_secret(&known.1);
        request.start_url(START_URL).send().await.unwrap()
    };
    let ask = |code: &str| create_token(&cloud, &known, DEVICE_CODE).device_code(code).send();
    let device = start().await;
    let device_code = device.device_code().unwrap();
    assert_eq!(code(ask("nonsense").await), "InvalidGrantException");
    assert_eq!(code(ask(device_code).await), "AuthorizationPendingException");
    assert_eq!(code(ask(device_code).await), "SlowDownException");
    let other = client(&cloud, &[DEVICE_CODE]).await;
    let stolen = create_token(&cloud, &other, DEVICE_CODE).device_code(device_code).send().await;
    assert_eq!(code(stolen), "InvalidGrantException");
    assert!(get(&format!("{}?user_code=AAAA-0000", device.verification_uri().unwrap())).await.contains("no such code"));
    assert!(get(device.verification_uri_complete().unwrap()).await.contains("is confirmed"));
    assert!(ask(device_code).await.unwrap().access_token().is_some());
    assert_eq!(code(ask(device_code).await), "InvalidGrantException");

    let refused = start().await;
    get(&format!("{}&answer=no", refused.verification_uri_complete().unwrap())).await;
    assert_eq!(code(ask(refused.device_code().unwrap()).await), "AccessDeniedException");

    let late = start().await;
    cloud.set_clock_offset(601);
    assert!(get(late.verification_uri_complete().unwrap()).await.contains("too old"));
    assert_eq!(code(ask(late.device_code().unwrap()).await), "ExpiredTokenException");
}

#[tokio::test]
async fn an_authorization_code_is_for_who_began_and_good_once() {
    let (cloud, _) = demo().await;
    let known = client(&cloud, &["authorization_code"]).await;
    let verifier = "0123456789012345678901234567890123456789012";
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let page = |redirect: &str| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &known.0)
            .append_pair("redirect_uri", redirect)
            .append_pair("state", "a b&c")
            .append_pair("code_challenge_method", "S256")
            .append_pair("code_challenge", &challenge)
            .append_pair("scopes", "sso:account:access")
            .finish();
        format!("{}/authorize?{query}", cloud.endpoint_url())
    };
    // Nobody is sent to a place that was not registered.
    for elsewhere in [
        "http://evil.example/oauth/callback",
        "http://127.0.0.1:4242/other",
        "http://127.0.0.1:4242@evil.example/oauth/callback",
        "https://127.0.0.1:4242/oauth/callback",
    ] {
        let answer = get(&page(elsewhere)).await;
        assert!(answer.starts_with("HTTP/1.1 400") && !answer.contains("location:"), "{answer}");
    }
    let given = || async {
        let answer = get(&page(REDIRECT)).await;
        let to = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
        let query = to.strip_prefix(&format!("{REDIRECT}?")).unwrap().to_owned();
        let fields: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        assert_eq!(fields[1], ("state".to_owned(), "a b&c".to_owned()));
        fields[0].1.clone()
    };
    let ask = |code: &str, verifier: &str, redirect: &str| {
        let request = create_token(&cloud, &known, "authorization_code").code(code);
        request.code_verifier(verifier).redirect_uri(redirect).send()
    };
    // A wrong try uses the code up.
    let first = given().await;
    assert_eq!(code(ask(&first, "wrong", REDIRECT).await), "InvalidGrantException");
    assert_eq!(code(ask(&first, verifier, REDIRECT).await), "InvalidGrantException");
    let other_port = REDIRECT.replace("4242", "4243");
    assert_eq!(code(ask(&given().await, verifier, &other_port).await), "InvalidGrantException");
    let good = given().await;
    assert!(ask(&good, verifier, REDIRECT).await.unwrap().access_token().is_some());
    assert_eq!(code(ask(&good, verifier, REDIRECT).await), "InvalidGrantException");
    let late = given().await;
    cloud.set_clock_offset(601);
    assert_eq!(code(ask(&late, verifier, REDIRECT).await), "InvalidGrantException");
    // This client was registered for no other grant.
    let other = create_token(&cloud, &known, "refresh_token").refresh_token("x").send().await;
    assert_eq!(code(other), "UnauthorizedClientException");
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_for_its_client() {
    let (cloud, _) = demo().await;
    let (first, refresh_token, client) = signed_in(&cloud).await;
    let refresh = |client: &(String, String), token: &str| {
        create_token(&cloud, client, "refresh_token").refresh_token(token).send()
    };
    let renewed = refresh(&client, &refresh_token).await.unwrap();
    assert_ne!(renewed.access_token(), Some(&*first));
    assert_eq!(code(refresh(&client, &refresh_token).await), "InvalidGrantException");
    let other = self::client(&cloud, &[DEVICE_CODE, "refresh_token"]).await;
    let stolen = refresh(&other, renewed.refresh_token().unwrap()).await;
    assert_eq!(code(stolen), "InvalidGrantException");

    let list = |token: &str| portal(&cloud).list_accounts().access_token(token).send();
    assert!(list(&first).await.is_ok());
    cloud.set_clock_offset(3601);
    for token in [&*first, renewed.access_token().unwrap(), "nonsense"] {
        assert_eq!(refusal(list(token).await), "UnauthorizedException: Session token not found or invalid");
    }
}

#[tokio::test]
async fn a_logout_ends_all_tokens_of_the_sign_in() {
    let (cloud, _) = demo().await;
    let (one, refresh_token, client) = signed_in(&cloud).await;
    let (other, ..) = signed_in(&cloud).await;
    portal(&cloud).logout().access_token(&one).send().await.unwrap();
    let list = |token: &str| portal(&cloud).list_accounts().access_token(token).send();
    assert_eq!(code(list(&one).await), "UnauthorizedException");
    assert!(list(&other).await.is_ok());
    let refreshed = create_token(&cloud, &client, "refresh_token").refresh_token(refresh_token).send().await;
    assert_eq!(code(refreshed), "InvalidGrantException");
    assert!(!format!("{cloud:?}").contains(&other));
}

#[tokio::test]
async fn a_permission_set_gives_a_session_that_is_a_roles() {
    let (cloud, _) = demo().await;
    let (token, ..) = signed_in(&cloud).await;
    let credentials_of = |account: &str, role: &str| {
        portal(&cloud).get_role_credentials().access_token(&token).account_id(account).role_name(role).send()
    };
    for (account, role) in [("666666666666", "ReadOnly"), ("111111111111", "Developer"), ("555555555555", "Admin")] {
        assert_eq!(refusal(credentials_of(account, role).await), "ForbiddenException: No access");
    }
    let session = |answer: aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsOutput| {
        let given = answer.role_credentials.unwrap();
        let left = given.expiration / 1000 - cloud.now().as_second();
        let (id, secret) = (given.access_key_id.unwrap(), given.secret_access_key.unwrap());
        (credentials(&id, &secret, given.session_token.as_deref()), left)
    };
    let (developer, left) = session(credentials_of("555555555555", "Developer").await.unwrap());
    assert!((4 * 3600 - 5..=4 * 3600).contains(&left), "{left}");
    let (reader, _) = session(credentials_of("555555555555", "ReadOnly").await.unwrap());
    let identity = sts(&cloud, &developer).get_caller_identity().send().await.unwrap();
    assert_eq!(identity.account(), Some("555555555555"));

    let put = |who: &Credentials| s3(&cloud, who).put_object().bucket("lab-data").key("new").send();
    assert!(put(&developer).await.is_ok());
    assert!(refusal(put(&reader).await).starts_with("AccessDenied: "));
    assert!(s3(&cloud, &reader).list_objects_v2().bucket("lab-data").send().await.is_ok());

    // What is assumed from here is role chaining.
    let deploy = |who: &Credentials, seconds| {
        let request = sts(&cloud, who).assume_role().role_arn("arn:aws:iam::555555555555:role/Deploy");
        request.role_session_name("test").duration_seconds(seconds).send()
    };
    assert!(deploy(&developer, 3600).await.is_ok());
    assert!(refusal(deploy(&developer, 3601).await).contains("role chaining"));
    assert!(refusal(deploy(&reader, 3600).await).starts_with("AccessDenied: "));

    cloud.expire_sessions();
    let ended = sts(&cloud, &developer).get_caller_identity().send().await;
    assert!(refusal(ended).starts_with("ExpiredToken: "));
}
