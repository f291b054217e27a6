//! Checks the account's permissions before Spark needs them.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::{judged, skip};
use sparkproof_catalog::SparkVersion;
use sparkproof_judge::Granted;
use sparkproof_kubernetes::access::{
    Access, ClusterCapabilities, Identity, OPTIONAL_PERMISSIONS, missing_verbs, needed,
};

/// Checks that every verb that this Spark version needs is granted, and names each missing one.
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

/// Optional permissions of sparkproof on the user's cluster: green, or skipped with the missing verbs.
pub async fn uses(context: &Context, terms: &ClusterCapabilities) -> Result<()> {
    for one in &OPTIONAL_PERMISSIONS {
        let id = format!("access.{}", one.id);
        match terms.lack(one.rules) {
            Some(reason) => skip(context, &id, one.title, &reason),
            None => {
                let needed = one.rules.iter().map(ToString::to_string).collect();
                let permissions = async || Ok(terms.permissions());
                judged(context, (&id, one.title), needed, permissions).await?;
            }
        }
    }
    Ok(())
}
