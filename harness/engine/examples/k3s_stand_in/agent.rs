//! Agents of the stand-in: how they join their server, and what it makes of them.

use super::{FAILS, Outcome, log, until_ended};
use embedded::node::Nodes;
use std::time::Duration;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{TcpListener, TcpStream},
};

/// Where the server hears of its agents.
const PORT: u16 = 6444;
/// How often an agent lets hear of itself.
const BEAT: Duration = Duration::from_millis(200);
/// After so long it counts as lost. One that ends is at once.
const SILENCE: Duration = Duration::from_secs(30);

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
    let host = url
        .trim_start_matches("https://")
        .split(':')
        .next()
        .unwrap_or_default();
    let server = format!("{host}:{PORT}");
    let joined = async {
        loop {
            if let Err(error) = beat(&server, &format!("{token} {name}\n")).await {
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
        let nodes = nodes.clone();
        tokio::spawn(async move {
            let mut lines = BufReader::new(stream).lines();
            let Some(name) = heard_of(&mut lines).await else {
                return;
            };
            // The server itself is the first node.
            let number = name
                .rsplit('-')
                .next()
                .and_then(|number| number.parse::<usize>().ok());
            let Some(number) = number else { return };
            nodes.start(number + 1);
            log("info", &format!("{name} joined as node-{}", number + 1));
            while heard_of(&mut lines).await.is_some() {}
            nodes.stop(&format!("node-{}", number + 1));
            log("info", &format!("{name} is lost"));
        });
    }
}

/// The name of an agent that knows the token, if one lets hear of itself in time.
async fn heard_of(lines: &mut Lines<BufReader<TcpStream>>) -> Option<String> {
    let line = tokio::time::timeout(SILENCE, lines.next_line())
        .await
        .ok()?
        .ok()??;
    let (token, name) = line.split_once(' ')?;
    let own = std::env::var("K3S_TOKEN").ok()?;
    (token == own).then(|| name.to_owned())
}
