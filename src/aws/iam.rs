//! IAM's calls, made by xsw itself: the SDK's client for IAM has hundreds of operations and takes minutes to
//! build, and these are a dozen forms with an XML answer each (IAM API Reference; AWS's "Query protocol").

mod answer;

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::http::Request;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use percent_encoding::percent_decode_str;

use super::errors::{Answer, Call, innermost};
use super::sts::Caller;
use super::{Aws, Endpoint, sdk_credentials};
use crate::domain::account::partition_of;
use crate::domain::explain::{LastUsed, NamedPolicy, PolicyKind, RoleFacts, Simulated, UserFacts};
use crate::error::{Error, Result};
use answer::Element;

/// The version of the API, which every form names.
const VERSION: &str = "2010-05-08";
/// The API answers in well under a second.
const TIMEOUT: Duration = Duration::from_secs(15);
/// A page of the largest lists is below a megabyte.
const LONGEST: usize = 8 * 1024 * 1024;
/// How often a call is made while IAM says that it is asked too much, or cannot answer.
const ATTEMPTS: u32 = 3;
/// A user or a role has at most some tens of policies; a list that goes on for ever is none.
const PAGES: usize = 50;

/// Whose policies are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Owner {
    User,
    Group,
    Role,
}

impl Owner {
    /// As the API's names have it.
    fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Group => "Group",
            Self::Role => "Role",
        }
    }
}

/// IAM as one caller sees it.
#[derive(Clone, Copy, Debug)]
pub struct Iam<'a> {
    aws: &'a Aws,
    endpoint: &'a Endpoint,
    caller: Caller<'a>,
}

impl Aws {
    /// IAM for a caller. The region of `endpoint` tells the partition, and nothing else: IAM has one place in each.
    pub fn iam<'a>(&'a self, endpoint: &'a Endpoint, caller: Caller<'a>) -> Iam<'a> {
        Iam { aws: self, endpoint, caller }
    }
}

/// Where IAM is in a partition, and the region that its signatures name (AWS General Reference, "AWS Identity and Access
/// Management endpoints and quotas").
fn place(partition: &str) -> (&'static str, &'static str) {
    match partition {
        "aws-cn" => ("https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        "aws-us-gov" => ("https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
        "aws-eusc" => ("https://iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        "aws-iso" => ("https://iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
        "aws-iso-b" => ("https://iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
        "aws-iso-e" => ("https://iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
        _ => ("https://iam.amazonaws.com", "us-east-1"),
    }
}

impl Iam<'_> {
    /// A role by its name: names are unique in an account, whatever the path.
    pub async fn role(&self, name: &str) -> Result<RoleFacts> {
        let answer = self.ask("GetRole", name, &[("RoleName", name)]).await?;
        let role = answer.at("GetRoleResult/Role").ok_or_else(|| incomplete("iam:GetRole"))?;
        let text = |path: &str| role.text_at(path).map(str::to_owned);
        let last_used = role.text_at("RoleLastUsed/LastUsedDate");
        Ok(RoleFacts {
            arn: text("Arn").ok_or_else(|| incomplete("iam:GetRole"))?,
            trust: text("AssumeRolePolicyDocument").map(decoded).ok_or_else(|| incomplete("iam:GetRole"))?,
            description: text("Description"),
            created: role.text_at("CreateDate").and_then(|time| time.parse().ok()),
            max_session_seconds: role.text_at("MaxSessionDuration").and_then(|seconds| seconds.parse().ok()),
            boundary: text("PermissionsBoundary/PermissionsBoundaryArn"),
            last_used: last_used
                .and_then(|time| Some(LastUsed { time: time.parse().ok()?, region: text("RoleLastUsed/Region") })),
            tags: tags(role),
        })
    }

    /// A user by name.
    pub async fn user(&self, name: &str) -> Result<UserFacts> {
        let answer = self.ask("GetUser", name, &[("UserName", name)]).await?;
        let user = answer.at("GetUserResult/User").ok_or_else(|| incomplete("iam:GetUser"))?;
        Ok(UserFacts {
            arn: user.text_at("Arn").map(str::to_owned).ok_or_else(|| incomplete("iam:GetUser"))?,
            boundary: user.text_at("PermissionsBoundary/PermissionsBoundaryArn").map(str::to_owned),
            tags: tags(user),
        })
    }

    /// The groups that a user is in.
    pub async fn groups(&self, user: &str) -> Result<Vec<String>> {
        let groups = self.list("ListGroupsForUser", user, &[("UserName", user)], "Groups").await?;
        Ok(groups.iter().filter_map(|group| group.text_at("GroupName").map(str::to_owned)).collect())
    }

    /// The ARNs of all roles of the account.
    pub async fn roles(&self) -> Result<Vec<String>> {
        let roles = self.list("ListRoles", "*", &[], "Roles").await?;
        Ok(roles.iter().filter_map(|role| role.text_at("Arn").map(str::to_owned)).collect())
    }

    /// The policies of a user, group or role with their documents: inline ones first, then those attached.
    pub async fn policies(&self, owner: Owner, name: &str) -> Result<Vec<NamedPolicy>> {
        let (kind, parameter) = (owner.name(), format!("{}Name", owner.name()));
        let whose = (parameter.as_str(), name);
        let inline = self.list(&format!("List{kind}Policies"), name, &[whose], "PolicyNames").await?;
        let attached = self.list(&format!("ListAttached{kind}Policies"), name, &[whose], "AttachedPolicies").await?;
        let mut policies = Vec::with_capacity(inline.len() + attached.len());
        for policy in &inline {
            let policy_name = policy.text.trim();
            let action = format!("Get{kind}Policy");
            let answer = self.ask(&action, name, &[whose, ("PolicyName", policy_name)]).await?;
            let document = answer.text_at(&format!("{action}Result/PolicyDocument"));
            let document = document.ok_or_else(|| incomplete("the policy"))?;
            policies.push(NamedPolicy {
                name: policy_name.to_owned(),
                kind: PolicyKind::Inline,
                document: decoded(document.to_owned()),
            });
        }
        for policy in &attached {
            let arn = policy.text_at("PolicyArn").ok_or_else(|| incomplete("the policy"))?;
            policies.push(self.managed(arn).await?);
        }
        Ok(policies)
    }

    /// A managed policy as it is in force.
    pub async fn managed(&self, arn: &str) -> Result<NamedPolicy> {
        let answer = self.ask("GetPolicy", arn, &[("PolicyArn", arn)]).await?;
        let version = answer.text_at("GetPolicyResult/Policy/DefaultVersionId").unwrap_or("v1");
        let answer = self.ask("GetPolicyVersion", arn, &[("PolicyArn", arn), ("VersionId", version)]).await?;
        let document = answer.text_at("GetPolicyVersionResult/PolicyVersion/Document");
        Ok(NamedPolicy {
            name: arn.rsplit('/').next().unwrap_or(arn).to_owned(),
            kind: PolicyKind::Managed { arn: arn.to_owned() },
            document: decoded(document.ok_or_else(|| incomplete("the policy"))?.to_owned()),
        })
    }

    /// An inline policy of a user or role; `None` where there is none of that name.
    pub async fn inline(&self, owner: Owner, name: &str, policy: &str) -> Result<Option<String>> {
        let (action, parameter) = (format!("Get{}Policy", owner.name()), format!("{}Name", owner.name()));
        match self.ask(&action, name, &[(&parameter, name), ("PolicyName", policy)]).await {
            Ok(answer) => {
                let document = answer.text_at(&format!("{action}Result/PolicyDocument"));
                Ok(Some(decoded(document.ok_or_else(|| incomplete("the policy"))?.to_owned())))
            }
            Err(Error::Aws { code, .. }) if code == "NoSuchEntity" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes an inline policy of a user or role; one of that name is replaced.
    pub async fn put_inline(&self, owner: Owner, name: &str, policy: &str, document: &str) -> Result<()> {
        let (action, parameter) = (format!("Put{}Policy", owner.name()), format!("{}Name", owner.name()));
        let parameters = [(parameter.as_str(), name), ("PolicyName", policy), ("PolicyDocument", document)];
        self.ask(&action, name, &parameters).await.map(|_| ())
    }

    /// Replaces the trust policy of a role.
    pub async fn update_trust(&self, role: &str, document: &str) -> Result<()> {
        let parameters = [("RoleName", role), ("PolicyDocument", document)];
        self.ask("UpdateAssumeRolePolicy", role, &parameters).await.map(|_| ())
    }

    /// What IAM's own simulator says of an action of a user or role (`arn`). It knows the identity's policies, its
    /// boundary and the organization's, and no policy of the resource.
    pub async fn simulate(&self, arn: &str, action: &str, resource: &str) -> Result<Simulated> {
        let parameters =
            [("PolicySourceArn", arn), ("ActionNames.member.1", action), ("ResourceArns.member.1", resource)];
        let answer = self.ask("SimulatePrincipalPolicy", arn, &parameters).await?;
        let result = answer.members("SimulatePrincipalPolicyResult/EvaluationResults").next();
        let result = result.ok_or_else(|| incomplete("iam:SimulatePrincipalPolicy"))?;
        let flag = |path: &str| result.text_at(path).map(|value| value == "true");
        let statements = result.members("MatchedStatements");
        Ok(Simulated {
            decision: result.text_at("EvalDecision").unwrap_or_default().to_owned(),
            policies: statements.filter_map(|one| one.text_at("SourcePolicyId").map(str::to_owned)).collect(),
            missing: result.members("MissingContextValues").map(|key| key.text.trim().to_owned()).collect(),
            by_organization: flag("OrganizationsDecisionDetail/AllowedByOrganizations"),
            by_boundary: flag("PermissionsBoundaryDecisionDetail/AllowedByPermissionsBoundary"),
        })
    }

    /// All members of a list, page by page.
    async fn list(&self, action: &str, name: &str, given: &[(&str, &str)], list: &str) -> Result<Vec<Element>> {
        let (mut members, mut marker) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let mut parameters = given.to_vec();
            parameters.extend(marker.as_deref().map(|marker| ("Marker", marker)));
            let answer = self.ask(action, name, &parameters).await?;
            let result = answer.at(&format!("{action}Result")).ok_or_else(|| incomplete(action))?;
            members.extend(result.members(list).cloned());
            let more = result.text_at("IsTruncated") == Some("true");
            match result.text_at("Marker").filter(|_| more) {
                Some(next) => marker = Some(next.to_owned()),
                None => break,
            }
        }
        Ok(members)
    }

    /// Makes a call; again when IAM is busy.
    async fn ask(&self, action: &str, resource: &str, parameters: &[(&str, &str)]) -> Result<Element> {
        let name = format!("iam:{action}");
        let call = Call {
            action: &name,
            resource,
            name: resource,
            caller: self.caller.name,
            caller_is_source: self.caller.is_source,
            bucket: None,
            endpoint: self.endpoint.name("iam"),
        };
        let mut attempt = 1;
        loop {
            let outcome = tokio::time::timeout(TIMEOUT, self.ask_once(&call, action, parameters)).await;
            let outcome = outcome.unwrap_or_else(|_| Err(call.unreachable("no answer in time".into())));
            match outcome {
                Err(error) if attempt < ATTEMPTS && passes(&error) => {
                    tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn ask_once(&self, call: &Call<'_>, action: &str, parameters: &[(&str, &str)]) -> Result<Element> {
        let request = self.request(action, parameters).map_err(|error| call.unreachable(error.to_string()))?;
        let response = self.aws.connections.connector().call(request).await;
        let response = response.map_err(|error| call.unreachable(innermost(&error)))?;
        let status = response.status().as_u16();
        let date = response.headers().get("date").map(str::to_owned);
        let mut stream = ByteStream::new(response.into_body());
        let mut body = Vec::new();
        while let Some(bytes) = stream.try_next().await.map_err(|error| call.unreachable(innermost(&error)))? {
            body.extend_from_slice(&bytes);
            if body.len() > LONGEST {
                return Err(call.incomplete("the answer does not end"));
            }
        }
        let document = Element::read(&body);
        if status == 200 {
            return document.map_err(|wrong| call.incomplete(&format!("the answer is no XML: {wrong}")));
        }
        let document = document.unwrap_or_default();
        let said = |name: &str| {
            let places = [format!("Error/{name}"), format!("Errors/Error/{name}"), name.to_owned()];
            places.iter().find_map(|path| document.text_at(path)).unwrap_or_default().to_owned()
        };
        Err(call.refused(Answer {
            status,
            code: said("Code"),
            message: super::errors::without_request(&said("Message")).to_owned(),
            bucket_region: None,
            date,
        }))
    }

    /// A signed form.
    fn request(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> std::result::Result<Request<SdkBody>, Box<dyn std::error::Error + Send + Sync>> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", VERSION)
            .extend_pairs(parameters)
            .finish();
        let (address, region) = place(partition_of(&self.endpoint.region));
        let address = self.endpoint.url.as_deref().unwrap_or(address);
        let uri = format!("{}/", address.trim_end_matches('/'));
        let content_type = "application/x-www-form-urlencoded";
        let identity: Identity = sdk_credentials(self.caller.keys).into();
        let settings = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("iam")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?;
        let headers = [("content-type", content_type)];
        let signable =
            SignableRequest::new("POST", uri.as_str(), headers.into_iter(), SignableBody::Bytes(form.as_bytes()))?;
        let (instructions, _) = sign(signable, &settings.into())?.into_parts();
        let mut request = Request::new(SdkBody::from(form.as_str()));
        request.set_method("POST")?;
        request.set_uri(uri.as_str())?;
        request.headers_mut().try_insert("content-type", content_type)?;
        for (name, value) in instructions.headers() {
            request.headers_mut().try_insert(name.to_owned(), value.to_owned())?;
        }
        Ok(request)
    }
}

/// Whether the same call may succeed in a moment.
fn passes(error: &Error) -> bool {
    const BUSY: [&str; 6] =
        ["Throttling", "ThrottlingException", "RequestLimitExceeded", "ServiceUnavailable", "HTTP 500", "HTTP 503"];
    matches!(error, Error::Aws { code, .. } if BUSY.contains(&code.as_str()) || code == "ServiceFailure")
}

fn incomplete(what: &str) -> Error {
    Error::Aws {
        action: what.to_owned(),
        code: "IncompleteAnswer".into(),
        message: "the answer lacks what was asked for".into(),
        hint: None,
    }
}

/// Policies come with percent signs in place of most characters (IAM API Reference, `GetRolePolicy`).
fn decoded(document: String) -> String {
    match percent_decode_str(&document).decode_utf8() {
        Ok(decoded) => decoded.into_owned(),
        Err(_) => document,
    }
}

fn tags(owner: &Element) -> Vec<(String, String)> {
    let one = |tag: &Element| Some((tag.text_at("Key")?.to_owned(), tag.text_at("Value").unwrap_or("").to_owned()));
    owner.members("Tags").filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iam_has_one_place_in_each_partition() {
        for (region, address, signed_for) in [
            ("ap-northeast-1", "https://iam.amazonaws.com", "us-east-1"),
            ("cn-northwest-1", "https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("us-gov-east-1", "https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
            ("eusc-de-east-1", "https://iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ] {
            assert_eq!(place(partition_of(region)), (address, signed_for), "{region}");
        }
    }

    #[test]
    fn documents_are_decoded_and_plain_ones_kept() {
        assert_eq!(decoded("%7B%22a%22%3A%20%22b%2Bc%22%7D".into()), r#"{"a": "b+c"}"#);
        assert_eq!(decoded(r#"{"a":"b+c"}"#.into()), r#"{"a":"b+c"}"#);
    }
}
