//! The ten lines that certify a controller in `cargo test`.

use suites::Candidate;

#[test]
fn my_controller_is_conformant() {
    let candidate = Candidate::in_process("my-controller", |context| my_controller::run(context.client));
    let run = suites::certify(candidate).expect("the cluster starts");
    assert!(run.report.certified(), "{}", suites::human(&run.report));
}
