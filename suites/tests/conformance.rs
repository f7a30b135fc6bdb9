//! Every scenario on the chosen cluster with the chosen candidate.
//!
//! `ORDINAL_CLUSTER` and the variables beside it (see `ClusterChoice::of_environment`) and `ORDINAL_CANDIDATE` choose; the
//! default candidate is the reference controllers. One test per scenario: `cargo test -p suites --test conformance
//! rolling_update`.
//!
//! Unless a cluster is named it is k3s if this host can run it, and else the embedded one; the first line says which, and
//! why. All tests of one program share k3s. On the embedded cluster what lives in this process is tested in virtual time, so
//! that a busy machine changes nothing; `ORDINAL_TIME=real` runs it in real time, and `ORDINAL_TIME=virtual` never looks for
//! k3s.
//!
//! A test asserts that no rule is broken, and snapshots the scenario's story and each rule that was exercised: no times,
//! UIDs or addresses. In real time it differs from run to run who is faster, and so do what happens between two steps and
//! which rules find an opportunity in it; what the scenario does is the same on every cluster, and is held to the snapshot.

use engine::Performed;
use rstest::rstest;
use std::{
    collections::BTreeSet,
    env,
    fmt::Write as _,
    io::{self, Write as _},
    path::Path,
    sync::{LazyLock, OnceLock},
};
use suites::{CancellationToken, Candidate, Chosen, ClusterChoice, Plan, Run, Time, plan};

macro_rules! conformance {
    ($($case:ident = $name:literal,)*) => {
        const CASES: &[&str] = &[$($name,)*];

        #[rstest]
        $(#[case::$case($name)])*
        fn scenario(#[case] name: &str) {
            perform(name);
        }
    };
}

conformance! {
    adopt_and_release = "adopt-and-release",
    create_ordered = "create-ordered",
    create_parallel = "create-parallel",
    create_waits_for_pending = "create-waits-for-pending",
    create_waits_for_terminating = "create-waits-for-terminating",
    daemonset = "daemonset",
    delete_all_pods = "delete-all-pods",
    delete_one_pod = "delete-one-pod",
    delete_pod_while_zero_is_unready = "delete-pod-while-zero-is-unready",
    delete_pod_zero_while_one_is_unready = "delete-pod-zero-while-one-is-unready",
    delete_set = "delete-set",
    delete_set_foreground = "delete-set-foreground",
    delete_set_held = "delete-set-held",
    delete_set_orphaning = "delete-set-orphaning",
    dns = "dns",
    dns_replacement = "dns-replacement",
    dns_scale = "dns-scale",
    ended_pods = "ended-pods",
    evict_pod = "evict-pod",
    foreign_occupant = "foreign-occupant",
    log_persistence = "log-persistence",
    min_ready_seconds = "min-ready-seconds",
    min_ready_seconds_update = "min-ready-seconds-update",
    node_falls_silent = "node-falls-silent",
    node_out_of_service = "node-out-of-service",
    nothing_rolls_without_template_change = "nothing-rolls-without-template-change",
    on_delete = "on-delete",
    partition_above_replicas = "partition-above-replicas",
    partition_canary = "partition-canary",
    partition_lost_last_old = "partition-lost-last-old",
    partition_lost_pods = "partition-lost-pods",
    partition_phased = "partition-phased",
    peers = "peers",
    retention_both = "retention-both",
    retention_when_deleted = "retention-when-deleted",
    retention_when_scaled = "retention-when-scaled",
    revision_history_limit = "revision-history-limit",
    rollback = "rollback",
    rolling_update = "rolling-update",
    scale_by_subresource = "scale-by-subresource",
    scale_down_condemned_vanishes = "scale-down-condemned-vanishes",
    scale_down_halts = "scale-down-halts",
    scale_down_parallel = "scale-down-parallel",
    scale_down_removes_unready_top = "scale-down-removes-unready-top",
    scale_down_waits_for_terminating = "scale-down-waits-for-terminating",
    scale_flapping = "scale-flapping",
    scale_to_zero = "scale-to-zero",
    scale_twelve = "scale-twelve",
    scale_up_and_down = "scale-up-and-down",
    scale_up_halts = "scale-up-halts",
    scale_up_while_terminating = "scale-up-while-terminating",
    service_comes_late = "service-comes-late",
    start_ordinal = "start-ordinal",
    static_volumes = "static-volumes",
    static_volumes_by_class = "static-volumes-by-class",
    stuck_terminating = "stuck-terminating",
    twin_sets = "twin-sets",
    two_claims = "two-claims",
    unready_is_left_alone = "unready-is-left-alone",
    update_halts = "update-halts",
    update_parallel = "update-parallel",
    update_parallel_broken = "update-parallel-broken",
    update_to_broken_image = "update-to-broken-image",
    update_waits_for_scale_down = "update-waits-for-scale-down",
    update_with_losses = "update-with-losses",
}

#[test]
fn every_scenario_is_a_case() {
    let cases: BTreeSet<&str> = CASES.iter().copied().collect();
    let scenarios: BTreeSet<&str> = suites::scenarios::all()
        .iter()
        .map(|scenario| scenario.name)
        .collect();
    assert_eq!(cases, scenarios);
}

fn chosen(variable: &str, default: &str) -> String {
    env::var(variable)
        .ok()
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| default.into())
}

/// Where the candidate is tried, and in whose time.
fn place(candidate: &Candidate) -> (ClusterChoice, Option<String>, Time) {
    static AUTOMATIC: LazyLock<Chosen> = LazyLock::new(|| said(ClusterChoice::automatic()));
    static VIRTUAL: LazyLock<Chosen> = LazyLock::new(|| {
        said(Chosen {
            cluster: "embedded".parse().expect("a cluster"),
            because: "only here time can be virtual".into(),
        })
    });
    let asked = chosen("ORDINAL_TIME", "as it comes");
    let (cluster, because) = match ClusterChoice::of_environment().expect("ORDINAL_CLUSTER") {
        Some(cluster) => (cluster, None),
        None => {
            let virtual_only = asked == "virtual" && candidate.is_in_process();
            let Chosen { cluster, because } = (if virtual_only { &*VIRTUAL } else { &*AUTOMATIC }).clone();
            (cluster, Some(because))
        }
    };
    let time = match candidate.is_in_process() && cluster.has_virtual_time() && asked != "real" {
        true => Time::Virtual { seed: 1 },
        false => Time::Real,
    };
    (cluster, because, time)
}

/// Tells what was chosen, once, and although tests that pass are silent.
fn said(chosen: Chosen) -> Chosen {
    let Chosen { cluster, because } = &chosen;
    // Nobody may be there to read it.
    let _ = writeln!(io::stderr(), "cluster {cluster}: {because}");
    chosen
}

fn perform(name: &str) {
    let candidate = Candidate::find(&chosen("ORDINAL_CANDIDATE", "reference")).expect("ORDINAL_CANDIDATE");
    let (cluster, chosen_because, time) = place(&candidate);
    let costly = cluster.is_k3s();
    let plan = Plan {
        keep_histories: true,
        time,
        cluster: if costly { with_workload(cluster) } else { cluster },
        chosen_because,
        ..plan(candidate)
    };
    if costly {
        let run = together(&plan);
        if run.performed.iter().any(|performed| performed.name == name) {
            return check(run, name, time);
        }
    }
    let run = performed(with_scenarios(plan, |scenario| scenario == name)).expect("the run");
    check(&run, name, time);
}

/// One cluster for all: the first test that comes runs them, the others wait for it.
fn together(plan: &Plan) -> &'static Run {
    static TOGETHER: OnceLock<Result<Run, String>> = OnceLock::new();
    let run = TOGETHER.get_or_init(|| performed(asked_for(plan.clone())));
    run.as_ref().expect("the run")
}

fn performed(plan: Plan) -> Result<Run, String> {
    engine::run(&plan, &CancellationToken::new(), &|_| {}).map_err(|error| error.to_string())
}

/// With the program `workload`, which `cargo test --workspace` builds, as what plays the samples' images.
fn with_workload(cluster: ClusterChoice) -> ClusterChoice {
    let own = env::current_exe().expect("this program");
    let built = own
        .parent()
        .and_then(|deps| deps.parent())
        .expect("the target folder");
    let program = built.join("workload");
    if !program.is_file() {
        println!("without DNS and HTTP: {} is not built", program.display());
        return cluster;
    }
    cluster.with_workload(&program).expect("the workload")
}

fn with_scenarios(plan: Plan, wanted: impl Fn(&str) -> bool) -> Plan {
    Plan {
        scenarios: suites::scenarios::all()
            .into_iter()
            .filter(|scenario| wanted(scenario.name))
            .collect(),
        ..plan
    }
}

/// The scenarios whose tests this program was asked to run, as far as its arguments tell.
fn asked_for(plan: Plan) -> Plan {
    let filters = filters();
    with_scenarios(plan, |name| {
        let case = name.replace('-', "_");
        filters.is_empty()
            || filters
                .iter()
                .any(|filter| case.contains(filter.as_str()) || filter.ends_with(&case))
    })
}

/// What the tests are chosen by.
fn filters() -> Vec<String> {
    env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect()
}

/// Holds what a scenario recorded to its snapshot, and to the rules.
fn check(run: &Run, name: &str, time: Time) {
    let performed = performed_in(run, name);
    if let reports::Outcome::Skipped { reason } = &performed.outcome {
        println!("skipped: {reason}");
        return;
    }
    assert_eq!(
        performed.outcome,
        reports::Outcome::Completed,
        "{}",
        suites::human(&run.report)
    );
    let broken = broken(run, performed);
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    if time == Time::Real {
        let text = snapshot(run, name);
        let known = known(name);
        assert_eq!(
            steps(&text),
            steps(&known),
            "not the story of the snapshot: {text}"
        );
        return;
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(SNAPSHOTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("conformance__{name}"), snapshot(run, name)));
}

/// Where snapshots are, from here.
const SNAPSHOTS: &str = "../../reports/snapshots";

/// The snapshot as it is kept, without its head.
fn known(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(SNAPSHOTS);
    let path = folder.join(format!("conformance__{name}.snap"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (_, body) = text
        .trim_start_matches("---\n")
        .split_once("---\n")
        .expect("a head");
    body.to_owned()
}

/// What the scenario did, without what came of it. Holding and releasing is told only where something comes of it.
fn steps(text: &str) -> Vec<&str> {
    text.lines()
        .take_while(|line| !line.starts_with("exercised"))
        .filter(|line| !line.is_empty() && !line.starts_with(' '))
        .filter(|line| !line.starts_with("hold ") && !line.starts_with("release "))
        .collect()
}

fn performed_in<'a>(run: &'a Run, name: &str) -> &'a Performed {
    run.performed
        .iter()
        .find(|performed| performed.name == name)
        .expect("the scenario was planned")
}

/// What a scenario shows against the candidate, or could not be judged, a line for each rule.
fn broken(run: &Run, performed: &Performed) -> Vec<String> {
    let recorded = performed.recorded.as_ref().expect("recorded");
    let judged = run.report.rules.iter().zip(&recorded.judgements);
    let shown = judged.flat_map(|(rule, judgement)| {
        let proof = judgement.violations.iter().chain(&judgement.stalls);
        let said = proof.map(|witness| &witness.sentence).chain(&judgement.unclear);
        said.map(|said| format!("{}: {}: {said}", performed.name, rule.id))
    });
    shown.collect()
}

#[test]
fn what_is_run_together_is_certified() {
    let candidate = Candidate::find(&chosen("ORDINAL_CANDIDATE", "reference")).expect("ORDINAL_CANDIDATE");
    let (cluster, chosen_because, time) = place(&candidate);
    let everything = filters().is_empty();
    if !(cluster.is_k3s() && everything) {
        println!("skipped: only on k3s all scenarios share a run, unless some of them are asked for by name");
        return;
    }
    let plan = Plan {
        keep_histories: true,
        time,
        cluster: with_workload(cluster),
        chosen_because,
        ..plan(candidate)
    };
    let report = &together(&plan).report;
    assert!(report.certified(), "{}", suites::human(report));
}

fn is_ordinal(pod: &str, base: &str) -> bool {
    history::Ordinal::of(pod, base.trim_end_matches('-')).is_some()
}

/// The story of a scenario, and what was judged in it.
fn snapshot(run: &Run, name: &str) -> String {
    let performed = performed_in(run, name);
    let recorded = performed.recorded.as_ref().expect("recorded");
    let ledger = history::Ledger::build(recorded.history.as_ref().expect("kept"));
    let mut text = format!(
        "{}\n\n{}\nexercised and kept:\n",
        performed.sentence,
        reports::story(&ledger)
    );
    for (rule, judgement) in run.report.rules.iter().zip(&recorded.judgements) {
        if judgement.opportunities > 0 {
            writeln!(text, "  {}", rule.id).expect("a string");
        }
    }
    // Names that the API server makes differ from run to run.
    for pod in ledger.pods() {
        let generated = pod.first().and_then(|state| state.generate_name());
        if let Some(base) = generated.filter(|base| !is_ordinal(&pod.name, base)) {
            text = text.replace(&pod.name, &format!("{base}?"));
        }
    }
    text
}
