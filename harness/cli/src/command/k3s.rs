//! k3s as the options want it.

use crate::{arguments::K3s, exit::Usage};
use engine::{
    cluster::k3s::{K3sOptions, tag},
    image::{Image, WORKLOAD, this_program},
};

/// One for each release that is asked for, with so many nodes. This very program is the workload.
///
/// # Errors
/// When this program cannot become an image.
pub fn all(options: &K3s, nodes: Option<usize>) -> Result<Vec<K3sOptions>, Usage> {
    let workload = workload(WORKLOAD).map_err(|error| Usage(error.to_string()))?;
    let mut standard = options_of(options);
    standard.nodes = nodes.unwrap_or(standard.nodes);
    let with_workload = |tag: String| K3sOptions {
        tag,
        workload: Some(workload.clone()),
        ..standard.clone()
    };
    if options.versions.is_empty() {
        return Ok(vec![with_workload(standard.tag.clone())]);
    }
    let mut tags: Vec<String> = Vec::new();
    for version in &options.versions {
        let tag = tag(version);
        if tags.contains(&tag) {
            return Err(Usage(format!("--k3s-version names {version} twice")));
        }
        tags.push(tag);
    }
    Ok(tags.into_iter().map(with_workload).collect())
}

/// What the options say of k3s as such; of several releases the first counts.
pub fn options_of(options: &K3s) -> K3sOptions {
    let standard = K3sOptions::default();
    K3sOptions {
        image: options.image.clone().unwrap_or(standard.image),
        tag: options
            .versions
            .first()
            .map_or(standard.tag, |version| tag(version)),
        image_archives: options.archives.clone(),
        imports: options.imports.clone(),
        registries: options.registries.clone(),
        privileged: !options.unprivileged,
        ..K3sOptions::default()
    }
}

/// This program as the image of the workload.
pub fn workload(reference: &str) -> Result<Image, engine::image::ProgramError> {
    let program = "/bin/ordinal";
    let files = this_program(program)?;
    Ok(Image::of_workload(reference, program, &["workload"], files))
}
