//! What is a policy, and where one is wrong.

use crate::domain::policy::{Clause, Policy, PrincipalPattern};

fn parsed(statement: &str) -> Result<Policy, String> {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
    Policy::parse(&text).map_err(|error| error.to_string())
}

#[test]
fn errors_name_the_element() {
    let rows = [
        (r#"not json"#, "not valid JSON, at line 1, column 2 of the policy"),
        (r#"[]"#, "a JSON object is expected, at the top of the policy"),
        (r#"{"Version":"2012-10-17"}"#, "the element Statement is missing, at the top of the policy"),
        (r#"{"Statement":[]}"#, "a statement or a list of statements is expected, at Statement of the policy"),
        (
            r#"{"Version":"2013-10-17","Statement":[]}"#,
            "\"2012-10-17\" or \"2008-10-17\" is expected, at Version of the policy",
        ),
        (
            r#"{"Statements":[]}"#,
            "an unknown element; known are Version, Id, Statement, at the top.Statements of the policy",
        ),
        (r#"{"Statement":{"Action":"*"}}"#, "the element Effect is missing, at Statement of the policy"),
        (r#"{"Statement":{"Effect":"allow"}}"#, "\"Allow\" or \"Deny\" is expected, at Statement.Effect of the policy"),
        (r#"{"Statement":[{"Effect":"Allow"}]}"#, "the element Action is missing, at Statement[0] of the policy"),
    ];
    for (text, expected) in rows {
        assert_eq!(Policy::parse(text).unwrap_err().to_string(), expected, "{text}");
    }
    let rows = [
        (r#"{"Effect":"Allow","Action":"s3"}"#, "\"s3\" is no action"),
        (r#"{"Effect":"Allow","Action":[]}"#, "a text or a list of texts is expected, at Statement[0].Action"),
        (r#"{"Effect":"Allow","Action":[1]}"#, "a text or a list of texts is expected, at Statement[0].Action"),
        (r#"{"Effect":"Allow","Action":"*","NotAction":"*"}"#, "Action and NotAction exclude each other"),
        (r#"{"Effect":"Allow","Action":"*","Resource":"bucket"}"#, "\"bucket\" is neither an ARN nor \"*\""),
        (r#"{"Effect":"Allow","Action":"*","Principal":"me"}"#, "\"*\" or an object such as"),
        (r#"{"Effect":"Allow","Action":"*","Principal":{"AWS":"me"}}"#, "\"me\" is no account id and no ARN"),
        (
            r#"{"Effect":"Allow","Action":"*","Principal":{"AWS":"arn:aws:iam::111111111111:user/*"}}"#,
            "has a wildcard, which a principal cannot have",
        ),
        (r#"{"Effect":"Allow","Action":"*","Principal":{"Who":"x"}}"#, "is expected, at Statement[0].Principal.Who"),
        (
            r#"{"Effect":"Allow","Action":"*","Condition":{"StringIs":{"a":"b"}}}"#,
            "an unknown condition operator, at Statement[0].Condition.StringIs",
        ),
        (
            r#"{"Effect":"Allow","Action":"*","Condition":{"Bool":{"a":{}}}}"#,
            "a text, a number, true or false is expected, at Statement[0].Condition.Bool.a",
        ),
        (r#"{"Effect":"Allow","Action":"*","Sid":7}"#, "a text is expected, at Statement[0].Sid"),
    ];
    for (statement, expected) in rows {
        let error = parsed(statement).unwrap_err();
        assert!(error.contains(expected), "{statement}: {error}");
    }
}

#[test]
fn an_identity_policy_has_resources_and_no_principal() {
    let identity = parsed(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#).unwrap();
    let trust = parsed(r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"}"#).unwrap();
    let bucket = parsed(r#"{"Effect":"Allow","Action":"s3:*","Principal":"*","Resource":"*"}"#).unwrap();
    let checks = |policy: &Policy| {
        [policy.check_identity().is_ok(), policy.check_trust().is_ok(), policy.check_bucket().is_ok()]
    };
    assert_eq!(checks(&identity), [true, false, false]);
    assert_eq!(checks(&trust), [false, true, false]);
    assert_eq!(checks(&bucket), [false, false, true]);
}

#[test]
fn an_account_is_named_in_two_ways() {
    let text =
        r#"{"Effect":"Allow","Action":"*","Principal":{"AWS":["111111111111","arn:aws:iam::111111111111:root"]}}"#;
    let policy = parsed(text).unwrap();
    let account = PrincipalPattern::Account("111111111111".to_owned());
    assert_eq!(policy.statements[0].principal, Some(Clause::Any(vec![account.clone(), account])));
}

#[test]
fn principals_that_are_no_more_or_in_no_account_name_nobody() {
    for name in ["AROAEXAMPLEEXAMPLE123", "AIDAEXAMPLEEXAMPLE123", "arn:aws:iam::cloudfront:user/CloudFront Origin E1"]
    {
        let text = format!(r#"{{"Effect":"Allow","Action":"*","Principal":{{"AWS":["{name}","111111111111"]}}}}"#);
        let known = PrincipalPattern::Account("111111111111".to_owned());
        let unknown = PrincipalPattern::Arn(name.to_owned());
        assert_eq!(parsed(&text).unwrap().statements[0].principal, Some(Clause::Any(vec![unknown, known])));
    }
    assert!(parsed(r#"{"Effect":"Allow","Action":"*","Principal":{"AWS":"AROA-short"}}"#).is_err());
}
