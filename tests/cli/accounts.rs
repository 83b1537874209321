//! `xsw accounts`, and how a ROLE is found.

use serde_json::json;

use crate::stage::{Stage, snapshot};

#[test]
fn accounts_and_roles_are_listed_without_asking_aws() {
    let stage = Stage::new();
    snapshot!(stage, ["accounts"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    hub    111111111111  development
      Jump       jump
      Developer  dev
    prod   222222222222  production
      S3Reader   reader
      Admin      admin
      Sprint     sprint
    audit  333333333333  audit
      ReadOnly   audit
      Partner    partner
    data   888888888888  development
      Analyst    analyst
      Lake       lake
      Vendor     vendor
      Copier     copier
      Auditor    auditor
      Owner      owner

    ----- stderr -----
    ");
    assert_eq!(stage.assumed(), 0);
}

#[test]
fn a_live_session_shows_the_time_that_it_has_left() {
    let stage = Stage::new();
    stage.says(["env", "dev"]).done();
    stage.says(["env", "reader"]).done();
    snapshot!(stage, ["accounts"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    hub    111111111111  development
      Jump       jump     [left]
      Developer  dev      [left]
    prod   222222222222  production
      S3Reader   reader   [left]
      Admin      admin
      Sprint     sprint
    audit  333333333333  audit
      ReadOnly   audit
      Partner    partner
    data   888888888888  development
      Analyst    analyst
      Lake       lake
      Vendor     vendor
      Copier     copier
      Auditor    auditor
      Owner      owner

    ----- stderr -----
    ");
}

/// DESIGN.md: `[{account, account_id, role, role_arn, alias, environment, source, session: {…} | null}]`
#[test]
fn accounts_as_json() {
    let stage = Stage::new();
    stage.says(["env", "sprint"]).done();
    let mut listed = stage.says(["accounts", "--json"]).json();
    let of = |place: usize| listed[place]["role"].as_str().unwrap().to_owned();
    assert_eq!(
        (0..7).map(of).collect::<Vec<_>>(),
        ["Jump", "Developer", "S3Reader", "Admin", "Sprint", "ReadOnly", "Partner"]
    );
    let mut session = listed[4]["session"].take();
    assert_eq!(
        listed[4],
        json!({
            "account": "prod",
            "account_id": "222222222222",
            "role": "Sprint",
            "role_arn": "arn:aws:iam::222222222222:role/Sprint",
            "alias": "sprint",
            "environment": "production",
            "source": "demo",
            "session": null,
        })
    );
    let left = session["seconds_left"].take().as_u64().unwrap();
    assert!((30..=60).contains(&left), "{left}");
    let expiration: jiff::Timestamp = session["expiration"].take().as_str().unwrap().parse().unwrap();
    assert!(expiration > jiff::Timestamp::now());
    assert_eq!(session, json!({ "expiration": null, "seconds_left": null }));
    // S3Reader is reached by way of hub/Jump: its source is where that chain starts.
    assert_eq!((&listed[2]["source"], &listed[2]["session"]), (&json!("demo"), &json!(null)));
}

#[test]
fn a_role_is_found_by_each_of_its_names() {
    let stage = Stage::new();
    for name in [
        "hub/Developer",
        "dev",
        "arn:aws:iam::111111111111:role/Developer",
        "111111111111/Developer",
        "Developer",
        "elope",
    ] {
        let env = stage.says(["env", name, "--format", "json"]).json();
        assert_eq!(env["XSW_ROLE"], "hub/Developer", "{name}");
    }
    assert_eq!(stage.assumed(), 1);
}

#[test]
fn a_name_that_fits_none_is_answered_with_what_was_meant() {
    let stage = Stage::new();
    snapshot!(stage, ["env", "prod/S3Raeder"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: no role matches `prod/S3Raeder`
    hint: did you mean `prod/S3Reader`?
    ");
    snapshot!(stage, ["whoami", "nobody-at-all"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: no role matches `nobody-at-all`
    hint: `xsw accounts` lists the roles; `xsw login staff` may bring more
    ");
    assert_eq!(stage.assumed(), 0);
}

#[test]
fn a_name_that_fits_several_lists_them() {
    let stage = Stage::new();
    snapshot!(stage, ["exec", "prod", "--", "true"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: `prod` matches 3 roles: prod/S3Reader, prod/Admin, prod/Sprint
    hint: write more of the name: account/role, the alias or the ARN
    ");
    snapshot!(stage, ["ls", "--as", "prod", "--json"], @r#"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    {"error":"`prod` matches 3 roles: prod/S3Reader, prod/Admin, prod/Sprint","hint":"write more of the name: account/role, the alias or the ARN","kind":"role_name"}
    "#);
    snapshot!(stage, ["ls"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: which role? There are several
    hint: name it with --as ROLE; `xsw accounts` lists them
    ");
}

/// Without a profile file, the role profiles of the AWS CLI are there.
#[test]
fn the_role_profiles_of_the_aws_cli_do_without_a_profile_file() {
    let stage = Stage::new();
    std::fs::remove_file(stage.path(crate::home::PROFILE_FILE)).unwrap();
    let url = stage.cloud().endpoint_url();
    stage.write(
        ".aws/config",
        format!(
            "[profile demo]\nregion = ap-northeast-1\n\n[profile builds]\nrole_arn = \
             arn:aws:iam::111111111111:role/Developer\nsource_profile = demo\nendpoint_url = {url}\n"
        ),
    );
    snapshot!(stage, ["accounts"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    111111111111  111111111111
      Developer  builds

    ----- stderr -----
    note: these are the role profiles of ~/.aws/config; xsw has no profile file yet
    ");
    let identity = stage.says(["whoami", "Developer", "--json"]).json();
    assert_eq!(identity["account_id"], "111111111111");
}

#[test]
fn without_any_profile_the_next_step_is_told() {
    let home = crate::home::Home::new();
    let said = crate::home::run(home.xsw(["accounts"]));
    let err = said.failed(2);
    assert!(err.starts_with("error: ") && err.contains("\nhint: "), "{err}");
}
