//! What the README says about rules is what the registry says.

use std::path::Path;

#[test]
fn the_readme_names_every_promise_as_it_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(path).expect("the README");
    for rule in suites::rules::all() {
        let level = if rule.level == judging::Level::Must {
            "must"
        } else {
            "should"
        };
        let row = format!("| {} | {level} | {} |", rule.id, rule.sentence.replace('|', "/"));
        assert!(readme.contains(&row), "missing in the README: {row}");
    }
}

#[test]
fn the_readme_counts_the_broken_controllers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = std::fs::read_to_string(path).expect("the README");
    let count = format!("| {} broken controllers, ", controllers::mutants().len());
    assert!(readme.contains(&count), "missing in the README: {count}");
}
