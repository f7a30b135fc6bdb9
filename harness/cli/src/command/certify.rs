//! `ordinal certify`.

use super::{
    AskedToEnd, as_usage,
    matrix::Several,
    no_such_mutant,
    place::{Place, places},
    print_report,
};
use crate::{
    arguments::{Certify, Keep, Output, Time},
    exit::{self, Usage},
    kept,
    output::tell,
};
use anyhow::Context;
use engine::{CancellationToken, Candidate, Plan, Progress, candidate::UnknownCandidate};
use std::fs;

/// Seed of a run that names none.
const DEFAULT_SEED: u64 = 1;

/// Runs the command.
pub fn run(options: &Certify) -> anyhow::Result<u8> {
    // Mistakes first: looking for a cluster takes a while.
    let draft = draft(options)?;
    let places = places(options)?;
    if let Some((place, because)) = places.first().and_then(Place::explained) {
        tell(format!("cluster {place}: {because}"));
    }
    let mut plans: Vec<Plan> = places
        .into_iter()
        .map(|place| placed(&draft, place, options))
        .collect();
    plans.iter().try_for_each(Plan::check)?;
    let stop = CancellationToken::new();
    if plans.len() > 1 {
        let several = Several::prepare(plans, options)?;
        stop_when_asked_to(stop.clone(), draft)?;
        return several.run(&stop, options.output);
    }
    let plan = plans.pop().context("no plan")?;
    if let Some(out) = &plan.out {
        kept::make_room(out, options.overwrite)?;
    }
    stop_when_asked_to(stop.clone(), draft)?;
    let run = engine::run(&plan, &stop, &tell_of)?;
    // A verdict does not depend on whether it could be kept, nor on whether it could be told.
    let printed = print_report(&run.report, options.output);
    let kept = keep_report(&plan, &run.report);
    if plan.out.is_none() && options.output == Output::Human {
        tell("give --out DIR to keep the JSON report and the histories it was judged from");
    }
    Ok(exit::of_report(&run.report, [printed, kept]).into())
}

/// Writes the report to the folder of the run, if it has one.
pub(super) fn keep_report(plan: &Plan, report: &reports::Report) -> anyhow::Result<()> {
    let Some(out) = &plan.out else {
        return Ok(());
    };
    let path = out.join(kept::REPORT);
    let text = reports::json(report)?;
    fs::write(&path, text).map_err(|source| engine::RunError::File { path, source })?;
    tell(format!("report and histories are in {}", out.display()));
    Ok(())
}

/// The plan, but for the place.
fn draft(options: &Certify) -> anyhow::Result<Plan> {
    if options.seed.is_some() && options.time == Time::Real {
        return Err(Usage(
            "--seed says nothing in real time, where identifiers are made up; give --time virtual, or leave it out"
                .into(),
        )
        .into());
    }
    let selection = options.rules.selection(&options.scenarios);
    let candidate = Candidate::find(&options.candidate).map_err(|error| match error {
        UnknownCandidate::Mutant(id) => no_such_mutant(&id),
        other => Usage(other.to_string()),
    })?;
    Ok(Plan {
        keep: match options.keep {
            Keep::Never => engine::Keep::Never,
            Keep::Failed => engine::Keep::Failed,
            Keep::Always => engine::Keep::Always,
        },
        scenarios: selection.scenarios().map_err(as_usage)?,
        rules: selection.rules().map_err(as_usage)?,
        jobs: options.jobs,
        time: match options.time {
            Time::Real => engine::Time::Real,
            Time::Virtual => engine::Time::Virtual {
                seed: options.seed.unwrap_or(DEFAULT_SEED),
            },
        },
        ..suites::plan(candidate)
    })
}

fn placed(draft: &Plan, place: Place, options: &Certify) -> Plan {
    let plan = Plan {
        cluster: place.cluster,
        chosen_because: place.chosen_because,
        ..draft.clone()
    };
    match &options.out {
        Some(out) => plan.keeping_in(out.clone()),
        None => plan,
    }
}

/// The first Ctrl-C, SIGTERM or SIGHUP ends the run in order: what was recorded is judged and reported, the cluster is left
/// as it was found. The second ends it at once. The third waits for nothing. The candidate outlives none of them.
/// Plans made from `draft` are those that are ended.
fn stop_when_asked_to(stop: CancellationToken, draft: Plan) -> anyhow::Result<()> {
    // From before the run begins: until then a signal ends the process, which has started nothing.
    AskedToEnd::beside(async move |mut asked_to_end| {
        asked_to_end.wait().await;
        tell("stopping; press Ctrl-C again to end at once");
        stop.cancel();
        asked_to_end.wait().await;
        draft.at_once.cancel();
        asked_to_end.wait().await;
        draft.processes.kill();
        std::process::exit(exit::INTERRUPTED.into());
    })
}

pub(super) fn tell_of(news: Progress) {
    match news {
        Progress::ClusterReady { cluster, after } => {
            tell(format!(
                "cluster {cluster} ready after {:.2} s",
                after.as_secs_f64()
            ));
        }
        Progress::Calibrated { reaction, hold } => tell(format!(
            "the candidate reacts within {:.1} ms; scenarios hold still for {:.2} s",
            reaction.as_secs_f64() * 1e3,
            hold.as_secs_f64()
        )),
        Progress::Leaving { cluster } => tell(format!("removing what the run made on the {cluster} cluster")),
        Progress::Asked { requests, per_second } => tell(format!(
            "the harness sent {requests} requests, {per_second:.1} a second on average"
        )),
        Progress::Kept { namespace } => {
            tell(format!(
                "the namespace {namespace} is kept; `kubectl delete namespace {namespace}` removes it"
            ));
        }
        Progress::Repeated { scenario, turn } => tell(format!(
            "{scenario:40} again: the machine needed {:.0} ms for a turn, more than its holds allow for",
            turn.as_secs_f64() * 1e3
        )),
        Progress::Finished {
            scenario,
            outcome,
            seconds,
            events,
        } => {
            tell(format!(
                "{scenario:40} {seconds:6.2} s {events:6} events  {}",
                in_words(&outcome)
            ));
        }
        _ => {}
    }
}

fn in_words(outcome: &reports::Outcome) -> String {
    match outcome {
        reports::Outcome::Completed => "completed".into(),
        reports::Outcome::Failed { waited_for, .. } => format!("gave up waiting for {waited_for}"),
        other => other.reason().unwrap_or_default().to_owned(),
    }
}
