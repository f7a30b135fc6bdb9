//! podManagementPolicy: Parallel.

use super::until_successor_held;
use engine::manifest::{MYAPP, Manifest};
use serde_json::json;

fn parallel(count: u32) -> Result<Manifest, engine::StepError> {
    Ok(MYAPP
        .load()?
        .set(&json!({ "spec": { "replicas": count, "podManagementPolicy": "Parallel" } })))
}

scenario! {
    /// All at once, whatever their state.
    CREATE = "create-parallel":
    "All members of a parallel set are created although none is Ready; so are those of a larger one.",
    profiles [Scaling], needs [], features [Parallel],
    |stage| {
        stage.step("create myapp with 3 replicas, all held");
        stage.hold_all();
        stage.apply(parallel(3)?).await?;
        stage.until_members("myapp", &[0, 1, 2]).await?;
        stage.keep_still().await?;
        stage.scale("myapp", 5).await?;
        stage.until_members("myapp", &[0, 1, 2, 3, 4]).await?;
        stage.keep_still().await?;
        stage.step("release all");
        stage.release_all();
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// Removal waits for nobody.
    SCALE_DOWN = "scale-down-parallel":
    "All members that are to go are removed at once, although all are unready and earlier ones still terminate.",
    profiles [Scaling], needs [], features [Parallel],
    |stage| {
        stage.step("create myapp with 4 replicas");
        stage.apply(parallel(4)?).await?;
        stage.until_settled("myapp").await?;
        stage.step("hold all and pin those that are to go");
        stage.hold_all();
        for pod in ["myapp-0", "myapp-1", "myapp-2", "myapp-3"] {
            stage.until_running_unready(pod).await?;
        }
        for pod in ["myapp-1", "myapp-2", "myapp-3"] {
            stage.pin(pod).await?;
        }
        stage.keep_still().await?;
        stage.scale("myapp", 1).await?;
        stage.until("all that are to go terminating", |world| {
            let members = world.members("myapp");
            let going = members.iter().filter(|(ordinal, state)| ordinal.0 > 0 && state.terminating).count();
            if going == 3 { Ok(()) } else { Err(world.describe_pods()) }
        }).await?;
        stage.step("unpin and release all");
        for pod in ["myapp-1", "myapp-2", "myapp-3"] {
            stage.unpin(pod).await?;
        }
        stage.release_all();
        stage.until_members("myapp", &[0]).await?;
        stage.until_settled("myapp").await?;
    }
}

scenario! {
    /// The next version is the way out of a bad one.
    BROKEN = "update-parallel-broken":
    "Members of a parallel set that never became Ready are replaced by an update, which waits only for those it has made.",
    profiles [Update], needs [], features [Parallel],
    |stage| {
        let pods = ["myapp-1", "myapp-0"];
        stage.step("create myapp with 2 replicas, all held");
        pods.iter().for_each(|pod| stage.hold(pod));
        stage.apply(parallel(2)?).await?;
        for pod in pods {
            stage.until_running_unready(pod).await?;
        }
        stage.keep_still().await?;
        let old = [stage.pod_uid("myapp-1")?, stage.pod_uid("myapp-0")?];
        stage.change_template("myapp", "2").await?;
        for (pod, old) in pods.iter().zip(&old) {
            until_successor_held(&stage, pod, old).await?;
            stage.step(format!("release {pod}"));
            stage.release(pod);
        }
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// Updates stay one at a time.
    UPDATE = "update-parallel":
    "A parallel set is still updated from the top, one member at a time, each waited for.",
    profiles [Update], needs [], features [Parallel],
    |stage| {
        stage.step("create myapp with 3 replicas");
        stage.apply(parallel(3)?).await?;
        stage.until_settled("myapp").await?;
        let old = stage.pod_uid("myapp-2")?;
        stage.hold_next("myapp-2");
        stage.change_template("myapp", "2").await?;
        stage.until("myapp-2 replaced", |world| match world.uid("pods", "myapp-2") {
            Some(uid) if uid != old => Ok(()),
            _ => Err(world.describe_pods()),
        }).await?;
        stage.until_running_unready("myapp-2").await?;
        stage.keep_still().await?;
        stage.step("release all");
        stage.release_all();
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}
