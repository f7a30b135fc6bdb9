//! `ordinal images`.

use super::k3s::{options_of, workload};
use crate::{
    arguments::{Images, K3s, Output},
    exit::Usage,
    output::{print, tell},
};
use anyhow::Context;
use engine::{
    cluster::k3s::docker::Engine,
    image::WORKLOAD,
    manifest::{ManifestError, SAMPLES},
};
use serde::Serialize;
use std::{collections::BTreeSet, fs::File, io::BufWriter, path::Path};

/// Runs the command.
pub fn run(command: Images) -> anyhow::Result<u8> {
    match command {
        Images::List { k3s, output } => list(&k3s, output)?,
        Images::Save { k3s, file } => save(&options_of(&k3s).reference(), &file)?,
        Images::Load { file } => {
            on_engine(async |engine| Ok(engine.load(&file).await?))?;
            tell(format!("loaded {}", file.display()));
        }
        Images::Workload { file, reference } => {
            write_workload(reference.as_deref().unwrap_or(WORKLOAD), &file)?;
        }
    }
    Ok(0)
}

/// An image that a run needs.
#[derive(Serialize)]
struct Needed {
    image: String,
    cluster: &'static str,
    plays: &'static str,
    comes_from: &'static str,
}

fn needed(k3s: &K3s) -> Result<Vec<Needed>, ManifestError> {
    let mut published = BTreeSet::new();
    for sample in SAMPLES {
        published.extend(sample.load()?.images().into_iter().map(str::to_owned));
    }
    let mut needed = vec![
        Needed {
            image: options_of(k3s).reference(),
            cluster: "k3s",
            plays: "the node",
            comes_from: "its registry; or `ordinal images save`, and --k3s-image-archive",
        },
        Needed {
            image: WORKLOAD.into(),
            cluster: "k3s",
            plays: "every sample, and asks DNS",
            comes_from: "Ordinal makes and imports it",
        },
        Needed {
            image: "k3s-airgap-images".into(),
            cluster: "k3s",
            plays: "DNS, volumes and pauses of the node",
            comes_from: "their registries, by --k3s-registries another one; or the release's archive, by --k3s-import",
        },
        Needed {
            image: "any name".into(),
            cluster: "kubeconfig",
            plays: "every sample, and asks DNS",
            comes_from: "`ordinal images workload`, pushed to a registry and named by --workload-image",
        },
    ];
    needed.extend(published.into_iter().map(|image| Needed {
        image,
        cluster: "kubeconfig",
        plays: "a sample",
        comes_from: "its registry; only without --workload-image",
    }));
    Ok(needed)
}

fn list(k3s: &K3s, output: Output) -> anyhow::Result<()> {
    let needed = needed(k3s)?;
    if output == Output::Json {
        return print(&serde_json::to_string_pretty(&needed)?);
    }
    let width = |of: fn(&Needed) -> usize| needed.iter().map(of).max().unwrap_or(0);
    let (image, plays) = (width(|one| one.image.len()), width(|one| one.plays.len()));
    let lines = needed.iter().map(|one| {
        format!(
            "{:image$}  {:10}  {:plays$}  {}",
            one.image, one.cluster, one.plays, one.comes_from
        )
    });
    print(&lines.collect::<Vec<_>>().join("\n"))
}

fn save(reference: &str, file: &Path) -> anyhow::Result<()> {
    on_engine(async |engine| {
        engine.pull(reference).await?;
        Ok(engine.save(reference, file).await?)
    })?;
    tell(format!("{reference} is in {}", file.display()));
    Ok(())
}

fn write_workload(reference: &str, file: &Path) -> anyhow::Result<()> {
    let archive = File::create(file).map_err(|error| {
        Usage(format!(
            "the archive {} cannot be written: {error}; give another path",
            file.display()
        ))
    })?;
    workload(reference)?
        .write(BufWriter::new(archive))
        .with_context(|| format!("the archive {} cannot be written", file.display()))?;
    tell(format!("{reference} is in {}", file.display()));
    Ok(())
}

fn on_engine(work: impl AsyncFnOnce(Engine) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?;
    runtime.block_on(async { work(Engine::connect().await?).await })
}
