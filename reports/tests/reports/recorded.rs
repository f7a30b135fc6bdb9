//! Stories of a real cluster's histories.

use history::{History, Ledger, Observation, WatchEvent};
use pretty_assertions::assert_eq;
use reports::story;
use std::{env, fs::File, path::PathBuf};

/// The folder with the recorded histories, if it is there.
fn recordings() -> Option<PathBuf> {
    let root = env::var_os("ORDINAL_RECORDINGS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/recordings"),
        PathBuf::from,
    );
    let folder = root.join("histories");
    if folder.is_dir() {
        return Some(folder);
    }
    println!(
        "skipped: there are no recordings in {}; set ORDINAL_RECORDINGS",
        root.display()
    );
    None
}

fn read(path: PathBuf) -> History {
    history::read(File::open(&path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(history: &History) -> String {
    story(&Ledger::build(history)).to_string()
}

/// Histories of StatefulSets.
fn all() -> Vec<(String, History)> {
    let Some(folder) = recordings() else {
        return Vec::new();
    };
    let mut histories: Vec<(String, History)> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)))
        .filter(|(name, _)| name.starts_with("ss-"))
        .map(|(name, path)| (name, read(path)))
        .collect();
    histories.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(
        !histories.is_empty(),
        "no history of a StatefulSet in {}",
        folder.display()
    );
    histories
}

#[track_caller]
fn snapshot(recording: &str) {
    let Some(folder) = recordings() else { return };
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let story = text(&read(folder.join(format!("{recording}.jsonl.gz"))));
    settings.bind(|| insta::assert_snapshot!(format!("story-{recording}"), story));
}

#[test]
fn scaling() {
    snapshot("ss-scale");
}

#[test]
fn a_rolling_update() {
    snapshot("ss-rolling-update");
}

#[test]
fn parallel_creation() {
    snapshot("ss-create-parallel");
}

#[test]
fn claims_that_go_with_their_pods_and_set() {
    snapshot("ss-pvc-retention");
}

#[test]
fn a_slower_cluster_with_other_addresses_has_the_same_story() {
    for (name, history) in all() {
        let slower: History = history
            .events()
            .iter()
            .map(|event| {
                let mut event = event.clone();
                event.at = event.at + event.at.since(history::Elapsed::ZERO);
                if let Observation::Action(action) = &mut event.what {
                    action.done = action.done + action.done.since(history::Elapsed::ZERO);
                }
                event
            })
            .collect();
        let mut lines = Vec::new();
        history::write_history(&mut lines, &slower).unwrap();
        let elsewhere = String::from_utf8(lines).unwrap().replace("10.244.", "10.42.");
        let elsewhere = history::read(elsewhere.as_bytes()).unwrap();
        assert_eq!(text(&elsewhere), text(&history), "{name}");
    }
}

/// Watches of different resources deliver independently of each other.
#[test]
fn watches_that_arrive_in_another_order_have_the_same_story() {
    let mut swaps = 0;
    for (name, history) in all() {
        let expected = text(&history);
        let mut events = history.events().to_vec();
        for place in 1..events.len() {
            let resource = |place: usize| match &events[place].what {
                Observation::Watch(WatchEvent { resource, .. }) => Some(resource.clone()),
                _ => None,
            };
            let (Some(first), Some(second)) = (resource(place - 1), resource(place)) else {
                continue;
            };
            let close = events[place].at.since(events[place - 1].at).as_millis() <= 10;
            if first != second && close {
                let (one, other) = (events[place - 1].at, events[place].at);
                events.swap(place - 1, place);
                (events[place - 1].at, events[place].at) = (one, other);
                swaps += 1;
            }
        }
        assert_eq!(text(&events.into_iter().collect()), expected, "{name}");
    }
    assert!(recordings().is_none() || swaps > 100, "only {swaps} swaps");
}
