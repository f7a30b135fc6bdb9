//! What the values of options have to look like, and what to give instead.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::PathBuf,
};

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

/// How many scenarios run side by side.
pub fn jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("no scenario can run with 0 jobs; give at least 1".into()),
        Ok(jobs) => Ok(jobs),
        Err(_) => Err("give a number from 1 on".into()),
    }
}

/// Where to listen.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "no name is looked up here; give IP:PORT, as 127.0.0.1:0".into())
}

/// A file that is read.
pub fn readable_file(path: PathBuf) -> Result<PathBuf, String> {
    let found = fs::metadata(&path).and_then(|found| {
        if found.is_file() {
            File::open(&path)?;
        }
        Ok(found)
    });
    match found {
        Ok(found) if found.is_dir() => Err("it is a folder; give a file".into()),
        Ok(_) => Ok(path),
        Err(error) => Err(format!("it cannot be read: {error}; give a file that is there")),
    }
}

/// A file that is written, in a folder that is there.
pub fn writable_file(path: PathBuf) -> Result<PathBuf, String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder {
        _ if path.is_dir() => Err("it is a folder; give a file".into()),
        Some(folder) if !folder.is_dir() => Err(format!(
            "there is no folder {}; make it, or give another path",
            folder.display()
        )),
        _ => Ok(path),
    }
}

/// A name of objects that the API takes everywhere, as namespaces have it (RFC 1123 label).
pub fn label(text: &str) -> Result<String, String> {
    let middle = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let good = (1..=63).contains(&text.len())
        && text.chars().all(middle)
        && !text.starts_with('-')
        && !text.ends_with('-');
    match good {
        true => Ok(text.to_owned()),
        false => Err("give 1 to 63 small letters, digits and dashes, with no dash at an end".into()),
    }
}

/// A name of objects that may have dots (RFC 1123 subdomain).
pub fn subdomain(text: &str) -> Result<String, String> {
    match text.len() <= 253 && text.split('.').all(|part| label(part).is_ok()) {
        true => Ok(text.to_owned()),
        false => Err(
            "give small letters, digits, dashes and dots, with a letter or digit at each end and beside each dot".into(),
        ),
    }
}

/// Name and tag of an image, as a registry and a node take them.
pub fn image_name(text: &str) -> Result<String, String> {
    let part = |part: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        let outer = |c: char| c.is_ascii_alphanumeric();
        part.chars().all(inner) && part.starts_with(outer) && part.ends_with(outer)
    };
    let host = |host: &str| {
        let (name, port) = host.split_once(':').unwrap_or((host, "0"));
        port.parse::<u16>().is_ok() && part(&name.to_lowercase())
    };
    let tag = |tag: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        (1..=128).contains(&tag.len()) && tag.chars().all(inner) && !tag.starts_with(['.', '-'])
    };
    let (registry, rest) = match text.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
        _ => (None, text),
    };
    let (path, given) = match rest.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (rest, None),
    };
    match registry.is_none_or(host) && path.split('/').all(part) && given.is_none_or(tag) {
        true => Ok(text.to_owned()),
        false => Err("give NAME:TAG, as registry.example/workload:1, in small letters".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_names_that_registries_take() {
        for good in [
            "workload",
            "registry.example/team/workload:1",
            "localhost:5000/workload:v1.2-RC",
            "rancher/k3s:v1.36.2-k3s1",
        ] {
            assert_eq!(image_name(good).as_deref(), Ok(good));
        }
        for wrong in [
            "",
            "BAD REF",
            "Workload",
            "a//b",
            "a:",
            "a:b:c",
            "a:.x",
            "-a",
            "host:port/a",
            "a\nb",
        ] {
            assert!(image_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_of_objects_are_labels() {
        for good in ["ordinal", "a-1", "0"] {
            assert_eq!(label(good).as_deref(), Ok(good));
        }
        let long = "a".repeat(64);
        for wrong in ["", "A B", "a\nb", "-a", "a-", "a.b", &long] {
            assert!(label(wrong).is_err(), "{wrong}");
        }
        assert!(subdomain("ci.certifier-1").is_ok());
        for wrong in ["", ".", "a..b", "a.-b", "A", "a\nb"] {
            assert!(subdomain(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn files_are_looked_at_before_anything_begins() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        assert!(
            readable_file(file.clone())
                .unwrap_err()
                .contains("a file that is there")
        );
        assert!(
            writable_file(file.join("below"))
                .unwrap_err()
                .contains("no folder")
        );
        fs::write(&file, "x").unwrap();
        for given in [readable_file, writable_file] {
            assert_eq!(given(file.clone()), Ok(file.clone()));
            assert!(given(folder.path().into()).unwrap_err().contains("a folder"));
        }
        assert!(writable_file("archive.tar".into()).is_ok());
    }
}
