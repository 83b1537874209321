//! MiniStack, an AWS that others wrote, and how tests put accounts, roles and buckets into it.
//!
//! Started with AUTH=true it enforces trust policies, permissions policies, external IDs, session policies and expiry.
//! An access key id of twelve digits is the root of that account, whose signature it does not look at: so the set-up
//! needs no SDK, and the AWS SDK meets the server through xsw alone.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use serde_json::{Value, json};

/// The owner of the bucket and of the role.
pub const OWNER: &str = "111111111111";
/// Where the users are.
pub const OTHER: &str = "222222222222";

pub struct MiniStack {
    address: String,
}

/// The access keys of an IAM user.
pub struct Keys {
    pub id: String,
    pub secret: String,
}

impl MiniStack {
    /// The one that `.ci/run` started.
    pub fn from_environment() -> Self {
        let url = std::env::var("XSW_TEST_AWS").expect("XSW_TEST_AWS is the address of a MiniStack with AUTH=true");
        let address = url.strip_prefix("http://").expect("http://HOST:PORT").trim_end_matches('/').to_owned();
        let this = Self { address };
        this.send(OWNER, "s3", "us-east-1", "GET", "/_ministack/health", "");
        this
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A role of [`OWNER`] or [`OTHER`] with one permissions policy; gives its ARN.
    pub fn role(&self, account: &str, name: &str, trust: &Value, permissions: &Value) -> String {
        let (trust, permissions) = (trust.to_string(), permissions.to_string());
        self.iam(account, &[("Action", "CreateRole"), ("RoleName", name), ("AssumeRolePolicyDocument", &trust)]);
        let put =
            [("Action", "PutRolePolicy"), ("RoleName", name), ("PolicyName", "p"), ("PolicyDocument", &permissions)];
        self.iam(account, &put);
        format!("arn:aws:iam::{account}:role/{name}")
    }

    /// A user of [`OTHER`] with one policy.
    pub fn user(&self, name: &str, permissions: &Value) -> Keys {
        let permissions = permissions.to_string();
        self.iam(OTHER, &[("Action", "CreateUser"), ("UserName", name)]);
        let put =
            [("Action", "PutUserPolicy"), ("UserName", name), ("PolicyName", "p"), ("PolicyDocument", &permissions)];
        self.iam(OTHER, &put);
        let made = self.iam(OTHER, &[("Action", "CreateAccessKey"), ("UserName", name)]);
        Keys { id: element(&made, "AccessKeyId"), secret: element(&made, "SecretAccessKey") }
    }

    /// A bucket of [`OWNER`] with these objects.
    pub fn bucket(&self, name: &str, region: &str, objects: &[(&str, &str)]) {
        let place = match region {
            "us-east-1" => String::new(),
            _ => format!(
                "<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
            ),
        };
        self.send(OWNER, "s3", region, "PUT", &format!("/{name}"), &place);
        for (key, body) in objects {
            self.object(name, region, key, body.as_bytes());
        }
    }

    pub fn object(&self, bucket: &str, region: &str, key: &str, body: &[u8]) {
        let key = percent_encode(key.as_bytes(), NON_ALPHANUMERIC);
        self.send(OWNER, "s3", region, "PUT", &format!("/{bucket}/{key}"), body);
    }

    /// Keeps every version of a bucket's objects from here on.
    pub fn versioned(&self, bucket: &str) {
        let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        self.send(OWNER, "s3", "us-east-1", "PUT", &format!("/{bucket}?versioning"), enabled);
    }

    pub fn tags(&self, bucket: &str, key: &str, name: &str, value: &str) {
        let tags = format!("<Tagging><TagSet><Tag><Key>{name}</Key><Value>{value}</Value></Tag></TagSet></Tagging>");
        self.send(OWNER, "s3", "us-east-1", "PUT", &format!("/{bucket}/{key}?tagging"), tags);
    }

    fn iam(&self, account: &str, fields: &[(&str, &str)]) -> String {
        let mut form = String::from("Version=2010-05-08");
        for (name, value) in fields {
            _ = write!(form, "&{name}={}", percent_encode(value.as_bytes(), NON_ALPHANUMERIC));
        }
        self.send(account, "iam", "us-east-1", "POST", "/", &form)
    }

    /// Sends a request as the root of `account`, which must succeed.
    fn send(
        &self,
        account: &str,
        service: &str,
        region: &str,
        method: &str,
        path: &str,
        body: impl AsRef<[u8]>,
    ) -> String {
        let body = body.as_ref();
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let scope = format!("{account}/{}/{region}/{service}/aws4_request", &now[..8]);
        let form = if service == "iam" { "Content-Type: application/x-www-form-urlencoded\r\n" } else { "" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nX-Amz-Date: {now}\r\n{form}Authorization: AWS4-HMAC-SHA256 \
             Credential={scope}, SignedHeaders=host;x-amz-date, Signature=00\r\nContent-Length: {}\r\nConnection: \
             close\r\n\r\n",
            self.address,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).unwrap_or_else(|error| panic!("{}: {error}", self.address));
        stream.write_all(&[request.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200"), "{method} {path}: {answer}");
        answer
    }
}

fn element(xml: &str, name: &str) -> String {
    let rest = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name}: {xml}")).1;
    rest.split_once('<').unwrap().0.to_owned()
}

/// A trust policy for these principals, with an optional Condition block.
pub fn trust(principals: &[&str], condition: Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Principal": { "AWS": principals }, "Action": "sts:AssumeRole" });
    if !condition.is_null() {
        statement["Condition"] = condition;
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

/// A policy of one statement.
pub fn allow(actions: &[&str], resources: &[&str]) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": resources }],
    })
}
