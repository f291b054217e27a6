//! Pod Security's level `restricted`: what it wants of a pod (Kubernetes' documentation, "Pod Security
//! Standards"), and how a pod is made to comply.

use k8s_openapi::api::core::v1::{
    Capabilities, Container, Pod, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext,
    Volume,
};

/// The user of Spark's images (`spark_uid` of Spark's Dockerfile), and of sparkproof's.
pub const SPARK_UID: i64 = 185;
/// Label of a namespace that enforces a level.
pub const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
/// Label with the Kubernetes version whose rules are meant.
pub const ENFORCE_VERSION: &str = "pod-security.kubernetes.io/enforce-version";
/// The level.
pub const RESTRICTED: &str = "restricted";

const VOLUMES: [&str; 8] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
];
const RUNTIME_DEFAULT: &str = "RuntimeDefault";
const SECCOMP: [&str; 2] = [RUNTIME_DEFAULT, "Localhost"];
const ALL: &str = "ALL";
/// The one capability that may be added.
const ADDED: &str = "NET_BIND_SERVICE";
const SYSCTLS: [&str; 10] = [
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
];

/// Sets what a pod lacks. What it says itself stays, also what violates the level.
pub fn comply(pod: &mut Pod) {
    let spec = pod.spec.get_or_insert_default();
    let whole = spec.security_context.get_or_insert_default();
    whole.run_as_non_root.get_or_insert(true);
    whole.run_as_user.get_or_insert(SPARK_UID);
    whole.seccomp_profile.get_or_insert_with(|| SeccompProfile {
        type_: RUNTIME_DEFAULT.to_owned(),
        ..SeccompProfile::default()
    });
    let inits = spec.init_containers.iter_mut().flatten();
    for container in spec.containers.iter_mut().chain(inits) {
        let own = container.security_context.get_or_insert_default();
        own.allow_privilege_escalation.get_or_insert(false);
        let capabilities: &mut Capabilities = own.capabilities.get_or_insert_default();
        let drop = capabilities.drop.get_or_insert_default();
        if !drop.iter().any(|name| name == ALL) {
            drop.push(ALL.to_owned());
        }
    }
}

/// Each field by which a pod violates the level, with what it wants instead; empty if it complies.
pub fn violations(pod: &Pod) -> Vec<String> {
    let Some(spec) = &pod.spec else { return Vec::new() };
    let mut all = Vec::new();
    for (field, set) in
        [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)]
    {
        if set == Some(true) {
            all.push(format!("{field}=true"));
        }
    }
    let volumes = spec.volumes.iter().flatten();
    all.extend(volumes.filter_map(|volume| {
        let kind = kind_of(volume)?;
        (!VOLUMES.contains(&kind.as_str()))
            .then(|| format!("volume {} is of type {kind}", volume.name))
    }));
    let whole = spec.security_context.clone().unwrap_or_default();
    of_pod(&whole, &mut all);
    let inits = spec.init_containers.iter().flatten();
    for container in spec.containers.iter().chain(inits) {
        of_container(spec, &whole, container, &mut all);
    }
    all
}

fn of_pod(whole: &PodSecurityContext, all: &mut Vec<String>) {
    if whole.run_as_user == Some(0) {
        all.push("securityContext.runAsUser=0".to_owned());
    }
    if whole.app_armor_profile.as_ref().is_some_and(|profile| profile.type_ == "Unconfined") {
        all.push("securityContext.appArmorProfile.type=Unconfined".to_owned());
    }
    if whole.se_linux_options.as_ref().is_some_and(|o| o.user.is_some() || o.role.is_some()) {
        all.push("securityContext.seLinuxOptions has a user or a role".to_owned());
    }
    let sysctls = whole.sysctls.iter().flatten();
    let unsafe_ones = sysctls.filter(|sysctl| !SYSCTLS.contains(&sysctl.name.as_str()));
    all.extend(unsafe_ones.map(|sysctl| format!("securityContext.sysctls has {}", sysctl.name)));
}

fn of_container(
    spec: &PodSpec,
    whole: &PodSecurityContext,
    container: &Container,
    all: &mut Vec<String>,
) {
    let own: SecurityContext = container.security_context.clone().unwrap_or_default();
    let name = &container.name;
    let mut say = |what: &str| all.push(format!("container {name}: {what}"));
    if own.privileged == Some(true) {
        say("privileged=true");
    }
    if own.allow_privilege_escalation != Some(false) {
        say("allowPrivilegeEscalation is not false");
    }
    if own.run_as_non_root.or(whole.run_as_non_root) != Some(true) {
        say("runAsNonRoot is not true");
    }
    if own.run_as_user == Some(0) {
        say("runAsUser=0");
    }
    let seccomp = own.seccomp_profile.as_ref().or(whole.seccomp_profile.as_ref());
    if !seccomp.is_some_and(|profile| SECCOMP.contains(&profile.type_.as_str())) {
        say("seccompProfile.type is neither RuntimeDefault nor Localhost");
    }
    let capabilities = own.capabilities.unwrap_or_default();
    if !capabilities.drop.iter().flatten().any(|dropped| dropped == ALL) {
        say("capabilities.drop has no ALL");
    }
    for added in capabilities.add.iter().flatten().filter(|added| *added != ADDED) {
        say(&format!("capabilities.add has {added}"));
    }
    if own.proc_mount.is_some_and(|kind| kind != "Default") {
        say("procMount is not Default");
    }
    if own.app_armor_profile.is_some_and(|profile| profile.type_ == "Unconfined") {
        say("appArmorProfile.type=Unconfined");
    }
    if own.se_linux_options.is_some_and(|o| o.user.is_some() || o.role.is_some()) {
        say("seLinuxOptions has a user or a role");
    }
    let ports = container.ports.iter().flatten().filter_map(|port| port.host_port);
    // The API server sets it itself for pods on the host's network, which are named above.
    for port in ports.filter(|port| *port != 0 && spec.host_network != Some(true)) {
        say(&format!("hostPort={port}"));
    }
}

/// The type of a volume, as its field is called. A volume without one is an emptyDir.
fn kind_of(volume: &Volume) -> Option<String> {
    let fields = serde_json::to_value(volume).ok()?;
    fields.as_object()?.keys().find(|key| *key != "name").cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, from_value, json};

    fn pod(spec: Value) -> Pod {
        from_value(json!({ "spec": spec })).expect("a pod")
    }

    #[test]
    fn a_plain_pod_is_made_to_comply() {
        let mut plain = pod(json!({
            "containers": [{ "name": "spark" }],
            "initContainers": [{ "name": "fill" }],
            "volumes": [{ "name": "a", "emptyDir": {} }, { "name": "b" }],
        }));
        assert_eq!(violations(&plain).len(), 8, "{:?}", violations(&plain));
        comply(&mut plain);
        assert_eq!(violations(&plain), Vec::<String>::new());
        let spec = plain.spec.expect("a specification");
        let user = spec.security_context.and_then(|context| context.run_as_user);
        assert_eq!(user, Some(SPARK_UID), "a name as the image's USER is not known not to be root");
    }

    #[test]
    fn what_a_pod_says_itself_stays() {
        let mut own = pod(json!({
            "securityContext": { "runAsUser": 1000 },
            "containers": [{ "name": "spark", "securityContext": {
                "capabilities": { "drop": ["NET_RAW"], "add": ["NET_BIND_SERVICE"] } } }],
        }));
        comply(&mut own);
        assert_eq!(violations(&own), Vec::<String>::new());
        let spec = own.spec.expect("a specification");
        assert_eq!(spec.security_context.and_then(|context| context.run_as_user), Some(1000));
        let context = spec.containers[0].security_context.clone().expect("a context");
        let drop = context.capabilities.and_then(|capabilities| capabilities.drop);
        assert_eq!(drop, Some(vec!["NET_RAW".to_owned(), "ALL".to_owned()]));
    }

    #[rstest]
    #[case(json!({ "hostNetwork": true }), "hostNetwork=true")]
    #[case(json!({ "volumes": [{ "name": "d", "hostPath": { "path": "/" } }] }), "type hostPath")]
    #[case(json!({ "volumes": [{ "name": "d", "nfs": { "path": "/", "server": "s" } }] }), "nfs")]
    #[case(json!({ "securityContext": { "runAsUser": 0 } }), "runAsUser=0")]
    #[case(json!({ "securityContext": { "runAsNonRoot": false } }), "runAsNonRoot")]
    #[case(json!({ "securityContext": { "seccompProfile": { "type": "Unconfined" } } }), "seccomp")]
    #[case(json!({ "securityContext": { "sysctls": [{ "name": "kernel.sem", "value": "1" }] } }), "kernel.sem")]
    fn what_cannot_be_made_to_comply_is_named(#[case] spec: Value, #[case] words: &str) {
        let mut spec = spec;
        spec["containers"] = json!([{ "name": "spark" }]);
        let mut pod = pod(spec);
        comply(&mut pod);
        let all = violations(&pod);
        assert!(all.len() == 1 && all[0].contains(words), "{all:?}");
    }

    #[rstest]
    #[case(json!({ "securityContext": { "privileged": true } }), "privileged")]
    #[case(json!({ "securityContext": { "runAsUser": 0 } }), "runAsUser=0")]
    #[case(json!({ "securityContext": { "capabilities": { "add": ["SYS_ADMIN"] } } }), "SYS_ADMIN")]
    #[case(json!({ "securityContext": { "allowPrivilegeEscalation": true } }), "Escalation")]
    #[case(json!({ "ports": [{ "containerPort": 1, "hostPort": 80 }] }), "hostPort=80")]
    fn so_is_what_a_container_asks_for(#[case] fields: Value, #[case] words: &str) {
        let mut container = fields;
        container["name"] = json!("spark");
        let mut pod = pod(json!({ "containers": [container] }));
        comply(&mut pod);
        let all = violations(&pod);
        assert!(all.len() == 1 && all[0].contains(words), "{all:?}");
    }
}
