//! What was written is there afterwards.

use super::{lose, myapp, replicas};
use engine::{Stage, StepError, manifest::MYAPP};

const SERVICE: &str = "myapp-svc";

/// Lets every member write something, and reads everything back.
async fn write_and_read(stage: &Stage, pods: &[&str]) -> Result<(), StepError> {
    for pod in pods {
        for path in ["/", "/weatherforecast"] {
            stage.get(pod, SERVICE, path).await?;
        }
        stage.get(pod, SERVICE, "/log").await?;
    }
    Ok(())
}

scenario! {
    /// One file on one claim, whatever happens to the pod.
    LOG = "log-persistence":
    "Requests before and after deletion, update and scaling land in one file on one claim per member; nothing is lost.",
    profiles [Persistence, Scaling], needs [DynamicProvisioning, Dns, DataPlane], features [],
    |stage| {
        myapp(&stage, 2).await?;
        let pods = ["myapp-0", "myapp-1"];
        write_and_read(&stage, &pods).await?;
        lose(&stage, "myapp-0").await?;
        stage.until_settled("myapp").await?;
        write_and_read(&stage, &pods).await?;
        stage.change_template("myapp", "2").await?;
        stage.until_settled("myapp").await?;
        write_and_read(&stage, &pods).await?;
        stage.scale("myapp", 0).await?;
        stage.until_members("myapp", &[]).await?;
        stage.scale("myapp", 2).await?;
        stage.until_settled("myapp").await?;
        write_and_read(&stage, &pods).await?;
        stage.delete_set("myapp", "Background").await?;
        stage.until_gone("statefulsets", "myapp").await?;
        stage.until_members("myapp", &[]).await?;
        stage.step("create myapp again");
        stage.apply(MYAPP.load()?.set(&replicas(2)).only(&["StatefulSet"])).await?;
        stage.until_settled("myapp").await?;
        write_and_read(&stage, &pods).await?;
    }
}

scenario! {
    /// A member with two claims.
    TWO_CLAIMS = "two-claims":
    "Members with two claim templates get two claims each, and find both again after a deletion and an update.",
    profiles [Persistence], needs [DynamicProvisioning], features [],
    |stage| {
        stage.step("create myapp with 2 replicas and a second claim");
        let claim = |name: &str| serde_json::json!({
            "metadata": { "name": name },
            "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } },
        });
        let claims = serde_json::json!({ "spec": { "volumeClaimTemplates": [claim("myappdata"), claim("archive")] } });
        stage.apply(MYAPP.load()?.set(&replicas(2)).set(&claims)).await?;
        stage.until_settled("myapp").await?;
        lose(&stage, "myapp-1").await?;
        stage.change_template("myapp", "2").await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}
