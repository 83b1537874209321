//! Opening the user's web browser, for `login` and `console`.

use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::environment::Environment;

/// Long enough for a program that finds no browser to say so.
const PATIENCE: Duration = Duration::from_millis(500);

/// Opens `url`, detached and silent. Whoever may see this machine's processes sees the address.
///
/// `$BROWSER` comes first: commands separated by `:` (`;` on Windows), of which the first that does not give up at once
/// is taken; `%s` in one is the address, which else comes last. Without it, what the platform opens addresses with.
///
/// # Errors
/// When nothing could be started, and on a machine without a screen.
pub async fn open(url: &str, environment: &Environment) -> io::Result<()> {
    let commands = match environment.get("BROWSER") {
        Some(browsers) => {
            let separator = if cfg!(windows) { ';' } else { ':' };
            browsers.split(separator).filter_map(|browser| command(browser, url)).collect()
        }
        None if has_no_screen(environment) => {
            return Err(io::Error::new(io::ErrorKind::NotFound, "this machine has no screen, and BROWSER is not set"));
        }
        None => open::commands(url),
    };
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "BROWSER names none");
    for command in commands {
        match start(command.into()).await {
            Ok(()) => return Ok(()),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Whether a browser started here would be seen: not over SSH, unless somebody names one in `$BROWSER`.
pub fn is_seen(environment: &Environment) -> bool {
    environment.get("BROWSER").is_some() || !has_no_screen(environment) && environment.get("SSH_CONNECTION").is_none()
}

/// One command of `$BROWSER`, its words separated by blanks.
fn command(browser: &str, url: &str) -> Option<Command> {
    let mut words = browser.split_whitespace();
    let mut command = Command::new(words.next()?);
    let mut has_url = false;
    for word in words {
        has_url |= word.contains("%s");
        command.arg(word.replace("%s", url));
    }
    if !has_url {
        command.arg(url);
    }
    Some(command)
}

async fn start(mut command: tokio::process::Command) -> io::Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C here must not end it.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command.spawn()?;
    match tokio::time::timeout(PATIENCE, child.wait()).await {
        Ok(status) if status.as_ref().is_ok_and(ExitStatus::success) => Ok(()),
        Ok(status) => Err(io::Error::other(format!("the browser ended with {}", status?))),
        // It runs on; the runtime hears of its end, so that it does not stay in the list of processes.
        Err(_) => Ok(()),
    }
}

/// On other platforms there always is one. WSL opens the browser of Windows.
fn has_no_screen(environment: &Environment) -> bool {
    let screens = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "WSL_INTEROP"];
    cfg!(all(unix, not(target_os = "macos"))) && screens.iter().all(|name| environment.get(name).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_may_have_arguments() {
        let words = |browser| {
            let command = command(browser, "http://x/")?;
            let words = std::iter::once(command.get_program()).chain(command.get_args());
            Some(words.map(|word| word.to_str().unwrap().to_owned()).collect::<Vec<_>>().join("|"))
        };
        for (browser, expected) in [
            ("firefox", Some("firefox|http://x/")),
            ("firefox --new-window", Some("firefox|--new-window|http://x/")),
            ("chromium --app=%s", Some("chromium|--app=http://x/")),
            ("  ", None),
        ] {
            assert_eq!(words(browser).as_deref(), expected, "{browser}");
        }
    }

    #[tokio::test]
    async fn the_first_browser_that_starts_is_taken_and_none_is_an_error() {
        let mut environment = Environment::default();
        let browsers = if cfg!(windows) { "no-such-browser;cmd /c exit" } else { "no-such-browser:false:true" };
        environment.overlay("BROWSER", Some(browsers.into()));
        open("http://127.0.0.1:9/", &environment).await.unwrap();
        environment.overlay("BROWSER", Some("no-such-browser".into()));
        assert_eq!(open("http://127.0.0.1:9/", &environment).await.unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[tokio::test]
    #[cfg(all(unix, not(target_os = "macos")))]
    async fn without_a_screen_there_is_no_browser() {
        let error = open("http://127.0.0.1:9/", &Environment::default()).await.unwrap_err();
        assert!(error.to_string().contains("no screen"), "{error}");
    }
}
