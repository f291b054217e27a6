//! The account can do what Spark will ask, before Spark asks.

use super::check::{Findings, check};
use crate::access::{Access, missing_verbs, needed};
use crate::context::Context;
use crate::error::{Error, Result};

/// Every verb this Spark version needs is granted; each missing one is named.
pub async fn can_i(context: &Context, access: &Access, spark_version: &str) -> Result<()> {
    let title = format!("account {} may do all that Spark will ask", access.service_account);
    check(context, "access.can-i", &title, async |findings: &mut Findings| {
        let rules = needed(spark_version);
        let missing = missing_verbs(context, access, rules).await?;
        let asked: Vec<String> = rules.iter().map(ToString::to_string).collect();
        findings.add("asked as the account itself", asked.join(", "));
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = missing.iter().map(|m| m.rule.to_string()).collect();
        findings.add("cause", "missing-verb");
        Err(Error::red(format!(
            "account {} in namespace {} may not: {}",
            access.service_account,
            access.namespace,
            names.join(", ")
        ))
        .remedy("grant these verbs in the account's Role, or use --rbac minimal"))
    })
    .await
}
