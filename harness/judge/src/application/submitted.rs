//! What a submission creates.

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use super::object::Object;
use crate::control::{Control, Says};
use crate::words::list;

/// A Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The object.
    pub object: Object,
    /// Whether it has no address of its own.
    pub headless: bool,
}

/// The objects in the namespace after a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// The driver's pod.
    pub driver: Object,
    /// Its label `spark-role`; empty without.
    pub role: String,
    /// Its account.
    pub account: String,
    /// The Services.
    pub services: Vec<Service>,
    /// The ConfigMaps.
    pub config_maps: Vec<Object>,
}

impl Observation for Submitted {
    /// The account.
    type Expected = String;
    const KIND: &'static str = "application.submitted";

    /// Without the Service executors do not find the driver; without an owner the objects stay for
    /// ever.
    fn judge(&self, account: &String) -> Judged {
        let Submitted { driver, role, .. } = self;
        let services = self.services.iter().filter(|service| service.headless);
        let services: Vec<&str> = services
            .filter(|service| service.object.is_owned_by(driver))
            .map(|service| service.object.name.as_str())
            .collect();
        let maps = self.config_maps.iter().filter(|map| map.is_owned_by(driver));
        let maps: Vec<&str> = maps.map(|map| map.name.as_str()).collect();
        let (owned, config) = (list(&services), list(&maps));
        let judged = if role != "driver" || self.account != *account {
            let role = list((!role.is_empty()).then_some(role));
            Judged::red(
                format!(
                    "the driver's pod has spark-role {role} and account {}, expected driver and \
                     {account}",
                    self.account
                ),
                "check what changes pods on this cluster",
            )
        } else if services.len() != 1 || maps.is_empty() {
            Judged::red(
                format!(
                    "the driver's pod owns headless services: {owned}, and config maps: {config}; \
                     expected one service and at least one config map"
                ),
                "check what changes or deletes objects on this cluster",
            )
        } else {
            Judged::green()
        };
        judged
            .with("driver", format!("{} as {}", driver.name, self.account))
            .with("headless services of the driver's pod", owned)
            .with("config maps of the driver's pod", config)
    }
}

pub(crate) fn controls() -> Vec<Control> {
    let account = "spark".to_owned();
    let control = |name, says, change: &dyn Fn(&mut Submitted)| {
        let service = |name, headless| Service { object: Object::named(name, &["d"]), headless };
        let mut seen = Submitted {
            driver: Object::named("d", &[]),
            role: "driver".to_owned(),
            account: account.clone(),
            services: vec![service("d-svc", true), service("d-ui", false)],
            config_maps: vec![
                Object::named("spark-drv-1-conf-map", &["d"]),
                Object::named("kube-root-ca.crt", &[]),
            ],
        };
        change(&mut seen);
        Control::seen(name, &account, &seen, says)
    };
    let none = Says::Red("headless services: none,");
    vec![
        control("all created and owned", Says::Green, &|_| {}),
        control("another account", Says::Red("account default, expected driver"), &|seen| {
            "default".clone_into(&mut seen.account);
        }),
        control("another role", Says::Red("spark-role executor"), &|seen| {
            "executor".clone_into(&mut seen.role);
        }),
        control("no role", Says::Red("spark-role none"), &|seen| seen.role.clear()),
        control("a Service with an address", none, &|seen| seen.services[0].headless = false),
        control("a Service of another pod", none, &|seen| {
            seen.services[0].object.owners = vec!["e".to_owned()];
        }),
        control("no Service", none, &|seen| seen.services.clear()),
        control("one Service more", Says::Red("headless services: d-svc, d-ui,"), &|seen| {
            seen.services[1].headless = true;
        }),
        control("a ConfigMap without an owner", Says::Red("config maps: none"), &|seen| {
            seen.config_maps[0].owners.clear();
        }),
        control("no ConfigMap", Says::Red("config maps: none"), &|seen| seen.config_maps.clear()),
        control("a driver whose uid was not read", none, &|seen| seen.driver.uid.clear()),
        Control::unseen::<Submitted>(&account, "spark-submit failed"),
    ]
}
