//! Images and files that a run is given.

use super::{Certify, Image, docker, log_in, run_in, stand_in};
use crate::told::{Told, binary, ordinal};
use std::fs;

#[test]
fn an_image_is_saved_and_loaded() {
    let Some(image) = stand_in() else { return };
    let own = Image::of_tag(format!("{}-saved", image.tag()));
    let (shared, reference) = (image.reference(), own.reference());
    docker(&["tag", &shared, &reference]).expect("tagged");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("k3s.tar");
    let file = file.to_str().expect("a path");
    let images = |arguments: &[&str]| {
        let mut command = binary();
        command.arg("images").args(arguments);
        Told::of(command.output().expect("ordinal starts"))
    };
    let of = ["--k3s-image", own.name(), "--k3s-version", own.tag()];
    drop(images(&[&["save", file], &of[..]].concat()).ends_with(0));
    docker(&["image", "rm", &reference]).expect("removed");
    drop(images(&["load", file]).ends_with(0));
    assert!(
        docker(&["image", "inspect", &reference]).is_some(),
        "it is not loaded"
    );
    drop(
        images(&["load", "/nowhere/k3s.tar"])
            .ends_with(2)
            .complains_of(&["/nowhere/k3s.tar"]),
    );
    let absent = ["--k3s-image", "ordinal.invalid/k3s", "--k3s-version", "v0"];
    let told = images(&[&["save", file], &absent[..]].concat()).ends_with(3);
    drop(told.complains_of(&["pull ordinal.invalid/k3s:v0"]));
}

#[test]
fn the_image_comes_from_an_archive() {
    let Some(image) = stand_in() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let archive = folder.path().join("k3s.tar");
    let own = Image::of_tag(format!("{}-archive", image.tag()));
    own.write(&archive);
    let one_rule = ["--scenario", "create-ordered", "--rule", "SS-ORD-02"];
    let absent = Certify::on(&own).with(&one_rule).done().ends_with(3);
    drop(absent.complains_of(&["--k3s-image-archive"]));
    let archive = ["--k3s-image-archive", archive.to_str().expect("a path")];
    let told = Certify::on(&own).with(&one_rule).with(&archive).done();
    drop(told.ends_with(0));
}

#[test]
fn other_images_and_a_registry_map_reach_the_node() {
    let Some(image) = stand_in() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (more, map) = (folder.path().join("more.tar"), folder.path().join("map.yaml"));
    let (more, map) = (more.to_str().expect("a path"), map.to_str().expect("a path"));
    drop(
        ordinal(&[
            "images",
            "workload",
            more,
            "--reference",
            "registry.example/more:1",
        ])
        .ends_with(0),
    );
    fs::write(map, "mirrors: { registry.example: {} }").expect("a file");
    let mut certify = Certify::on(&image)
        .with(&["--scenario", "create-ordered", "--rule", "SS-ORD-02"])
        .with(&["--k3s-import", more, "--k3s-registries", map]);
    drop(certify.done().ends_with(0));
    let run = run_in(certify.folder.path()).expect("the log of k3s is kept");
    let log = log_in(certify.folder.path(), &run);
    for words in [
        "Imported images [\\\"registry.example/more:1\\\"]",
        "registries.yaml: mirrors: { registry.example: {} }",
    ] {
        assert!(log.contains(words), "{words} is missing in: {log}");
    }
}
