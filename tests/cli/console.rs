//! `xsw console`: the browser is signed in, and only the browser.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::home::run;
use crate::stage::{Stage, snapshot, with_variables};
use xsw::demo::Fault;

/// A browser that follows the address, keeps the words it was started with, and saves the page that it sees.
fn browser(stage: &Stage) -> String {
    let script = "#!/bin/sh\nprintf '%s\\n' \"$@\" >\"$HOME/words\"\n\
                  curl -sS --noproxy '*' -L -o \"$HOME/page.tmp\" \"$1\" 2>\"$HOME/curl\"\nmv \"$HOME/page.tmp\" \"$HOME/page\"\n";
    let path = stage.write("browser.sh", script);
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    path.to_string_lossy().into_owned()
}

fn page(stage: &Stage) -> String {
    let since = Instant::now();
    while !stage.holds("page") {
        assert!(since.elapsed() < Duration::from_secs(20), "the browser saw no page");
        std::thread::sleep(Duration::from_millis(20));
    }
    String::from_utf8(stage.read("page")).unwrap()
}

/// The page that the login URL leads to.
fn visit(stage: &Stage, url: &str) -> String {
    stage.line(&format!("curl -sS --noproxy '*' '{url}'")).done()
}

#[test]
fn the_browser_is_signed_in_and_its_words_hold_no_secret() {
    let stage = Stage::new();
    let browser = browser(&stage);
    let variables = [("BROWSER", &*browser), ("XSW_LOG", "trace"), ("RUST_LOG", "trace")];
    let said = run(with_variables(stage.xsw(["console", "reader", "--service", "s3"]), variables));
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!((&*said.out, &*said.err), ("", "note: the console of prod/S3Reader is open in the browser\n"));
    let page = page(&stage);
    assert!(page.contains("assumed-role/S3Reader/me@"), "{page}");
    assert!(page.contains("https://ap-northeast-1.console.aws.amazon.com/s3/home?region=ap-northeast-1"), "{page}");
    let words = String::from_utf8(stage.read("words")).unwrap();
    assert!(words.starts_with("http://127.0.0.1:") && words.trim_end().len() < 100, "{words}");
    assert!(!words.contains("SigninToken"), "{words}");
    let log = stage.log();
    assert!(log.contains("assumed") && !log.contains("SigninToken") && !log.contains("127.0.0.1"), "{log}");
    // Once is all.
    let again = stage.line(&format!("curl -sS --noproxy '*' '{}'", words.trim()));
    assert_eq!(again.code, Some(7), "{again:?}");
}

#[test]
fn the_url_is_printed_alone_and_signs_in_for_fifteen_minutes() {
    let stage = Stage::new();
    for (words, destination) in [
        (vec!["console", "dev", "--url"], "/console/home?region=ap-northeast-1"),
        (vec!["console", "dev", "--url", "--service", "cw"], "/cloudwatch/home?region=ap-northeast-1"),
        (
            vec!["console", "dev", "--url", "--region", "eu-west-1", "--service", "ec2"],
            "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1",
        ),
    ] {
        let url = stage.says(&words).done();
        let page = visit(&stage, url.trim_end());
        assert!(page.contains(destination) && page.contains("assumed-role/Developer/"), "{words:?}: {page}");
        // The session's own keys are in no address.
        assert!(!url.contains("ASIA") && !url.contains("SessionDuration"), "{url}");
        stage.cloud().set_clock_offset(14 * 60);
        assert!(visit(&stage, url.trim_end()).contains(destination));
        stage.cloud().set_clock_offset(15 * 60);
        assert!(visit(&stage, url.trim_end()).contains("expired SigninToken"));
        stage.cloud().set_clock_offset(0);
    }
    assert_eq!(stage.assumed(), 1);
}

#[test]
fn a_session_that_aws_has_ended_is_renewed_once() {
    let stage = Stage::new();
    stage.says(["env", "reader"]).done();
    stage.cloud().expire_sessions();
    let url = stage.says(["console", "reader", "--url"]).done();
    assert!(visit(&stage, url.trim_end()).contains("assumed-role/S3Reader/"));
    assert_eq!(stage.cloud().calls("signin:getSigninToken"), 2);
    // When a new session is not taken either, there is something else.
    stage.cloud().plan("signin:getSigninToken", 9, Fault::error(400, "Invalid credentials parameter"));
    let complaint = stage.says(["console", "reader", "--url"]).failed(1);
    assert!(complaint.contains("does not sign a new session of prod/S3Reader in"), "{complaint}");
    assert_eq!(stage.cloud().calls("signin:getSigninToken"), 4);
}

#[test]
fn an_mfa_role_is_signed_in_with_its_code() {
    let stage = Stage::new();
    let code = stage.mfa_code();
    let url = stage.says(["console", "admin", "--url", "--mfa-code", &code]).done();
    assert!(visit(&stage, url.trim_end()).contains("assumed-role/Admin/"));
    stage.cloud().expire_sessions();
    stage.says(["console", "admin", "--url"]).failed(4);
}

#[test]
fn what_cannot_be_says_why() {
    let stage = Stage::new();
    snapshot!(stage, ["console", "reader", "--service", "S3 Buckets"], @r#"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: "S3 Buckets" is no service of the console
    hint: name it as the console's address does: s3, ec2, cloudwatch, lambda
    "#);
    snapshot!(stage, ["console"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: which role? There are several
    hint: name it: xsw console ROLE; `xsw accounts` lists them
    ");
    snapshot!(stage, ["console", "reader", "--region", "cn-north-1", "--url"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: the region cn-north-1 is not in the partition aws, in which this role is
    hint: name one of its regions with --region
    ");
    snapshot!(stage, ["console", "reader"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: no browser could be opened: this machine has no screen, and BROWSER is not set
    hint: `xsw console ROLE --url` prints the address for a browser elsewhere; it is a secret
    ");
    stage.cloud().plan("signin:getSigninToken", 1, Fault::error(503, "The console is being mended"));
    snapshot!(stage, ["console", "reader", "--url"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: signin:GetSigninToken failed: HTTP 503: Error The console is being mended
    ");
    stage.says(["console", "partner", "--url"]).failed(3);
}

#[test]
fn a_guarded_account_is_not_opened_unasked() {
    let stage = Stage::with(
        "[[accounts]]\nname = \"hub\"\nid = \"111111111111\"\nconfirm = true\n[[accounts.roles]]\nname = \"Developer\"\n",
    );
    let complaint = stage.says(["console", "hub/Developer", "--url"]).failed(2);
    assert!(complaint.contains("guarded"), "{complaint}");
    assert_eq!(stage.assumed(), 0);
    stage.says(["console", "hub/Developer", "--url", "--yes"]).done();
}

#[test]
fn in_a_subshell_the_console_is_that_of_its_role() {
    let stage = Stage::new();
    let command = with_variables(stage.xsw(["console", "--url"]), [("XSW_ROLE", "prod/S3Reader")]);
    let url = run(command).done();
    assert!(visit(&stage, url.trim_end()).contains("assumed-role/S3Reader/"));
}

/// `AWS_ENDPOINT_URL_SIGNIN` beats what the profile file says.
#[test]
fn the_endpoint_can_be_elsewhere_and_may_not_lead_away() {
    let stage = Stage::new();
    let command =
        with_variables(stage.xsw(["console", "dev", "--url"]), [("AWS_ENDPOINT_URL_SIGNIN", "http://127.0.0.1:9")]);
    let complaint = run(command).failed(1);
    assert!(complaint.contains("cannot reach http://127.0.0.1:9/federation"), "{complaint}");
}

#[test]
fn the_demo_shows_its_console_before_it_ends() {
    let stage = Stage::new();
    let browser = browser(&stage);
    let mut command = stage.xsw(["demo", "console", "reader"]);
    command.env("BROWSER", browser).stdout(Stdio::null());
    let said = run(command);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(page(&stage).contains("assumed-role/S3Reader/"));
}

/// The tests above are worth no more than what the embedded cloud checks.
#[test]
fn only_a_living_role_session_gets_a_sign_in_token() {
    let stage = Stage::new();
    let url = stage.cloud().endpoint_url();
    let ask = |how: &str, id: &str, key: &str, token: &str| {
        let session = serde_json::json!({ "sessionId": id, "sessionKey": key, "sessionToken": token });
        let line = format!(
            "curl -sS --noproxy '*' -w '%{{http_code}}' {how} --data-urlencode Action=getSigninToken \
             --data-urlencode 'Session={session}' {url}/federation"
        );
        stage.line(&line).done()
    };
    let env = stage.says(["env", "dev", "--format", "json"]).json();
    let value = |name: &str| env[name].as_str().unwrap();
    let (id, key) = (value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"));
    let token = value("AWS_SESSION_TOKEN");
    for how in ["", "-G"] {
        let answer = ask(how, id, key, token);
        assert!(answer.starts_with("{\"SigninToken\":\"") && answer.ends_with("200"), "{answer}");
    }
    let (user, secret) = crate::secrets::long_lived_keys(&stage);
    for (id, key, token) in
        [(id, "wrong", token), (id, key, "wrong"), ("ASIANOBODY", key, token), (&*user, &*secret, "")]
    {
        let answer = ask("", id, key, token);
        assert!(answer.contains("Invalid credentials") && answer.ends_with("400"), "{answer}");
    }
    stage.cloud().expire_sessions();
    assert!(ask("", id, key, token).ends_with("400"));
    let login = |query: &str| stage.line(&format!("curl -sS --noproxy '*' '{url}/federation?{query}'")).done();
    assert!(
        login("Action=login&SigninToken=x&Destination=https%3A%2F%2Fconsole.aws.amazon.com%2F").contains("SigninToken")
    );
    assert!(login("Action=other").contains("Invalid Action"));
}
