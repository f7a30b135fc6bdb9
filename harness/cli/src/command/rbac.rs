//! `ordinal rbac`.

use crate::{arguments::Rbac, output::print};
use engine::cluster::RIGHTS;
use std::fmt::Write;

/// Runs the command.
pub fn run(options: &Rbac) -> anyhow::Result<u8> {
    print(manifests(&as_text(&options.namespace), &as_text(&options.name))?.trim_end())?;
    Ok(0)
}

/// A name as YAML takes it for a text. Many names may also be numbers, and some are said instead of true and false.
fn as_text(name: &str) -> String {
    let other = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    match name.starts_with(|first: char| first.is_ascii_lowercase()) && !other.contains(&name) {
        true => name.to_owned(),
        false => format!("\"{name}\""),
    }
}

/// Namespace, service account, role and binding.
fn manifests(namespace: &str, name: &str) -> Result<String, std::fmt::Error> {
    let mut text = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {namespace}\n---\n\
         apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n  namespace: {namespace}\n---\n\
         # Namespaces get their names during the run, so the rights hold in all of them.\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: {name}\nrules:\n"
    );
    for right in RIGHTS {
        let quoted = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            words.join(", ")
        };
        writeln!(text, "  # {}", right.why)?;
        writeln!(text, "  - apiGroups: [{:?}]", right.group)?;
        writeln!(text, "    resources: [{}]", quoted(right.resources))?;
        writeln!(text, "    verbs: [{}]", quoted(right.verbs))?;
    }
    write!(
        text,
        "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: {name}\n\
         roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: ClusterRole\n  name: {name}\n\
         subjects:\n  - kind: ServiceAccount\n    name: {name}\n    namespace: {namespace}\n"
    )?;
    Ok(text)
}
