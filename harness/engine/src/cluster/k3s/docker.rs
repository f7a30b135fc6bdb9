//! The Docker engine of this host: is it there, what can it do, which images has it, what did runs leave in it.

use super::container::network;
use bollard::{
    Docker,
    models::{ContainerCreateBody, HostConfig, HostConfigCgroupnsModeEnum},
    query_parameters::{
        CreateContainerOptions, CreateImageOptionsBuilder, ImportImageOptionsBuilder,
        ListContainersOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
        WaitContainerOptionsBuilder,
    },
};
use futures::StreamExt;
use std::{collections::HashMap, path::Path, time::Duration};
use tokio::io::AsyncWriteExt;

/// Label of containers: the id of the run that they belong to.
pub const RUN_LABEL: &str = "ordinal.run";
/// Networks of runs have names that begin with this.
pub const NETWORK_PREFIX: &str = "ordinal-";

/// How long the engine, and a registry through it, may take to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long removing one container may take.
const REMOVAL: Duration = Duration::from_secs(30);

/// Why the engine cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DockerError {
    /// It is not there.
    #[error("no Docker engine answers: {0}; start one, or name it in DOCKER_HOST")]
    Absent(String),
    /// It refused something.
    #[error("the Docker engine could not {what}: {reason}")]
    Refused {
        /// What was asked.
        what: String,
        /// What it said.
        reason: String,
    },
}

/// What the engine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineFacts {
    /// Its version.
    pub version: String,
    /// Whether the host has control groups of the first version only.
    pub cgroup_v1: bool,
    /// Whether it runs without root.
    pub rootless: bool,
    /// Processors of its host.
    pub processors: i64,
    /// Memory of its host in bytes.
    pub memory: i64,
    /// How it stores images.
    pub storage: String,
    /// Where its host keeps its data.
    pub data: String,
}

/// The engine.
#[derive(Clone)]
pub struct Engine {
    docker: Docker,
}

fn refused(what: &str) -> impl Fn(bollard::errors::Error) -> DockerError + '_ {
    move |error| DockerError::Refused {
        what: what.to_owned(),
        reason: error.to_string(),
    }
}

impl Engine {
    /// Connects to the engine, which has to answer within five seconds.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn connect() -> Result<Engine, DockerError> {
        let docker =
            Docker::connect_with_defaults().map_err(|error| DockerError::Absent(error.to_string()))?;
        match tokio::time::timeout(ANSWER, docker.ping()).await {
            Ok(Ok(_)) => Ok(Engine { docker }),
            Ok(Err(error)) => Err(DockerError::Absent(error.to_string())),
            Err(_) => Err(DockerError::Absent(format!("it is silent for {ANSWER:?}"))),
        }
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// When it does not say.
    pub async fn facts(&self) -> Result<EngineFacts, DockerError> {
        let info = self.docker.info().await.map_err(refused("describe itself"))?;
        let cgroups = info
            .cgroup_version
            .map(|version| version.to_string())
            .unwrap_or_default();
        let options = info.security_options.unwrap_or_default();
        Ok(EngineFacts {
            version: info.server_version.unwrap_or_default(),
            cgroup_v1: cgroups == "1",
            rootless: options.iter().any(|option| option.contains("rootless")),
            processors: info.ncpu.unwrap_or_default(),
            memory: info.mem_total.unwrap_or_default(),
            storage: info.driver.unwrap_or_default(),
            data: info.docker_root_dir.unwrap_or_default(),
        })
    }

    /// Whether it has an image.
    ///
    /// # Errors
    /// When it does not say.
    pub async fn has_image(&self, reference: &str) -> Result<bool, DockerError> {
        match self.docker.inspect_image(reference).await {
            Ok(_) => Ok(true),
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => Ok(false),
            Err(error) => Err(refused("look for an image")(error)),
        }
    }

    /// Sees that it makes privileged containers, as nodes are, of an image that it has: one is created, not started, and
    /// removed.
    ///
    /// # Errors
    /// When it makes none.
    pub async fn may_be_privileged(&self, reference: &str) -> Result<(), DockerError> {
        let container = ContainerCreateBody {
            image: Some(reference.to_owned()),
            // Whoever is killed meanwhile leaves it to the sweep.
            labels: Some(HashMap::from([(RUN_LABEL.to_owned(), "doctor".to_owned())])),
            host_config: Some(HostConfig {
                privileged: Some(true),
                userns_mode: Some("host".to_owned()),
                cgroupns_mode: Some(HostConfigCgroupnsModeEnum::HOST),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let created = self
            .docker
            .create_container(None::<CreateContainerOptions>, container)
            .await
            .map_err(refused("create a privileged container"))?;
        // Whether it goes again says nothing of what the engine makes.
        match tokio::time::timeout(REMOVAL, self.remove(&created.id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a container that was not started could not be removed"),
            Err(_) => tracing::warn!("removing a container that was not started took too long"),
        }
        Ok(())
    }

    /// Whether the registry of an image answers, within five seconds, that it has it; else why not.
    pub async fn registry_has(&self, reference: &str) -> Result<(), String> {
        match tokio::time::timeout(ANSWER, self.docker.inspect_registry_image(reference, None)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("the registry is silent for {ANSWER:?}")),
        }
    }

    /// Makes sure that it has an image: pulls it if it has not.
    ///
    /// # Errors
    /// When it cannot be pulled.
    pub async fn pull(&self, reference: &str) -> Result<(), DockerError> {
        if self.has_image(reference).await? {
            return Ok(());
        }
        let what = format!("pull {reference}");
        let options = CreateImageOptionsBuilder::new().from_image(reference).build();
        let mut answers = std::pin::pin!(self.docker.create_image(Some(options), None, None));
        while let Some(answer) = answers.next().await {
            answer.map_err(refused(&what))?;
        }
        Ok(())
    }

    /// Writes an archive with an image that it has (`docker save`).
    ///
    /// # Errors
    /// When it has not got the image, or the file cannot be written.
    pub async fn save(&self, reference: &str, archive: &Path) -> Result<(), DockerError> {
        let what = format!("save {reference} to {}", archive.display());
        let unwritable = |error: std::io::Error| DockerError::Refused {
            what: what.clone(),
            reason: error.to_string(),
        };
        let mut file = tokio::fs::File::create(archive).await.map_err(unwritable)?;
        let mut pieces = std::pin::pin!(self.docker.export_images(&[reference]));
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(refused(&what))?;
            file.write_all(&piece).await.map_err(unwritable)?;
        }
        file.flush().await.map_err(unwritable)
    }

    /// Loads the images of an archive (`docker save`).
    ///
    /// # Errors
    /// When the file cannot be read, or the engine finds no image in it.
    pub async fn load(&self, archive: &Path) -> Result<(), DockerError> {
        let what = format!("load {}", archive.display());
        let file = tokio::fs::File::open(archive)
            .await
            .map_err(|error| DockerError::Refused {
                what: what.clone(),
                reason: error.to_string(),
            })?;
        let body = tokio_util::codec::FramedRead::new(file, tokio_util::codec::BytesCodec::new())
            .map(|piece| piece.map(bytes::BytesMut::freeze));
        let options = ImportImageOptionsBuilder::new().quiet(true).build();
        let mut answers = std::pin::pin!(self.docker.import_image_stream(options, body, None));
        while let Some(answer) = answers.next().await {
            let answer = answer.map_err(refused(&what))?;
            if let Some(detail) = answer.error_detail {
                let reason = detail.message.unwrap_or_default();
                return Err(DockerError::Refused { what, reason });
            }
        }
        Ok(())
    }

    /// Removes containers and networks: those of one run, or of all. Returns how many there were.
    ///
    /// # Errors
    /// When they cannot be listed; what cannot be removed is told in the log.
    pub async fn sweep(&self, run: Option<&str>) -> Result<usize, DockerError> {
        let label = run.map_or_else(|| RUN_LABEL.to_owned(), |run| format!("{RUN_LABEL}={run}"));
        let filters = HashMap::from([("label".to_owned(), vec![label])]);
        let options = ListContainersOptionsBuilder::new()
            .all(true)
            .filters(&filters)
            .build();
        let found = self
            .docker
            .list_containers(Some(options))
            .await
            .map_err(refused("list containers"))?;
        let mut removed = 0;
        for id in found.into_iter().filter_map(|container| container.id) {
            match tokio::time::timeout(REMOVAL, self.remove(&id)).await {
                Ok(Ok(())) => removed += 1,
                Ok(Err(error)) => tracing::warn!(container = id, %error, "a container could not be removed"),
                Err(_) => tracing::warn!(container = id, "removing a container took too long"),
            }
        }
        let filters = HashMap::from([("name".to_owned(), vec![NETWORK_PREFIX.to_owned()])]);
        let options = ListNetworksOptionsBuilder::new().filters(&filters).build();
        let networks = self
            .docker
            .list_networks(Some(options))
            .await
            .map_err(refused("list networks"))?;
        // The filter finds names that contain the prefix anywhere.
        for name in networks
            .into_iter()
            .filter_map(|network| network.name)
            .filter(|name| is_network_of(run, name))
        {
            if let Err(error) = self.docker.remove_network(&name).await {
                tracing::warn!(network = name, %error, "a network could not be removed");
            }
        }
        Ok(removed)
    }

    /// Removes a container and waits until it is gone, whoever began to remove it.
    async fn remove(&self, id: &str) -> Result<(), bollard::errors::Error> {
        use bollard::errors::Error::DockerResponseServerError as Refusal;
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.docker.remove_container(id, Some(options)).await {
            Err(Refusal { status_code: 404, .. }) => Ok(()),
            // Somebody is at it. As long as it is not gone its network cannot go either.
            Err(Refusal { status_code: 409, .. }) => {
                let options = WaitContainerOptionsBuilder::new().condition("removed").build();
                let mut end = std::pin::pin!(self.docker.wait_container(id, Some(options)));
                match end.next().await {
                    None
                    | Some(
                        Ok(_)
                        | Err(
                            Refusal { status_code: 404, .. }
                            // It ended with another code than 0.
                            | bollard::errors::Error::DockerContainerWaitError { .. },
                        ),
                    ) => Ok(()),
                    Some(Err(error)) => Err(error),
                }
            }
            other => other,
        }
    }
}

/// Whether a network of that name is the one of the run, or of any.
fn is_network_of(run: Option<&str>, name: &str) -> bool {
    match run {
        None => name.starts_with(NETWORK_PREFIX),
        Some(run) => name == network(run),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_one_network_and_not_that_of_another_whose_name_goes_on() {
        let names = [
            "ordinal-ab",
            "ordinal-abcd",
            "ordinal-",
            "my-ordinal-ab",
            "bridge",
        ];
        let of = |run| names.map(|name| is_network_of(run, name));
        assert_eq!(of(Some("ab")), [true, false, false, false, false]);
        assert_eq!(of(None), [true, true, true, false, false]);
    }
}
