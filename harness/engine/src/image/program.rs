//! This very program as files of an image: it plays the workload, so that no second one has to be built or shipped.

use super::ImageFile;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Where the libraries go, and where the program is told to look for them.
const LIBRARIES: &str = "/lib64";

/// Why this program cannot become an image.
#[derive(Debug, thiserror::Error)]
#[error("this program cannot become an image: {what} cannot be read: {source}")]
pub struct ProgramError {
    what: &'static str,
    source: std::io::Error,
}

/// The files that `path` needs in an image to be this program, and the environment that it needs there. A program that
/// is linked statically is one file; any other one brings the libraries that it has loaded now.
///
/// # Errors
/// When the system does not say what this program consists of.
pub fn this_program(path: &str) -> Result<(Vec<ImageFile>, Vec<String>), ProgramError> {
    let own = std::env::current_exe().map_err(|source| ProgramError {
        what: "its own path",
        source,
    })?;
    program(&own, path)
}

/// The same for another program that was built together with this one, and so needs no library that this one has not.
///
/// # Errors
/// When the system does not say what this program consists of.
pub fn program(own: &Path, path: &str) -> Result<(Vec<ImageFile>, Vec<String>), ProgramError> {
    let maps = std::fs::read_to_string("/proc/self/maps").map_err(|source| ProgramError {
        what: "/proc/self/maps",
        source,
    })?;
    let mut files = vec![ImageFile {
        path: path.into(),
        from: own.into(),
        mode: 0o755,
    }];
    let libraries = libraries(&maps);
    let env = match libraries.is_empty() {
        true => Vec::new(),
        false => vec![format!("LD_LIBRARY_PATH={LIBRARIES}")],
    };
    for library in libraries {
        files.extend(places(&library).into_iter().map(|path| ImageFile {
            path,
            from: library.clone(),
            mode: 0o755,
        }));
    }
    Ok((files, env))
}

/// Shared libraries that are mapped into this process.
fn libraries(maps: &str) -> BTreeSet<PathBuf> {
    let paths = maps
        .lines()
        .filter_map(|line| line.find('/').and_then(|start| line.get(start..)));
    paths.filter(|path| is_library(path)).map(PathBuf::from).collect()
}

fn is_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.ends_with(".so") || name.contains(".so.")
}

/// Where a library has to be. The loader itself is named in the program by its path, which is below /lib64 or /lib.
fn places(library: &Path) -> Vec<String> {
    let name = library.file_name().unwrap_or_default().to_string_lossy();
    let mut places = vec![format!("{LIBRARIES}/{name}")];
    if name.starts_with("ld-") {
        places.push(format!("/lib/{name}"));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_once_each() {
        let maps = "55d0-55d1 r--p 00000000 08:01 1 /usr/bin/ordinal\n\
                    7f00-7f01 r--p 00000000 08:01 2 /usr/lib/x86_64-linux-gnu/libc.so.6\n\
                    7f01-7f02 r-xp 00028000 08:01 2 /usr/lib/x86_64-linux-gnu/libc.so.6\n\
                    7f03-7f04 r--p 00000000 08:01 3 /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n\
                    7ffe-7fff rw-p 00000000 00:00 0 [stack]\n";
        let found = libraries(maps);
        assert_eq!(found.len(), 2);
        let loader = Path::new("/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2");
        assert_eq!(
            places(loader),
            ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-x86-64.so.2"]
        );
        assert_eq!(places(Path::new("/usr/lib/libc.so.6")), ["/lib64/libc.so.6"]);
    }

    #[test]
    fn this_test_is_a_program_too() {
        let (files, env) = this_program("/bin/me").unwrap();
        assert_eq!(files[0].path, "/bin/me");
        assert!(files.iter().all(|file| file.from.is_file()), "{files:?}");
        assert_eq!(env.is_empty(), files.len() == 1);
    }
}
