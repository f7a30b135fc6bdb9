//! JSON Lines: how a history is stored. One object per line, `source` and `type` say what it is.

use crate::{
    Action, DnsAnswer, Elapsed, End, Event, Gap, History, HttpAnswer, Meta, Note, Observation, WatchEvent,
    WatchKind, Write,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    io::{self, BufRead, BufReader, Read},
    sync::Arc,
};

/// Why a history could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be read.
    #[error("reading failed after line {line}: {source}")]
    Io {
        /// Last line that was read.
        line: usize,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not an observation.
    #[error("line {line}{}: {reason}", if *.last { " (the last one; the history was cut short)" } else { "" })]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// Whether nothing follows it.
        last: bool,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nothing in it.
    #[error("there is no observation in it")]
    Empty,
}

/// What could be read of a damaged history.
#[derive(Debug)]
pub struct Recovered {
    /// Everything before the damage.
    pub history: History,
    /// The damage, if there is any.
    pub problem: Option<ReadError>,
}

#[derive(Serialize, Deserialize, Default)]
struct Line {
    t_ms: Elapsed,
    source: String,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    done_ms: Option<Elapsed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none", with = "shared")]
    object: Option<Arc<Value>>,
}

/// Objects are shared with whoever observed them; in the file they are plain JSON.
mod shared {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use serde_json::Value;
    use std::sync::Arc;

    pub(super) fn serialize<S: Serializer>(object: &Option<Arc<Value>>, to: S) -> Result<S::Ok, S::Error> {
        object.as_deref().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<Value>>, D::Error> {
        Ok(Option::<Value>::deserialize(from)?.map(Arc::new))
    }
}

fn value(of: impl Serialize) -> Option<Arc<Value>> {
    serde_json::to_value(of).ok().map(Arc::new)
}

impl From<&Event> for Line {
    fn from(event: &Event) -> Line {
        let line = |source: &str, kind: &str| Line {
            t_ms: event.at,
            source: source.into(),
            kind: kind.into(),
            ..Line::default()
        };
        match &event.what {
            Observation::Start(meta) => Line {
                object: value(meta),
                ..line("meta", "start")
            },
            Observation::End(end) => Line {
                object: value(end),
                ..line("meta", "end")
            },
            Observation::Watch(watch) => Line {
                resource: Some(watch.resource.clone()),
                object: Some(watch.object.clone()),
                ..line(
                    "watch",
                    match watch.kind {
                        WatchKind::Initial => "INITIAL",
                        WatchKind::Added => "ADDED",
                        WatchKind::Modified => "MODIFIED",
                        WatchKind::Deleted => "DELETED",
                    },
                )
            },
            Observation::Write(write) => Line {
                object: value(write),
                ..line("write", &write.verb)
            },
            Observation::Action(action) => Line {
                name: Some(action.name.clone()),
                done_ms: Some(action.done),
                request: Some(serde_json::json!({
                    "method": action.method, "path": action.path, "body": action.body,
                })),
                status: Some(action.status),
                object: Some(action.object.clone()),
                ..line("action", &action.method)
            },
            Observation::Dns(answer) => Line {
                object: value(answer),
                ..line("dns", "answer")
            },
            Observation::Http(answer) => Line {
                object: value(answer),
                ..line("http", &answer.method)
            },
            Observation::Note(note) => Line {
                object: value(note),
                ..line("note", &note.kind)
            },
            Observation::Gap(gap) => Line {
                resource: Some(gap.resource.clone()),
                object: value(gap),
                ..line("gap", "watch")
            },
        }
    }
}

impl TryFrom<Line> for Event {
    type Error = String;

    fn try_from(line: Line) -> Result<Event, String> {
        fn parse<T: for<'a> Deserialize<'a>>(line: &Line) -> Result<T, String> {
            let object = line
                .object
                .as_ref()
                .ok_or_else(|| format!("a {} line needs `object`", line.source))?;
            T::deserialize(object.as_ref())
                .map_err(|error| format!("`object` of a {} line: {error}", line.source))
        }
        let what = match (line.source.as_str(), line.kind.as_str()) {
            ("meta", "start") => Observation::Start(Box::new(parse::<Meta>(&line)?)),
            ("meta", "end") => Observation::End(parse::<End>(&line)?),
            ("watch", kind) => Observation::Watch(WatchEvent {
                kind: match kind {
                    "INITIAL" => WatchKind::Initial,
                    "ADDED" => WatchKind::Added,
                    "MODIFIED" => WatchKind::Modified,
                    "DELETED" => WatchKind::Deleted,
                    other => return Err(format!("`{other}` is no type of a watch event")),
                },
                resource: line.resource.ok_or("a watch line needs `resource`")?,
                object: line.object.ok_or("a watch line needs `object`")?,
            }),
            ("write", _) => Observation::Write(parse::<Write>(&line)?),
            ("action", method) => Observation::Action(Box::new(Action {
                method: method.into(),
                name: line.name.unwrap_or_default(),
                path: text(&line.request, "/path"),
                body: line
                    .request
                    .as_ref()
                    .and_then(|request| request.get("body"))
                    .cloned()
                    .unwrap_or_default(),
                status: line.status.unwrap_or_default(),
                object: line.object.unwrap_or_default(),
                done: line.done_ms.unwrap_or(line.t_ms),
            })),
            ("dns", _) => Observation::Dns(parse::<DnsAnswer>(&line)?),
            ("http", _) => Observation::Http(Box::new(parse::<HttpAnswer>(&line)?)),
            ("note", kind) => Observation::Note(match parse::<Note>(&line) {
                Ok(note) => note,
                Err(_) => Note {
                    kind: kind.into(),
                    text: line
                        .object
                        .map(|object| object.to_string())
                        .or(line.name)
                        .unwrap_or_default(),
                },
            }),
            ("gap", _) => Observation::Gap(parse::<Gap>(&line)?),
            (source, kind) => return Err(format!("unknown source `{source}` with type `{kind}`")),
        };
        Ok(Event { at: line.t_ms, what })
    }
}

fn text(value: &Option<Value>, pointer: &str) -> String {
    value
        .as_ref()
        .and_then(|value| value.pointer(pointer))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .into()
}

/// Writes one observation as one line.
///
/// # Errors
/// What the writer says.
pub fn write_event(out: &mut impl io::Write, event: &Event) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Line::from(event))?;
    out.write_all(b"\n")
}

/// Writes a whole history.
///
/// # Errors
/// What the writer says.
pub fn write_history(out: &mut impl io::Write, history: &History) -> io::Result<()> {
    history
        .events()
        .iter()
        .try_for_each(|event| write_event(out, event))
}

/// Reads a history, plain or gzip-compressed.
///
/// # Errors
/// The first line that is not an observation, with its number; or that there is nothing to read.
pub fn read(input: impl Read) -> Result<History, ReadError> {
    let recovered = read_recovering(input);
    match recovered.problem {
        Some(problem) => Err(problem),
        None => Ok(recovered.history),
    }
}

/// Reads as much of a history as is undamaged, plain or gzip-compressed.
pub fn read_recovering(input: impl Read) -> Recovered {
    let mut input = BufReader::new(input);
    let compressed = input
        .fill_buf()
        .is_ok_and(|start| start.starts_with(&[0x1f, 0x8b]));
    if compressed {
        read_lines(BufReader::new(flate2::bufread::MultiGzDecoder::new(input)))
    } else {
        read_lines(input)
    }
}

fn read_lines(mut input: impl BufRead) -> Recovered {
    let mut history = History::new();
    let mut bytes = Vec::new();
    let mut number = 0;
    let problem = loop {
        bytes.clear();
        match input.read_until(b'\n', &mut bytes) {
            Err(source) => break Some(ReadError::Io { line: number, source }),
            Ok(0) => break history.is_empty().then_some(ReadError::Empty),
            Ok(_) => {}
        }
        number += 1;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let parsed = serde_json::from_slice::<Line>(&bytes)
            .map_err(|error| format!("not an observation ({error})"))
            .and_then(Event::try_from);
        match parsed {
            Ok(event) => history.push(event),
            Err(reason) => {
                let last = input.fill_buf().is_ok_and(<[u8]>::is_empty);
                break Some(ReadError::Line {
                    line: number,
                    last,
                    reason,
                });
            }
        }
    };
    Recovered { history, problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample() -> History {
        let watch = |kind| {
            Observation::Watch(WatchEvent {
                kind,
                resource: "pods".into(),
                object: Arc::new(json!({"metadata": {"name": "web-0", "resourceVersion": "7"}})),
            })
        };
        [
            Observation::Start(Box::new(Meta {
                scenario: "create-ordered".into(),
                ..Meta::default()
            })),
            watch(WatchKind::Initial),
            watch(WatchKind::Added),
            watch(WatchKind::Modified),
            watch(WatchKind::Deleted),
            Observation::Write(Write {
                author: "me".into(),
                verb: "create".into(),
                ..Write::default()
            }),
            Observation::Action(Box::new(Action {
                method: "DELETE".into(),
                path: "/api/v1/namespaces/n/pods/web-0".into(),
                status: 200,
                done: Elapsed::from_millis(3),
                ..Action::default()
            })),
            Observation::Dns(DnsAnswer {
                name: "web".into(),
                qtype: "A".into(),
                ..DnsAnswer::default()
            }),
            Observation::Http(Box::new(HttpAnswer {
                method: "GET".into(),
                ..HttpAnswer::default()
            })),
            Observation::Note(Note {
                kind: "step".into(),
                text: "scale to 3".into(),
            }),
            Observation::Gap(Gap {
                resource: "pods".into(),
                reason: "410".into(),
            }),
            Observation::End(End {
                outcome: "completed".into(),
                waiting_for: None,
                lag_ms: 7,
            }),
        ]
        .into_iter()
        .enumerate()
        .map(|(i, what)| Event {
            at: Elapsed::from_micros(i as u64 * 1_234),
            what,
        })
        .collect()
    }

    #[test]
    fn every_kind_of_observation_survives_a_round_trip() {
        let mut bytes = Vec::new();
        write_history(&mut bytes, &sample()).unwrap();
        assert_eq!(read(&bytes[..]).unwrap(), sample());
    }

    #[test]
    fn a_history_that_is_cut_short_keeps_what_came_before_the_cut() {
        let mut bytes = Vec::new();
        write_history(&mut bytes, &sample()).unwrap();
        bytes.truncate(bytes.len() - 5);
        let recovered = read_recovering(&bytes[..]);
        assert_eq!(recovered.history.len(), sample().len() - 1);
        let text = recovered.problem.unwrap().to_string();
        assert!(text.contains("line 12") && text.contains("cut short"), "{text}");
    }

    #[test]
    fn what_is_no_json_is_named_with_its_line() {
        let text = read(&b"{\"t_ms\":0,\"source\":\"meta\",\"type\":\"start\",\"object\":{}}\nhello\n"[..])
            .unwrap_err();
        assert!(text.to_string().starts_with("line 2"), "{text}");
    }

    #[test]
    fn nothing_at_all_is_an_error() {
        assert!(matches!(read(&b""[..]), Err(ReadError::Empty)));
    }
}
