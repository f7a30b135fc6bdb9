//! Names in the cluster's DNS, before, during and after replacement.

use super::{replicas, slow_myapp};
use engine::{
    Stage, StepError,
    manifest::{MYAPP, Manifest},
    probe::RecordType,
};

const SERVICE: &str = "myapp-svc";

async fn ask(stage: &Stage) {
    let pods: Vec<String> = (0..3).map(|ordinal| format!("myapp-{ordinal}")).collect();
    stage.ask_all_names(SERVICE, "web", &pods).await;
    let addresses: Vec<String> = stage.look(|world| {
        world
            .pods()
            .filter(|(_, state)| state.healthy())
            .filter_map(|(_, state)| state.ip)
            .collect()
    });
    for address in addresses {
        stage.resolve(&address, RecordType::Ptr).await;
    }
}

/// Waits until the service's name answers exactly the addresses of the pods that are Ready.
async fn until_in_step(stage: &Stage) -> Result<(), StepError> {
    let host = stage.service_host(SERVICE);
    stage
        .until_resolved(
            &host,
            RecordType::A,
            "the name of the service answers the Ready members",
            |world, answer| {
                let mut ready: Vec<String> = world
                    .pods()
                    .filter(|(_, state)| state.healthy())
                    .filter_map(|(_, state)| state.ip)
                    .collect();
                ready.sort();
                ready == answer.answers
            },
        )
        .await
        .map(drop)
}

fn ordinary_service() -> Result<Manifest, StepError> {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: myapp-vip}\nspec:\n  selector: {app: myapp-pod}\n  \
                ports: [{name: web, port: 80}]\n";
    Ok(Manifest::parse("myapp-vip", text)?)
}

scenario! {
    /// The whole life of names.
    NAMES = "dns":
    "Names of the service and of each member appear, vanish and move with the members: unready, terminating, replaced, scaled away.",
    needs [Dns], features [],
    |stage| {
        stage.step("create the service alone");
        stage.apply(MYAPP.load()?.only(&["Service"])).await?;
        stage.apply(ordinary_service()?).await?;
        ask(&stage).await;
        stage.step("create myapp with 2 replicas, myapp-1 held");
        stage.hold("myapp-1");
        stage.apply(slow_myapp(&stage, 2)?.only(&["StatefulSet"])).await?;
        stage.until_running_unready("myapp-1").await?;
        until_in_step(&stage).await?;
        stage.keep_still().await?;
        ask(&stage).await;
        stage.step("release myapp-1");
        stage.release_all();
        stage.until_settled("myapp").await?;
        until_in_step(&stage).await?;
        stage.keep_still().await?;
        ask(&stage).await;
        let vip = stage.service_host("myapp-vip");
        stage.resolve(&vip, RecordType::A).await;
        stage.resolve(&format!("_web._tcp.{vip}"), RecordType::Srv).await;
        let old = stage.pod_uid("myapp-0")?;
        stage.delete_pod("myapp-0").await?;
        let host = stage.pod_host("myapp-0", SERVICE);
        stage.until_resolved(&host, RecordType::A, "the name of a terminating member vanishes", |_, answer| {
            answer.answers.is_empty()
        }).await?;
        stage.keep_still().await?;
        ask(&stage).await;
        stage.until_replaced("myapp-0", &old).await?;
        stage.until_settled("myapp").await?;
        until_in_step(&stage).await?;
        stage.keep_still().await?;
        ask(&stage).await;
        stage.scale("myapp", 1).await?;
        stage.until_members("myapp", &[0]).await?;
        until_in_step(&stage).await?;
        stage.keep_still().await?;
        ask(&stage).await;
        stage.scale("myapp", 0).await?;
        stage.until_members("myapp", &[]).await?;
        until_in_step(&stage).await?;
        stage.keep_still().await?;
        ask(&stage).await;
        stage.patch_set("myapp", "scale to 2 again", &replicas(2)).await?;
        stage.until_settled("myapp").await?;
        until_in_step(&stage).await?;
        stage.keep_still().await?;
        ask(&stage).await;
    }
}
