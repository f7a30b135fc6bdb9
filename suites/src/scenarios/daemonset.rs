//! One pod per node.

use engine::manifest::NGINX_DS;

scenario! {
    /// A DaemonSet beside the StatefulSets.
    ONE_PER_NODE = "daemonset":
    "A DaemonSet puts one pod on every node and replaces one that is deleted.",
    profiles [Daemonset], needs [], features [DaemonSets],
    |stage| {
        stage.step("create nginx-ds");
        stage.apply_sample(NGINX_DS).await?;
        stage.until_daemon_settled("nginx-ds").await?;
        stage.keep_still().await?;
        let pod = stage.look(|world| world.pods().next().map(|(name, _)| name.to_owned())).unwrap_or_default();
        stage.delete_pod(&pod).await?;
        stage.until_gone("pods", &pod).await?;
        stage.until_daemon_settled("nginx-ds").await?;
        stage.keep_still().await?;
    }
}
