//! Members that know each other by name.

use super::lose;
use engine::manifest::REDIS;

scenario! {
    /// Six members, each calls the five others by their stable names.
    REDIS_PEERS = "peers":
    "Six members come in order; each reaches its peers by their stable names, before and after one is replaced.",
    profiles [NetworkIdentity], needs [Dns, DataPlane], features [],
    |stage| {
        stage.step("create redis-app");
        stage.apply_sample(REDIS).await?;
        stage.until_settled("redis-app").await?;
        stage.get("redis-app-0", "redis-service", "/peers").await?;
        lose(&stage, "redis-app-3").await?;
        stage.until_settled("redis-app").await?;
        stage.get("redis-app-5", "redis-service", "/peers").await?;
        stage.keep_still().await?;
    }
}
