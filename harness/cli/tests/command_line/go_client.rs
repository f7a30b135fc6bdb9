//! `ordinal cluster up`, met by a program built on client-go or controller-runtime.
//!
//! `ORDINAL_GO_CLIENT` names it: it finds the cluster by KUBECONFIG (and USE_EXISTING_CLUSTER, as tests with envtest do) and
//! ends with 0 if it got what it wanted. Without it the test says so and passes.

use crate::{clock::seen_within, skipped::skipped, up::up};
use std::{
    cell::RefCell,
    process::{Command, Stdio},
    time::Duration,
};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn a_program_built_on_client_go_gets_what_it_wants() {
    let Some(program) = std::env::var_os("ORDINAL_GO_CLIENT").filter(|program| !program.is_empty()) else {
        skipped("ORDINAL_GO_CLIENT names no program built on client-go");
        return;
    };
    let up = up(&["--nodes", "2"]);
    let output = up.folder.path().join("output");
    let file = std::fs::File::create(&output).expect("a file");
    let running = Command::new(&program)
        .env("KUBECONFIG", &up.kubeconfig)
        .env("USE_EXISTING_CLUSTER", "true")
        .current_dir(up.folder.path())
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("the file"))
        .stderr(file)
        .spawn()
        .expect("the program starts");
    let running = RefCell::new(running);
    let ended = seen_within(PATIENCE, || running.borrow_mut().try_wait().expect("a status"));
    // Ended already unless it was too slow.
    let _ = running.borrow_mut().kill();
    let said = std::fs::read_to_string(&output).unwrap_or_default();
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}\n{said}");
}
