//! Opening a web page in the person's browser, for `login` and `console`.

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::environment::Environment;

/// Long enough for a program that finds no browser to say so.
const PATIENCE: Duration = Duration::from_millis(500);

/// Opens `url` with `$BROWSER`, else with what the platform has for it; the browser goes on without us.
///
/// # Errors
/// No program could be started, or each gave up at once.
pub fn open(url: &str, environment: &Environment) -> io::Result<()> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    let own = environment.get("BROWSER").map(|browsers| browsers.split(':').filter_map(|one| command(one, url)));
    for mut command in own.into_iter().flatten().chain(open::commands(url)) {
        match started(&mut command) {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// One entry of `$BROWSER`: a program and its arguments; `%s` is the URL, which else comes last.
fn command(browser: &str, url: &str) -> Option<Command> {
    let mut words = browser.split_whitespace();
    let mut command = Command::new(words.next()?);
    let words: Vec<&str> = words.collect();
    command.args(words.iter().map(|word| word.replace("%s", url)));
    if !words.iter().any(|word| word.contains("%s")) {
        command.arg(url);
    }
    Some(command)
}

fn started(command: &mut Command) -> io::Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C here is not meant for the browser.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command.spawn()?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(io::Error::other(format!("the browser ended with {status}"))),
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_of_the_environment() {
        for (browser, expected) in [
            ("firefox", Some("\"firefox\" \"https://x/?a=b\"")),
            (" firefox  --new-tab ", Some("\"firefox\" \"--new-tab\" \"https://x/?a=b\"")),
            ("open %s --wait", Some("\"open\" \"https://x/?a=b\" \"--wait\"")),
            ("", None),
        ] {
            let shown = command(browser, "https://x/?a=b").map(|command| format!("{command:?}"));
            assert_eq!(shown.as_deref(), expected, "{browser:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_browser_that_gives_up_gives_way_to_the_next() {
        assert!(started(&mut Command::new("false")).is_err());
        assert!(started(&mut Command::new("/nowhere/browser")).is_err());
        assert!(started(&mut Command::new("true")).is_ok());
        let mut environment = Environment::default();
        environment.overlay("BROWSER", Some("/nowhere/browser:false:true".into()));
        assert!(open("https://example.invalid/", &environment).is_ok());
    }
}
