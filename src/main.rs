//! Reads the command line, opens the screen or runs a verb, and prints an error and its hint once.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;
use xsw::cli::{self, Arguments, Common, Context, Verb};
use xsw::config::{self, Origin};
use xsw::error::{Error, Result};
use xsw::local::environment::Environment;
use xsw::local::log;
use xsw::ops::{Core, MfaHint, sign_in};
use xsw::tui;

fn main() -> ExitCode {
    if cli::completions::answer(std::env::args_os()) {
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    let json = arguments.verb.as_ref().is_some_and(Verb::json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            cli::output::print_error(&error.into(), json);
            return ExitCode::FAILURE;
        }
    };
    let (json, outcome) = runtime.block_on(run(arguments));
    // Half files are taken away when their tasks are dropped, which needs a moment; a thread that waits for a lock or a
    // terminal must not hold up the end for longer.
    runtime.shutdown_timeout(Duration::from_millis(500));
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(Error::ReaderGone) => ExitCode::SUCCESS,
        Err(error) => {
            cli::output::print_error(&error, json);
            error.exit_code()
        }
    }
}

/// Runs what was asked for; tells beside the outcome whether errors are wanted as JSON.
async fn run(arguments: Arguments) -> (bool, Result<u8>) {
    #[cfg(feature = "demo")]
    if let Some(Verb::Demo { arguments: inner }) = arguments.verb {
        return demo(arguments.common, inner).await;
    }
    let json = arguments.verb.as_ref().is_some_and(Verb::json);
    let environment = Environment::process();
    if let Some(verb) = &arguments.verb
        && let Some(outcome) = cli::run_alone(verb, &environment, &arguments.common).await
    {
        return (json, outcome);
    }
    let hint = mfa_hint(&environment);
    let ready = ready(arguments.common, environment, hint);
    let outcome = match ready {
        Ok((context, notice)) => front_end(arguments.verb, context, notice).await,
        Err(error) => Err(error),
    };
    (json, outcome)
}

/// In the subshell of a demo its devices are to be seen too.
fn mfa_hint(environment: &Environment) -> MfaHint {
    #[cfg(feature = "demo")]
    if let Some(cloud) = environment.get("XSW_DEMO").map(str::to_owned) {
        return MfaHint::new(move |serial| xsw::demo::code_shown_at(&cloud, serial));
    }
    #[cfg(not(feature = "demo"))]
    let _ = environment;
    MfaHint::default()
}

/// The verb, or the screen, against the embedded cloud.
#[cfg(feature = "demo")]
async fn demo(common: Common, inner: Vec<std::ffi::OsString>) -> (bool, Result<u8>) {
    let words = std::iter::once("xsw demo".into()).chain(inner);
    let inner = Arguments::parse_from(words);
    let json = inner.verb.as_ref().is_some_and(Verb::json);
    let outcome = async {
        let visit = xsw::demo::Visit::start().await?;
        let given = |inner: Option<String>, outer: Option<String>| inner.or(outer);
        let common = Common {
            config: inner.common.config.or(common.config).or(Some(visit.profile_file())),
            region: given(inner.common.region, common.region),
            mfa_code: given(inner.common.mfa_code, common.mfa_code),
        };
        let notice = Some("a demo: four accounts in this process; try prod/S3Reader, and x on data/Analyst".into());
        let cloud = std::sync::Arc::clone(visit.cloud());
        let mfa_hint = MfaHint::new(move |serial| cloud.mfa_code(serial));
        let environment = visit.environment(Environment::process());
        if let Some(verb) = &inner.verb
            && let Some(outcome) = cli::run_alone(verb, &environment, &common).await
        {
            return outcome;
        }
        let (context, _) = ready(common, environment, mfa_hint)?;
        let opens_browser = matches!(&inner.verb, Some(Verb::Console { url: false, .. }));
        let outcome = front_end(inner.verb, context, notice).await;
        if opens_browser && outcome.is_ok() {
            // The cloud ends with us, and the browser has only been told the way to it.
            visit.cloud().until_signed_in(Duration::from_secs(10)).await;
        }
        outcome
    };
    (json, outcome.await)
}

/// Reads the profile file and makes everything that the front ends stand on.
fn ready(common: Common, environment: Environment, mfa_hint: MfaHint) -> Result<(Context, Option<String>)> {
    log::start(&environment.state_directory(), environment.get("XSW_LOG"));
    let mut config = config::load(&common.places(&environment))?;
    sign_in::add_discovered(&mut config.profile, &environment);
    let notice = match &config.origin {
        Origin::File(_) => None,
        Origin::AwsConfig(path) => {
            let left_out = match config.notes.len() {
                0 => String::new(),
                number => format!(", {number} left out (`xsw check` says why)"),
            };
            Some(format!(
                "these are the role profiles of {}{left_out}; `xsw import` makes a profile file",
                path.display()
            ))
        }
    };
    let core = Core::new(config.profile, environment, common.region.clone(), mfa_hint);
    Ok((Context { core, origin: config.origin, notes: config.notes, common, keys_file: None }, notice))
}

/// The keys of the screen lie beside the profile file.
fn keys_file(context: &Context) -> PathBuf {
    let profile_file = match &context.origin {
        Origin::File(path) => path.clone(),
        Origin::AwsConfig(_) => context.core.environment.default_config(),
    };
    profile_file.with_file_name("keys.toml")
}

async fn front_end(verb: Option<Verb>, context: Context, notice: Option<String>) -> Result<u8> {
    let core = std::sync::Arc::clone(&context.core);
    let outcome = verb_or_screen(verb, context, notice).await;
    core.come_to_ends().await;
    outcome
}

async fn verb_or_screen(verb: Option<Verb>, mut context: Context, notice: Option<String>) -> Result<u8> {
    let Some(verb) = verb else {
        if context.common.mfa_code.is_some() {
            return Err(Error::usage("--mfa-code goes with a verb; the screen asks for codes itself"));
        }
        if !(std::io::stdin().is_terminal() && std::io::stdout().is_terminal()) {
            return Err(Error::Usage {
                message: "the screen needs a terminal, and stdin or stdout is none".into(),
                hint: Some("use a verb: `xsw accounts`, `xsw ls`, `xsw exec`; `xsw --help` lists them".into()),
            });
        }
        if context.core.environment.get("TERM") == Some("dumb") {
            return Err(Error::Usage {
                message: "the screen needs a terminal that can move its cursor, and this one is dumb".into(),
                hint: Some("use a verb: `xsw accounts`, `xsw ls`, `xsw exec`; or set TERM to what it is".into()),
            });
        }
        let options = tui::Options { notice, keys: keys_file(&context) };
        return Ok(match tui::run(context.core, options).await? {
            tui::Ended::Quit => 0,
            tui::Ended::Signal(number) => 128 + number,
        });
    };
    if let Verb::Check { .. } = &verb {
        // The verbs know nothing of the screen, so it is looked at here.
        let path = keys_file(&context);
        context.keys_file = path.exists().then(|| tui::check_keys(&path).map(|()| path));
    }
    cli::run(verb, &context).await
}
