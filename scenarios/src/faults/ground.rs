//! What sessions and applications with a fault have in common: placeholders, and the changes before a start.

use serde_json::Value;
use sparkproof::error::{ErrorContext, Result};
use sparkproof::testbed::{PreparedSession, ScenarioContext};

use super::fault::Change;

/// How one attempt at a session came out.
pub(super) struct Attempt {
    pub(super) result: Result<()>,
    /// From the start to the verdict.
    pub(super) seconds: f64,
}

/// What placeholders stand for.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) run: String,
    pub(super) image: String,
    node: String,
    address: String,
    /// Of a server between driver and API server.
    pub(super) port: u16,
}

impl Known {
    pub(super) async fn of(p: &ScenarioContext) -> Result<Known> {
        let (node, address) = p.executor_node().await?;
        let image = p.environment.image.reference.clone();
        Ok(Known { run: p.context.run.id().to_string(), image, node, address, port: 0 })
    }

    pub(super) fn fill(&self, text: &str) -> String {
        let text = text.replace("$RUN", &self.run).replace("$IMAGE", &self.image);
        let text = text.replace("$PORT", &self.port.to_string());
        text.replace("$NODE", &self.node).replace("$ADDRESS", &self.address)
    }
}

/// Fills placeholders, also those of a granted session.
pub(super) fn filler(
    known: &Known,
    ground: &PreparedSession<'_>,
) -> impl Fn(&str) -> String + use<> {
    let known = known.clone();
    let namespace = ground.access().namespace.clone();
    let account = ground.access().service_account.clone();
    move |text| known.fill(text).replace("$NAMESPACE", &namespace).replace("$ACCOUNT", &account)
}

/// Makes the changes that come before a session.
pub(super) async fn prepare(
    ground: &PreparedSession<'_>,
    fill: &impl Fn(&str) -> String,
    changes: &[Change],
) -> Result<()> {
    let obstacles = ground.obstacles();
    for change in changes {
        match change {
            Change::Put(yaml) | Change::Node(yaml) => obstacles.put(&fill(yaml)).await?,
            Change::Remove(yaml) => obstacles.remove(&fill(yaml)).await?,
            Change::Refused(words) => obstacles.until_refused(words).await?,
            Change::Runs(pod) => obstacles.until_running(pod).await?,
            Change::Kubeconfig(pointer, value) => {
                ground.change_kubeconfig(|config| set(config, pointer, (*value).into()))?;
            }
            Change::Login(user) => {
                let user = serde_json::from_str(user).or_internal("a user")?;
                ground.change_kubeconfig(|config| set(config, "/users/0/user", user))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Sets a value of a JSON document; its parent exists.
fn set(document: &mut Value, pointer: &str, value: Value) {
    if let Some((parent, key)) = pointer.rsplit_once('/')
        && let Some(Value::Object(parent)) = document.pointer_mut(parent)
    {
        parent.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_set_by_its_pointer() {
        let mut document = serde_json::json!({ "users": [{ "user": { "token": "a" } }] });
        set(&mut document, "/users/0/user/token", "b".into());
        set(&mut document, "/users/0/user/new", "c".into());
        assert_eq!(document["users"][0]["user"], serde_json::json!({ "token": "b", "new": "c" }));
    }
}
