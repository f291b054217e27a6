//! Live scenarios: each runs a step of the "Geni on Kubernetes" guide, or breaks it on purpose.
//! They need an environment: `cargo xtask test`.

mod allocation;
mod application;
mod causes;
mod diagnose;
mod driver;
mod existing;
mod features;
mod foreign;
mod front_ends;
mod geni;
mod guide;
mod images;
mod lifecycle;
mod minikube;
mod mounts;
mod negative;
mod network;
mod own_scenarios;
mod owning;
mod permissions;
mod pod_templates;
mod probe;
mod reading;
mod reading_volumes;
mod registry;
mod restricted;
mod secrets;
mod stores;
mod teardown;
mod versions;
