//! Volumes that somebody made beforehand.

use super::lose;
use engine::manifest::{K8SDEMO, WEB};

scenario! {
    /// By size and access mode.
    WITHOUT_CLASS = "static-volumes":
    "Two members take two volumes that were made beforehand, whichever, and keep them over deletion.",
    profiles [Persistence], needs [StaticVolumes], features [],
    |stage| {
        stage.step("create web with its volumes");
        stage.apply_sample(WEB).await?;
        stage.until_settled("web").await?;
        stage.keep_still().await?;
        lose(&stage, "web-0").await?;
        stage.until_settled("web").await?;
        stage.scale("web", 1).await?;
        stage.until_members("web", &[0]).await?;
        stage.scale("web", 2).await?;
        stage.until_settled("web").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// By class.
    BY_CLASS = "static-volumes-by-class":
    "Three members take three ReadOnlyMany volumes of a class that nobody provisions.",
    profiles [Persistence], needs [StaticVolumes, DataPlane, Dns], features [],
    |stage| {
        stage.step("create k8sdemo with its volumes");
        stage.apply_sample(K8SDEMO).await?;
        stage.until_settled("k8sdemo").await?;
        for pod in ["k8sdemo-0", "k8sdemo-1", "k8sdemo-2"] {
            stage.get(pod, "k8sdemo-service", "/weatherforecast").await?;
            stage.get(pod, "k8sdemo-service", "/log").await?;
        }
        stage.keep_still().await?;
    }
}
