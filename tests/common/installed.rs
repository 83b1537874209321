//! The shells of this machine.

use std::io::Write as _;
use std::path::PathBuf;

/// The shell's path, or `None` after having said that its test is skipped.
pub fn installed(shell: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(shell)).find(|file| file.is_file());
    if found.is_none() {
        let must = std::env::var_os("XSW_TEST_ALL_SHELLS").is_some_and(|set| set == "1");
        assert!(!must, "{shell} is not installed, and XSW_TEST_ALL_SHELLS=1 wants every shell");
        // Past the test harness, which swallows what a passing test prints with eprintln!.
        _ = writeln!(std::io::stderr(), "SKIPPED: {shell} is not installed");
    }
    found
}
