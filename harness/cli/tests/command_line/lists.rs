//! `ordinal list`, `ordinal explain`, `ordinal mutants`.

use crate::told::{Told, binary, ordinal};

#[test]
fn everything_can_be_listed_for_people_and_programs() {
    for (what, key, example) in [
        ("rules", "id", "SS-ORD-01"),
        ("scenarios", "name", "create-ordered"),
        ("mutants", "id", "M-001"),
        ("profiles", "name", "persistence"),
    ] {
        let text = ordinal(&["list", what]).ends_with(0).out;
        assert!(text.lines().any(|line| line.starts_with(example)), "{text}");
        let json = ordinal(&["list", what, "--output", "json"]).ends_with(0).json();
        let rows = json.as_array().expect("a list");
        assert!(rows.iter().any(|row| row[key] == example), "{what}");
        assert_eq!(rows.len(), text.lines().count(), "{what}");
    }
    drop(ordinal(&["list", "wishes"]).ends_with(2));
}

#[test]
fn a_rule_is_listed_with_the_features_that_it_needs() {
    let needy = suites::rules::all()
        .into_iter()
        .find(|rule| !rule.needs.is_empty())
        .expect("a rule that needs something");
    let names: Vec<&str> = needy.needs.iter().map(|feature| feature.name()).collect();
    let rows = ordinal(&["list", "rules", "--output", "json"])
        .ends_with(0)
        .json();
    let rows = rows.as_array().expect("a list");
    let row = rows.iter().find(|row| row["id"] == needy.id).expect("it");
    assert_eq!(row["features"], serde_json::json!(names));
    let text = ordinal(&["list", "rules"]).ends_with(0).out;
    let line = text.lines().find(|line| line.starts_with(needy.id)).expect("it");
    assert!(line.contains(&format!(" {} ", names.join(", "))), "{line}");
}

#[test]
fn a_rule_is_explained_with_why_source_and_fix() {
    let text = ordinal(&["explain", "ss-ord-01"]).ends_with(0).out;
    for word in [
        "SS-ORD-01 (must, profile ordering)",
        "Why",
        "Promised by",
        "How to fix",
        "Broken ones that it catches",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
    drop(
        ordinal(&["explain", "SS-ORD-99"])
            .ends_with(2)
            .complains_of(&["SS-ORD-99", "ordinal list rules"]),
    );
}

#[test]
fn one_mutant_can_be_tried() {
    let told = ordinal(&["mutants", "M-023", "--jobs", "1"]).ends_with(0);
    assert!(
        told.out.starts_with("M-023") && told.out.contains("killed by"),
        "{}",
        told.out
    );
    drop(
        ordinal(&["mutants", "M-999"])
            .ends_with(2)
            .complains_of(&["M-999"]),
    );
    let told = ordinal(&["mutants", "M-023", "--jobs", "0"]).ends_with(2);
    drop(told.complains_of(&["--jobs", "at least 1"]));
}

#[test]
fn verbose_says_more() {
    let quiet = ordinal(&[
        "certify",
        "--time",
        "virtual",
        "--scenario",
        "create-ordered",
        "--rule",
        "SS-ID-01",
    ]);
    let loud = ordinal(&[
        "certify",
        "-vv",
        "--time",
        "virtual",
        "--scenario",
        "create-ordered",
        "--rule",
        "SS-ID-01",
    ]);
    assert!(loud.err.lines().count() > quiet.err.lines().count() + 10);
}

#[test]
fn what_cannot_be_meant_of_the_log_is_said() {
    let told = |log: &str| {
        let mut list = binary();
        Told::of(
            list.args(["list", "profiles"])
                .env("ORDINAL_LOG", log)
                .output()
                .expect("it starts"),
        )
    };
    drop(
        told("[[[")
            .ends_with(0)
            .complains_of(&["ORDINAL_LOG=[[[", "engine=debug"]),
    );
    for good in ["", "engine=debug,warn"] {
        assert_eq!(told(good).ends_with(0).err, "", "{good}");
    }
}
