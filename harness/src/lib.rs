//! Proves that Spark works on Kubernetes.
