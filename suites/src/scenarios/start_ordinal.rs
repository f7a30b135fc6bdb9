//! ordinals.start.

use super::replicas;
use engine::manifest::MYAPP;
use serde_json::json;

scenario! {
    /// Ordinals need not begin at 0.
    START = "start-ordinal":
    "The first ordinal is 5, then 4, then 5 again, then none is given; members follow, and those in both ranges stay.",
    profiles [Identity, Scaling, Update], needs [], features [StartOrdinal],
    |stage| {
        stage.step("create myapp with 3 replicas from ordinal 5");
        let start = |first: u32| json!({ "spec": { "ordinals": { "start": first } } });
        stage.apply(MYAPP.load()?.set(&replicas(3)).set(&start(5))).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.patch_set("myapp", "begin at 4", &start(4)).await?;
        stage.until_members("myapp", &[4, 5, 6]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.patch_set("myapp", "begin at 5 again", &start(5)).await?;
        stage.until_members("myapp", &[5, 6, 7]).await?;
        stage.until_settled("myapp").await?;
        stage.keep_still().await?;
        stage.change_template("myapp", "2").await?;
        stage.until_settled("myapp").await?;
        stage.patch_set("myapp", "begin at 0", &json!({ "spec": { "ordinals": null } })).await?;
        stage.until_members("myapp", &[0, 1, 2]).await?;
        stage.until_settled("myapp").await?;
        stage.scale("myapp", 1).await?;
        stage.until_members("myapp", &[0]).await?;
        stage.until_settled("myapp").await?;
    }
}
