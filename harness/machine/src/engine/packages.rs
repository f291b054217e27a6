//! The packages that have a program, by distribution.

use std::collections::BTreeMap;
use std::path::Path;

/// A family of distributions with the same package names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Debian,
    Fedora,
    Arch,
    Suse,
    Alpine,
}

impl Family {
    fn from_id(id: &str) -> Option<Family> {
        Some(match id {
            "debian" | "ubuntu" => Family::Debian,
            "fedora" | "rhel" | "centos" => Family::Fedora,
            "arch" => Family::Arch,
            "opensuse" | "suse" | "sles" => Family::Suse,
            "alpine" => Family::Alpine,
            _ => return None,
        })
    }

    const fn command(self) -> &'static str {
        match self {
            Family::Debian => "apt-get install",
            Family::Fedora => "dnf install",
            Family::Arch => "pacman -S",
            Family::Suse => "zypper install",
            Family::Alpine => "apk add",
        }
    }
}

/// The distribution that this process runs on, by its `os-release` (os-release(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinuxDistribution {
    family: Option<Family>,
    /// `PRETTY_NAME`, for messages.
    name: String,
    /// Whether Docker's client is a separate package: Debian since 13.
    splits_docker: bool,
}

impl LinuxDistribution {
    /// The distribution of this machine.
    pub fn here() -> Self {
        let read = |path: &str| std::fs::read_to_string(Path::new(path)).ok();
        let text = read("/etc/os-release").or_else(|| read("/usr/lib/os-release"));
        Self::from_os_release(&text.unwrap_or_default())
    }

    fn from_os_release(os_release: &str) -> Self {
        let pairs: BTreeMap<&str, &str> = os_release
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim(), value.trim().trim_matches(['"', '\''])))
            .collect();
        let get = |key: &str| pairs.get(key).copied().unwrap_or_default();
        let mut ids = std::iter::once(get("ID")).chain(get("ID_LIKE").split_whitespace());
        let name = [get("PRETTY_NAME"), get("ID"), "this system"];
        let name = name.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        let old = get("VERSION_ID").parse::<u32>().is_ok_and(|version| version < 13);
        LinuxDistribution {
            family: ids.find_map(Family::from_id),
            name: name.to_owned(),
            // Debian testing and unstable have no number.
            splits_docker: get("ID") == "debian" && !old,
        }
    }

    /// Its name, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `--yes` can install its packages.
    pub fn has_apt(&self) -> bool {
        self.family == Some(Family::Debian) && super::program("apt-get").is_some()
    }

    /// The packages that `--yes` installs for sparkproof's daemon: `dockerd`, the client that kind
    /// calls, and the programs for networks.
    pub fn docker_packages(&self) -> Vec<&'static str> {
        let client = self.splits_docker.then_some("docker-cli");
        ["docker.io"].into_iter().chain(client).chain(["iptables", "iproute2"]).collect()
    }

    /// The package with a program, by its name on `PATH`; `None` if none is known.
    pub fn package(&self, program: &str) -> Option<&'static str> {
        let family = self.family?;
        if program == "docker" && family == Family::Debian {
            return Some(if self.splits_docker { "docker-cli" } else { "docker.io" });
        }
        let (_, packages) = PACKAGES.iter().find(|(names, _)| names.contains(&program))?;
        Some(packages[family as usize]).filter(|package| !package.is_empty())
    }

    /// The remedy for a missing program: the package to install, or why none is named.
    pub fn how_to_get(&self, program: &str) -> String {
        match (self.family, self.package(program)) {
            (Some(family), Some(package)) => {
                let root = if super::is_root() { "" } else { "as root: " };
                format!("{root}{} {package}", family.command())
            }
            (Some(_), None) => {
                format!(
                    "put {program} on PATH: sparkproof knows no package of {} that has it",
                    self.name
                )
            }
            (None, _) => format!(
                "put {program} on PATH: sparkproof does not know the packages of {}",
                self.name
            ),
        }
    }

    /// The command that installs the packages with these programs, e.g. `dnf install iproute`.
    pub fn command(&self, packages: &[&str]) -> String {
        let command = self.family.map_or("install", Family::command);
        format!("{command} {}", packages.join(" "))
    }
}

/// Programs, and their packages in the order of [`Family`]; empty where there is none. Looked
/// up in the package lists of Debian 12 and 13, Ubuntu 24.04, Fedora 42, Arch, openSUSE Leap 15.6
/// and Alpine 3.22.
const PACKAGES: [(&[&str], [&str; 5]); 14] = [
    (&["curl"], ["curl"; 5]),
    (&["debootstrap"], ["debootstrap"; 5]),
    (&["mvn"], ["maven"; 5]),
    (&["go"], ["golang-go", "golang", "go", "go", "go"]),
    (&["python3"], ["python3", "python3", "python", "python3", "python3"]),
    (&["pip"], ["python3-pip", "python3-pip", "python-pip", "python3-pip", "py3-pip"]),
    (
        &["java", "javac", "jar", "keytool"],
        [
            "default-jdk-headless",
            "java-21-openjdk-devel",
            "jdk17-openjdk",
            "java-17-openjdk-devel",
            "openjdk17",
        ],
    ),
    (&["docker"], ["docker.io", "docker-cli", "docker", "docker", "docker-cli"]),
    (&["dockerd"], ["docker.io", "moby-engine", "docker", "docker", "docker"]),
    (&["iptables"], ["iptables", "iptables-nft", "iptables", "iptables", "iptables"]),
    (&["ip"], ["iproute2", "iproute", "iproute2", "iproute2", "iproute2"]),
    (&["cc"], ["gcc", "gcc", "gcc", "gcc", "build-base"]),
    (&["unshare", "setpriv"], ["util-linux"; 5]),
    (&["clojure", "clj"], ["clojure", "", "clojure", "", ""]),
];

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DEBIAN_12: &str =
        "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n";
    const DEBIAN_13: &str = "VERSION_ID=\"13\"\nID=debian\n";
    const SID: &str = "PRETTY_NAME=\"Debian GNU/Linux forky/sid\"\nID=debian\n";
    const UBUNTU: &str = "ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\n";
    const FEDORA: &str = "PRETTY_NAME=\"Fedora Linux 42\"\nID=fedora\nVERSION_ID=42\n";
    const ROCKY: &str = "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n";
    const ARCH: &str = "ID=arch\n";
    const NIXOS: &str = "PRETTY_NAME=\"NixOS 25.05\"\nID=nixos\n";

    #[rstest]
    #[case(DEBIAN_12, "go", "apt-get install golang-go")]
    #[case(DEBIAN_12, "docker", "apt-get install docker.io")]
    #[case(DEBIAN_13, "docker", "apt-get install docker-cli")]
    #[case(UBUNTU, "docker", "apt-get install docker.io")]
    #[case(FEDORA, "ip", "dnf install iproute")]
    #[case(ROCKY, "mvn", "dnf install maven")]
    #[case(ARCH, "javac", "pacman -S jdk17-openjdk")]
    #[case(
        FEDORA,
        "kubectl",
        "put kubectl on PATH: sparkproof knows no package of Fedora Linux 42"
    )]
    #[case(NIXOS, "go", "put go on PATH: sparkproof does not know the packages of NixOS 25.05")]
    #[case("", "go", "does not know the packages of this system")]
    fn a_missing_program_is_answered_with_a_package_of_this_distribution_or_the_reason(
        #[case] os_release: &str,
        #[case] program: &str,
        #[case] expected: &str,
    ) {
        let said = LinuxDistribution::from_os_release(os_release).how_to_get(program);
        assert!(said.contains(expected), "{said}");
    }

    #[rstest]
    #[case(DEBIAN_12, false)]
    #[case(DEBIAN_13, true)]
    #[case(SID, true)]
    #[case(UBUNTU, false)]
    fn the_client_is_installed_where_it_is_a_package_of_its_own(
        #[case] os_release: &str,
        #[case] split: bool,
    ) {
        let packages = LinuxDistribution::from_os_release(os_release).docker_packages();
        assert_eq!(packages.contains(&"docker-cli"), split, "{packages:?}");
    }
}
