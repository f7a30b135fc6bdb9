//! A Docker engine that has every image, and makes privileged containers or does not. It starts none.

use serde_json::json;
use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    sync::{Arc, Mutex},
};
use tempfile::TempDir;

/// Why it makes no privileged container.
pub const REFUSAL: &str = "privileged containers are forbidden here";
/// The id of those that it makes.
const ID: &str = "c0ffee";

/// The engine; it is there until the tests end.
pub struct FakeEngine {
    folder: TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakeEngine {
    pub fn start(refuses: bool) -> FakeEngine {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("docker.sock")).expect("a socket");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let noted = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let request = read(&stream);
                let answer = answer(&request, refuses);
                noted.lock().expect("the requests").push(request);
                // Whoever does not wait for it has gone.
                let _ = (&stream).write_all(answer.as_bytes());
            }
        });
        FakeEngine { folder, asked }
    }

    /// As `DOCKER_HOST` names it.
    pub fn url(&self) -> String {
        format!("unix://{}/docker.sock", self.folder.path().display())
    }

    /// Whether something was asked of containers, by method and the end of the path.
    pub fn was_asked(&self, method: &str, path: &str) -> bool {
        let asked = self.asked.lock().expect("the requests");
        asked.iter().any(|request| {
            request.starts_with(&format!("{method} ")) && request.contains(&format!("/containers/{path}"))
        })
    }

    /// The container that it made.
    pub fn container(&self) -> &'static str {
        ID
    }
}

/// Method and path.
fn read(stream: &UnixStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).unwrap_or_default();
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        line.clear();
    }
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    first.trim_end().trim_end_matches(" HTTP/1.1").to_owned()
}

fn answer(request: &str, refuses: bool) -> String {
    let (status, body) = match request {
        ping if ping.ends_with("/_ping") => ("200 OK", json!("OK")),
        info if info.ends_with("/info") => (
            "200 OK",
            json!({ "ServerVersion": "0-fake", "CgroupVersion": "2", "NCPU": 4, "MemTotal": 8_u64 << 30, "Driver": "overlay2" }),
        ),
        image if image.contains("/images/") => ("200 OK", json!({ "Id": "sha256:0" })),
        create if create.contains("/containers/create") && refuses => {
            ("403 Forbidden", json!({ "message": REFUSAL }))
        }
        create if create.contains("/containers/create") => {
            ("201 Created", json!({ "Id": ID, "Warnings": [] }))
        }
        remove if remove.starts_with("DELETE ") => ("204 No Content", json!(null)),
        _ => (
            "404 Not Found",
            json!({ "message": format!("what is {request}?") }),
        ),
    };
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}
