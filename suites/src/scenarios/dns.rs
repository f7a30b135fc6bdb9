//! Names in the cluster's DNS, before, during and after replacement.

use super::{myapp, replicas, slow_myapp_for};
use engine::{
    Stage, StepError,
    manifest::{MYAPP, Manifest},
    probe::RecordType,
};

const SERVICE: &str = "myapp-svc";

/// Asks for every name there is, and keeps still afterwards: an answer may describe what is about to be seen.
async fn ask(stage: &Stage) -> Result<(), StepError> {
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
    stage.keep_names_still().await
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
    /// Before, unready, ready.
    NAMES = "dns":
    "Names of the service and of each member appear as members become Ready, and not before.",
    profiles [NetworkIdentity], needs [Dns], features [],
    |stage| {
        stage.step("create the service alone");
        stage.apply(MYAPP.load()?.only(&["Service"])).await?;
        stage.apply(ordinary_service()?).await?;
        stage.keep_names_still().await?;
        ask(&stage).await?;
        stage.step("create myapp with 2 replicas, myapp-1 held");
        stage.hold("myapp-1");
        stage.apply(MYAPP.load()?.set(&replicas(2)).only(&["StatefulSet"])).await?;
        stage.until_running_unready("myapp-1").await?;
        until_in_step(&stage).await?;
        stage.keep_names_still().await?;
        ask(&stage).await?;
        stage.step("release myapp-1");
        stage.release_all();
        stage.until_settled("myapp").await?;
        until_in_step(&stage).await?;
        stage.keep_names_still().await?;
        let vip = stage.service_host("myapp-vip");
        stage.resolve(&vip, RecordType::A).await;
        stage.resolve(&format!("_web._tcp.{vip}"), RecordType::Srv).await;
        ask(&stage).await?;
    }
}

scenario! {
    /// The name moves with the member.
    REPLACED = "dns-replacement":
    "The name of a member vanishes while it terminates, and answers the new address once it is replaced.",
    profiles [NetworkIdentity], needs [Dns], features [],
    |stage| {
        stage.step("create myapp with 2 replicas that stop slowly");
        stage.apply(slow_myapp_for(2, stage.names_hold_time() * 2)?).await?;
        stage.until_settled("myapp").await?;
        until_in_step(&stage).await?;
        stage.keep_names_still().await?;
        ask(&stage).await?;
        let old = stage.pod_uid("myapp-0")?;
        stage.delete_pod("myapp-0").await?;
        let host = stage.pod_host("myapp-0", SERVICE);
        stage.until_resolved(&host, RecordType::A, "the name of a terminating member vanishes", |_, answer| {
            answer.answers.is_empty()
        }).await?;
        stage.keep_names_still().await?;
        ask(&stage).await?;
        stage.until_replaced("myapp-0", &old).await?;
        stage.until_settled("myapp").await?;
        until_in_step(&stage).await?;
        stage.keep_names_still().await?;
        ask(&stage).await?;
    }
}

scenario! {
    /// Those who are gone have no name.
    SCALED_AWAY = "dns-scale":
    "Members that are scaled away lose their names; without any member the service has no address.",
    profiles [NetworkIdentity], needs [Dns], features [],
    |stage| {
        myapp(&stage, 2).await?;
        for count in [1, 0, 2] {
            stage.scale("myapp", count).await?;
            stage.until_settled("myapp").await?;
            until_in_step(&stage).await?;
            stage.keep_names_still().await?;
            ask(&stage).await?;
        }
    }
}

scenario! {
    /// Names need a governing service; pods do not.
    LATE_SERVICE = "service-comes-late":
    "Without its governing service the set runs all the same; once the service is there, its members have names, without a restart.",
    profiles [NetworkIdentity], needs [Dns], features [],
    |stage| {
        stage.step("create myapp with 2 replicas and a service of another name");
        stage.apply(MYAPP.load()?.with("Service", &serde_json::json!({ "metadata": { "name": "other-svc" } }))
            .set(&replicas(2))).await?;
        stage.until_settled("myapp").await?;
        stage.keep_names_still().await?;
        for pod in ["myapp-0", "myapp-1"] {
            stage.resolve(&stage.pod_host(pod, SERVICE), RecordType::A).await;
            stage.resolve(&stage.pod_host(pod, "other-svc"), RecordType::A).await;
        }
        stage.step("create the governing service");
        stage.apply(MYAPP.load()?.only(&["Service"])).await?;
        until_in_step(&stage).await?;
        stage.keep_names_still().await?;
        ask(&stage).await?;
    }
}
