//! The node of a member is lost. The member is driven out, and its object stays: nobody can tell whether it still runs.
//!
//! One member of two is on a node that is set aside for the scenario. Under OnDelete the template may change without a
//! restart, so that the first member is made of a template that does not ask for that node, and the second of one that does.

use engine::{NodeLoss, Stage, StepError, manifest::MYAPP};
use serde_json::{Value, json};

scenario! {
    /// At most one, whatever became of the node.
    FALLS_SILENT = "node-falls-silent":
    "The node of a member is cut off; the member is driven out, waited for without force or substitute, and comes back with the node.",
    profiles [Repair], needs [NodeLoss], features [],
    |stage| {
        let old = one_of_two_on_the_node(&stage).await?;
        stage.lose_node(NodeLoss::Pause).await?;
        stage.until_driven_out("myapp-1", &old).await?;
        stage.keep_still().await?;
        stage.keep_still().await?;
        stage.bring_back_node().await?;
        stage.until_replaced("myapp-1", &old).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
    }
}

scenario! {
    /// Once somebody vouches that nothing runs there, the set recovers without the node.
    OUT_OF_SERVICE = "node-out-of-service":
    "The node of a member dies; the member is waited for until the node is declared out of service, and is then recreated elsewhere.",
    profiles [Repair], needs [NodeLoss], features [],
    |stage| {
        let old = one_of_two_on_the_node(&stage).await?;
        stage.lose_node(NodeLoss::Stop).await?;
        stage.until_driven_out("myapp-1", &old).await?;
        stage.keep_still().await?;
        let anywhere = json!({ "nodeSelector": null, "tolerations": null });
        place_new_members(&stage, "let new members run on any node", &anywhere).await?;
        stage.keep_still().await?;
        stage.take_node_out_of_service().await?;
        stage.until_replaced("myapp-1", &old).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.put_node_into_service().await?;
        stage.bring_back_node().await?;
        stage.keep_still().await?;
    }
}

/// Sets a node aside, and makes a set of two whose second member is there. Returns the UID of that member.
async fn one_of_two_on_the_node(stage: &Stage) -> Result<String, StepError> {
    stage.set_aside_node().await?;
    stage.step("create myapp with 1 replica under OnDelete");
    let patch = json!({ "spec": {
        "replicas": 1,
        "updateStrategy": { "type": "OnDelete" },
        // Whoever forces what has outlived its grace is seen to do so.
        "template": { "spec": { "terminationGracePeriodSeconds": 1 } },
    } });
    stage.apply(MYAPP.load()?.without_claims().set(&patch)).await?;
    stage.until_settled("myapp").await?;
    place_new_members(
        stage,
        "place new members on the node that will be lost",
        &stage.on_the_node()?,
    )
    .await?;
    stage.until_settled("myapp").await?;
    stage.keep_still().await?;
    stage.scale("myapp", 2).await?;
    stage.until_settled("myapp").await?;
    stage.until_on_the_node("myapp-1").await?;
    stage.keep_still().await?;
    stage.pod_uid("myapp-1")
}

async fn place_new_members(stage: &Stage, what: &str, pod_spec: &Value) -> Result<(), StepError> {
    let patch = json!({ "spec": { "template": { "spec": pod_spec } } });
    stage.patch_set("myapp", what, &patch).await
}
