//! `ordinal cluster up`, met by the Python client and kopf, in an environment that the first run makes with
//! `python3 -m venv` and pip. Where that cannot be had the tests say so and pass.

use crate::{
    skipped::skipped,
    up::{Up, up},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::LazyLock,
};

const PACKAGES: [&str; 2] = ["kubernetes==36.0.2", "kopf==1.45.2"];

/// The folder with the programs of the environment, or why there is none.
static PROGRAMS: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-clients");
    let programs = folder.join("bin");
    let made = folder.join("made");
    let wanted = PACKAGES.join(" ");
    if fs::read_to_string(&made).is_ok_and(|have| have == wanted) {
        return Ok(programs);
    }
    done(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
    )?;
    done(
        Command::new(programs.join("pip"))
            .args(["install", "--quiet", "--disable-pip-version-check", "--retries=1"])
            .args(PACKAGES),
    )?;
    fs::write(made, wanted).map_err(|error| error.to_string())?;
    Ok(programs)
});

fn done(command: &mut Command) -> Result<(), String> {
    let told = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if told.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&told.stderr)))
}

/// A cluster, and the programs to meet it with. None, said on stderr: they cannot be had.
fn started() -> Option<(Up, &'static Path)> {
    match PROGRAMS.as_ref() {
        Ok(programs) => Some((up(&["--nodes", "1"]), programs)),
        Err(reason) => {
            skipped(format!("no Python clients ({reason})"));
            None
        }
    }
}

fn script(up: &Up, name: &str, text: &str) -> PathBuf {
    let path = up.folder.path().join(name);
    fs::write(&path, text).expect("the script is written");
    path
}

#[track_caller]
fn succeeds(told: &Output) {
    let (out, err) = (
        String::from_utf8_lossy(&told.stdout),
        String::from_utf8_lossy(&told.stderr),
    );
    assert!(told.status.success(), "{}\n{out}\n{err}", told.status);
}

const CLIENT: &str = r#"
from kubernetes import client, config, dynamic, watch
from kubernetes.stream import stream

config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()
labels = {"app": "web"}
container = client.V1Container(name="c", image="nginx")
template = client.V1PodTemplateSpec(
    metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
)
apps.create_namespaced_stateful_set("default", client.V1StatefulSet(
    metadata=client.V1ObjectMeta(name="web"),
    spec=client.V1StatefulSetSpec(
        service_name="web", replicas=1, selector=client.V1LabelSelector(match_labels=labels), template=template
    ),
))

def until(what):
    for event in watch.Watch().stream(core.list_namespaced_pod, "default", label_selector="app=web", timeout_seconds=10):
        conditions = {c.type: c.status for c in event["object"].status.conditions or []}
        if event["object"].metadata.name == what and conditions.get("Ready") == "True":
            return event["object"].metadata.resource_version
    raise SystemExit(what + " did not become ready")

until("web-0")
apps.patch_namespaced_stateful_set_scale("web", "default", {"spec": {"replicas": 2}})
until("web-1")
assert apps.read_namespaced_stateful_set_scale("web", "default").spec.replicas == 2
said = stream(
    core.connect_get_namespaced_pod_exec, "web-1", "default", command=["hostname"],
    stdin=False, stdout=True, stderr=True, tty=False,
)
assert said == "web-1\n", said
assert core.read_namespaced_pod_log("web-1", "default", _preload_content=False).data == b""

# A watch that starts too far back is told so.
try:
    list(watch.Watch().stream(core.list_namespaced_pod, "default", resource_version="1", timeout_seconds=2))
    raise SystemExit("no error")
except client.ApiException as error:
    assert error.status == 410, error

sets = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="apps/v1", kind="StatefulSet")
applied = sets.server_side_apply(
    namespace="default", name="web", field_manager="dyn", force_conflicts=True,
    body={"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web", "labels": {"a": "b"}}},
)
assert applied.metadata.labels.a == "b"
apps.delete_namespaced_stateful_set("web", "default")
try:
    apps.read_namespaced_stateful_set("web", "default")
    raise SystemExit("still there")
except client.ApiException as error:
    assert error.status == 404, error
"#;

#[test]
fn the_python_client_creates_watches_scales_execs_applies_and_deletes() {
    let Some((up, programs)) = started() else { return };
    let told = Command::new(programs.join("python"))
        .arg(script(&up, "client.py", CLIENT))
        .env("KUBECONFIG", &up.kubeconfig)
        .output()
        .expect("python starts");
    succeeds(&told);
}

const OPERATOR: &str = r#"
import kopf

@kopf.on.create("", "v1", "configmaps", labels={"greet": kopf.PRESENT})
def greet(name, patch, logger, **_):
    patch.metadata.annotations["greeting"] = "hello " + name
"#;

const ASKING: &str = r#"
import sys
from kubernetes import client, config, watch

config.load_kube_config()
core = client.CoreV1Api()
core.create_namespaced_config_map("default", {"metadata": {"name": "m", "labels": {"greet": "me"}}})
for event in watch.Watch().stream(core.list_namespaced_config_map, "default", timeout_seconds=12):
    metadata = event["object"].metadata
    if metadata.name == "m" and (metadata.annotations or {}).get("greeting") == "hello m":
        sys.exit(0)
sys.exit("nobody said hello")
"#;

#[test]
fn a_kopf_operator_handles_what_is_created() {
    let Some((up, programs)) = started() else { return };
    let mut operator = Command::new(programs.join("kopf"))
        .args(["run", "--standalone", "--namespace=default"])
        .arg(script(&up, "greeter.py", OPERATOR))
        .env("KUBECONFIG", &up.kubeconfig)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("kopf starts");
    let told = Command::new(programs.join("python"))
        .arg(script(&up, "asking.py", ASKING))
        .env("KUBECONFIG", &up.kubeconfig)
        .output()
        .expect("python starts");
    // It ends with the test, whatever came of it.
    let _ = operator.kill();
    let _ = operator.wait();
    succeeds(&told);
}
