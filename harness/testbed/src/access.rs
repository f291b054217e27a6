//! The account can do what Spark will ask, before Spark asks.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::{Findings, check, judged, skip};
use sparkproof_catalog::SparkVersion;
use sparkproof_judge::Granted;
use sparkproof_kubernetes::access::{
    Access, ClusterCapabilities, Identity, OPTIONAL_PERMISSIONS, missing_verbs, needed,
};

/// Every verb this Spark version needs is granted; each missing one is named.
pub async fn can_i(context: &Context, access: &Access, spark_version: &SparkVersion) -> Result<()> {
    let who = match &access.identity {
        Identity::Account => format!("account {}", access.service_account),
        Identity::User { .. } => "the kubeconfig's user".to_owned(),
    };
    let title = format!("{who} may do all that Spark will ask");
    let rules = needed(spark_version);
    let expected: Vec<String> = rules.iter().map(ToString::to_string).collect();
    judged(context, ("access.can-i", &title), expected.clone(), async || {
        let missing = missing_verbs(context, access, rules).await?;
        let missing: Vec<String> = missing.iter().map(|m| m.rule.to_string()).collect();
        let why_not_as_account = match &access.identity {
            Identity::Account => None,
            Identity::User { reason } => Some(reason.clone()),
        };
        Ok(Granted {
            who: who.clone(),
            why_not_as_account,
            namespace: access.namespace.clone(),
            granted: expected.into_iter().filter(|verb| !missing.contains(verb)).collect(),
        })
    })
    .await
    .map(drop)
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
