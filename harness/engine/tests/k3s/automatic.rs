//! Where a run takes place if nobody says.

use super::{
    containers, skipped,
    subject::{Subject, stand_in},
};
use engine::{Chosen, ClusterChoice, cluster::k3s::docker::Engine};
use std::process::Command;

/// What the program that another test starts chooses, in words.
const CHOSEN: &str = "chosen: ";

/// Chooses in a program of its own, because the environment is the program's.
fn chosen(variables: &[(&str, &str)]) -> String {
    let mut choose = Command::new(std::env::current_exe().expect("this program"));
    choose
        .args([
            "--exact",
            "automatic::says_what_it_chooses",
            "--ignored",
            "--nocapture",
        ])
        .env_remove("ORDINAL_CLUSTER")
        .envs(variables.iter().copied());
    let said = choose.output().expect("it starts");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = said
        .lines()
        .find_map(|line| Some(line.split_once(CHOSEN)?.1.to_owned()));
    line.unwrap_or_else(|| panic!("nothing is chosen: {said}"))
}

#[test]
#[ignore = "for the other tests, which give it an environment"]
fn says_what_it_chooses() {
    let Chosen { cluster, because } = ClusterChoice::automatic();
    let privileged = match &cluster {
        ClusterChoice::K3s(options) => options.privileged.to_string(),
        _ => "none".into(),
    };
    println!("{CHOSEN}{cluster}; privileges: {privileged}; {because}");
}

fn image() -> Option<Subject> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(stand_in(""))
}

#[test]
fn an_image_that_is_here_is_chosen_as_the_environment_wants_it() {
    let Some(image) = image() else { return };
    let reference = image.reference();
    let (name, tag) = reference.rsplit_once(':').expect("a tag");
    let asked = [
        ("ORDINAL_K3S_IMAGE", name),
        ("ORDINAL_K3S_VERSION", tag),
        ("ORDINAL_K3S_UNPRIVILEGED", "true"),
    ];
    let wanted = format!("k3s {tag}; privileges: false; {reference} is here");
    assert_eq!(chosen(&asked), wanted);
    let absent = [("ORDINAL_K3S_IMAGE", "ordinal.invalid/k3s"), asked[1], asked[2]];
    let said = chosen(&absent);
    assert!(
        said.starts_with("embedded; privileges: none; k3s cannot be had"),
        "{said}"
    );
    assert!(
        said.contains(&format!("ordinal.invalid/k3s:{tag} is not here")),
        "{said}"
    );
}

#[test]
fn without_an_engine_the_embedded_cluster_is_chosen() {
    let said = chosen(&[("DOCKER_HOST", "unix:///nowhere/docker.sock")]);
    assert!(
        said.starts_with("embedded; ") && said.contains("no Docker engine answers"),
        "{said}"
    );
}

#[tokio::test]
async fn an_engine_that_makes_privileged_containers_is_trusted_and_keeps_none() {
    let Some(image) = stand_in("").await else { return };
    let engine = Engine::connect().await.expect("the engine");
    if let Err(refusal) = engine.may_be_privileged(&image.reference()).await {
        return skipped(&refusal);
    }
    assert_eq!(containers("doctor"), 0, "it is removed");
}
