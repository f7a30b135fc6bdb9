//! The rights on the API that a run needs, in one table: what `ordinal rbac` prints, what is checked before a run, and
//! what a test holds every request of a run to.

use serde_json::Value;

/// Rights on some resources of one API group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Resources, with subresource after a slash.
    pub resources: &'static [&'static str],
    /// Verbs.
    pub verbs: &'static [&'static str],
    /// What for.
    pub why: &'static str,
}

/// Every right that a run needs.
pub const RIGHTS: &[Right] = &[
    Right {
        group: "",
        resources: &["namespaces"],
        verbs: &["create", "delete", "list", "patch"],
        why: "each scenario has a namespace of its own",
    },
    Right {
        group: "",
        resources: &["nodes", "persistentvolumes"],
        verbs: &["list", "watch"],
        why: "to see faults of nodes, and what volumes claims are bound to",
    },
    Right {
        group: "storage.k8s.io",
        resources: &["storageclasses"],
        verbs: &["list"],
        why: "to find the default class",
    },
    Right {
        group: "",
        resources: &["pods"],
        verbs: &["create", "delete", "list", "patch", "watch"],
        why: "members are lost, relabelled and pinned; a pod of the harness asks the cluster's DNS",
    },
    Right {
        group: "",
        resources: &["configmaps"],
        verbs: &["create"],
        why: "a pod of somebody else has to belong to something",
    },
    Right {
        group: "",
        resources: &["services"],
        verbs: &["create", "list", "watch"],
        why: "governing services",
    },
    Right {
        group: "",
        resources: &["persistentvolumeclaims"],
        verbs: &["list", "watch"],
        why: "what is recorded",
    },
    Right {
        group: "",
        resources: &["pods/status"],
        verbs: &["patch"],
        why: "readiness gates hold members unready",
    },
    Right {
        group: "",
        resources: &["pods/eviction"],
        verbs: &["create"],
        why: "a scenario evicts a member",
    },
    Right {
        group: "",
        resources: &["pods/proxy"],
        verbs: &["get"],
        why: "requests to members, and questions to the cluster's DNS through a pod",
    },
    Right {
        group: "",
        resources: &["events"],
        verbs: &["list", "watch"],
        why: "what is recorded",
    },
    Right {
        group: "apps",
        resources: &["statefulsets"],
        verbs: &["create", "delete", "list", "patch", "watch"],
        why: "what is certified",
    },
    Right {
        group: "apps",
        resources: &["daemonsets"],
        verbs: &["create", "list", "watch"],
        why: "what is certified, where the candidate serves it",
    },
    Right {
        group: "apps",
        resources: &["statefulsets/scale"],
        verbs: &["get", "update"],
        why: "a scenario scales through the subresource",
    },
    Right {
        group: "apps",
        resources: &["controllerrevisions"],
        verbs: &["list", "watch"],
        why: "what is recorded",
    },
    Right {
        group: "discovery.k8s.io",
        resources: &["endpointslices"],
        verbs: &["list", "watch"],
        why: "what is recorded",
    },
];

impl Right {
    /// Whether this grants `verb` on `resource` (with subresource after a slash) of `group`.
    pub fn grants(&self, group: &str, resource: &str, verb: &str) -> bool {
        self.group == group && self.resources.contains(&resource) && self.verbs.contains(&verb)
    }
}

/// The rights that the answer to a SelfSubjectRulesReview does not grant, in words. Nothing is missing where the
/// answer says of itself that it is incomplete.
pub(super) fn missing(review: &Value) -> Vec<String> {
    let status = &review["status"];
    if status["incomplete"] == Value::Bool(true) {
        return Vec::new();
    }
    let rules: Vec<&Value> = status["resourceRules"].as_array().into_iter().flatten().collect();
    let mut missing = Vec::new();
    for right in RIGHTS {
        for resource in right.resources {
            let verbs: Vec<&str> = right
                .verbs
                .iter()
                .copied()
                .filter(|verb| !rules.iter().any(|rule| allows(rule, right.group, resource, verb)))
                .collect();
            if !verbs.is_empty() {
                let dot = if right.group.is_empty() { "" } else { "." };
                missing.push(format!("{} {resource}{dot}{}", verbs.join(", "), right.group));
            }
        }
    }
    missing
}

fn allows(rule: &Value, group: &str, resource: &str, verb: &str) -> bool {
    // A rule for single objects says nothing about those that a run makes.
    if rule["resourceNames"]
        .as_array()
        .is_some_and(|names| !names.is_empty())
    {
        return false;
    }
    let has = |field: &str, wanted: &[&str]| {
        let values = rule[field].as_array();
        values
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(|value| wanted.contains(&value))
    };
    let any_subresource = resource.split_once('/').map(|(_, sub)| format!("*/{sub}"));
    has("apiGroups", &[group, "*"])
        && has(
            "resources",
            &[resource, "*", any_subresource.as_deref().unwrap_or("*")],
        )
        && has("verbs", &[verb, "*"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_administrator_lacks_nothing() {
        let rule = json!({ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] });
        let review = json!({ "status": { "incomplete": false, "resourceRules": [rule] } });
        assert_eq!(missing(&review), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_named_and_a_right_on_one_object_does_not_count() {
        let mut rules: Vec<Value> = RIGHTS
            .iter()
            .map(|right| json!({ "apiGroups": [right.group], "resources": right.resources, "verbs": right.verbs }))
            .collect();
        let review = |rules: &[Value]| json!({ "status": { "incomplete": false, "resourceRules": rules } });
        assert_eq!(missing(&review(&rules)), [""; 0]);
        rules.last_mut().unwrap()["resourceNames"] = json!(["web"]);
        assert_eq!(
            missing(&review(&rules)),
            ["list, watch endpointslices.discovery.k8s.io"]
        );
        rules.clear();
        assert!(missing(&review(&rules)).len() >= RIGHTS.len());
    }

    #[test]
    fn an_incomplete_answer_accuses_nobody() {
        assert_eq!(
            missing(&json!({ "status": { "incomplete": true, "resourceRules": [] } })),
            [""; 0]
        );
    }
}
