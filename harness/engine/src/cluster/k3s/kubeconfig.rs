//! The kubeconfig of a server, rewritten for whoever reaches it through a published port.

use kube::config::Kubeconfig;

/// Where k3s writes it.
pub const PATH: &str = "/etc/rancher/k3s/k3s.yaml";

/// Why a kubeconfig cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RewriteError {
    /// It is no kubeconfig.
    #[error("{PATH} in the container is no kubeconfig: {0}")]
    Parse(String),
    /// It names no cluster.
    #[error("{PATH} in the container names no cluster")]
    Empty,
}

/// Lets every cluster of the file be reached at `host` and `port`. Names, certificates and everything else stay.
///
/// # Errors
/// When the text is no kubeconfig or names no cluster.
pub fn rewrite(text: &str, host: &str, port: u16) -> Result<Kubeconfig, RewriteError> {
    let mut kubeconfig =
        Kubeconfig::from_yaml(text).map_err(|error| RewriteError::Parse(error.to_string()))?;
    if kubeconfig.clusters.iter().all(|named| named.cluster.is_none()) {
        return Err(RewriteError::Empty);
    }
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    for cluster in kubeconfig
        .clusters
        .iter_mut()
        .filter_map(|named| named.cluster.as_mut())
    {
        cluster.server = Some(format!("https://{host}:{port}"));
    }
    Ok(kubeconfig)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: &str = "apiVersion: v1\nkind: Config\nclusters:\n- name: default\n  cluster:\n    \
        certificate-authority-data: QUJD\n    server: https://127.0.0.1:6443\ncontexts:\n- name: default\n  context:\n    \
        cluster: default\n    user: default\ncurrent-context: default\nusers:\n- name: default\n  user:\n    \
        client-certificate-data: REVG\n    client-key-data: R0hJ\n";

    #[test]
    fn host_and_port_change_and_nothing_else() {
        let kubeconfig = rewrite(WRITTEN, "127.0.0.1", 49_153).unwrap();
        let cluster = kubeconfig.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://127.0.0.1:49153"));
        assert_eq!(cluster.certificate_authority_data.as_deref(), Some("QUJD"));
        let user = kubeconfig.auth_infos[0].auth_info.as_ref().unwrap();
        assert_eq!(user.client_certificate_data.as_deref(), Some("REVG"));
        assert_eq!(kubeconfig.current_context.as_deref(), Some("default"));
    }

    #[test]
    fn an_address_with_colons_gets_its_brackets() {
        let kubeconfig = rewrite(WRITTEN, "::1", 1).unwrap();
        let server = kubeconfig.clusters[0].cluster.as_ref().unwrap().server.clone();
        assert_eq!(server.as_deref(), Some("https://[::1]:1"));
    }

    #[test]
    fn what_is_no_kubeconfig_is_said_to_be_none() {
        assert!(matches!(
            rewrite("clusters: 7", "h", 1),
            Err(RewriteError::Parse(_))
        ));
        assert_eq!(
            rewrite("apiVersion: v1\nkind: Config\n", "h", 1).err(),
            Some(RewriteError::Empty)
        );
    }
}
