//! The way from the driver to the API server.

use sparkproof::catalog::plan::{DriverPlace, FrontEnd};
use sparkproof::verdict::Cause;

use super::fault::Change::{Conf, Driver, FrontEnd as Shell, Kubeconfig, Put, Server, Without};
use super::fault::Fault;

/// A certificate of another authority, whose key nobody has.
const OTHER_AUTHORITY: &str = "\
LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJqRENDQVRPZ0F3SUJBZ0lVWFFwVjFSbnYrbHVnRDAyR0VRV0\
U3OG1mTDA4d0NnWUlLb1pJemowRUF3SXcKSERFYU1CZ0dBMVVFQXd3UllXNXZkR2hsY2kxaGRYUm9iM0pwZEhrd0ho\
Y05Nall4TWpBeE1USTBORFF3V2hjTgpNell4TVRJNE1USTBORFF3V2pBY01Sb3dHQVlEVlFRRERCRmhibTkwYUdWeU\
xXRjFkR2h2Y21sMGVUQlpNQk1HCkJ5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSEEwSUFCQUpyTkhtSk5nL1NsMENxVDc2\
TXM4dmliWWdSSHR6eFRXTHAKSGJEQ0ZZRjRyQ2RQL1dPeFdxZ2hrR3lkVVZCci9SRHZibHE3ZlhXQWZBdm8wcWZoWG\
FhalV6QlJNQjBHQTFVZApEZ1FXQkJUTUV4bkg0NHZsSlhtT2RqYUthKzRJeHNMRlpqQWZCZ05WSFNNRUdEQVdnQlRN\
RXhuSDQ0dmxKWG1PCmRqYUthKzRJeHNMRlpqQVBCZ05WSFJNQkFmOEVCVEFEQVFIL01Bb0dDQ3FHU000OUJBTUNBMG\
NBTUVRQ0lCNU4KdlVmZ3VPRnNpRDYvaXJSbitGMjVRa3NwekU4YXpwZDcyM055ZjJjdUFpQmt2eFJmbEVreUZDbTFL\
ZzlWc0pCNgp2YzlXNlgxUFdHZVdSbDc3NnoyQjlnPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=\
";
const NO_TOKEN: &str = "\
apiVersion: v1
kind: ServiceAccount
metadata: {name: $ACCOUNT}
automountServiceAccountToken: false
";
const AUTHORITY: &str = "/clusters/0/cluster/certificate-authority-data";

/// The faults of this group.
pub fn faults() -> Vec<Fault> {
    vec![
        Fault::new("api-server-refuses-connections", Cause::ApiUnreachable)
            .with(Server("https://127.0.0.1:9"))
            .says(&["127.0.0.1:9"])
            .not(Cause::DriverEnded),
        Fault::new("api-server-of-no-name", Cause::ApiUnreachable)
            .with(Server("https://api.sparkproof.invalid:6443"))
            .says(&["api.sparkproof.invalid"])
            .not(Cause::DriverEnded),
        Fault::new("token-not-accepted", Cause::Unauthorized)
            .with(Kubeconfig("/users/0/user/token", "not-a-token"))
            .not(Cause::DriverEnded),
        Fault::new("authority-not-accepted", Cause::ApiTls)
            .with(Kubeconfig(AUTHORITY, OTHER_AUTHORITY))
            .not(Cause::DriverEnded),
        Fault::new("proxy-that-is-down", Cause::Proxy)
            // Spark's Kubernetes client takes it from this property.
            .with(Conf("spark.driver.extraJavaOptions", "-Dhttps.proxy=http://127.0.0.1:9"))
            .says(&["127.0.0.1:9"])
            .not(Cause::ApiUnreachable),
        Fault::new("no-token-mounted", Cause::NoTokenMounted)
            .with(Put(NO_TOKEN))
            .with(Driver(DriverPlace::Pod))
            .with(Shell(FrontEnd::SparkShell))
            .says(&["automountServiceAccountToken"])
            .not(Cause::DriverEnded),
        Fault::new("no-right-to-create-config-maps", Cause::MissingVerb)
            .with(Without("configmaps", "create"))
            .says(&["create configmaps"])
            .not(Cause::DriverEnded),
        Fault::new("no-right-to-watch-pods", Cause::MissingVerb)
            .with(Without("pods", "watch"))
            .says(&["watch pods"])
            .not(Cause::DriverEnded),
    ]
}
