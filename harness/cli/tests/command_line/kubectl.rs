//! `ordinal cluster up`, met by kubectl. Without any the tests say so and pass.

mod program;
mod session;

use session::{Kubectl, SET, kubectl, text};
use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

#[test]
fn manifests_are_applied_compared_and_applied_again_on_the_server() {
    let Some((kubectl, path)) = Kubectl::with_set() else {
        return;
    };
    kubectl.shows(&format!("apply -f {path}"), &["statefulset.apps/web unchanged"]);
    assert_eq!(kubectl.says(&format!("diff -f {path}")), "");
    let other = kubectl.manifest("other.yaml", &SET.replace("replicas: 2", "replicas: 3"));
    let difference = kubectl.run(&format!("diff -f {other}"));
    assert_eq!(difference.status.code(), Some(1));
    let difference = text(&difference.stdout);
    assert!(
        difference.contains("-  replicas: 2") && difference.contains("+  replicas: 3"),
        "{difference}"
    );
    let applied = format!("apply --server-side --force-conflicts -f {other}");
    kubectl.shows(&applied, &["statefulset.apps/web serverside-applied"]);
    kubectl.shows("get sts web -o jsonpath={.spec.replicas}", &["3"]);
    let (code, refused) = kubectl.fails(&format!("apply --server-side --field-manager=other -f {path}"));
    assert_eq!(code, Some(1));
    assert!(
        refused.contains("conflict") && refused.contains(".spec.replicas"),
        "{refused}"
    );
}

#[test]
fn sets_are_shown_scaled_and_rolled_out() {
    let Some((kubectl, _)) = Kubectl::with_set() else {
        return;
    };
    kubectl.shows(
        "get pods,sts -o wide",
        &["pod/web-0", "1/1", "Running", "nginx:1.25", "node-"],
    );
    kubectl.shows(
        "get sts web -o yaml",
        &["kind: StatefulSet", "podManagementPolicy: OrderedReady"],
    );
    kubectl.shows("scale sts web --replicas=3", &["statefulset.apps/web scaled"]);
    kubectl.shows("wait pod/web-2 --for=create --timeout=10s", &[]);
    kubectl.shows(
        "wait pod/web-2 --for=condition=Ready --timeout=10s",
        &["condition met"],
    );
    kubectl.says("set image sts/web c=nginx:1.26");
    kubectl.says("rollout status sts/web --timeout=15s");
    kubectl.shows(
        "get pods -o jsonpath={.items[*].spec.containers[0].image}",
        &["nginx:1.26 nginx:1.26 nginx:1.26"],
    );
    kubectl.shows("rollout history sts/web", &["1 ", "2 "]);
    kubectl.shows("rollout undo sts/web", &["rolled back"]);
    kubectl.says("rollout status sts/web --timeout=15s");
    kubectl.shows(
        "get pod web-0 -o jsonpath={.spec.containers[0].image}",
        &["nginx:1.25"],
    );
    kubectl.shows("rollout restart sts/web", &["restarted"]);
    kubectl.says("rollout status sts/web --timeout=15s");
    kubectl.shows(
        "describe pod web-0",
        &["Controlled By:  StatefulSet/web", "restartedAt", "Scheduled"],
    );
    kubectl.shows("describe sts web", &["3 Running / 0 Waiting", "SuccessfulCreate"]);
    kubectl.shows("get events", &["Scheduled", "pod/web-0"]);
    kubectl.shows("api-resources", &["statefulsets"]);
    kubectl.shows("explain sts.spec.replicas", &["FIELD: replicas <integer>"]);
}

#[test]
fn objects_are_created_labelled_annotated_and_patched() {
    let Some(kubectl) = kubectl() else { return };
    // These are sent in protobuf.
    kubectl.shows("create namespace other", &["namespace/other created"]);
    kubectl.shows("create configmap m --from-literal=a=b", &["configmap/m created"]);
    kubectl.shows("create serviceaccount robot", &["created"]);
    let (code, refused) = kubectl.fails("create configmap m --from-literal=a=b");
    assert_eq!(
        (code, refused.contains("configmaps \"m\" already exists")),
        (Some(1), true),
        "{refused}"
    );
    kubectl.shows("label configmap m tier=front", &["labeled"]);
    kubectl.shows("get configmap -l tier=front -o name", &["configmap/m"]);
    kubectl.shows("annotate configmap m note=hello", &["annotated"]);
    kubectl.shows(
        "patch configmap m --type=merge -p {\"data\":{\"c\":\"d\"}}",
        &["patched"],
    );
    kubectl.shows(
        "patch configmap m --type=json -p [{\"op\":\"remove\",\"path\":\"/data/a\"}]",
        &["patched"],
    );
    assert_eq!(
        kubectl.says("get configmap m -o jsonpath={.data}"),
        "{\"c\":\"d\"}"
    );
    kubectl.shows("run one --image=nginx", &["pod/one created"]);
    kubectl.shows(
        "wait pod/one --for=condition=Ready --timeout=10s",
        &["condition met"],
    );
    kubectl.shows("expose pod one --port=80", &["service/one exposed"]);
}

#[test]
fn a_watch_shows_what_happens() {
    let Some(kubectl) = kubectl() else { return };
    kubectl.says("create configmap m");
    let mut watch = kubectl
        .command(&[
            "get",
            "configmaps",
            "-w",
            "-o",
            "name",
            "--field-selector=metadata.name=m",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubectl starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("stdout")).lines();
    let mut shown = || lines.next().expect("an event").expect("a line");
    // What is there comes first: from then on nothing is missed, however late kubectl starts.
    assert_eq!(shown(), "configmap/m");
    kubectl.says("label configmap m a=b");
    assert_eq!(shown(), "configmap/m");
    // Ended already if the request timed out.
    let _ = watch.kill();
    let _ = watch.wait();
}

#[test]
fn a_watch_shows_a_table_that_grows() {
    let Some((kubectl, _)) = Kubectl::with_set() else {
        return;
    };
    let mut watch = kubectl
        .command(&["get", "sts", "web", "-w"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubectl starts");
    let mut lines = BufReader::new(watch.stdout.take().expect("stdout")).lines();
    let mut shown = || {
        let line = lines.next().expect("a line").expect("a text");
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(shown(), ["NAME", "READY", "AGE"]);
    assert_eq!(shown()[..2], ["web", "2/2"]);
    kubectl.says("scale sts web --replicas=3");
    // One row for each change, under the same heading.
    let rows: Vec<String> = std::iter::from_fn(|| Some(shown()[1].clone()))
        .take_while(|ready| ready != "3/3")
        .collect();
    assert!(rows.iter().any(|ready| ready == "2/3"), "{rows:?}");
    let _ = watch.kill();
    let _ = watch.wait();
}

#[test]
fn a_patch_is_strategic_unless_told_otherwise() {
    let Some((kubectl, _)) = Kubectl::with_set() else {
        return;
    };
    let pod = "{\"spec\":{\"template\":{\"spec\":{\"containers\":[";
    let more = format!(
        "{pod}{{\"name\":\"side\",\"image\":\"nginx:1.26\",\"ports\":[{{\"containerPort\":8080}}]}}]}}}}}}}}"
    );
    kubectl.shows(
        &format!("patch sts web -p {more}"),
        &["statefulset.apps/web patched"],
    );
    let names = "get sts web -o jsonpath={.spec.template.spec.containers[*].name}";
    let mut containers: Vec<String> = kubectl
        .says(names)
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    containers.sort();
    assert_eq!(containers, ["c", "side"], "one is added, none replaced");
    kubectl.says("rollout status sts/web --timeout=15s");
    kubectl.shows("get pod web-0", &["2/2", "Running"]);
    let less = format!("{pod}{{\"name\":\"side\",\"$patch\":\"delete\"}}]}}}}}}}}");
    kubectl.shows(&format!("patch sts web -p {less}"), &["patched"]);
    assert_eq!(kubectl.says(names), "c");
    kubectl.shows(&format!("patch sts web -p {less}"), &["(no change)"]);
}

#[test]
fn deletions_cascade_as_asked() {
    let Some((kubectl, path)) = Kubectl::with_set() else {
        return;
    };
    kubectl.shows("delete sts web --cascade=orphan", &["deleted"]);
    kubectl.shows("get pods -o name", &["pod/web-0", "pod/web-1"]);
    // The pods are adopted, and go with the set before it does.
    kubectl.says(&format!("apply -f {path}"));
    kubectl.says("rollout status sts/web --timeout=15s");
    kubectl.shows("delete sts web --cascade=foreground --timeout=15s", &["deleted"]);
    assert_eq!(kubectl.says("get pods -o name"), "");
    kubectl.says(&format!("apply -f {path}"));
    kubectl.says("rollout status sts/web --timeout=15s");
    kubectl.shows("delete pod web-1 --force --grace-period=0", &["deleted"]);
    kubectl.says("rollout status sts/web --timeout=15s");
    kubectl.shows("delete sts web --cascade=background", &["deleted"]);
    kubectl.says("wait pod --all --for=delete --timeout=15s");
    assert_eq!(kubectl.says("get pods -o name"), "");
}

#[test]
fn logs_are_read_and_commands_run() {
    let Some((kubectl, _)) = Kubectl::with_set() else {
        return;
    };
    let script = "apiVersion: v1\nkind: Pod\nmetadata: {name: teller}\nspec:\n  restartPolicy: Never\n  containers:\n  \
                  - {name: c, image: busybox, command: [sh, -c, 'echo begin; sleep 1; echo end']}\n";
    let path = kubectl.manifest("teller.yaml", script);
    kubectl.says(&format!("create -f {path}"));
    kubectl.says("wait pod/teller --for=jsonpath={.status.containerStatuses[0].started}=true --timeout=10s");
    assert_eq!(kubectl.says("logs -f teller"), "begin\nend\n");
    assert_eq!(kubectl.says("logs teller --tail=1"), "end\n");
    let (code, refused) = kubectl.fails("logs web-0 -p");
    assert_eq!(code, Some(1));
    assert!(
        refused.contains("previous terminated container \"c\" in pod \"web-0\" not found"),
        "{refused}"
    );
    assert_eq!(kubectl.says("exec web-0 -- hostname"), "web-0\n");
    let (code, complaint) = kubectl.fails("exec web-0 -- cat /none");
    assert_eq!(code, Some(1));
    assert!(complaint.contains("No such file"), "{complaint}");
    let mut shell = kubectl
        .command(&["exec", "-i", "web-1", "--", "sh"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubectl starts");
    let mut input = shell.stdin.take().expect("stdin");
    input.write_all(b"hostname\nexit 0\n").expect("the shell reads");
    drop(input);
    let done = shell.wait_with_output().expect("it ends");
    assert_eq!(
        (done.status.code(), text(&done.stdout).as_str()),
        (Some(0), "web-1\n")
    );
    let (_, complaint) = kubectl.fails("port-forward web-0 :80");
    assert!(complaint.contains("does not speak SPDY"), "{complaint}");
}

#[test]
fn rights_are_asked_for_and_enforced() {
    let Some(kubectl) = kubectl() else { return };
    assert_eq!(kubectl.says("auth can-i create pods"), "yes\n");
    kubectl.says("create serviceaccount robot");
    kubectl.says("create rolebinding robots --clusterrole=view --serviceaccount=default:robot");
    let robot = "--as=system:serviceaccount:default:robot";
    assert_eq!(kubectl.says(&format!("auth can-i list pods {robot}")), "yes\n");
    let denied = kubectl.run(&format!("auth can-i delete pods {robot}"));
    assert_eq!(
        (denied.status.code(), text(&denied.stdout).as_str()),
        (Some(1), "no\n")
    );
    kubectl.shows(
        &format!("auth can-i --list {robot}"),
        &["statefulsets.apps", "[get list watch]"],
    );
    let token = kubectl.says("create token robot");
    let (code, refused) = kubectl.fails(&format!("--token={} run one --image=nginx", token.trim()));
    assert_eq!(code, Some(1), "{refused}");
}
