//! Images without a registry: an archive as `docker save` writes it, with one layer, made by Ordinal itself.

mod program;

pub use program::{ProgramError, program, this_program};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read, Write},
    path::PathBuf,
};

/// Name of the workload's image where Ordinal imports it itself.
pub const WORKLOAD: &str = concat!("ordinal.local/workload:", env!("CARGO_PKG_VERSION"));

/// A file of an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageFile {
    /// Absolute path in the image.
    pub path: String,
    /// The file on this host.
    pub from: PathBuf,
    /// Permission bits.
    pub mode: u32,
}

/// An image of one layer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Name and tag.
    pub reference: String,
    /// What is started, with its first arguments.
    pub entrypoint: Vec<String>,
    /// Environment variables, `NAME=value`.
    pub env: Vec<String>,
    /// Directories that are volumes.
    pub volumes: Vec<String>,
    /// The files.
    pub files: Vec<ImageFile>,
    /// Directories that are there although nothing is in them, for everybody to write to.
    pub directories: Vec<String>,
}

impl Image {
    /// The workload: `program` at `path`, which becomes it when it is given `arguments`.
    pub fn of_workload(
        reference: &str,
        path: &str,
        arguments: &[&str],
        (files, env): (Vec<ImageFile>, Vec<String>),
    ) -> Image {
        let entrypoint = std::iter::once(path).chain(arguments.iter().copied());
        Image {
            reference: reference.into(),
            entrypoint: entrypoint.map(str::to_owned).collect(),
            env,
            files,
            directories: vec!["/tmp".into()],
            volumes: Vec::new(),
        }
    }

    /// Writes the archive. The same files give the same bytes.
    ///
    /// # Errors
    /// When a file cannot be read or the archive not be written.
    pub fn write(&self, to: impl Write) -> io::Result<()> {
        let layer = self.layer()?;
        let digest = hex(&layer);
        let config = serde_json::to_vec(&self.config(&digest))?;
        let config_name = format!("{}.json", hex(&config));
        let layer_name = format!("{digest}/layer.tar");
        let manifest = serde_json::to_vec(&json!([{
            "Config": config_name,
            "RepoTags": [self.reference],
            "Layers": [layer_name],
        }]))?;
        let mut archive = tar::Builder::new(to);
        for (name, bytes) in [
            (config_name, config),
            (layer_name, layer),
            ("manifest.json".into(), manifest),
        ] {
            archive.append_data(&mut header(bytes.len() as u64, 0o644), name, bytes.as_slice())?;
        }
        archive.into_inner()?.flush()
    }

    fn layer(&self) -> io::Result<Vec<u8>> {
        let mut layer = tar::Builder::new(Vec::new());
        for directory in &self.directories {
            let mut header = header(0, 0o1777);
            header.set_entry_type(tar::EntryType::Directory);
            layer.append_data(&mut header, relative(directory), io::empty())?;
        }
        let mut files = self.files.clone();
        files.sort();
        for file in &files {
            let named =
                |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.from.display()));
            let mut bytes = Vec::new();
            File::open(&file.from)
                .and_then(|mut open| open.read_to_end(&mut bytes))
                .map_err(named)?;
            layer.append_data(
                &mut header(bytes.len() as u64, file.mode),
                relative(&file.path),
                bytes.as_slice(),
            )?;
        }
        layer.into_inner()
    }

    fn config(&self, layer_digest: &str) -> Value {
        let volumes: serde_json::Map<String, Value> = self
            .volumes
            .iter()
            .map(|path| (path.clone(), json!({})))
            .collect();
        json!({
            "architecture": architecture(),
            "os": "linux",
            "config": { "Entrypoint": self.entrypoint, "Env": self.env, "Volumes": volumes },
            "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{layer_digest}")] },
            "history": [{ "created": "1970-01-01T00:00:00Z", "created_by": "ordinal" }],
        })
    }
}

/// Paths in archives have no leading slash.
fn relative(path: &str) -> &str {
    path.trim_start_matches('/')
}

fn header(size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    header
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            // Writing to a string never fails.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// The architecture of this host in the words of images.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn image(folder: &std::path::Path) -> Image {
        let program = folder.join("program");
        std::fs::write(&program, "a program").unwrap();
        Image {
            reference: "workload:1".into(),
            entrypoint: vec!["/bin/program".into(), "workload".into()],
            env: vec!["A=b".into()],
            volumes: vec!["/data".into()],
            files: vec![ImageFile {
                path: "/bin/program".into(),
                from: program,
                mode: 0o755,
            }],
            directories: vec!["/tmp".into()],
        }
    }

    fn unpack(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
        let mut archive = tar::Archive::new(bytes);
        let entries = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_string_lossy().into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (name, content)
        });
        entries.collect()
    }

    #[test]
    fn the_archive_names_its_image_and_its_digests_are_right() {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        image(folder.path()).write(&mut bytes).unwrap();
        let files = unpack(&bytes);
        let manifest: Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
        assert_eq!(manifest[0]["RepoTags"][0], "workload:1");
        let config_name = manifest[0]["Config"].as_str().unwrap();
        assert_eq!(config_name, format!("{}.json", hex(&files[config_name])));
        let config: Value = serde_json::from_slice(&files[config_name]).unwrap();
        let layer = &files[manifest[0]["Layers"][0].as_str().unwrap()];
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", hex(layer)));
        assert_eq!(config["config"]["Entrypoint"][1], "workload");
        assert_eq!(config["config"]["Volumes"], json!({ "/data": {} }));
        let layer = unpack(layer);
        assert_eq!(layer["bin/program"], b"a program");
        assert!(layer.contains_key("tmp"));
    }

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let write = || {
            let mut bytes = Vec::new();
            image(folder.path()).write(&mut bytes).unwrap();
            bytes
        };
        assert_eq!(write(), write());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let mut image = image(folder.path());
        image.files[0].from = "/nowhere/program".into();
        let error = image.write(Vec::new()).unwrap_err();
        assert!(error.to_string().contains("/nowhere/program"), "{error}");
    }
}
