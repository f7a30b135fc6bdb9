//! Where a run takes place, as the options say it.

use crate::{
    arguments::{Certify, Doctor, K3s, Sweep, Time},
    exit::Usage,
    values,
};
use engine::{ChoiceError, Chosen, ClusterChoice};
use std::env;

/// A cluster, and why it was chosen if nobody named one.
#[derive(Clone, Debug)]
pub struct Place {
    pub cluster: ClusterChoice,
    pub chosen_because: Option<String>,
}

impl Place {
    /// Where, and why there, if nobody named the cluster.
    pub fn explained(&self) -> Option<(String, &str)> {
        let because = self.chosen_because.as_deref()?;
        Some((self.cluster.to_string(), because))
    }

    fn chosen(cluster: ClusterChoice, because: impl Into<String>) -> Place {
        Place {
            cluster,
            chosen_because: Some(because.into()),
        }
    }
}

/// Where it takes place: one place, or one for each release of k3s.
///
/// # Errors
/// When there is no such cluster, or options contradict it.
pub fn places(options: &Certify) -> Result<Vec<Place>, Usage> {
    let named = ClusterChoice::named(&options.cluster).map_err(|error| Usage(error.to_string()))?;
    if let Some(cluster) = &named {
        refuse_what_says_nothing(options, cluster)?;
        refuse_a_missing_file(cluster)?;
    }
    let place = match named {
        Some(cluster) => Place {
            cluster,
            chosen_because: None,
        },
        None => automatic(options)?,
    };
    match place.cluster {
        ClusterChoice::Kubeconfig(mut kubeconfig) => {
            kubeconfig.context = options.context.clone();
            kubeconfig.workload_image = options.workload_image.clone();
            Ok(vec![Place {
                cluster: ClusterChoice::Kubeconfig(kubeconfig),
                chosen_because: place.chosen_because,
            }])
        }
        #[cfg(feature = "k3s")]
        ClusterChoice::K3s(_) => {
            let every = super::k3s::all(&options.k3s, options.nodes)?;
            let places = every.into_iter().map(|k3s| Place {
                cluster: ClusterChoice::K3s(Box::new(k3s)),
                chosen_because: place.chosen_because.clone(),
            });
            Ok(places.collect())
        }
        ClusterChoice::Embedded { nodes } => Ok(vec![Place {
            cluster: ClusterChoice::Embedded {
                nodes: options.nodes.unwrap_or(nodes),
            },
            chosen_because: place.chosen_because,
        }]),
    }
}

/// A kubeconfig that was named and cannot be read.
fn refuse_a_missing_file(cluster: &ClusterChoice) -> Result<(), Usage> {
    let ClusterChoice::Kubeconfig(options) = cluster else {
        return Ok(());
    };
    let Some(file) = &options.file else {
        return Ok(());
    };
    match values::readable_file(file.clone()) {
        Ok(_) => Ok(()),
        Err(reason) => Err(Usage(format!("the kubeconfig {}: {reason}", file.display()))),
    }
}

fn cluster(name: &str) -> Result<ClusterChoice, Usage> {
    name.parse()
        .map_err(|error: ChoiceError| Usage(error.to_string()))
}

/// What the other options ask for; if they do not care, what this host has.
fn automatic(options: &Certify) -> Result<Place, Usage> {
    if let Some(option) = of_kubeconfig(options.context.as_deref(), options.workload_image.as_deref()) {
        // Nobody's cluster is touched unless they say so.
        return Err(says_nothing(&with_variable(option), "auto", "kubeconfig"));
    }
    if let Some(option) = of_k3s(&options.k3s) {
        let because = format!("{} asks for it", with_variable(option));
        return Ok(Place::chosen(cluster("k3s")?, because));
    }
    if options.time == Time::Virtual {
        return Ok(Place::chosen(
            cluster("embedded")?,
            "only here time can be virtual",
        ));
    }
    let Chosen { cluster, because } = ClusterChoice::automatic();
    Ok(Place::chosen(cluster, because))
}

/// The first option that only means something to a kubeconfig.
fn of_kubeconfig(context: Option<&str>, workload_image: Option<&str>) -> Option<&'static str> {
    let given = [
        ("--context", context.is_some()),
        ("--workload-image", workload_image.is_some()),
    ];
    first(&given)
}

/// The first option that only means something to k3s.
fn of_k3s(k3s: &K3s) -> Option<&'static str> {
    let given = [
        ("--k3s-version", !k3s.versions.is_empty()),
        ("--k3s-image", k3s.image.is_some()),
        ("--k3s-image-archive", !k3s.archives.is_empty()),
        ("--k3s-import", !k3s.imports.is_empty()),
        ("--k3s-registries", k3s.registries.is_some()),
        ("--k3s-unprivileged", k3s.unprivileged),
    ];
    first(&given)
}

fn first(given: &[(&'static str, bool)]) -> Option<&'static str> {
    given.iter().find(|(_, given)| *given).map(|(option, _)| *option)
}

/// How many nodes of k3s one host is asked for at most.
const MOST_CONTAINERS: usize = 16;

fn refuse_what_says_nothing(options: &Certify, cluster: &ClusterChoice) -> Result<(), Usage> {
    let kubeconfig = matches!(cluster, ClusterChoice::Kubeconfig(_));
    let k3s = cluster.is_k3s();
    if kubeconfig && options.nodes.is_some() {
        return Err(Usage(
            "--nodes says nothing to the kubeconfig cluster, which has the nodes that it has; leave it out"
                .into(),
        ));
    }
    if k3s && options.nodes.is_some_and(|nodes| nodes > MOST_CONTAINERS) {
        return Err(Usage(format!(
            "each node of k3s is a container of its own, and {MOST_CONTAINERS} are the most; give --nodes a smaller number"
        )));
    }
    refuse_options_of_others(
        cluster,
        &options.cluster,
        of_kubeconfig(options.context.as_deref(), options.workload_image.as_deref()),
        of_k3s(&options.k3s),
    )
}

/// Options that only mean something to a kubeconfig, or to k3s, with a cluster that is neither.
fn refuse_options_of_others(
    cluster: &ClusterChoice,
    name: &str,
    of_kubeconfig: Option<&'static str>,
    of_k3s: Option<&'static str>,
) -> Result<(), Usage> {
    let wrong = match (of_kubeconfig, of_k3s) {
        (Some(option), _) if !matches!(cluster, ClusterChoice::Kubeconfig(_)) => Some((option, "kubeconfig")),
        (_, Some(option)) if !cluster.is_k3s() => Some((option, "k3s")),
        _ => None,
    };
    wrong.map_or(Ok(()), |(option, wanted)| {
        Err(says_nothing(&with_variable(option), name, wanted))
    })
}

/// What the doctor looks at: this host, unless a cluster is named.
///
/// # Errors
/// When there is no such cluster, or options contradict it.
pub fn patient(options: &Doctor) -> Result<Option<ClusterChoice>, Usage> {
    let named = ClusterChoice::named(&options.cluster).map_err(|error| Usage(error.to_string()))?;
    let of_kubeconfig = of_kubeconfig(options.context.as_deref(), options.workload_image.as_deref());
    let Some(mut cluster) = named else {
        return match of_kubeconfig {
            Some(option) => Err(says_nothing(&with_variable(option), "auto", "kubeconfig")),
            None => Ok(None),
        };
    };
    refuse_options_of_others(&cluster, &options.cluster, of_kubeconfig, of_k3s(&options.k3s))?;
    if let ClusterChoice::Kubeconfig(kubeconfig) = &mut cluster {
        kubeconfig.context = options.context.clone();
        kubeconfig.workload_image = options.workload_image.clone();
    }
    Ok(Some(cluster))
}

/// What is swept: this host, or the cluster of a kubeconfig. Nobody's cluster is touched unless they say so here.
///
/// # Errors
/// When runs leave nothing there, or options contradict it.
pub fn swept(options: &Sweep) -> Result<ClusterChoice, Usage> {
    let named = ClusterChoice::named(&options.cluster).map_err(|error| Usage(error.to_string()))?;
    match named {
        Some(ClusterChoice::Kubeconfig(mut kubeconfig)) => {
            kubeconfig.context = options.context.clone();
            let cluster = ClusterChoice::Kubeconfig(kubeconfig);
            refuse_a_missing_file(&cluster)?;
            Ok(cluster)
        }
        _ if options.context.is_some() => Err(says_nothing("--context", &options.cluster, "kubeconfig")),
        Some(host) if host.is_k3s() => Ok(host),
        _ => Err(Usage(format!(
            "runs leave nothing in the {} cluster; give --cluster kubeconfig for the namespaces of one, or leave it out for \
             containers and folders of this host",
            options.cluster
        ))),
    }
}

/// An option, with the variable of the environment that may have given it.
fn with_variable(option: &str) -> String {
    let name = option.trim_start_matches('-').replace('-', "_").to_uppercase();
    let variable = format!("ORDINAL_{name}");
    match env::var_os(&variable) {
        Some(value) if !value.is_empty() => format!("{option} ({variable} is set)"),
        _ => option.to_owned(),
    }
}

fn says_nothing(option: &str, cluster: &str, wanted: &str) -> Usage {
    Usage(format!(
        "{option} says nothing to the {cluster} cluster; give --cluster {wanted}, or leave it out"
    ))
}
