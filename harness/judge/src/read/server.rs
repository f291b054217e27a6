//! Proof 4: the server's log shows the reads.

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// Number of log lines in the evidence.
const SHOWN: usize = 12;

/// A request in a server's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRequest {
    /// S3: the operation (`GetObject`; moto: HTTP's method). Azure: HTTP's method. HDFS: the
    /// NameNode's command (`open`) or the DataNode's operation (`HDFS_READ`).
    pub method: String,
    /// The path with its query, decoded.
    pub path: String,
    /// Bytes of data, if the log has them: a DataNode's does, those of versitygw and Azurite do not
    /// for streamed data.
    pub bytes: Option<u64>,
    /// The client's address. For pods it is the node's (source NAT), and for Azurite over TLS
    /// 127.0.0.1.
    pub client: String,
    /// HTTP's status; HDFS: `allowed`, `denied`, or `done` for an operation of a DataNode.
    pub status: String,
    /// Whether it returned data of a file: not a listing, not a HEAD, not a refusal.
    pub read: bool,
}

/// The requests for a variant's files in the log of their server, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerLog(pub Vec<ServerRequest>);

/// What the log must show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedLog {
    /// The nonce in the keys of the variant, of this run and of no other.
    pub nonce: String,
    /// Paths of the files below their root; empty files are left out.
    pub files: Vec<String>,
    /// The driver's address. A client behind source NAT, or behind the server's own TLS proxy, does
    /// not have its own address in the log.
    pub driver: String,
}

impl ServerLog {
    /// Files that the log shows no read of.
    pub fn unread<'e>(&self, expected: &'e ExpectedLog) -> Vec<&'e str> {
        let of = |request: &ServerRequest, path: &str| {
            let key = request.path.split('?').next().unwrap_or_default();
            let key = key.strip_suffix(path).filter(|root| root.ends_with('/'));
            request.read && key.is_some_and(|root| root.contains(&expected.nonce))
        };
        let read = |path: &&str| self.0.iter().any(|request| of(request, path));
        expected.files.iter().map(String::as_str).filter(|path| !read(path)).collect()
    }
}

impl Observation for ServerLog {
    type Expected = ExpectedLog;
    const KIND: &'static str = "read.server";

    fn judge(&self, expected: &ExpectedLog) -> Judged {
        let reads: Vec<&ServerRequest> = self.0.iter().filter(|request| request.read).collect();
        let unread = self.unread(expected);
        let by_driver = reads.iter().find(|read| read.client == expected.driver);
        let judged = if expected.files.is_empty() {
            Judged::red("no file with content was to be read", "a defect of this build: report it")
        } else if !unread.is_empty() {
            Judged::red(
                format!("the log shows no read of {}: another source answered", unread.join(", ")),
                "find out what serves these files to the executors in place of the server",
            )
        } else if let Some(read) = by_driver {
            Judged::red(
                format!("the driver itself read a body: {}", summary(read)),
                "use an explicit schema: the driver reads files to infer one, and Parquet footers",
            )
        } else {
            Judged::green()
        };
        let lines: Vec<String> = reads.iter().take(SHOWN).map(|read| summary(read)).collect();
        judged
            .with("requests", self.0.len())
            .with("reads of bodies", reads.len())
            .with("the first of them", lines.join("\n"))
    }
}

fn summary(request: &ServerRequest) -> String {
    let ServerRequest { method, path, client, status, .. } = request;
    format!("{client} {method} {path} {status}")
}

/// The controls of `read.*.server`.
pub(crate) fn controls() -> Vec<Control> {
    let expected = ExpectedLog {
        nonce: "7f3a-4-s3-00c0ffee".to_owned(),
        files: ["big.csv", "many.csv/part-00.csv"].map(str::to_owned).into(),
        driver: "172.18.0.1".to_owned(),
    };
    let request = |method: &str, path: &str, read| ServerRequest {
        method: method.to_owned(),
        path: format!("/data/7f3a-4-s3-00c0ffee/{path}"),
        bytes: None,
        client: "172.18.0.2".to_owned(),
        status: "206".to_owned(),
        read,
    };
    let seen = ServerLog(vec![
        request("ListObjectsV2", "?list-type=2", false),
        request("HeadObject", "big.csv", false),
        request("GetObject", "big.csv", true),
        request("GetObject", "big.csv?versionId=1", true),
        request("GetObject", "many.csv/part-00.csv", true),
    ]);
    let control = |name, says, change: &dyn Fn(&mut Vec<ServerRequest>)| {
        let mut seen = seen.clone();
        change(&mut seen.0);
        Control::seen(name, &expected, &seen, says)
    };
    let last = |name, words, change: &dyn Fn(&mut ServerRequest)| {
        control(name, Says::Red(words), &|seen| seen.iter_mut().skip(4).for_each(change))
    };
    let no_read = "the log shows no read of many.csv/part-00.csv: another source answered";
    let nothing = ExpectedLog { files: Vec::new(), ..expected.clone() };
    vec![
        control("every file read", Says::Green, &|_| {}),
        control("read twice", Says::Green, &|seen| seen.push(seen[2].clone())),
        control("one file unread", Says::Red(no_read), &|seen| drop(seen.pop())),
        last("one file only asked about", no_read, &|request| request.read = false),
        last("a file of another run", no_read, &|request| {
            request.path = request.path.replace("7f3a-4-s3", "81bc-4-s3");
        }),
        last("a file whose name ends alike", no_read, &|request| {
            request.path = request.path.replace("many.csv/", "x-many.csv/");
        }),
        last("the name only in a query", no_read, &|request| {
            request.path = request.path.replace("many.csv/", "other?prefix=/many.csv/");
        }),
        control("no request", Says::Red("no read of big.csv, many.csv/part-00.csv"), &Vec::clear),
        last(
            "read by the driver",
            "the driver itself read a body: 172.18.0.1 GetObject",
            &|request| "172.18.0.1".clone_into(&mut request.client),
        ),
        control("the driver only listed", Says::Green, &|seen| {
            seen.iter_mut().take(2).for_each(|r| "172.18.0.1".clone_into(&mut r.client));
        }),
        Control::seen("no file expected", &nothing, &seen, Says::Red("no file with content")),
        Control::unseen::<ServerLog>(&expected, "the log of the s3 store could not be read"),
    ]
}
