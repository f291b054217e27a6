//! Lines of servers' logs.

use super::ServerRequest;
pub(super) fn s3(_line: &str) -> Option<ServerRequest> {
    None
}
pub(super) fn common(_line: &str) -> Option<ServerRequest> {
    None
}
pub(super) fn hdfs(_text: &str) -> Vec<ServerRequest> {
    Vec::new()
}
