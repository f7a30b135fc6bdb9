//! Agents of the stand-in: how they join their server, and what it makes of them.

use super::{FAILS, Outcome, log, until_ended};
use embedded::node::{Nodes, Registration};
use std::time::Duration;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpListener, TcpStream},
};

/// Where the server hears of its agents.
const PORT: u16 = 6444;
/// How often an agent lets hear of itself.
const BEAT: Duration = Duration::from_millis(200);
/// After so long its node is silent as well, as one that hangs. One that ends is lost with all that ran there.
const SILENCE: Duration = Duration::from_secs(1);

/// Joins the server of the environment, and stays until it is told to end.
pub async fn join(arguments: &[&str]) -> Outcome<()> {
    log(
        "info",
        "Starting k3s stand-in agent (the embedded cluster of Ordinal)",
    );
    if std::env::var(FAILS).is_ok_and(|fails| fails == "agent") {
        std::process::exit(9);
    }
    let url = std::env::var("K3S_URL")?;
    let token = std::env::var("K3S_TOKEN")?;
    let name = arguments
        .iter()
        .find_map(|argument| argument.strip_prefix("--node-name="))
        .ok_or("an agent has a name")?;
    let taint = arguments
        .iter()
        .find_map(|argument| argument.strip_prefix("--node-taint="))
        .and_then(|taint| taint.split('=').next())
        .unwrap_or_default();
    let host = url
        .trim_start_matches("https://")
        .split(':')
        .next()
        .unwrap_or_default();
    let server = format!("{host}:{PORT}");
    let joined = async {
        loop {
            if let Err(error) = beat(&server, &format!("{token} {name} {taint}\n")).await {
                log("error", &format!("Waiting for the server {server}: {error}"));
            }
            embedded::clock::pass(BEAT).await;
        }
    };
    tokio::select! {
        () = joined => Ok(()),
        ended = until_ended() => ended,
    }
}

/// Lets hear of itself until the server does not listen any more.
async fn beat(server: &str, line: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    loop {
        stream.write_all(line.as_bytes()).await?;
        embedded::clock::pass(BEAT).await;
    }
}

/// Has a node for each agent that is heard of.
pub async fn serve(nodes: Nodes) -> std::io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(follow(stream, nodes.clone()));
    }
}

/// Follows one agent until it ends.
async fn follow(stream: TcpStream, nodes: Nodes) {
    let mut lines = BufReader::new(stream).lines();
    let Some((name, taint)) = heard_of(&mut lines).await else {
        return;
    };
    // The server itself is the first node.
    let number = name
        .rsplit('-')
        .next()
        .and_then(|number| number.parse::<usize>().ok());
    let Some(number) = number else { return };
    let registration = Registration {
        name: Some(name.clone()),
        taints: taint.into_iter().collect(),
        ..Registration::default()
    };
    nodes.start_as(number + 1, registration);
    log("info", &format!("{name} joined"));
    let mut silent = false;
    loop {
        match tokio::time::timeout(SILENCE, heard_of(&mut lines)).await {
            Ok(Some(_)) if !silent => {}
            Ok(Some(_)) => {
                silent = false;
                nodes.silence(&name, false);
                log("info", &format!("{name} is heard of again"));
            }
            Ok(None) => break,
            Err(_) if silent => {}
            Err(_) => {
                silent = true;
                nodes.silence(&name, true);
                log("info", &format!("{name} is silent"));
            }
        }
    }
    nodes.stop(&name);
    log("info", &format!("{name} is lost"));
}

/// Name and taint of an agent that knows the token, when it lets hear of itself; nothing once it has ended.
async fn heard_of(lines: &mut Lines<BufReader<TcpStream>>) -> Option<(String, Option<String>)> {
    let line = lines.next_line().await.ok()??;
    let mut words = line.split(' ');
    let (token, name, taint) = (words.next()?, words.next()?, words.next()?);
    let own = std::env::var("K3S_TOKEN").ok()?;
    let taint = Some(taint.to_owned()).filter(|taint| !taint.is_empty());
    (token == own).then(|| (name.to_owned(), taint))
}
