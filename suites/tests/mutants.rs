//! The kill matrix: every mutant is caught by the rules it names and by no other, the reference by none.

use suites::{
    CancellationToken,
    mutants::{Matrix, Subject},
};

/// The matrix makes and drops hundreds of millions of small JSON values; with this allocator it takes a sixth less time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[test]
fn every_mutant_is_killed_by_the_rules_it_names_and_the_reference_survives() {
    let everybody: Vec<Subject> = Subject::all().collect();
    let matrix = Matrix::run(&everybody, 4, &CancellationToken::new(), &|trial| {
        let rules: Vec<&str> = trial.rules().collect();
        println!("{}: {rules:?}", trial.subject.id());
    })
    .expect("the matrix");
    let problems = matrix.problems();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    // The API server refuses a status with such counters, so that no apps/v1 controller can show them.
    assert_eq!(matrix.rules_without_a_kill(), ["SS-ST-07"]);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../reports/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("kill_matrix", matrix.render()));
}
