//! Faults that were chosen when the rules were frozen, from what users report, without a look at the rules
//! or at the tests of the rules. The first try counts: a miss stays in the table of that day.

mod api;
mod cluster;
mod files;
mod process;

use super::fault::Fault;

/// By group.
pub(super) fn groups() -> [(&'static str, Vec<Fault>); 10] {
    [
        ("unseen admission", cluster::admission()),
        ("unseen scheduling", cluster::scheduling()),
        ("unseen claims", cluster::claims()),
        ("unseen image", cluster::image()),
        ("unseen api", api::server()),
        ("unseen network", api::network()),
        ("unseen process", process::faults()),
        ("unseen files", files::faults()),
        ("unseen configuration", process::configuration()),
        ("unseen several", cluster::several()),
    ]
}
