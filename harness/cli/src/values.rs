//! What the values of options have to look like, and what to give instead.

/// More than that is more than one process should pretend to be.
const MOST_NODES: usize = 1000;

const NO_NODES: &str = "without nodes no pod ever runs";

/// The same where there is an API server without nodes too.
pub fn node_count_or_none(text: &str) -> Result<usize, String> {
    match node_count(text) {
        Err(error) if error.starts_with(NO_NODES) => {
            Err(format!("{error}, or --no-controllers for the API server alone"))
        }
        other => other,
    }
}

/// How many nodes there are.
pub fn node_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err(format!("{NO_NODES}; give 1 to {MOST_NODES}")),
        Ok(nodes) if nodes <= MOST_NODES => Ok(nodes),
        _ => Err(format!("give a number from 1 to {MOST_NODES}")),
    }
}

/// The id of a run.
pub fn run_id(text: &str) -> Result<String, String> {
    match text {
        "" => Err("no run has an empty id; leave --run out for all runs".into()),
        id => Ok(id.to_owned()),
    }
}

/// A token that a header can carry.
pub fn bearer_token(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("an empty token lets nobody in; leave --token out for one that is made up".into());
    }
    if !text.chars().all(|character| character.is_ascii_graphic()) {
        return Err("a token is sent in an HTTP header; give visible ASCII characters without spaces".into());
    }
    Ok(text.to_owned())
}
