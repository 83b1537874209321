//! Many processes that want the same session at once.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use xsw::demo::Fault;

use crate::stage::Stage;

fn start(stage: &Stage, words: &[&str]) -> Child {
    stage.xsw(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// aws-cli #9632: eight at once on a cold cache make eight calls and can corrupt it.
#[test]
fn fifty_at_once_make_one_call_and_get_the_same_session() {
    let stage = Stage::new();
    let running: Vec<_> = (0..50).map(|_| start(&stage, &["env", "dev", "--format", "json"])).collect();
    let said: Vec<_> = running.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    for answer in &said {
        assert!(answer.status.success(), "{answer:?}");
        assert!(!answer.stdout.is_empty() && answer.stdout == said[0].stdout);
    }
    assert_eq!(stage.assumed(), 1);
}

/// Through a chain each role is assumed once.
#[test]
fn many_at_once_walk_a_chain_once() {
    let stage = Stage::new();
    let running: Vec<_> = (0..16).map(|_| start(&stage, &["env", "reader", "--format", "json"])).collect();
    for child in running {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!(stage.assumed(), 2);
}

/// One code is enough for all of them, whoever brings it.
#[test]
fn many_at_once_need_one_mfa_code() {
    let stage = Stage::new();
    let code = stage.mfa_code();
    let mut words = vec!["env", "admin", "--format", "json", "--mfa-code", &code];
    let first = start(&stage, &words);
    words.truncate(4);
    assert!(first.wait_with_output().unwrap().status.success());
    let running: Vec<_> = (0..8).map(|_| start(&stage, &words)).collect();
    for child in running {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_eq!((stage.assumed(), stage.cloud().calls("sts:GetSessionToken")), (1, 1));
}

/// The kernel lets go of a lock when its holder dies, however it dies.
#[test]
fn a_process_killed_while_it_holds_the_lock_blocks_nobody() {
    let stage = Stage::new();
    let slow = Fault { delay: Duration::from_secs(60), ..Fault::default() };
    stage.cloud().plan("sts:AssumeRole", 1, slow);
    let mut holder = start(&stage, &["env", "dev"]);
    while stage.assumed() == 0 {
        std::thread::sleep(Duration::from_millis(20));
    }
    let wait = |_| {
        let mut command = stage.xsw(["env", "dev", "--format", "json"]);
        command.env("XSW_LOG", "debug").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let waiting: Vec<_> = (0..4).map(wait).collect();
    // Each says so in the log when it has found the lock held.
    let begun = Instant::now();
    while stage.log().matches("waits for another process").count() < waiting.len() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", stage.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    holder.kill().unwrap();
    holder.wait().unwrap();
    let said: Vec<_> = waiting.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    assert!(said.iter().all(|answer| answer.status.success() && answer.stdout == said[0].stdout), "{said:?}");
    // The one that was killed, and one for all the others.
    assert_eq!(stage.assumed(), 2);
}
