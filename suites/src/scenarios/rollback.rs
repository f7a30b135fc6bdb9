//! An earlier template returns.

use super::myapp;

scenario! {
    /// The revision is reused and its number raised.
    ROLLBACK = "rollback":
    "A template returns after two others: its revision is reused and every member follows.",
    profiles [Update], needs [], features [Revisions],
    |stage| {
        myapp(&stage, 2).await?;
        for version in ["2", "3", "2"] {
            stage.change_template("myapp", version).await?;
            stage.until_settled("myapp").await?;
            stage.keep_still().await?;
        }
    }
}
