//! The federation endpoint: a session becomes an address that signs a browser in to the web console.
//!
//! IAM User Guide, "Enable custom identity broker access to the AWS console". The guide shows `getSigninToken` as a
//! GET; a POST of the same form keeps the keys out of addresses, which proxies and servers log. AWS's own toolkits for
//! IDEs send it so.

use std::fmt;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::http::Request;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::errors::innermost;
use super::{Aws, Endpoint};
use crate::domain::account::partition_of;
use crate::domain::session::Keys;
use crate::domain::text::cut;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};

/// Where the console is told that its visitors come from; it leads there when their session has ended.
const ISSUER: &str = "xsw";

/// The endpoint answers in well under a second.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A sign-in token is some hundred characters long; an error page is larger, and only its beginning is told.
const LONGEST: usize = 64 * 1024;

/// An address that signs whoever opens it in. It is as good as the session itself for fifteen minutes: Debug does not
/// show it.
#[derive(Clone)]
pub struct LoginUrl(SecretString);

impl fmt::Debug for LoginUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginUrl([redacted])")
    }
}

impl LoginUrl {
    /// The address, for the browser or the one who asked for it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Where the console of a partition is, and who signs in to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    /// The federation endpoint, `https://signin.aws.amazon.com/federation`.
    endpoint: String,
    /// `https://ap-northeast-1.console.aws.amazon.com`.
    home: String,
    region: String,
}

impl Console {
    /// The console of `partition` in the endpoint's region; where the endpoint has an address of its own, that answers
    /// in place of AWS.
    ///
    /// # Errors
    /// [`Error::Usage`] for a region that is none or of another partition, and for partitions whose console has no
    /// public address.
    pub fn of(partition: &str, endpoint: &Endpoint) -> Result<Self> {
        let region = endpoint.region.as_str();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if region.is_empty() || !region.chars().all(plain) {
            return Err(Error::usage(format!("{region:?} is no region")));
        }
        if partition_of(region) != partition {
            let message = format!("the region {region} is not in the partition {partition}, in which this role is");
            return Err(Error::Usage { message, hint: Some("name one of its regions with --region".into()) });
        }
        // AWS General Reference, "AWS Sign-In endpoints"; the European Sovereign Cloud has them in its region alone.
        let (sign_in, console) = match partition {
            "aws" => ("signin.aws.amazon.com".to_owned(), "console.aws.amazon.com"),
            "aws-cn" => ("signin.amazonaws.cn".into(), "console.amazonaws.cn"),
            "aws-us-gov" => ("signin.amazonaws-us-gov.com".into(), "console.amazonaws-us-gov.com"),
            "aws-eusc" => (format!("{region}.signin.amazonaws-eusc.eu"), "console.amazonaws-eusc.eu"),
            _ => {
                return Err(Error::Usage {
                    message: format!("AWS does not publish where the console of the partition {partition} is"),
                    hint: Some("`xsw env` and `xsw shell` work there: use the AWS CLI".into()),
                });
            }
        };
        let endpoint = match &endpoint.url {
            Some(url) => format!("{}/federation", url.trim_end_matches('/')),
            None => format!("https://{sign_in}/federation"),
        };
        Ok(Self { endpoint, home: format!("https://{region}.{console}"), region: region.to_owned() })
    }

    /// The page of a service, by the name that its address has or the short one that people use; else the home page.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that cannot be one.
    pub fn service(&self, service: Option<&str>) -> Result<String> {
        let (home, region) = (&self.home, &self.region);
        let Some(name) = service else { return Ok(format!("{home}/console/home?region={region}")) };
        let path = path_of(name);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if path.is_empty() || path.len() > 64 || !path.chars().all(plain) {
            return Err(Error::Usage {
                message: format!("{name:?} is no service of the console"),
                hint: Some("name it as the console's address does: s3, ec2, cloudwatch, lambda".into()),
            });
        }
        Ok(format!("{home}/{path}/home?region={region}"))
    }

    /// The page of a bucket or of what is below a prefix.
    pub fn bucket(&self, uri: &S3Uri) -> String {
        // The console opens objects by another page; the folder around one has it in its list.
        self.in_s3("buckets", &uri.bucket, uri.key.rfind('/').map_or("", |end| &uri.key[..=end]))
    }

    /// The page of an object.
    pub fn object(&self, uri: &S3Uri) -> String {
        self.in_s3("object", &uri.bucket, &uri.key)
    }

    fn in_s3(&self, page: &str, bucket: &str, prefix: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("region", &self.region);
        if !prefix.is_empty() {
            query.append_pair("prefix", prefix);
        }
        let bucket: String = form_urlencoded::byte_serialize(bucket.as_bytes()).collect();
        format!("{}/s3/{page}/{bucket}?{}", self.home, query.finish())
    }

    /// The address that signs in with `token` and goes on to `destination`.
    fn login_url(&self, token: &SecretString, destination: &str) -> LoginUrl {
        let address = format!("{}?", self.endpoint);
        let start = address.len();
        let mut query = form_urlencoded::Serializer::for_suffix(address, start);
        let query = query.extend_pairs([
            ("Action", "login"),
            ("Issuer", ISSUER),
            ("Destination", destination),
            ("SigninToken", token.expose_secret()),
        ]);
        LoginUrl(query.finish().into())
    }
}

/// The short names that people use, and services whose address has another name than they do.
fn path_of(name: &str) -> &str {
    match name {
        "cfn" => "cloudformation",
        "cw" | "logs" => "cloudwatch",
        "ddb" | "dynamodb" => "dynamodbv2",
        "r53" => "route53",
        "sfn" | "stepfunctions" => "states",
        "ssm" => "systems-manager",
        name => name,
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "SigninToken")]
    token: SecretToken,
}

/// Taken out of the answer without a copy that Debug would show.
#[derive(Deserialize)]
#[serde(from = "String")]
struct SecretToken(SecretString);

impl From<String> for SecretToken {
    fn from(token: String) -> Self {
        Self(token.into())
    }
}

impl Aws {
    /// Asks for a sign-in token and gives the address that signs in with it and goes on to `destination`.
    ///
    /// There is no SessionDuration: the console lives as long as the session, no longer than the screen says; and AWS
    /// refuses one for sessions that came through role chaining or IAM Identity Center.
    ///
    /// # Errors
    /// [`Error::Expired`] when AWS does not take the session, named `name`.
    pub async fn login_url(&self, console: &Console, name: &str, keys: &Keys, destination: &str) -> Result<LoginUrl> {
        let unreachable = |message: String| Error::Network { endpoint: console.endpoint.clone(), message };
        let request = request(console, keys).map_err(|error| unreachable(error.to_string()))?;
        let answer = async {
            let response = self.connections.connector().call(request).await;
            let response = response.map_err(|error| unreachable(innermost(&error)))?;
            let (status, retry) = (response.status().as_u16(), response.headers().get("location").is_some());
            let mut stream = ByteStream::new(response.into_body());
            let mut body = Zeroizing::new(Vec::new());
            while let Some(bytes) = stream.try_next().await.map_err(|error| unreachable(innermost(&error)))? {
                body.extend_from_slice(&bytes);
                if body.len() > LONGEST {
                    break;
                }
            }
            Ok((status, retry, body))
        };
        let answer = tokio::time::timeout(TIMEOUT, answer).await;
        let (status, leads_away, body) = answer.unwrap_or_else(|_| Err(unreachable("no answer in time".into())))?;
        let failed = |message: String| Error::Aws {
            action: "signin:GetSigninToken".into(),
            code: format!("HTTP {status}"),
            message,
            hint: None,
        };
        match status {
            200 => match serde_json::from_slice::<Answer>(&body) {
                Ok(answer) => Ok(console.login_url(&answer.token.0, destination)),
                Err(_) => Err(failed("the answer holds no sign-in token".into())),
            },
            // AWS says "Invalid credentials parameter" of a session that has ended, and nothing more exact.
            400 | 401 | 403 => {
                tracing::warn!(role = name, status, "the federation endpoint does not take the session");
                Err(Error::Expired { role: name.to_owned() })
            }
            _ if leads_away => Err(failed("it leads to another place, where the session is not sent".into())),
            _ => Err(failed(cut(&words_of(&String::from_utf8_lossy(&body)), 200).into_owned())),
        }
    }
}

/// `getSigninToken` as a form; the keys are in its body alone.
fn request(console: &Console, keys: &Keys) -> Result<Request<SdkBody>, Box<dyn std::error::Error>> {
    let session = serde_json::json!({
        "sessionId": keys.access_key_id,
        "sessionKey": keys.secret(),
        "sessionToken": keys.token(),
    });
    let session = Zeroizing::new(session.to_string());
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "getSigninToken").append_pair("Session", &session);
    let mut request = Request::new(SdkBody::from(form.finish()));
    request.set_method("POST")?;
    request.set_uri(console.endpoint.as_str())?;
    request.headers_mut().try_insert("content-type", "application/x-www-form-urlencoded")?;
    request.headers_mut().try_insert("accept", "application/json")?;
    Ok(request)
}

/// The text of an error page, its markup taken out.
fn words_of(page: &str) -> String {
    let mut words = String::new();
    let mut in_tag = false;
    for c in page.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                words.push(' ');
            }
            c if !in_tag => words.push(c),
            _ => {}
        }
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(partition: &str, region: &str) -> Result<Console> {
        Console::of(partition, &Endpoint { region: region.into(), url: None })
    }

    #[test]
    fn every_partition_has_its_own_hosts_or_says_why_not() {
        for (partition, region, endpoint, home) in [
            (
                "aws",
                "eu-west-1",
                "https://signin.aws.amazon.com/federation",
                "https://eu-west-1.console.aws.amazon.com",
            ),
            (
                "aws-cn",
                "cn-north-1",
                "https://signin.amazonaws.cn/federation",
                "https://cn-north-1.console.amazonaws.cn",
            ),
            (
                "aws-us-gov",
                "us-gov-west-1",
                "https://signin.amazonaws-us-gov.com/federation",
                "https://us-gov-west-1.console.amazonaws-us-gov.com",
            ),
            (
                "aws-eusc",
                "eusc-de-east-1",
                "https://eusc-de-east-1.signin.amazonaws-eusc.eu/federation",
                "https://eusc-de-east-1.console.amazonaws-eusc.eu",
            ),
        ] {
            let console = console(partition, region).unwrap();
            assert_eq!((console.endpoint.as_str(), console.home.as_str()), (endpoint, home));
        }
        for (partition, region, wrong) in [
            ("aws-iso", "us-iso-east-1", "does not publish"),
            ("aws-iso-b", "us-isob-east-1", "does not publish"),
            ("aws-cn", "eu-west-1", "not in the partition"),
            ("aws", "cn-north-1", "not in the partition"),
            ("aws", "evil.example/#", "no region"),
            ("aws", "", "no region"),
        ] {
            let error = console(partition, region).unwrap_err();
            assert!(error.to_string().contains(wrong), "{partition} {region}: {error}");
        }
        let custom = Endpoint { region: "eu-west-1".into(), url: Some("http://127.0.0.1:9/".into()) };
        assert_eq!(Console::of("aws", &custom).unwrap().endpoint, "http://127.0.0.1:9/federation");
    }

    #[test]
    fn pages_by_service_and_bucket() {
        let console = console("aws", "eu-west-1").unwrap();
        let home = "https://eu-west-1.console.aws.amazon.com";
        for (service, page) in [
            (None, "/console/home?region=eu-west-1"),
            (Some("s3"), "/s3/home?region=eu-west-1"),
            (Some("cw"), "/cloudwatch/home?region=eu-west-1"),
            (Some("ddb"), "/dynamodbv2/home?region=eu-west-1"),
            (Some("systems-manager"), "/systems-manager/home?region=eu-west-1"),
        ] {
            assert_eq!(console.service(service).unwrap(), format!("{home}{page}"));
        }
        for name in ["", "S3", "s3/x", "../x", "s3?x=1", "s 3", "é", &"x".repeat(65)] {
            let error = console.service(Some(name)).unwrap_err();
            assert!(error.to_string().contains("is no service"), "{name}: {error}");
        }
        for (key, page) in [
            ("", "/s3/buckets/data?region=eu-west-1"),
            ("a/b c/", "/s3/buckets/data?region=eu-west-1&prefix=a%2Fb+c%2F"),
            ("a/b&c=d", "/s3/buckets/data?region=eu-west-1&prefix=a%2F"),
            ("a", "/s3/buckets/data?region=eu-west-1"),
        ] {
            assert_eq!(console.bucket(&S3Uri::new("data", key)), format!("{home}{page}"), "{key}");
        }
        let page = "/s3/object/data?region=eu-west-1&prefix=a%2Fb+c.txt";
        assert_eq!(console.object(&S3Uri::new("data", "a/b c.txt")), format!("{home}{page}"));
    }

    #[test]
    fn the_keys_are_in_the_body_and_the_login_url_is_dark() {
        let console = console("aws", "eu-west-1").unwrap();
        let keys = Keys {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "very/secret+".to_owned().into(),
            session_token: Some("very=token".to_owned().into()),
        };
        let request = request(&console, &keys).unwrap();
        assert_eq!((request.method(), request.uri()), ("POST", "https://signin.aws.amazon.com/federation"));
        let form: Vec<_> = form_urlencoded::parse(request.body().bytes().unwrap()).into_owned().collect();
        assert_eq!(form[0], ("Action".into(), "getSigninToken".into()));
        let session: serde_json::Value = serde_json::from_str(&form[1].1).unwrap();
        assert_eq!(session["sessionKey"], "very/secret+");
        assert_eq!((form.len(), &*form[1].0, &session["sessionToken"]), (2, "Session", &"very=token".into()));

        let url = console.login_url(&"to&ken".to_owned().into(), "https://x/?a=b");
        let query = "Action=login&Issuer=xsw&Destination=https%3A%2F%2Fx%2F%3Fa%3Db&SigninToken=to%26ken";
        assert_eq!(url.expose(), format!("https://signin.aws.amazon.com/federation?{query}"));
        assert!(!format!("{url:?}").contains("ken"));
    }

    #[test]
    fn an_error_page_is_told_in_words() {
        let page = "<html><head><title>HTTP 400</title></head>\n<body><h1>Invalid\ncredentials</h1></body></html>";
        assert_eq!(words_of(page), "HTTP 400 Invalid credentials");
    }
}
