//! Real time, real sockets: what virtual time leaves out. Pods answer reqwest on their own addresses, names are asked
//! from the cluster's DNS server by hickory-resolver.

use judging::Verdict;
use suites::{CancellationToken, Candidate, Plan, Run, plan};

fn run(scenarios: &[&str]) -> Run {
    let chosen = suites::scenarios::all()
        .into_iter()
        .filter(|scenario| scenarios.contains(&scenario.name));
    let plan = Plan {
        scenarios: chosen.collect(),
        ..plan(Candidate::reference())
    };
    assert_eq!(plan.scenarios.len(), scenarios.len());
    engine::run(&plan, &CancellationToken::new(), &|_| {}).expect("the run")
}

fn verdict(run: &Run, rule: &str) -> Verdict {
    run.report
        .rules
        .iter()
        .find(|judged| judged.id == rule)
        .expect("the rule exists")
        .verdict
}

#[test]
fn a_defect_of_the_dns_is_refused() {
    let plan = Plan {
        dns_fault: Some(embedded::DnsFault::FirstMemberOnly),
        ..plan(Candidate::reference())
    };
    let refused = plan.check().expect_err("it would be ignored").to_string();
    assert!(refused.contains("virtual time"), "{refused}");
}

#[test]
fn data_survives_and_names_follow_over_real_sockets() {
    let run = run(&[
        "log-persistence",
        "dns",
        "dns-replacement",
        "dns-scale",
        "peers",
        "static-volumes-by-class",
    ]);
    let text = suites::human(&run.report);
    for performed in &run.performed {
        assert_eq!(performed.outcome, reports::Outcome::Completed, "{text}");
    }
    assert!(run.report.broken().next().is_none(), "{text}");
    for rule in [
        "SS-PVC-05",
        "SS-PVC-09",
        "DN-01",
        "DN-02",
        "DN-05",
        "DN-11",
        "DN-17",
    ] {
        assert_eq!(verdict(&run, rule), Verdict::Conformant, "{rule}\n{text}");
    }
}
