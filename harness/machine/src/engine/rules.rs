//! iptables rules: read, compared and restored.

use std::collections::{BTreeMap, BTreeSet};

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;

use super::host::program;
use crate::exec::Tool;

/// Both backends: a daemon uses the one that `iptables` is a link to.
const FAMILIES: [&str; 4] =
    ["iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy"];
/// The only family on hosts that do not distinguish the backends.
const PLAIN: [&str; 2] = ["iptables", "ip6tables"];

/// The output of `FAMILY-save`, by family, e.g. `iptables-nft`.
pub type Rules = BTreeMap<String, String>;

/// Reads all rules of this network namespace.
///
/// # Errors
/// Environment: not root, or a tool failed.
pub async fn rules(context: &Context) -> Result<Rules> {
    let mut rules = Rules::new();
    let split = program("iptables-nft-save").is_some();
    let families: &[&str] = if split { &FAMILIES } else { &PLAIN };
    for family in families {
        let Some(save) = program(&format!("{family}-save")) else { continue };
        let saved = Tool::new(save).run(context).await?;
        rules.insert((*family).to_owned(), saved.stdout);
    }
    Ok(rules)
}

/// A table as `iptables-save` prints it, without counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct IptablesTable {
    /// Chains in their order, with their policy; `-` for user-defined chains.
    chains: Vec<(String, String)>,
    /// `-A CHAIN …`.
    rules: Vec<String>,
}

fn parse(text: &str) -> BTreeMap<String, IptablesTable> {
    let mut tables: BTreeMap<String, IptablesTable> = BTreeMap::new();
    let mut current = None;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('*') {
            current = Some(tables.entry(name.to_owned()).or_default());
        } else if let (Some(chain), Some(table)) = (line.strip_prefix(':'), &mut current) {
            let mut words = chain.split_whitespace().map(str::to_owned);
            table.chains.extend(words.next().zip(words.next()));
        } else if let (true, Some(table)) =
            (line.starts_with('-') || line.starts_with('['), &mut current)
        {
            let rule = line.split_once("] ").filter(|_| line.starts_with('['));
            table.rules.push(rule.map_or(line, |(_, rule)| rule).to_owned());
        }
    }
    tables
}

/// One line for each rule, chain or policy, e.g. `filter -A FORWARD -j DOCKER-USER`, without empty
/// built-in chains that accept.
pub fn lines(text: &str) -> BTreeSet<String> {
    let of_table = |(name, table): (String, IptablesTable)| {
        let chains = table.chains.into_iter().filter(|(_, policy)| policy != "ACCEPT");
        let chains: Vec<String> =
            chains.map(|(chain, policy)| format!(":{chain} {policy}")).collect();
        chains.into_iter().chain(table.rules).map(move |line| format!("{name} {line}"))
    };
    parse(text).into_iter().flat_map(of_table).collect()
}

/// Whether a rule or chain is Docker's: it is of a Docker chain, names a bridge of a Docker
/// network, or masquerades a published port for the container itself.
fn is_dockers(line: &str, bridges: &[String]) -> bool {
    let hairpin = || {
        let word_after = |flag: &str| line.split_whitespace().skip_while(|w| *w != flag).nth(1);
        line.ends_with("-j MASQUERADE")
            && word_after("-s").is_some_and(|s| Some(s) == word_after("-d"))
    };
    let mut words = line.split_whitespace();
    words.any(|w| w.starts_with("DOCKER") || is_bridge(w) || bridges.iter().any(|b| b == w))
        || hairpin()
}

/// `docker0`, or `br-` and the 12 hex digits of a network id.
pub(super) fn is_bridge(name: &str) -> bool {
    let is_id = |id: &str| id.len() == 12 && id.bytes().all(|b| b.is_ascii_hexdigit());
    name == "docker0" || name.strip_prefix("br-").is_some_and(is_id)
}

/// Whether a link is the host's end of a container's: `veth` and 7 hex digits.
pub(super) fn is_veth(name: &str) -> bool {
    let is_id = |id: &str| id.len() == 7 && id.bytes().all(|b| b.is_ascii_hexdigit());
    name.strip_prefix("veth").is_some_and(is_id)
}

/// Input for `FAMILY-restore` that restores Docker's part from `before` and keeps every other rule
/// of `now`; `None` if nothing changes.
fn given_back(before: &str, now: &str, bridges: &[String]) -> Option<String> {
    if lines(before) == lines(now) {
        return None;
    }
    let (before, now) = (parse(before), parse(now));
    let dockers = |line: &&String| is_dockers(line, bridges);
    let mut text = String::new();
    for (name, now) in &now {
        let before = before.get(name).cloned().unwrap_or_default();
        let others = |table: &IptablesTable| -> Vec<String> {
            table.rules.iter().filter(|r| !dockers(r)).cloned().collect()
        };
        // Nothing else has changed: restore everything, order included.
        let rules = if others(&before) == others(now) {
            before.rules.clone()
        } else {
            let dockers: Vec<String> = before.rules.iter().filter(dockers).cloned().collect();
            [dockers, others(now)].concat()
        };
        text.push_str(&format!("*{name}\n"));
        let kept = now.chains.iter().filter(|(chain, _)| !is_dockers(chain, bridges));
        for (chain, policy) in kept {
            let was = before.chains.iter().find(|(c, _)| c == chain).map(|(_, policy)| policy);
            // The only policy that Docker sets.
            let docker_set = chain == "FORWARD" && policy == "DROP";
            let policy = if docker_set { was.map_or("ACCEPT", String::as_str) } else { policy };
            text.push_str(&format!(":{chain} {policy} [0:0]\n"));
        }
        for (chain, policy) in before.chains.iter().filter(|(c, _)| is_dockers(c, bridges)) {
            text.push_str(&format!(":{chain} {policy} [0:0]\n"));
        }
        text.extend(rules.iter().map(|rule| format!("{rule}\n")));
        text.push_str("COMMIT\n");
    }
    Some(text)
}

/// Input for `FAMILY-restore --noflush` that deletes only the rules of these bridges; `None` if
/// there are none.
fn without_bridges(now: &str, bridges: &[String]) -> Option<String> {
    let mut text = String::new();
    for (name, table) in parse(now) {
        let meant = |r: &&String| r.split_whitespace().any(|w| bridges.iter().any(|b| b == w));
        let rules: Vec<&String> = table.rules.iter().filter(meant).collect();
        if !rules.is_empty() {
            text.push_str(&format!("*{name}\n"));
            text.extend(rules.iter().map(|rule| format!("{}\n", rule.replacen("-A", "-D", 1))));
            text.push_str("COMMIT\n");
        }
    }
    (!text.is_empty()).then_some(text)
}

/// Restores Docker's part of the rules. With another daemon in this network namespace only the
/// rules of these bridges are deleted, since both share the chains.
pub(super) async fn give_back(
    context: &Context,
    before: &Rules,
    bridges: &[String],
    alone: bool,
) -> Result<()> {
    for (family, now) in rules(context).await? {
        let empty = String::new();
        let (input, flags): (_, &[&str]) = if alone {
            (given_back(before.get(&family).unwrap_or(&empty), &now, bridges), &[])
        } else {
            (without_bridges(&now, bridges), &["--noflush"])
        };
        if let (Some(input), Some(restore)) = (input, program(&format!("{family}-restore"))) {
            Tool::new(restore).args(flags).stdin(input).run(context).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAN: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\nCOMMIT\n";
    const DOCKER: &str = "# by iptables-save\n*filter\n:INPUT ACCEPT [5:9]\n:FORWARD DROP [0:0]\n\
        :DOCKER - [0:0]\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n\
        -A FORWARD -o br-9eeb43b97d40 -j DOCKER\n-A INPUT -p tcp --dport 22 -j ACCEPT\n\
        -A DOCKER-USER -j RETURN\nCOMMIT\n*nat\n:POSTROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n\
        -A POSTROUTING -s 172.18.0.0/16 ! -o br-9eeb43b97d40 -j MASQUERADE\n\
        -A POSTROUTING -s 172.18.0.2/32 -d 172.18.0.2/32 -p tcp -m tcp --dport 6443 -j MASQUERADE\n\
        COMMIT\n";

    #[test]
    fn empty_accepting_chains_count_as_none_and_counters_do_not_count() {
        assert!(lines(CLEAN).is_empty());
        let counted = DOCKER.replace("-A INPUT", "[7:8] -A INPUT");
        assert_eq!(lines(DOCKER), lines(&counted));
        assert!(lines(DOCKER).contains("filter :FORWARD DROP"));
    }

    #[test]
    fn docker_goes_and_a_rule_of_somebody_else_stays() {
        let back = given_back(CLEAN, DOCKER, &[]).expect("something to do");
        let expected = BTreeSet::from(["filter -A INPUT -p tcp --dport 22 -j ACCEPT".to_owned()]);
        assert_eq!(lines(&back), expected);
        assert!(back.contains("*nat\n:POSTROUTING ACCEPT"), "a table that was absent is emptied");
    }

    #[test]
    fn rules_of_a_stopped_daemon_of_somebody_else_come_back_in_their_order() {
        let before = DOCKER.replace("br-9eeb43b97d40", "br-000000000000");
        let back = given_back(&before, DOCKER, &[]).expect("something to do");
        assert_eq!(parse(&back)["filter"].rules, parse(&before)["filter"].rules);
        assert_eq!(lines(&back), lines(&before));
        assert_eq!(given_back(DOCKER, DOCKER, &[]), None);
    }

    #[test]
    fn with_another_daemon_only_our_bridges_go() {
        let bridges = ["br-9eeb43b97d40".to_owned()];
        let input = without_bridges(DOCKER, &bridges).expect("something to do");
        assert_eq!(
            input,
            "*filter\n-D FORWARD -o br-9eeb43b97d40 -j DOCKER\nCOMMIT\n*nat\n\
             -D POSTROUTING -s 172.18.0.0/16 ! -o br-9eeb43b97d40 -j MASQUERADE\nCOMMIT\n"
        );
        assert_eq!(without_bridges(DOCKER, &["br-000000000000".to_owned()]), None);
    }
}
