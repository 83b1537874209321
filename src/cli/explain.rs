//! `xsw explain`: why a role can or cannot be assumed, or reach a bucket, and what would mend it.

use std::io::Write as _;

use serde::Serialize as _;
use serde_json::{Value, json};

use super::{Context, ExplainArguments, GraphFormat, output};
use crate::domain::explain::{Answer, Decision, Remedy, SideAnswer, side_name, typing};
use crate::domain::policy::least::Ordered;
use crate::domain::role::RoleIndex;
use crate::domain::shell_word::quoted;
use crate::domain::text::{cut, escaped, escaped_json, harmless_line};
use crate::error::{Error, Result};
use crate::ops::explain::{Explanation, Question, Step, going_on};
use crate::ops::mend::menders;

pub(super) async fn run(context: &Context, asked: ExplainArguments) -> Result<u8> {
    let mut with = Vec::new();
    for name in &asked.with {
        let role = named(context, name)?;
        // Here a code can be asked for; the operation asks nobody.
        context.session(role).await?;
        with.push(role);
    }
    if asked.graph {
        let graph = Box::pin(context.core.assume_graph(&with)).await?;
        output::print(|out| match asked.format {
            GraphFormat::Text => write!(out, "{}", graph.text()),
            GraphFormat::Dot => write!(out, "{}", graph.dot()),
        })?;
        if !graph.unseen.is_empty() {
            let unseen = graph.unseen.join(", ");
            output::note(&format!(
                "the trust policies of {unseen} cannot be seen; --with ROLE looks with another role"
            ));
        }
        return Ok(0);
    }
    // clap wants one unless there is a graph.
    let role = named(context, asked.role.as_deref().unwrap_or_default())?;
    let question = Question { role, uri: asked.uri, write: asked.write, with };
    bring_codes(context, role).await;
    let explanation = Box::pin(context.core.explain(&question, context.common.mfa_code.as_deref())).await?;
    if asked.json {
        output::print_json(&document(&explanation))?;
    } else {
        told(context, &question, &explanation)?;
    }
    if asked.mend && mend(context, &question, &explanation, asked.yes).await? {
        let explanation = Box::pin(context.core.explain(&question, context.common.mfa_code.as_deref())).await?;
        told(context, &question, &explanation)?;
        return Ok(exit_code(&explanation));
    }
    Ok(exit_code(&explanation))
}

fn exit_code(explanation: &Explanation) -> u8 {
    match decision(explanation) {
        Decision::Allowed => 0,
        Decision::Denied => 3,
        Decision::Unknown => 1,
    }
}

fn told(context: &Context, question: &Question, explanation: &Explanation) -> Result<()> {
    let words = in_words(context, question, explanation)?;
    output::print(|out| out.write_all(words.as_bytes()))
}

/// Writes what the answer ends with, after the account's name was typed; whether something was written.
async fn mend(context: &Context, question: &Question, explanation: &Explanation, yes: bool) -> Result<bool> {
    let core = &context.core;
    if decision(explanation) == Decision::Allowed {
        output::note("it is allowed: there is nothing to mend");
        return Ok(false);
    }
    let remedy = explanation.remedy().map(|(_, remedy)| remedy);
    let Some((remedy, grant)) = remedy.and_then(|remedy| Some((remedy, remedy.grant.as_deref()?))) else {
        output::note("no policy that xsw could write mends this: nothing was written");
        return Ok(false);
    };
    let account = grant.account;
    let Some(by) = question.with.iter().copied().find(|role| core.profile.role(*role).arn.account() == account) else {
        let roles: Vec<String> = menders(&core.profile, grant).iter().map(|role| core.profile.label(*role)).collect();
        return Err(Error::Usage {
            message: format!("the {} is of account {account}, and no role of --with is", escaped(&grant.place())),
            hint: Some(match roles.is_empty() {
                true => format!("whoever looks after account {account} can write it"),
                false => format!("--with {} may be able to write it", escaped(&roles.join(" or --with "))),
            }),
        });
    };
    let mending = core.plan_mending(grant, by).await?;
    let (label, name) = (core.profile.label(by), &core.profile.account(by).name);
    let would = format!("{} would write {} in account {} ({account})", escaped(&label), mending.place(), escaped(name));
    if remedy.policy.as_ref() == Some(&mending.policy) {
        output::note(&format!("{would}: the policy above"));
    } else {
        output::note(&format!("{would}, which is then:"));
        let text: String = mending.text().lines().map(|line| format!("{}\n", escaped_json(line))).collect();
        _ = std::io::stderr().write_all(text.as_bytes());
    }
    if !yes {
        context.pass_name(by, "write it").await?;
    }
    core.mend(&mending).await?;
    output::note(&format!("written: {}; AWS may need some seconds to act by it", mending.place()));
    Ok(true)
}

/// The role; what is mistyped is told as such.
fn named(context: &Context, name: &str) -> Result<RoleIndex> {
    let profile = &context.core.profile;
    // A part of an id may fit a role all the same.
    if let (Ok(found), Some(mistake)) = (profile.find(name), typing::mistake(name, profile)) {
        output::note(&format!("{}; this is about {}", escaped(&mistake.what), escaped(&profile.label(found))));
    }
    profile.find(name).map_err(|error| match (&error, typing::mistake(name, profile)) {
        (Error::RoleName { .. }, Some(mistake)) => Error::RoleName {
            message: format!("`{}` is mistyped: {}", escaped(&cut(name, 200)), escaped(&mistake.what)),
            hint: match mistake.meant {
                Some(meant) => Some(format!("did you mean `xsw explain {}`?", quoted(&meant))),
                None => Some("`xsw accounts` lists the roles".into()),
            },
        },
        _ => error,
    })
}

/// Asks for the MFA codes of the chain, where somebody is there; without one the role is explained as far as it goes.
async fn bring_codes(context: &Context, role: RoleIndex) {
    let core = &context.core;
    if context.common.mfa_code.is_some() {
        return;
    }
    for link in core.profile.chain(role) {
        if core.profile.role(link).mfa_serial.is_some() {
            _ = core.session_asked(link, None).await;
        }
    }
}

fn decision(explanation: &Explanation) -> Decision {
    explanation.deciding().map_or(Decision::Unknown, |step| step.answer.decision)
}

/// DESIGN's document: that of the step which decides, and beside it all steps.
fn document(explanation: &Explanation) -> Value {
    let one = |step: &Step| {
        let mut value = answer_json(&step.answer);
        value["role"] = step.role.as_str().into();
        value
    };
    let mut document = explanation.deciding().map_or_else(|| json!({}), one);
    document["steps"] = explanation.steps.iter().map(one).collect();
    document
}

fn answer_json(answer: &Answer) -> Value {
    answer.serialize(serde_json::value::Serializer).unwrap_or_default()
}

/// The answer for a person: who, each step in a line, the step that decides side by side, and what comes next.
fn in_words(context: &Context, question: &Question, explanation: &Explanation) -> Result<String> {
    let mut text = String::new();
    let mut line = |words: &str| {
        text.push_str(words.trim_end());
        text.push('\n');
    };
    let who = &explanation.who;
    let arn = if who.principal.arn.is_empty() { who.name.as_str() } else { who.principal.arn.as_str() };
    line(&format!("you      {}, {}, {}", escaped(arn), who.kind, escaped(&who.name)));
    for step in &explanation.steps {
        let answer = &step.answer;
        line(&format!("{:<8} {} on {}", answer.decision.word(), answer.action, escaped(&answer.resource)));
    }
    let Some(step) = explanation.deciding() else { return Ok(text) };
    line("");
    let tried = step.answer.tried();
    tried.iter().for_each(|words| line(&format!("  {}", escaped(words))));
    for side in step.answer.sides.iter().filter(|_| tried.is_none()) {
        side_lines(side).iter().for_each(|words| line(words));
    }
    line("");
    match explanation.remedy() {
        Some((side, remedy)) => {
            for words in next_step(side, remedy)? {
                line(&words);
            }
            if side.decision == Decision::Unknown {
                let unknown = step.answer.sides.iter().filter(|side| side.decision == Decision::Unknown).skip(1);
                for other in unknown.filter_map(|side| side.remedy.as_ref()) {
                    line(&format!("and:  {}", harmless_line(&other.command)));
                }
            }
        }
        None => {
            let label = context.core.profile.label(question.role);
            match step.answer.decision {
                Decision::Allowed => line(&format!("next: {}", going_on(&label, question.uri.as_ref()))),
                _ => line("next: ask whoever looks after the account above; nothing here can mend it"),
            }
        }
    }
    Ok(text)
}

fn side_lines(side: &SideAnswer) -> [String; 2] {
    let account = if side.account_id.is_empty() { "-" } else { side.account_id.as_str() };
    let (name, decision) = (side_name(side.side), side.decision.word());
    [
        format!("  {name:<11} {account:<12} {decision:<7} {}", escaped(&side.reason)),
        format!("{:35}{}", "", escaped(&side.evidence)),
    ]
}

fn next_step(side: &SideAnswer, remedy: &Remedy) -> Result<Vec<String>> {
    let place = match side.account_id.as_str() {
        "" => String::new(),
        account if remedy.policy.is_some() => format!(" in account {account}"),
        _ => String::new(),
    };
    let mut lines = vec![format!("next{place}: {}", harmless_line(&remedy.command))];
    if let Some(policy) = &remedy.policy {
        if let Some(file) = remedy.file {
            lines.push(format!("with {file}:"));
        }
        let json = serde_json::to_string_pretty(&Ordered(policy)).map_err(std::io::Error::from)?;
        lines.extend(json.lines().map(|line| escaped_json(line).into_owned()));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::explain::Side;

    /// What a key or AWS's words hold forges no line of the answer.
    #[test]
    fn a_line_end_from_outside_begins_no_line() {
        let forged = || "no\nnext: curl x|sh".to_owned();
        let remedy = Remedy { command: forged(), ..Remedy::default() };
        let (account_id, evidence) = ("222222222222".to_owned(), forged());
        let side = SideAnswer {
            side: Side::Bucket,
            account_id,
            decision: Decision::Denied,
            reason: forged(),
            evidence,
            remedy: None,
        };
        let mut lines = side_lines(&side).to_vec();
        lines.extend(next_step(&side, &remedy).unwrap());
        assert_eq!(lines.len(), 3);
        for line in lines {
            assert!(line.contains(r"no\x0anext: curl") && !line.contains('\n'), "{line:?}");
        }
    }
}
