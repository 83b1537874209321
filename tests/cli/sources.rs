//! Source credentials of every kind that the AWS CLI knows: each tells who it is, or what to do next.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use xsw::demo::World;

use crate::home::{PROFILE_FILE, Said, run};
use crate::stage::{Stage, with_variables};

/// What a request to a [`server`] was: its first line and its header lines.
struct Asked {
    line: String,
    headers: Vec<String>,
}

impl Asked {
    fn has(&self, header: &str) -> bool {
        self.headers.iter().any(|line| line.eq_ignore_ascii_case(header))
    }
}

/// A server on this machine for one test; it ends with the test program.
fn server(answer: impl Fn(&Asked) -> Option<(u16, String)> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = std::sync::Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || serve(&stream, &*answer));
        }
    });
    format!("http://{address}")
}

fn serve(stream: &TcpStream, answer: &dyn Fn(&Asked) -> Option<(u16, String)>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let Some(line) = lines.next() else { return };
    let headers = lines.take_while(|line| !line.is_empty()).collect();
    let Some((status, body)) = answer(&Asked { line, headers }) else {
        // Silence, until the other side gives up.
        _ = (&mut &*stream).read(&mut [0]);
        return;
    };
    let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    _ = (&mut &*stream)
        .write_all(format!("{head}x-aws-ec2-metadata-token-ttl-seconds: 21600\r\n\r\n{body}").as_bytes());
}

/// A stage whose role `prod/S3Reader` is assumed from a source of this kind, and a session of the hub's Jump, which
/// may do that.
fn stage(source: &str) -> (Stage, Value) {
    let stage = Stage::new();
    let session = stage.says(["env", "jump", "--format", "json"]).json();
    write_profile(&stage, source);
    (stage, session)
}

fn write_profile(stage: &Stage, source: &str) {
    let url = stage.cloud().endpoint_url();
    stage.write(
        PROFILE_FILE,
        format!(
            "[settings]\nregion = 'ap-northeast-1'\nendpoint_url = '{url}'\n[sources.x]\n{source}\n[[accounts]]\n\
             name = 'prod'\nid = '222222222222'\n[[accounts.roles]]\nname = 'S3Reader'\nalias = 'reader'\n"
        ),
    );
}

/// The JSON of container and instance metadata.
fn metadata(session: &Value) -> String {
    json!({
        "Code": "Success",
        "Type": "AWS-HMAC",
        "LastUpdated": "2026-01-01T00:00:00Z",
        "AccessKeyId": session["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": session["AWS_SECRET_ACCESS_KEY"],
        "Token": session["AWS_SESSION_TOKEN"],
        "Expiration": session["AWS_CREDENTIAL_EXPIRATION"],
    })
    .to_string()
}

fn says(stage: &Stage, words: &[&str], variables: &[(&str, &str)]) -> Said {
    run(with_variables(stage.xsw(words), variables.iter().copied()))
}

/// The source says who it is, and its role can be assumed.
#[track_caller]
fn works(stage: &Stage, arn: &str, variables: &[(&str, &str)]) {
    let who = says(stage, &["whoami", "--source", "x", "--json"], variables).json();
    assert!(who["arn"].as_str().unwrap().contains(arn), "{who}");
    assert!(says(stage, &["env", "reader"], variables).done().contains("AWS_SESSION_TOKEN"));
    let checked = says(stage, &["check"], variables).out;
    assert!(checked.contains("ok   source x: "), "{checked}");
}

const JUMP: &str = ":assumed-role/Jump/";
const INSTANCE: &str = "credential_source = 'Ec2InstanceMetadata'";

#[test]
fn the_role_of_the_instance() {
    let (stage, session) = stage(INSTANCE);
    let body = metadata(&session);
    let address = server(move |asked| {
        let with_token = asked.has("x-aws-ec2-metadata-token: the-token");
        Some(match asked.line.as_str() {
            "PUT /latest/api/token HTTP/1.1" => (200, "the-token".into()),
            "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1" if with_token => (200, "Jump".into()),
            "GET /latest/meta-data/iam/security-credentials/Jump HTTP/1.1" if with_token => (200, body.clone()),
            _ => (401, String::new()),
        })
    });
    let variables = [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*address)];
    works(&stage, JUMP, &variables);
    // Whatever proxy there is, it is not asked for the instance's metadata.
    let by_name = address.replace("127.0.0.1", "localhost");
    let proxied = [
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*by_name),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("NO_PROXY", "127.0.0.1"),
    ];
    works(&stage, JUMP, &proxied);
    assert!(says(&stage, &["check"], &variables).out.contains("(instance role)"));
    // An AWS profile can say the same.
    write_profile(&stage, "profile = 'on-instance'");
    stage.write(".aws/config", "[profile on-instance]\ncredential_source = Ec2InstanceMetadata\n");
    works(&stage, JUMP, &variables);
}

/// On a laptop mostly nobody answers, and sometimes not even a refusal comes.
#[test]
fn where_no_instance_is_it_is_told_soon() {
    let (stage, _) = stage(INSTANCE);
    let silent = server(|_| None);
    let mut nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    nobody.insert_str(0, "http://");
    for (endpoint, told) in [(silent, "gave none"), (nobody, "gave none")] {
        let began = Instant::now();
        let variables =
            [("AWS_EC2_METADATA_DISABLED", "false"), ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str())];
        let said = says(&stage, &["whoami", "--source", "x"], &variables);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let said = said.failed(4);
        assert!(said.contains("no credentials from x: ") && said.contains("works on EC2 instances"), "{said}");
        assert!(said.contains(told) || said.contains("no instance metadata service answers"), "{said}");
    }
    let said = says(&stage, &["whoami", "--source", "x"], &[("AWS_EC2_METADATA_DISABLED", "True")]).failed(4);
    assert!(said.contains("switched off by AWS_EC2_METADATA_DISABLED"), "{said}");
}

#[test]
fn the_role_of_the_container() {
    let (stage, session) = stage("credential_source = 'EcsContainer'");
    let body = metadata(&session);
    let address = server(move |asked| {
        Some(match (asked.line.as_str(), asked.has("authorization: Bearer the-token")) {
            ("GET /creds HTTP/1.1", true) => (200, body.clone()),
            _ => (403, json!({ "Message": "no" }).to_string()),
        })
    });
    let uri = format!("{address}/creds");
    let variables =
        [("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*uri), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "Bearer the-token")];
    works(&stage, JUMP, &variables);
    // The environment names it too.
    write_profile(&stage, "environment = true");
    works(&stage, JUMP, &variables);
    write_profile(&stage, "credential_source = 'EcsContainer'");
    let said = says(&stage, &["whoami", "--source", "x"], &variables[..1]).failed(4);
    assert!(said.contains("cannot be had") && !said.contains("the-token"), "{said}");
    let said = says(&stage, &["whoami", "--source", "x"], &[]).failed(4);
    assert!(said.contains("this is no container with a role"), "{said}");
}

const TOKEN: &str = "the-token-of-the-issuer";

#[test]
fn a_web_identity() {
    let mut world = World::demo();
    for role in world.accounts.iter_mut().flat_map(|account| &mut account.roles).filter(|role| role.name == "Jump") {
        *role = role.clone().web_identity(TOKEN);
    }
    let stage = Stage::of(world);
    let file = stage.write("token", format!("{TOKEN}\n"));
    let role = "arn:aws:iam::111111111111:role/Jump";
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ROLE_ARN", role),
        ("AWS_ROLE_SESSION_NAME", "build-7"),
    ];
    write_profile(&stage, "environment = true");
    works(&stage, ":assumed-role/Jump/build-7", &variables);
    let said = says(&stage, &["whoami", "--source", "x"], &variables[..1]).failed(4);
    assert!(said.contains("AWS_ROLE_ARN is not"), "{said}");

    // In an AWS profile it is the SDK's to ask, which takes the endpoint of the environment and the file as it is.
    stage.write("token", TOKEN);
    write_profile(&stage, "profile = 'ci'");
    stage.write(
        ".aws/config",
        format!(
            "[profile ci]\nrole_arn = {role}\nrole_session_name = build-8\nweb_identity_token_file = {}\n",
            file.display()
        ),
    );
    let url = stage.cloud().endpoint_url();
    let endpoint = [("AWS_ENDPOINT_URL", url.as_str())];
    works(&stage, ":assumed-role/Jump/build-8", &endpoint);
    stage.write("token", "another");
    let said = says(&stage, &["whoami", "--source", "x"], &endpoint).failed(4);
    assert!(said.contains("the web identity of the AWS profile ci gave none"), "{said}");
    write_profile(&stage, "environment = true");
    let said = says(&stage, &["whoami", "--source", "x"], &variables);
    assert!(said.err.contains("InvalidIdentityToken") && !said.err.contains("another"), "{said:?}");
}

#[test]
fn a_credential_process() {
    let (stage, session) = stage("profile = 'process'");
    let printed = json!({
        "Version": 1,
        "AccessKeyId": session["AWS_ACCESS_KEY_ID"],
        "SecretAccessKey": session["AWS_SECRET_ACCESS_KEY"],
        "SessionToken": session["AWS_SESSION_TOKEN"],
        "Expiration": session["AWS_CREDENTIAL_EXPIRATION"],
    });
    let file = stage.write("printed.json", printed.to_string());
    stage.write(".aws/config", format!("[profile process]\ncredential_process = cat {}\n", file.display()));
    works(&stage, JUMP, &[]);
    stage.write(".aws/config", "[profile process]\ncredential_process = false\n");
    let said = stage.says(["whoami", "--source", "x"]).failed(4);
    assert!(said.contains("the credential_process of the AWS profile process gave none"), "{said}");
}

#[test]
fn a_chain_of_source_profiles() {
    let (stage, _) = stage("profile = 'jump'");
    stage.write(
        ".aws/config",
        "[profile jump]\nrole_arn = arn:aws:iam::111111111111:role/Jump\nsource_profile = demo\nrole_session_name = by-sdk\n",
    );
    let url = stage.cloud().endpoint_url();
    works(&stage, ":assumed-role/Jump/by-sdk", &[("AWS_ENDPOINT_URL_STS", url.as_str())]);
}

/// `aws login` leaves its credentials in a cache that the SDKs share (aws-config, `login/cache.rs`).
#[test]
fn a_session_of_aws_login() {
    let (stage, session) = stage("profile = 'console'");
    let arn = "arn:aws:iam::111111111111:user/me";
    stage.write(".aws/config", format!("[profile console]\nlogin_session = {arn}\n"));
    let said = stage.says(["whoami", "--source", "x"]).failed(4);
    assert!(said.contains("nobody is signed in to the AWS profile console"), "{said}");
    assert!(said.contains("hint: sign in: `aws login --profile console`"), "{said}");
    let name: String = Sha256::digest(arn.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let cached = json!({
        "accessToken": {
            "accessKeyId": session["AWS_ACCESS_KEY_ID"],
            "secretAccessKey": session["AWS_SECRET_ACCESS_KEY"],
            "sessionToken": session["AWS_SESSION_TOKEN"],
            "accountId": "111111111111",
            "expiresAt": session["AWS_CREDENTIAL_EXPIRATION"],
        },
        "tokenType": "aws_sigv4",
        "refreshToken": "refresh",
        "idToken": "id",
        "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": "no key: it is not refreshed here",
    });
    stage.write(&format!(".aws/login/cache/{name}.json"), cached.to_string());
    works(&stage, JUMP, &[]);
    assert!(stage.says(["check"]).done().contains("(AWS profile console: aws login)"));
}

#[test]
fn the_environment() {
    let (stage, session) = stage("environment = true");
    let said = stage.says(["whoami", "--source", "x"]).failed(4);
    assert!(said.contains("no credentials from x: there are none"), "{said}");
    let get = |name: &str| session[name].as_str().unwrap();
    let names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    works(&stage, JUMP, &names.map(|name| (name, get(name))));
    let said = says(&stage, &["whoami", "--source", "x"], &[(names[0], get(names[0]))]).failed(4);
    assert!(said.contains("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not"), "{said}");
}

/// The next step fits what the AWS profile is.
#[test]
fn a_source_without_credentials_says_what_to_do() {
    let (stage, _) = stage("profile = 'p'");
    for (config, message, hint) in [
        ("", "there is no AWS profile p", "aws configure --profile p"),
        ("[profile p]\nregion = eu-west-1\n", "no AWS profile p with credentials", "aws configure --profile p"),
        (
            "[profile p]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
             sso_account_id = 111111111111\nsso_role_name = Dev\n",
            "nobody is signed in to IAM Identity Center",
            "`xsw login x`",
        ),
        ("[profile p]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n", "aws_secret_access_key", "--profile p"),
        ("[profile p\n", "", "--profile p"),
    ] {
        stage.write(".aws/config", config);
        let said = stage.says(["whoami", "--source", "x"]).failed(4);
        assert!(said.contains(message) && said.contains(hint), "{config}: {said}");
    }
}
