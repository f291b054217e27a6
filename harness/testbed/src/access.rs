//! The account can do what Spark will ask, before Spark asks.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, check, skip};
use sparkproof_kubernetes::access::{
    Access, ClusterCapabilities, Identity, OPTIONAL_PERMISSIONS, missing_verbs, needed,
};

/// Every verb this Spark version needs is granted; each missing one is named.
pub async fn can_i(context: &Context, access: &Access, spark_version: &str) -> Result<()> {
    let who = match &access.identity {
        Identity::Account => format!("account {}", access.service_account),
        Identity::User { .. } => "the kubeconfig's user".to_owned(),
    };
    let title = format!("{who} may do all that Spark will ask");
    check(context, "access.can-i", &title, async |findings: &mut Findings| {
        let rules = needed(spark_version);
        let missing = missing_verbs(context, access, rules).await?;
        let asked: Vec<String> = rules.iter().map(ToString::to_string).collect();
        findings.add("asked as the driver itself", asked.join(", "));
        if let Identity::User { reason } = &access.identity {
            findings.add("why not as an account", reason);
        }
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = missing.iter().map(|m| m.rule.to_string()).collect();
        findings.add("cause", "missing-verb");
        Err(Error::red(format!(
            "{who} in namespace {} may not: {}",
            access.namespace,
            names.join(", ")
        ))
        .remedy("grant these verbs in the account's Role, or use --rbac minimal"))
    })
    .await
}

/// What sparkproof may do on a cluster of the user's beside what no proof can do without: green, or
/// skipped with the verbs that are missing.
pub async fn uses(context: &Context, terms: &ClusterCapabilities) -> Result<()> {
    for one in &OPTIONAL_PERMISSIONS {
        let id = format!("access.{}", one.id);
        match terms.lack(one.rules) {
            Some(reason) => skip(context, &id, one.title, &reason),
            None => {
                check(context, &id, one.title, async |findings: &mut Findings| {
                    let rules: Vec<String> = one.rules.iter().map(ToString::to_string).collect();
                    findings.add("asked and granted", rules.join(", "));
                    Ok(())
                })
                .await?;
            }
        }
    }
    Ok(())
}
