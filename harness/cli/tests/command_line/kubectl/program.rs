//! Which kubectl the tests use: the one that `KUBECTL` names, the one on the PATH, or Debian's, unpacked into the folder
//! of the build.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's package with a kubectl in it.
const PACKAGE: &str = "kubernetes-client";

/// The oldest minor version that has all the commands of these tests (`wait --for=create`); what is older than 1.27 cannot
/// read the server's schemas either.
const OLDEST: u32 = 31;

/// The program.
///
/// # Errors
/// Why there is none.
pub fn find() -> Result<OsString, String> {
    if let Some(named) = std::env::var_os("KUBECTL") {
        return with_version(named);
    }
    with_version("kubectl".into()).or_else(|missing| match unpacked() {
        Ok(program) => with_version(program.into()),
        Err(why) => Err(format!("{missing}; {PACKAGE} cannot be had: {why}")),
    })
}

fn with_version(program: OsString) -> Result<OsString, String> {
    let told = Command::new(&program)
        .args(["version", "--client", "--output=json"])
        .output()
        .map_err(|error| format!("{} does not start: {error}", program.display()))?;
    let version: serde_json::Value = serde_json::from_slice(&told.stdout)
        .map_err(|error| format!("its version cannot be read: {error}"))?;
    let minor = version["clientVersion"]["minor"].as_str().unwrap_or_default();
    let minor = minor.trim_end_matches('+').parse();
    let minor: u32 = minor.map_err(|_| format!("its version is {version}"))?;
    if minor < OLDEST {
        return Err(format!(
            "{} is 1.{minor}, and 1.{OLDEST} is needed",
            program.display()
        ));
    }
    Ok(program)
}

/// Debian's kubectl, fetched and unpacked without being installed: that needs no rights.
fn unpacked() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubectl");
    let program = home.join("usr/bin/kubectl");
    if program.is_file() {
        return Ok(program);
    }
    let failed = |error: std::io::Error| error.to_string();
    let parent = home.parent().unwrap_or(Path::new("."));
    let work = tempfile::tempdir_in(parent).map_err(failed)?;
    // Slow mirrors must not hold up the tests.
    let patience = ["-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=20"];
    run(Command::new("apt-get")
        .args(patience)
        .args(["download", PACKAGE])
        .current_dir(work.path()))?;
    let files = fs::read_dir(work.path()).map_err(failed)?;
    let package = files
        .flatten()
        .map(|file| file.path())
        .find(|path| path.extension().is_some_and(|end| end == "deb"));
    let package = package.ok_or("nothing was fetched")?;
    let unpacked = work.path().join("unpacked");
    run(Command::new("dpkg-deb").arg("-x").args([&package, &unpacked]))?;
    // Another run of the tests may have been faster: then that one's stays.
    match fs::rename(&unpacked, &home) {
        Err(error) if !program.is_file() => Err(failed(error)),
        _ => Ok(program),
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().display().to_string();
    let done = command
        .output()
        .map_err(|error| format!("{name} does not start: {error}"))?;
    if done.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&done.stderr);
    let last = told.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
    Err(format!("{name}: {}: {last}", done.status))
}
