//! Parses lines of servers' logs.

use std::collections::HashMap;
use std::sync::LazyLock;

use percent_encoding::percent_decode_str;
use regex::{Captures, Regex};
use sparkproof_judge::ServerRequest;

/// versitygw writes S3's server access log without S3's quotes. A key may have spaces, but the
/// request's URI after it has none.
static S3: LazyLock<Regex> = LazyLock::new(|| {
    let line = r"^\S+ \S+ \[[^\]]*\] (?<client>\S+) \S+ \S+ s3_(?<method>\w+) .+? (?<path>/\S*) (?<status>\d{3}) \S+ \d+ \d+ ";
    Regex::new(line).expect("tested")
});

/// The common log format, used by Azurite and moto.
static COMMON: LazyLock<Regex> = LazyLock::new(|| {
    let line = r#"^(?<client>\S+) \S+ \S+ \[[^\]]*\] "(?<method>[A-Z]+) (?<path>\S+) HTTP/[\d.]+" (?<status>\d{3}) (?<bytes>\S+)"#;
    Regex::new(line).expect("tested")
});

/// The NameNode's audit log: fields between tabs.
static AUDIT: LazyLock<Regex> = LazyLock::new(|| {
    let line = r"audit: allowed=(?<allowed>\w+)\t.*?\tip=/(?<client>[^\t]*)\tcmd=(?<method>[^\t]*)\tsrc=(?<path>[^\t]*)\t";
    Regex::new(line).expect("tested")
});

/// The NameNode's line that allocates a block of a path.
static ALLOCATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"BLOCK\* allocate (?<block>blk_\d+)_\d+, .*? for (?<path>/.*)$").expect("tested")
});

/// The DataNode's trace of sent and received data, by block.
static TRACE: LazyLock<Regex> = LazyLock::new(|| {
    let line = r"clienttrace: src: /(?<src>[^,]*):\d+, dest: /(?<dest>[^,]*):\d+, .*?bytes: (?<bytes>\d+), op: (?<method>\w+), .*?blockid: [^:]*:(?<block>blk_\d+)_";
    Regex::new(line).expect("tested")
});

fn field(captures: &Captures<'_>, name: &str) -> String {
    captures.name(name).map(|m| m.as_str().to_owned()).unwrap_or_default()
}

fn decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// Decodes the audit log's escapes of non-ASCII characters: `\u0165`, with surrogate pairs.
fn unescaped(path: &str) -> String {
    let mut units: Vec<u16> = Vec::new();
    let mut rest = path;
    while let Some(c) = rest.chars().next() {
        let escape = rest.strip_prefix("\\u").and_then(|r| r.get(..4));
        if let Some(unit) = escape.and_then(|hex| u16::from_str_radix(hex, 16).ok()) {
            units.push(unit);
            rest = &rest[6..];
        } else {
            units.extend(c.encode_utf16(&mut [0; 2]).iter());
            rest = &rest[c.len_utf8()..];
        }
    }
    String::from_utf16_lossy(&units)
}

/// A line of versitygw's access log.
pub(super) fn s3(line: &str) -> Option<ServerRequest> {
    let seen = S3.captures(line)?;
    let (method, status) = (field(&seen, "method"), field(&seen, "status"));
    Some(ServerRequest {
        read: method == "GetObject" && status.starts_with('2'),
        path: decoded(&seen["path"]),
        // It logs 0 for streamed data.
        bytes: None,
        client: field(&seen, "client"),
        method,
        status,
    })
}

/// A line of Azurite's or moto's.
pub(super) fn common(line: &str) -> Option<ServerRequest> {
    let seen = COMMON.captures(line)?;
    let (method, status) = (field(&seen, "method"), field(&seen, "status"));
    Some(ServerRequest {
        read: method == "GET" && status.starts_with('2') && !asks_about(&seen["path"]),
        path: decoded(&seen["path"]),
        bytes: seen["bytes"].parse().ok(),
        client: field(&seen, "client"),
        method,
        status,
    })
}

/// Whether a path has a query, as listings have. Azure's `timeout` does not count: `abfs` adds it
/// to every request (observed with Hadoop 3.5.0).
fn asks_about(path: &str) -> bool {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|word| !word.is_empty() && !word.starts_with("timeout="))
}

/// Combines the lines of NameNode and DataNode.
pub(super) fn hdfs(text: &str) -> Vec<ServerRequest> {
    let mut paths: HashMap<String, String> = HashMap::new();
    let mut requests = Vec::new();
    for line in text.lines() {
        if let Some(seen) = ALLOCATE.captures(line) {
            paths.insert(field(&seen, "block"), field(&seen, "path"));
        } else if let Some(seen) = AUDIT.captures(line) {
            let allowed = &seen["allowed"] == "true";
            requests.push(ServerRequest {
                method: field(&seen, "method"),
                path: unescaped(&seen["path"]),
                bytes: None,
                client: field(&seen, "client"),
                status: if allowed { "allowed" } else { "denied" }.to_owned(),
                read: false,
            });
        } else if let Some(seen) = TRACE.captures(line)
            && let Some(path) = paths.get(&seen["block"])
        {
            let read = &seen["method"] == "HDFS_READ";
            requests.push(ServerRequest {
                method: field(&seen, "method"),
                path: path.clone(),
                bytes: seen["bytes"].parse().ok(),
                client: field(&seen, if read { "dest" } else { "src" }),
                status: "done".to_owned(),
                read,
            });
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versitygws_lines_with_a_space_in_the_key() {
        let put = "OWNER data [25/November/2026:02:22:30 +0000] 172.18.0.1 KEY S8LMVPZ9TYHGERAF \
                   s3_PutObject nonce-976095bd/with space.csv /data/nonce-976095bd/with%20space.csv \
                   200 - 0 14 0 0 - - - W7LZ5R8rgvnelPQxZ3NiZe9U= SigV4 - AuthHeader \
                   s3.us-east-1.amazonaws.com - arn:aws:s3:::/data/nonce-976095bd/with space.csv Yes";
        let request = s3(put).expect("a request");
        assert_eq!(request.path, "/data/nonce-976095bd/with space.csv");
        assert_eq!((request.method.as_str(), request.status.as_str()), ("PutObject", "200"));
        assert_eq!((request.client.as_str(), request.read), ("172.18.0.1", false));

        let get = "KEY data [25/November/2026:02:25:43 +0000] 172.18.0.1 KEY 0DNNFJD71OSUJI0N \
                   s3_GetObject n1/z.bin /data/n1/z.bin 200 - 0 0 0 0 - curl/7.88.1 - I4Ywn4is0= \
                   SigV4 - AuthHeader s3.us-east-1.amazonaws.com - arn:aws:s3:::/data/n1/z.bin Yes";
        assert!(s3(get).expect("a request").read);
        let missing = get.replace(" 200 - 0 0", " 404 NoSuchKey 0 0");
        assert!(!s3(&missing).expect("a request").read);

        let list = "- data [25/November/2026:02:25:43 +0000] 172.18.0.1 KEY LVGXN2C7532GX8KN \
                    s3_ListObjectsV2 - /data?list-type=2&prefix=n1%2F 403 SignatureDoesNotMatch 0 0 \
                    0 0 - curl/7.88.1 - ErU3DdUKzc401T= SigV4";
        let request = s3(list).expect("a request");
        assert_eq!((request.path.as_str(), request.read), ("/data?list-type=2&prefix=n1/", false));
        assert_eq!(s3("  http://172.18.0.3:7070                   "), None);
    }

    #[test]
    fn azurites_lines() {
        let put = "172.18.0.1 - - [25/Nov/2026:02:24:27 +0000] \"PUT /devstoreaccount1/data/\
                   nonce-a6d6e7a2/%C5%BElu%C5%A5ou%C4%8Dk%C3%BD/k%C5%AF%C5%88.csv HTTP/1.1\" 201 -";
        let request = common(put).expect("a request");
        assert_eq!(request.path, "/devstoreaccount1/data/nonce-a6d6e7a2/žluťoučký/kůň.csv");
        assert_eq!((request.method.as_str(), request.bytes, request.read), ("PUT", None, false));
        let list = "172.18.0.1 - - [25/Nov/2026:02:24:24 +0000] \"GET /devstoreaccount1?comp=list \
                    HTTP/1.1\" 200 -";
        assert!(!common(list).expect("a request").read);
        for path in ["/data/x", "/data/x?timeout=90"] {
            let get = list.replace("?comp=list", path);
            assert!(common(&get).expect("a request").read, "{path}");
        }
        let blocks = list.replace("?comp=list", "/data/x?timeout=90&comp=blocklist");
        assert!(!common(&blocks).expect("a request").read);
        assert_eq!(common("Azurite Blob service is starting on 0.0.0.0:10000"), None);
    }

    #[test]
    fn a_datanodes_bytes_find_their_path() {
        let log = "2026-11-25 02:23:31,579 INFO FSNamesystem.audit: allowed=true\tugi=root \
                   (auth:SIMPLE)\tip=/172.18.0.1\tcmd=create\tsrc=/data/n/with space.csv\tdst=null\t\
                   perm=root:supergroup:rw-r--r--\tproto=rpc\n\
                   2026-11-25 02:23:31,590 INFO hdfs.StateChange: BLOCK* allocate \
                   blk_1073742027_1203, replicas=172.18.0.3:9866 for /data/n/with space.csv\n\
                   2026-11-25 02:23:27,123 INFO DataNode.clienttrace: src: /172.18.0.1:38260, dest: \
                   /172.18.0.3:9866, volume: /data/data, bytes: 19, op: HDFS_WRITE, cliID: \
                   815631c9-908d-4f98-bb4d-1abc847c7f95, offset: 0, srvID: \
                   5dd521d9-274b-4e4b-9903-82ac5dff98ee, blockid: \
                   BP-1116032720-172.18.0.3-1795573382512:blk_1073742027_1203, duration(ns): 25016344";
        let requests = hdfs(log);
        assert_eq!(requests.len(), 2, "{requests:?}");
        assert_eq!(
            (requests[0].method.as_str(), requests[0].status.as_str()),
            ("create", "allowed")
        );
        assert_eq!(requests[1].path, "/data/n/with space.csv");
        assert_eq!((requests[1].bytes, requests[1].client.as_str()), (Some(19), "172.18.0.1"));
        // Sent to a client: the other way round.
        let read = log.replace("HDFS_WRITE", "HDFS_READ");
        let requests = hdfs(&read);
        assert!(requests[1].read && requests[1].client == "172.18.0.3");
    }

    #[test]
    fn an_audited_path_is_unescaped() {
        let open = "2026-11-25 03:20:11,957 INFO FSNamesystem.audit: allowed=true\tugi=root \
                    (auth:SIMPLE)\tip=/172.18.0.1\tcmd=open\tsrc=/data/n/\\u017Elu\\u0165ou\\u010Dk\
                    \\u00FD/k\\u016F\\u0148.csv\tdst=null\tperm=null\tproto=rpc";
        assert_eq!(hdfs(open)[0].path, "/data/n/žluťoučký/kůň.csv");
        assert_eq!(unescaped("a\\u00zz \\uD83D\\uDC34 ý"), "a\\u00zz 🐴 ý");
    }
}
