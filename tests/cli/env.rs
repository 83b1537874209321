//! `xsw env`: a session as settings, in every format, and what takes it back.

use crate::stage::{Stage, snapshot};

/// Session keys, secrets and tokens, taken out.
fn settings(stage: &Stage) -> insta::Settings {
    let mut settings = stage.filters();
    settings.add_filter(r"(?m)(AWS_SECRET_ACCESS_KEY[^\w/+]+)[\w/+=]{20,}", "$1[secret]");
    settings.add_filter(r"(?m)(AWS_SESSION_TOKEN[^\w/+]+)[\w/+=]{20,}", "$1[token]");
    settings
}

#[test]
fn every_format_is_what_its_reader_takes() {
    let stage = Stage::new();
    settings(&stage).bind(|| {
        insta_cmd::assert_cmd_snapshot!(stage.xsw(["env", "reader"]), @"
        success: true
        exit_code: 0
        ----- stdout -----
        export AWS_ACCESS_KEY_ID='ASIA[id]'
        export AWS_SECRET_ACCESS_KEY='[secret]'
        export AWS_SESSION_TOKEN='[token]'
        export AWS_REGION='ap-northeast-1'
        export AWS_DEFAULT_REGION='ap-northeast-1'
        export AWS_CREDENTIAL_EXPIRATION='[time]'
        export AWS_SESSION_EXPIRATION='[time]'
        export XSW_SESSION_EXPIRES_AT='[seconds]'
        export XSW_ROLE='prod/S3Reader'
        export XSW_ACCOUNT_ID='222222222222'
        export XSW_ROLE_ARN='arn:aws:iam::222222222222:role/S3Reader'
        unset AWS_PROFILE
        unset AWS_DEFAULT_PROFILE
        unset AWS_SECURITY_TOKEN
        unset AWS_ROLE_ARN
        unset AWS_ROLE_SESSION_NAME
        unset AWS_WEB_IDENTITY_TOKEN_FILE
        unset AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
        unset AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
        unset AWS_CONTAINER_CREDENTIALS_FULL_URI
        unset AWS_CONTAINER_AUTHORIZATION_TOKEN
        export AWS_ENDPOINT_URL='http://127.0.0.1:[port]'
        export XSW_ENDPOINT_URL='http://127.0.0.1:[port]'

        ----- stderr -----
        ");
        insta_cmd::assert_cmd_snapshot!(stage.xsw(["env", "reader", "--format", "fish"]), @"
        success: true
        exit_code: 0
        ----- stdout -----
        set -gx AWS_ACCESS_KEY_ID 'ASIA[id]'
        set -gx AWS_SECRET_ACCESS_KEY '[secret]'
        set -gx AWS_SESSION_TOKEN '[token]'
        set -gx AWS_REGION 'ap-northeast-1'
        set -gx AWS_DEFAULT_REGION 'ap-northeast-1'
        set -gx AWS_CREDENTIAL_EXPIRATION '[time]'
        set -gx AWS_SESSION_EXPIRATION '[time]'
        set -gx XSW_SESSION_EXPIRES_AT '[seconds]'
        set -gx XSW_ROLE 'prod/S3Reader'
        set -gx XSW_ACCOUNT_ID '222222222222'
        set -gx XSW_ROLE_ARN 'arn:aws:iam::222222222222:role/S3Reader'
        set -e AWS_PROFILE
        set -e AWS_DEFAULT_PROFILE
        set -e AWS_SECURITY_TOKEN
        set -e AWS_ROLE_ARN
        set -e AWS_ROLE_SESSION_NAME
        set -e AWS_WEB_IDENTITY_TOKEN_FILE
        set -e AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
        set -e AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
        set -e AWS_CONTAINER_CREDENTIALS_FULL_URI
        set -e AWS_CONTAINER_AUTHORIZATION_TOKEN
        set -gx AWS_ENDPOINT_URL 'http://127.0.0.1:[port]'
        set -gx XSW_ENDPOINT_URL 'http://127.0.0.1:[port]'

        ----- stderr -----
        ");
        insta_cmd::assert_cmd_snapshot!(stage.xsw(["env", "reader", "--format", "powershell"]), @"
        success: true
        exit_code: 0
        ----- stdout -----
        $Env:AWS_ACCESS_KEY_ID = 'ASIA[id]'
        $Env:AWS_SECRET_ACCESS_KEY = '[secret]'
        $Env:AWS_SESSION_TOKEN = '[token]'
        $Env:AWS_REGION = 'ap-northeast-1'
        $Env:AWS_DEFAULT_REGION = 'ap-northeast-1'
        $Env:AWS_CREDENTIAL_EXPIRATION = '[time]'
        $Env:AWS_SESSION_EXPIRATION = '[time]'
        $Env:XSW_SESSION_EXPIRES_AT = '[seconds]'
        $Env:XSW_ROLE = 'prod/S3Reader'
        $Env:XSW_ACCOUNT_ID = '222222222222'
        $Env:XSW_ROLE_ARN = 'arn:aws:iam::222222222222:role/S3Reader'
        $Env:AWS_PROFILE = $null
        $Env:AWS_DEFAULT_PROFILE = $null
        $Env:AWS_SECURITY_TOKEN = $null
        $Env:AWS_ROLE_ARN = $null
        $Env:AWS_ROLE_SESSION_NAME = $null
        $Env:AWS_WEB_IDENTITY_TOKEN_FILE = $null
        $Env:AWS_CONTAINER_CREDENTIALS_RELATIVE_URI = $null
        $Env:AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = $null
        $Env:AWS_CONTAINER_CREDENTIALS_FULL_URI = $null
        $Env:AWS_CONTAINER_AUTHORIZATION_TOKEN = $null
        $Env:AWS_ENDPOINT_URL = 'http://127.0.0.1:[port]'
        $Env:XSW_ENDPOINT_URL = 'http://127.0.0.1:[port]'

        ----- stderr -----
        ");
        insta_cmd::assert_cmd_snapshot!(stage.xsw(["env", "reader", "--format", "cmd"]), @r#"
        success: true
        exit_code: 0
        ----- stdout -----
        set "AWS_ACCESS_KEY_ID=ASIA[id]"
        set "AWS_SECRET_ACCESS_KEY=[secret]"
        set "AWS_SESSION_TOKEN=[token]"
        set "AWS_REGION=ap-northeast-1"
        set "AWS_DEFAULT_REGION=ap-northeast-1"
        set "AWS_CREDENTIAL_EXPIRATION=[time]"
        set "AWS_SESSION_EXPIRATION=[time]"
        set "XSW_SESSION_EXPIRES_AT=[seconds]"
        set "XSW_ROLE=prod/S3Reader"
        set "XSW_ACCOUNT_ID=222222222222"
        set "XSW_ROLE_ARN=arn:aws:iam::222222222222:role/S3Reader"
        set "AWS_PROFILE="
        set "AWS_DEFAULT_PROFILE="
        set "AWS_SECURITY_TOKEN="
        set "AWS_ROLE_ARN="
        set "AWS_ROLE_SESSION_NAME="
        set "AWS_WEB_IDENTITY_TOKEN_FILE="
        set "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="
        set "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="
        set "AWS_CONTAINER_CREDENTIALS_FULL_URI="
        set "AWS_CONTAINER_AUTHORIZATION_TOKEN="
        set "AWS_ENDPOINT_URL=http://127.0.0.1:[port]"
        set "XSW_ENDPOINT_URL=http://127.0.0.1:[port]"

        ----- stderr -----
        "#);
        insta_cmd::assert_cmd_snapshot!(stage.xsw(["env", "reader", "--format", "dotenv"]), @"
        success: true
        exit_code: 0
        ----- stdout -----
        AWS_ACCESS_KEY_ID=ASIA[id]
        AWS_SECRET_ACCESS_KEY=[secret]
        AWS_SESSION_TOKEN=[token]
        AWS_REGION=ap-northeast-1
        AWS_DEFAULT_REGION=ap-northeast-1
        AWS_CREDENTIAL_EXPIRATION=[time]
        AWS_SESSION_EXPIRATION=[time]
        XSW_SESSION_EXPIRES_AT=[seconds]
        XSW_ROLE=prod/S3Reader
        XSW_ACCOUNT_ID=222222222222
        XSW_ROLE_ARN=arn:aws:iam::222222222222:role/S3Reader
        AWS_ENDPOINT_URL=http://127.0.0.1:[port]
        XSW_ENDPOINT_URL=http://127.0.0.1:[port]

        ----- stderr -----
        ");
        insta_cmd::assert_cmd_snapshot!(stage.xsw(["env", "reader", "--format", "json"]), @r#"
        success: true
        exit_code: 0
        ----- stdout -----
        {
          "AWS_ACCESS_KEY_ID": "ASIA[id]",
          "AWS_CREDENTIAL_EXPIRATION": "[time]",
          "AWS_DEFAULT_REGION": "ap-northeast-1",
          "AWS_ENDPOINT_URL": "http://127.0.0.1:[port]",
          "AWS_REGION": "ap-northeast-1",
          "AWS_SECRET_ACCESS_KEY": "[secret]",
          "AWS_SESSION_EXPIRATION": "[time]",
          "AWS_SESSION_TOKEN": "[token]",
          "XSW_ACCOUNT_ID": "222222222222",
          "XSW_ENDPOINT_URL": "http://127.0.0.1:[port]",
          "XSW_ROLE": "prod/S3Reader",
          "XSW_ROLE_ARN": "arn:aws:iam::222222222222:role/S3Reader",
          "XSW_SESSION_EXPIRES_AT": "[seconds]"
        }

        ----- stderr -----
        "#);
    });
    assert_eq!(stage.assumed(), 2);
}

#[test]
fn what_takes_a_session_back_needs_no_role() {
    let stage = Stage::new();
    snapshot!(stage, ["env", "--unset"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    unset AWS_ACCESS_KEY_ID
    unset AWS_SECRET_ACCESS_KEY
    unset AWS_SESSION_TOKEN
    unset AWS_REGION
    unset AWS_DEFAULT_REGION
    unset AWS_CREDENTIAL_EXPIRATION
    unset AWS_SESSION_EXPIRATION
    unset XSW_SESSION_EXPIRES_AT
    unset XSW_ROLE
    unset XSW_ACCOUNT_ID
    unset XSW_ROLE_ARN
    unset AWS_CONTAINER_CREDENTIALS_FULL_URI
    unset AWS_CONTAINER_AUTHORIZATION_TOKEN
    unset AWS_ENDPOINT_URL
    unset XSW_ENDPOINT_URL

    ----- stderr -----
    ");
    snapshot!(stage, ["env", "--unset", "--format", "fish"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    set -e AWS_ACCESS_KEY_ID
    set -e AWS_SECRET_ACCESS_KEY
    set -e AWS_SESSION_TOKEN
    set -e AWS_REGION
    set -e AWS_DEFAULT_REGION
    set -e AWS_CREDENTIAL_EXPIRATION
    set -e AWS_SESSION_EXPIRATION
    set -e XSW_SESSION_EXPIRES_AT
    set -e XSW_ROLE
    set -e XSW_ACCOUNT_ID
    set -e XSW_ROLE_ARN
    set -e AWS_CONTAINER_CREDENTIALS_FULL_URI
    set -e AWS_CONTAINER_AUTHORIZATION_TOKEN
    set -e AWS_ENDPOINT_URL
    set -e XSW_ENDPOINT_URL

    ----- stderr -----
    ");
    snapshot!(stage, ["env", "--unset", "--format", "powershell"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    $Env:AWS_ACCESS_KEY_ID = $null
    $Env:AWS_SECRET_ACCESS_KEY = $null
    $Env:AWS_SESSION_TOKEN = $null
    $Env:AWS_REGION = $null
    $Env:AWS_DEFAULT_REGION = $null
    $Env:AWS_CREDENTIAL_EXPIRATION = $null
    $Env:AWS_SESSION_EXPIRATION = $null
    $Env:XSW_SESSION_EXPIRES_AT = $null
    $Env:XSW_ROLE = $null
    $Env:XSW_ACCOUNT_ID = $null
    $Env:XSW_ROLE_ARN = $null
    $Env:AWS_CONTAINER_CREDENTIALS_FULL_URI = $null
    $Env:AWS_CONTAINER_AUTHORIZATION_TOKEN = $null
    $Env:AWS_ENDPOINT_URL = $null
    $Env:XSW_ENDPOINT_URL = $null

    ----- stderr -----
    ");
    snapshot!(stage, ["env", "--unset", "--format", "cmd"], @r#"
    success: true
    exit_code: 0
    ----- stdout -----
    set "AWS_ACCESS_KEY_ID="
    set "AWS_SECRET_ACCESS_KEY="
    set "AWS_SESSION_TOKEN="
    set "AWS_REGION="
    set "AWS_DEFAULT_REGION="
    set "AWS_CREDENTIAL_EXPIRATION="
    set "AWS_SESSION_EXPIRATION="
    set "XSW_SESSION_EXPIRES_AT="
    set "XSW_ROLE="
    set "XSW_ACCOUNT_ID="
    set "XSW_ROLE_ARN="
    set "AWS_CONTAINER_CREDENTIALS_FULL_URI="
    set "AWS_CONTAINER_AUTHORIZATION_TOKEN="
    set "AWS_ENDPOINT_URL="
    set "XSW_ENDPOINT_URL="

    ----- stderr -----
    "#);
    snapshot!(stage, ["env", "--unset", "--format", "json"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: json cannot say that a variable is to be unset
    hint: choose a shell's format: --format sh
    ");
    assert_eq!(stage.assumed(), 0);
}

#[test]
fn a_shell_that_reads_them_holds_the_session_and_gives_it_back() {
    let stage = Stage::new();
    let script = "export AWS_PROFILE=stale; eval \"$(xsw env dev)\" && xsw whoami && echo \"${AWS_PROFILE-gone} \
                  $AWS_REGION\" && eval \"$(xsw env --unset)\" && echo \"${AWS_SECRET_ACCESS_KEY-none}\"";
    let out = stage.line(script).done();
    assert!(out.contains("assumed-role/Developer/") && out.ends_with("gone ap-northeast-1\nnone\n"), "{out}");
}

#[test]
fn without_a_role_there_is_nothing_to_print() {
    let stage = Stage::new();
    let said = stage.says(["env"]);
    assert_eq!((said.code, &*said.out), (Some(2), ""), "{said:?}");
}
