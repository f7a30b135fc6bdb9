//! An earlier template returns.

use super::replicas;
use engine::manifest::MYAPP;

scenario! {
    /// The revision is reused and its number raised.
    ROLLBACK = "rollback":
    "A template returns after two others: its revision is reused and every member follows.",
    needs [], features [Revisions],
    |stage| {
        stage.step("create myapp with 2 replicas");
        stage.apply(MYAPP.load()?.set(&replicas(2))).await?;
        stage.until_settled("myapp").await?;
        for version in ["2", "3", "2"] {
            stage.change_template("myapp", version).await?;
            stage.until_settled("myapp").await?;
            stage.keep_still().await?;
        }
    }
}
