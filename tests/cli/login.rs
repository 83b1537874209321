//! `xsw login`: IAM Identity Center from the first code to the session of a permission set.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use xsw::demo::{Account, Fault, IdentityCenter, PermissionSet, User, World};

use crate::home::{Home, PROFILE_FILE, STATE, Said, run};
use crate::stage::{Stage, snapshot, with_variables};

/// A token's file.
const TOKEN: &str = ".aws/sso/cache/SHA.json";
/// sha1 of the demo's start URL, and of `corp`.
const OF_START_URL: &str = "e4fbf2ca8766b8176cb643281dfab66ce6a6e66f";
const OF_CORP: &str = "ee0bfd2552fbd840c02cc48b6e823320543c450f";

/// What a browser gets: the status, where it is sent on, and the page.
fn get(url: &str) -> (u16, Option<String>, String) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let to = head.lines().find_map(|line| line.strip_prefix("location: ")).map(str::to_owned);
    (status, to, body.to_owned())
}

/// An `xsw login` that waits for the person.
struct Waiting {
    child: Child,
    /// The page to open.
    url: String,
    /// What it has said so far.
    said: String,
}

impl Waiting {
    /// Starts the command and reads until it names a page.
    fn start(mut command: Command) -> Waiting {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let url = loop {
            let Some(line) = lines.next() else {
                panic!("no page: {said}{:?}", child.wait_with_output());
            };
            let line = line.unwrap();
            said += &format!("{line}\n");
            if let Some(at) = line.find("http://") {
                break line[at..].to_owned();
            }
        };
        // The pipe stays open, or xsw could say no more.
        std::thread::spawn(move || lines.for_each(drop));
        Waiting { child, url, said }
    }

    fn end(self) -> Said {
        self.child.wait_with_output().unwrap().into()
    }
}

/// Signs in by a code, which is approved at once.
fn sign_in(stage: &Stage) -> Said {
    sign_in_with(stage.xsw(["login", "staff", "--device-code"]))
}

/// The same with any `xsw login --device-code`.
pub fn sign_in_with(command: Command) -> Said {
    let waiting = Waiting::start(command);
    assert_eq!(get(&waiting.url).0, 200);
    let said = waiting.end();
    assert_eq!(said.code, Some(0), "{said:?}");
    said
}

fn token_file() -> String {
    TOKEN.replace("SHA", OF_START_URL)
}

fn token(stage: &Stage) -> Value {
    serde_json::from_slice(&stage.read(&token_file())).unwrap()
}

/// Changes the token's file as another program, or the time, might.
fn change_token(stage: &Stage, change: impl FnOnce(&mut Value)) {
    let mut token = token(stage);
    change(&mut token);
    stage.write(&token_file(), token.to_string());
}

fn in_seconds(seconds: i64) -> Value {
    Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap().to_string().into()
}

fn forget_sessions(stage: &Stage) {
    std::fs::remove_dir_all(stage.path(STATE).join("sessions")).ok();
}

/// The source `staff` alone, with these accounts.
fn staff(stage: &Stage, accounts: &str) {
    let url = stage.cloud().endpoint_url();
    stage.write(
        PROFILE_FILE,
        format!(
            "[settings]\nendpoint_url = \"{url}\"\n[sources.staff]\nsso_start_url = \"https://demo.awsapps.com/start\"\n\
             sso_region = \"ap-northeast-1\"\n{accounts}"
        ),
    );
}

#[test]
fn a_code_opens_accounts_and_roles_and_their_sessions() {
    let stage = Stage::new();
    assert!(!stage.says(["accounts"]).done().contains("lab"));
    let waiting = Waiting::start(stage.xsw(["login", "staff", "--device-code"]));
    assert!(waiting.url.contains("/device?user_code="), "{}", waiting.url);
    let page = get(&waiting.url);
    assert!(page.0 == 200 && page.2.contains("is confirmed"), "{page:?}");
    let said = waiting.end().done();
    let start = "signed in to staff (https://demo.awsapps.com/start) until ";
    assert!(said.starts_with(start), "{said}");
    assert!(said.ends_with("Z, then renewed by itself: 2 accounts, 3 roles\n"), "{said}");

    snapshot!(stage, ["accounts"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    hub      111111111111  development
      Jump       jump
      Developer  dev
    prod     222222222222  production
      S3Reader   reader
      Admin      admin
      Sprint     sprint
    audit    333333333333  audit
      ReadOnly   audit
      Partner    partner
    lab      555555555555  laboratory
      Developer
      ReadOnly
    data     888888888888  development
      Analyst    analyst
      Lake       lake
      Vendor     vendor
      Copier     copier
      Auditor    auditor
      Owner      owner
    Sandbox  666666666666
      Developer

    ----- stderr -----
    ");
    let listed = stage.says(["accounts", "--json"]).json();
    let of_staff: Vec<&Value> = listed.as_array().unwrap().iter().filter(|role| role["source"] == "staff").collect();
    assert_eq!(
        *of_staff[0],
        json!({
            "account": "lab",
            "account_id": "555555555555",
            "role": "Developer",
            "role_arn": null,
            "alias": null,
            "environment": "laboratory",
            "source": "staff",
            "session": null,
        })
    );
    assert_eq!((of_staff.len(), &of_staff[2]["account"]), (3, &json!("Sandbox")));

    let env = stage.says(["env", "lab/Developer", "--format", "json"]).json();
    assert_eq!((&env["XSW_ROLE"], &env["XSW_ACCOUNT_ID"]), (&json!("lab/Developer"), &json!("555555555555")));
    assert_eq!(env["XSW_ROLE_ARN"], Value::Null);
    let left = env["AWS_SESSION_EXPIRATION"].as_str().unwrap().parse::<Timestamp>().unwrap().as_second()
        - Timestamp::now().as_second();
    assert!((4 * 3600 - 60..=4 * 3600).contains(&left), "{left}");
    let who = stage.says(["whoami", "lab/Developer", "--json"]).json();
    let arn = who["arn"].as_str().unwrap();
    assert!(arn.starts_with("arn:aws:sts::555555555555:assumed-role/AWSReservedSSO_Developer_"), "{arn}");
    assert!(arn.ends_with("/me@example.com"), "{arn}");
    let out = stage.says(["exec", "Sandbox/Developer", "--", "sh", "-c", "echo $XSW_ROLE ${XSW_ROLE_ARN-none}"]).done();
    assert_eq!(out, "Sandbox/Developer none\n");
    // Its policies count: one may write, the other only read.
    let out = stage.says(["cat", "s3://lab-data/results.csv", "--as", "lab/ReadOnly"]).done();
    assert!(out.starts_with("run,score\n"), "{out}");
    // One call for each of the three; no AssumeRole anywhere.
    assert_eq!((stage.cloud().calls("sso:GetRoleCredentials"), stage.assumed()), (3, 0));
}

#[test]
fn tokens_stay_dark() {
    let stage = Stage::new();
    let loud = |words: &[&str]| with_variables(stage.xsw(words), [("XSW_LOG", "trace"), ("RUST_LOG", "trace")]);
    let waiting = Waiting::start(loud(&["login", "staff"]));
    get(&waiting.url);
    let mut said = format!("{}{:?}", waiting.said, waiting.url);
    said += &format!("{:?}", waiting.end());
    let before = token(&stage);
    change_token(&stage, |token| token["expiresAt"] = in_seconds(60));
    said += &format!("{:?}", run(loud(&["whoami", "lab/Developer"])));
    let after = token(&stage);
    assert_ne!(before["accessToken"], after["accessToken"]);
    change_token(&stage, |token| token["accessToken"] = "wrong".into());
    said += &format!("{:?}", run(loud(&["whoami", "lab/ReadOnly"])));
    said += &stage.log();
    assert!(said.contains("whoami") || said.contains("assumed"), "{said}");
    let found = stage.path(STATE).read_dir().unwrap().map(|entry| entry.unwrap().path());
    let found = found.filter(|path| path.is_file()).map(|path| std::fs::read_to_string(path).unwrap());
    said += &found.collect::<String>();
    for token in [before, after] {
        for name in ["accessToken", "refreshToken", "clientSecret"] {
            let secret = token[name].as_str().unwrap();
            assert!(secret.len() > 20 && !said.contains(secret), "{name}: {said}");
        }
    }
}

/// botocore/tokens.py and botocore/utils.py: what `SSOTokenProvider` asks of the file.
#[test]
fn the_token_is_where_and_what_the_aws_cli_reads() {
    let stage = Stage::new();
    sign_in(&stage);
    let token = token(&stage);
    let mut fields: Vec<&str> = token.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "accessToken",
            "clientId",
            "clientSecret",
            "expiresAt",
            "refreshToken",
            "region",
            "registrationExpiresAt",
            "startUrl"
        ]
    );
    assert_eq!(token["startUrl"], "https://demo.awsapps.com/start");
    assert_eq!(token["region"], "ap-northeast-1");
    for name in ["expiresAt", "registrationExpiresAt"] {
        let time = token[name].as_str().unwrap();
        assert!(time.len() == "2026-11-22T00:00:00Z".len() && time.ends_with('Z'), "{time}");
        assert!(time.parse::<Timestamp>().unwrap() > Timestamp::now());
    }
    use std::os::unix::fs::PermissionsExt as _;
    for file in stage.files(".aws/sso/cache") {
        assert_eq!(stage.path(&file).metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    // The token, and the client that xsw is registered as.
    assert_eq!(stage.files(".aws/sso/cache").len(), 2);
}

#[test]
fn a_second_login_asks_nobody_and_reads_the_list_anew() {
    let stage = Stage::new();
    sign_in(&stage);
    let said = stage.says(["login"]).done();
    assert!(said.starts_with("still signed in to staff"), "{said}");
    let calls = |action: &str| stage.cloud().calls(action);
    assert_eq!((calls("sso-oauth:StartDeviceAuthorization"), calls("sso:ListAccounts")), (1, 2));

    // An administrator has ended it meanwhile: the client is known still, and the person is asked again.
    stage.cloud().end_sign_ins();
    assert!(stage.says(["env", "lab/Developer"]).failed(4).contains("xsw login staff"));
    sign_in(&stage);
    assert_eq!((calls("sso-oauth:RegisterClient"), calls("sso-oauth:StartDeviceAuthorization")), (1, 2));
    stage.says(["env", "lab/Developer"]).done();

    // Even the client is forgotten.
    stage.cloud().end_sign_ins();
    stage.cloud().forget_clients();
    sign_in(&stage);
    assert_eq!(calls("sso-oauth:RegisterClient"), 2);
}

#[test]
fn a_browser_comes_back_with_the_code() {
    let stage = Stage::new();
    let browser =
        stage.write("browser", "#!/bin/sh\nprintf %s \"$1\" > \"$HOME/new\" && mv \"$HOME/new\" \"$HOME/page\"\n");
    std::fs::set_permissions(&browser, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = stage.xsw(["login", "staff"]);
    command.env("BROWSER", &browser).env("SSH_CONNECTION", "1 2 3 4");
    let waiting = Waiting::start(command);
    assert!(waiting.said.contains("the browser that has opened"), "{}", waiting.said);
    let page = String::from_utf8(stage.read("page")).unwrap();
    assert_eq!(page, waiting.url);
    for part in ["/authorize?response_type=code&", "&code_challenge_method=S256&", "&scopes=sso%3Aaccount%3Aaccess&"] {
        assert!(page.contains(part), "{page}");
    }
    let (status, back, _) = get(&page);
    let back = back.unwrap();
    assert!(status == 302 && back.starts_with("http://127.0.0.1:") && back.contains("/oauth/callback?code="), "{back}");
    // Somebody else, who does not know the state, or is no browser of this address.
    let (address, query) = back.split_once('?').unwrap();
    let (code, _) = query.split_once('&').unwrap();
    assert_eq!(get(&format!("{address}?{code}&state=guessed")).0, 400);
    assert_eq!(get(&format!("{address}?{code}")).0, 400);
    assert_eq!(get(&address.replace("/oauth/callback", "/favicon.ico")).0, 404);
    let rebound = format!("GET /oauth/callback?{query} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    let host = address.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(rebound.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");

    let (status, _, text) = get(&back);
    assert!(status == 200 && text.contains("You are signed in"), "{text}");
    assert!(waiting.end().done().ends_with("2 accounts, 3 roles\n"));
    assert_eq!(stage.cloud().calls("sso-oauth:CreateToken"), 1);
    stage.says(["env", "lab/ReadOnly"]).done();
}

#[test]
fn a_refusal_in_the_browser_ends_the_waiting() {
    let stage = Stage::new();
    let waiting = Waiting::start(with_variables(stage.xsw(["login", "staff"]), [("BROWSER", "true")]));
    let (_, back, _) = get(&waiting.url.replace("S256", "plain"));
    assert!(get(&back.unwrap()).2.contains("You are not signed in"));
    let ended = waiting.end();
    assert_eq!((ended.code, &*ended.out), (Some(4), ""));
    assert!(!stage.holds(&token_file()));
}

#[test]
fn without_a_browser_there_is_a_code() {
    let stage = Stage::new();
    let nothing = stage.path("empty");
    std::fs::create_dir(&nothing).unwrap();
    let cases: [&[(&str, &str)]; 3] = [
        // No display; a display at the other end of SSH; no program that could be a browser.
        &[],
        &[("DISPLAY", ":0"), ("SSH_CONNECTION", "1 2 3 4")],
        &[("DISPLAY", ":0"), ("BROWSER", "/nowhere/browser"), ("PATH", nothing.to_str().unwrap())],
    ];
    for variables in cases {
        let mut waiting = Waiting::start(with_variables(stage.xsw(["login"]), variables.iter().copied()));
        assert!(waiting.url.contains("/device?user_code="), "{variables:?}: {}", waiting.said);
        waiting.child.kill().unwrap();
        waiting.child.wait().unwrap();
    }
}

#[test]
fn waiting_goes_by_rfc_8628() {
    let stage = Stage::new();
    stage.cloud().plan("sso-oauth:CreateToken", 1, Fault::error(400, "AuthorizationPendingException"));
    stage.cloud().plan("sso-oauth:CreateToken", 1, Fault::error(400, "SlowDownException"));
    let begun = Instant::now();
    let waiting = Waiting::start(stage.xsw(["login", "staff"]));
    get(&waiting.url);
    waiting.end().done();
    // A second, a second, and five more for having been too fast.
    assert!(begun.elapsed() >= Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(stage.cloud().calls("sso-oauth:CreateToken"), 3);

    let stage = Stage::new();
    let waiting = Waiting::start(stage.xsw(["login", "staff"]));
    get(&format!("{}&answer=no", waiting.url));
    assert_eq!(waiting.end().code, Some(4));

    stage.cloud().plan("sso-oauth:CreateToken", 1, Fault::error(400, "ExpiredTokenException"));
    let end =
        "error: no credentials from staff: the code was not used in time\nhint: try it again: `xsw login staff`\n";
    assert!(stage.says(["login", "staff"]).failed(4).ends_with(end));
}

#[test]
fn ctrl_c_ends_the_waiting() {
    let stage = Stage::new();
    let waiting = Waiting::start(stage.xsw(["login", "staff"]));
    run({
        let mut kill = stage.command("kill");
        kill.args(["-INT", &waiting.child.id().to_string()]);
        kill
    })
    .done();
    assert_eq!(waiting.end().code, Some(130));
    assert!(!stage.holds(&token_file()));
}

#[test]
fn a_token_that_ends_soon_is_renewed() {
    let stage = Stage::new();
    sign_in(&stage);
    let before = token(&stage);
    // In the words of botocore, which wrote it last, and with a field that xsw does not know.
    change_token(&stage, |token| {
        token["expiresAt"] = in_seconds(200).as_str().unwrap().replace('Z', "UTC").into();
        token["hint"] = "theirs".into();
    });
    stage.says(["env", "lab/Developer"]).done();
    let after = token(&stage);
    assert_eq!(stage.cloud().calls("sso-oauth:CreateToken"), 2);
    for name in ["accessToken", "refreshToken"] {
        assert_ne!(before[name], after[name], "{name}");
    }
    for name in ["clientId", "clientSecret", "registrationExpiresAt", "startUrl", "region"] {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert_eq!(after["hint"], "theirs");
    assert!(
        after["expiresAt"].as_str().unwrap().parse::<Timestamp>().unwrap().as_second()
            > Timestamp::now().as_second() + 3000
    );

    // One that has minutes left is good enough when it cannot be renewed now.
    change_token(&stage, |token| token["expiresAt"] = in_seconds(200));
    stage.cloud().plan("sso-oauth:CreateToken", 9, Fault::error(500, "InternalServerException"));
    forget_sessions(&stage);
    stage.says(["env", "lab/Developer"]).done();
}

#[test]
fn parallel_processes_renew_once() {
    let stage = Stage::new();
    sign_in(&stage);
    change_token(&stage, |token| token["expiresAt"] = in_seconds(30));
    stage.cloud().plan("sso-oauth:CreateToken", 1, Fault::slow(Duration::from_millis(300)));
    let roles = ["lab/Developer", "lab/ReadOnly", "Sandbox/Developer"];
    let children: Vec<Child> = (0..12)
        .map(|number| {
            let mut command = stage.xsw(["env", roles[number % 3]]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for child in children {
        Said::from(child.wait_with_output().unwrap()).done();
    }
    assert_eq!(stage.cloud().calls("sso-oauth:CreateToken"), 2);
    // And each role's session was fetched once.
    assert_eq!(stage.cloud().calls("sso:GetRoleCredentials"), 3);
}

#[test]
fn an_ended_sign_in_is_told_with_the_next_step() {
    let stage = Stage::new();
    sign_in(&stage);
    change_token(&stage, |token| {
        token["expiresAt"] = in_seconds(-10);
        token.as_object_mut().unwrap().remove("refreshToken");
    });
    snapshot!(stage, ["env", "lab/Developer"], @"
    success: false
    exit_code: 4
    ----- stdout -----

    ----- stderr -----
    error: no credentials from staff: the sign-in has ended
    hint: sign in: `xsw login staff`
    ");
    // A refresh token that was used already is none.
    change_token(&stage, |token| token["refreshToken"] = "used".into());
    assert!(stage.says(["env", "lab/Developer"]).failed(4).contains("xsw login staff"));
    // Whatever the service has against it, a new sign-in mends it.
    stage.cloud().plan("sso-oauth:CreateToken", 2, Fault::error(400, "InvalidRequestException"));
    assert!(stage.says(["env", "lab/Developer"]).failed(4).contains("xsw login staff"));
    sign_in(&stage);
    // Nobody ever signed in.
    std::fs::remove_file(stage.path(&token_file())).unwrap();
    snapshot!(stage, ["exec", "Sandbox/Developer", "--", "true"], @"
    success: false
    exit_code: 4
    ----- stdout -----

    ----- stderr -----
    error: no credentials from staff: nobody has signed in yet
    hint: sign in: `xsw login staff`
    ");
    // The cloud was not even asked.
    assert_eq!(stage.cloud().calls("sso:GetRoleCredentials"), 0);
}

#[test]
fn a_permission_set_that_is_not_assigned_is_refused() {
    let stage = Stage::new();
    staff(
        &stage,
        "[[accounts]]\nname = 'lab'\nid = '555555555555'\n[[accounts.roles]]\nname = 'Admin'\npermission_set = true\n\
         [[accounts.roles]]\nname = 'ReadOnly'\nalias = 'ro'\npermission_set = true\n",
    );
    sign_in(&stage);
    snapshot!(stage, ["env", "lab/Admin"], @"
    success: false
    exit_code: 3
    ----- stdout -----

    ----- stderr -----
    error: not allowed to sso:GetRoleCredentials on Admin in 555555555555: No access
    hint: the permission set is not assigned to you, or no longer; `xsw login staff` reads anew which ones are
    ");
    // The one that is in the file is not there twice.
    let listed = stage.says(["accounts", "--json"]).json();
    let names = |role: &Value| format!("{}/{}", role["account"].as_str().unwrap(), role["role"].as_str().unwrap());
    let names: Vec<String> = listed.as_array().unwrap().iter().map(names).collect();
    assert_eq!(names, ["lab/Admin", "lab/ReadOnly", "lab/Developer", "Sandbox/Developer"]);
    stage.says(["env", "ro"]).done();
}

#[test]
fn roles_are_chained_from_a_permission_set() {
    let stage = Stage::new();
    let deploy = "[[accounts.roles]]\nname = 'Deploy'\n";
    staff(
        &stage,
        &format!(
            "[[accounts]]\nname = 'lab'\nid = '555555555555'\n[[accounts.roles]]\nname = 'Developer'\n\
             permission_set = true\n{deploy}via = 'lab/Developer'\n"
        ),
    );
    sign_in(&stage);
    stage.says(["cat", "s3://lab-data/results.csv", "--as", "lab/Deploy"]).done();
    assert_eq!((stage.assumed(), stage.cloud().calls("sso:GetRoleCredentials")), (1, 1));
    assert!(stage.says(["whoami", "--source", "staff"]).done().contains("AWSReservedSSO_Developer_"));

    // The same with a permission set that is the source's own.
    staff(
        &stage,
        &format!(
            "sso_account_id = '555555555555'\nsso_role_name = 'Developer'\n[[accounts]]\nname = 'lab'\n\
             id = '555555555555'\n{deploy}"
        ),
    );
    stage.says(["cat", "s3://lab-data/results.csv", "--as", "lab/Deploy"]).done();
    assert_eq!((stage.assumed(), stage.cloud().calls("sso:GetRoleCredentials")), (2, 2));
    assert!(stage.says(["whoami", "--source", "staff"]).done().contains("AWSReservedSSO_Developer_"));
}

/// A file that names a sign-in and nothing else: the list is what it gives.
#[test]
fn a_sign_in_alone_is_a_profile_file() {
    let stage = Stage::new();
    staff(&stage, "");
    snapshot!(stage, ["accounts"], @"
    success: true
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    note: there are no roles yet
    hint: sign in: `xsw login staff`
    ");
    snapshot!(stage, ["ls"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: there are no roles yet
    hint: sign in: `xsw login staff`
    ");
    assert!(stage.says(["env", "anything"]).failed(2).contains("xsw login"));
    assert_eq!(stage.says(["accounts", "--json"]).json(), json!([]));
    assert!(stage.says(["check"]).done().contains("xsw login staff"));
    sign_in(&stage);
    snapshot!(stage, ["accounts"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    Laboratory  555555555555
      Developer
      ReadOnly
    Sandbox     666666666666
      Developer

    ----- stderr -----
    ");
    assert!(stage.says(["check"]).done().contains("ok   source staff: arn:aws:sts::555555555555:assumed-role/"));
}

/// The older and the newer way to write a sign-in in `~/.aws/config`; the credentials come through the SDK.
#[test]
fn an_aws_profile_that_leads_to_a_sign_in() {
    for (config, file) in [
        (
            "[profile dev]\nsso_session = corp\nsso_account_id = 555555555555\nsso_role_name = Developer\n\
             [sso-session corp]\nsso_start_url = https://demo.awsapps.com/start\nsso_region = ap-northeast-1\n",
            OF_CORP,
        ),
        (
            "[profile dev]\nsso_start_url = https://demo.awsapps.com/start\nsso_region = ap-northeast-1\n\
             sso_account_id = 555555555555\nsso_role_name = Developer\n",
            OF_START_URL,
        ),
    ] {
        let stage = Stage::new();
        stage.write(".aws/config", config);
        stage.write(
            PROFILE_FILE,
            "[sources.staff]\nprofile = 'dev'\n[[accounts]]\nname = 'lab'\nid = '555555555555'\n\
             [[accounts.roles]]\nname = 'Deploy'\n",
        );
        let url = stage.cloud().endpoint_url();
        let xsw = |words: &[&str]| {
            with_variables(stage.xsw(words), [("AWS_ENDPOINT_URL", &*url), ("AWS_REGION", "ap-northeast-1")])
        };
        let error = run(xsw(&["env", "lab/Deploy"])).failed(4);
        assert!(error.ends_with("hint: sign in: `xsw login staff`\n"), "{error}");
        let waiting = Waiting::start(xsw(&["login"]));
        get(&waiting.url);
        waiting.end().done();
        assert!(stage.holds(&TOKEN.replace("SHA", file)), "{:?}", stage.files(".aws"));
        run(xsw(&["env", "lab/Deploy"])).done();
        assert_eq!(stage.assumed(), 1);
        // What was discovered is there too, and its sessions come through the same sign-in.
        let who = run(xsw(&["whoami", "lab/ReadOnly"])).done();
        assert!(who.contains("AWSReservedSSO_ReadOnly_"), "{who}");
        // The account's own role and the permission set of another account.
        assert!(run(xsw(&["accounts"])).done().contains("Sandbox"));
        assert!(run(xsw(&["logout", "--all"])).err.contains("the sign-in to staff stays"));
        // It ends the same way, with all that it gave.
        assert_eq!(run(xsw(&["logout", "staff"])).done(), "signed out of staff\n");
        assert!(!stage.holds(&TOKEN.replace("SHA", file)) && stage.cloud().calls("sso:Logout") == 1);
        assert!(!run(xsw(&["accounts"])).done().contains("Sandbox"));
    }
}

/// Pages, throttling, and names that nobody would choose.
#[test]
fn a_long_list_is_read_to_its_end() {
    let mut center = IdentityCenter::new("https://demo.awsapps.com/start", "ap-northeast-1", "me");
    let ids: Vec<String> = (0..45).map(|number| format!("7000000000{number:02}")).collect();
    let everywhere: Vec<&str> = ids.iter().map(String::as_str).collect();
    center = center.permission_set(PermissionSet::new("ReadOnly"), &everywhere);
    for number in 0..25 {
        center = center.permission_set(PermissionSet::new(format!("Set{number:02}")), &everywhere[..1]);
    }
    let mut world = World::new().account(Account::new("111111111111").user(User::new("me"))).identity_center(center);
    for (number, id) in ids.iter().enumerate() {
        let name = if number < 2 { "Same \u{202e}name/\u{1b}[2J".to_owned() } else { format!("Account {number}") };
        world = world.account(Account::new(id).named(name));
    }
    let stage = Stage::of(world);
    staff(&stage, "");
    stage.cloud().plan("sso:ListAccountRoles", 3, Fault::error(429, "TooManyRequestsException"));
    let said = sign_in(&stage).out;
    assert!(said.ends_with(": 45 accounts, 70 roles\n"), "{said}");
    // Three pages; one for each account, a second one for the first, and three that were refused.
    let calls = |action: &str| stage.cloud().calls(action);
    assert_eq!((calls("sso:ListAccounts"), calls("sso:ListAccountRoles")), (3, 45 + 1 + 3));
    let listed = stage.says(["accounts", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 70);
    stage.says(["env", "Account-7/ReadOnly"]).done();
}

#[test]
fn what_is_no_sign_in_cannot_be_signed_in_to() {
    let stage = Stage::new();
    snapshot!(stage, ["login", "demo"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: the source demo is no sign-in of IAM Identity Center
    hint: there are: staff
    ");
    snapshot!(stage, ["login", "nobody"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: there is no source nobody
    hint: one can sign in to: staff
    ");
    stage.profile("[[accounts]]\nname = 'a'\nid = '111111111111'\n[[accounts.roles]]\nname = 'R'\n");
    snapshot!(stage, ["login"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: no source is a sign-in of IAM Identity Center
    hint: write one with sso_start_url and sso_region; config.example.toml shows how
    ");
}

/// `xsw demo login staff`, with nothing but a browser.
#[test]
fn the_demo_can_be_signed_in_to() {
    let home = Home::new();
    let waiting = Waiting::start(home.xsw(["demo", "login", "staff"]));
    get(&waiting.url);
    assert!(waiting.end().done().ends_with("2 accounts, 3 roles\n"));
    assert!(!home.holds(".aws"), "{:?}", home.files(""));
}

/// The screen lives long: credentials that the sign-in gave before may have been taken away.
#[test]
fn a_sign_in_that_is_kept_fetches_credentials_anew() {
    let stage = Stage::new();
    staff(
        &stage,
        "sso_account_id = '555555555555'\nsso_role_name = 'Developer'\n[[accounts]]\nname = 'lab'\n\
         id = '555555555555'\n[[accounts.roles]]\nname = 'Deploy'\n",
    );
    sign_in(&stage);
    let core = stage.core();
    let role = core.profile.find("lab/Deploy").unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let fetched = || stage.cloud().calls("sso:GetRoleCredentials");
        core.session(role, None).await.unwrap();
        core.renewed_session(role, None).await.unwrap();
        assert_eq!(fetched(), 1);
        let login = core.login("staff", xsw::ops::sign_in::How::DeviceCode, &|step| panic!("{step:?}"));
        assert!(!login.await.unwrap().is_new);
        core.renewed_session(role, None).await.unwrap();
        assert_eq!(fetched(), 2);
    });
}

/// The browser alone is told that the service has forgotten the client.
#[test]
fn a_forgotten_client_is_registered_anew_at_the_next_try() {
    let stage = Stage::new();
    let start = || Waiting::start(with_variables(stage.xsw(["login", "staff"]), [("BROWSER", "true")]));
    let registered = || stage.cloud().calls("sso-oauth:RegisterClient");
    let sign_in = || {
        let waiting = start();
        let (_, back, _) = get(&waiting.url);
        assert_eq!(get(&back.unwrap()).0, 200);
        waiting.end().done();
    };
    sign_in();
    stage.cloud().end_sign_ins();
    sign_in();
    assert_eq!(registered(), 1);
    stage.cloud().end_sign_ins();
    stage.cloud().forget_clients();
    let waiting = start();
    assert_eq!(get(&waiting.url).0, 401);
    run({
        let mut kill = stage.command("kill");
        kill.args(["-INT", &waiting.child.id().to_string()]);
        kill
    })
    .done();
    assert_eq!(waiting.end().code, Some(130));
    sign_in();
    assert_eq!(registered(), 2);
}

#[test]
fn signing_out_ends_it_everywhere() {
    let stage = Stage::new();
    sign_in(&stage);
    stage.says(["env", "lab/Developer"]).done();
    let secret = token(&stage)["accessToken"].as_str().unwrap().to_owned();
    let out = stage.says(["logout", "staff"]).done();
    let (first, second) = out.split_once('\n').unwrap();
    assert!(first.starts_with("forgot the session of lab/Developer (") && first.ends_with(" were left)"), "{out}");
    assert_eq!(second, "signed out of staff\n");
    assert_eq!(stage.says(["logout", "staff"]).done(), "nobody was signed in to staff\n");
    assert_eq!(stage.cloud().calls("sso:Logout"), 1);
    assert!(!stage.holds(&token_file()));
    assert!(!stage.says(["accounts"]).done().contains("Sandbox"));
    // The token opens nothing any more, wherever a copy of it may be.
    let url = stage.cloud().endpoint_url();
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let head = format!("GET /assignment/accounts HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    write!(stream, "{head}x-amz-sso_bearer_token: {secret}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

/// Every session goes, and what could make new ones is named.
#[test]
fn forgetting_all_sessions_names_the_sign_ins_that_stay() {
    let stage = Stage::new();
    sign_in(&stage);
    stage.says(["env", "lab/Developer"]).done();
    let said = stage.says(["logout", "--all"]);
    assert_eq!(said.out, "forgot 1 session\n");
    assert!(said.err.contains("note: the sign-in to staff stays: `xsw logout staff` ends it\n"), "{said:?}");
    stage.says(["logout", "staff"]).done();
    assert_eq!(stage.says(["logout", "--all"]).err, "");
}
