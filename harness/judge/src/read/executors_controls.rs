//! Controls of the judgement of executors' reads.

use std::collections::BTreeMap;

use sparkproof_base::events::Looked;

use crate::control::{Control, Says};
use crate::task::BarrierTask;

use super::executors::{Measured, Reads};
use super::expected::{Declared, ExpectedReads, SmallFiles, WrittenFile};
use super::mount::MountKind;
use super::place::Place;
use super::task::{FileRead, JavaFailure, Mount, ReadTask, Share, ShareFailure};
use super::volume::{VolumeSource, VolumeUse};

const EXECUTORS: u32 = 2;

fn expected() -> ExpectedReads {
    let file = |name: &str, bytes, sha256: &str| WrittenFile {
        uri: format!("file:///var/tmp/data/{name}"),
        bytes,
        sha256: sha256.repeat(32),
    };
    let big = file("big.csv", 700, "b1");
    ExpectedReads {
        executors: EXECUTORS,
        place: Place {
            uri: "file:///var/tmp/data".to_owned(),
            file_system: "LocalFileSystem".to_owned(),
            mount: Some(MountKind::Fuse("fuse.s3fs".to_owned())),
            volume: Some(VolumeUse::HostPath),
        },
        nonce: "7f3a-2-s3fs-node-00c0ffee".to_owned(),
        files: vec![big.clone(), file("many.csv/part-00.csv", 70, "a0")],
        big: vec![big],
        small: Some(SmallFiles { files: 3, bytes: 30 }),
        declared: Some(Declared {
            file_system: "LocalFileSystem".to_owned(),
            on: "fuse.s3fs".to_owned(),
        }),
    }
}

/// The same files in a store.
fn in_store() -> ExpectedReads {
    let mut expected = expected();
    expected.place = Place {
        uri: "s3a://data/x".to_owned(),
        file_system: "S3AFileSystem".to_owned(),
        mount: None,
        volume: None,
    };
    expected.declared =
        Some(Declared { file_system: "S3AFileSystem".to_owned(), on: "s3a".to_owned() });
    for file in expected.files.iter_mut().chain(&mut expected.big) {
        file.uri = file.uri.replace("file:///var/tmp/data", "s3a://data/x");
    }
    expected
}

fn read(file: &WrittenFile, hashed: bool) -> FileRead {
    let local = file.uri.starts_with("file:");
    let mount = Mount {
        fs_type: "fuse.s3fs".to_owned(),
        source: "s3fs".to_owned(),
        point: "/var/tmp/data".to_owned(),
        root: "/".to_owned(),
        device: "0:71".to_owned(),
        options: "ro".to_owned(),
        propagation: "master:3".to_owned(),
        super_options: "ro".to_owned(),
    };
    let (scheme, class) = match local {
        true => ("file", "org.apache.hadoop.fs.LocalFileSystem"),
        false => ("s3a", "org.apache.hadoop.fs.s3a.S3AFileSystem"),
    };
    FileRead {
        uri: file.uri.clone(),
        scheme: Some(scheme.to_owned()),
        file_system: Some(class.to_owned()),
        bytes: file.bytes,
        sha256: hashed.then(|| file.sha256.clone()),
        open_nanos: 2_000_000,
        read_nanos: 1_000_000,
        mount: local.then_some(mount),
        inode: local.then_some(12),
        device: local.then_some(71),
        error: None,
    }
}

fn task(executor: &str, reads: Vec<FileRead>, share: Option<Share>) -> ReadTask {
    let host = format!("x-exec-{executor}");
    let task = BarrierTask {
        partition: 0,
        executor: executor.to_owned(),
        pod_name: Some(host.clone()),
        host,
        pod_ip: Some("10.244.0.7".to_owned()),
        java: "17".to_owned(),
        uid: 185,
        user: "spark".to_owned(),
        start_millis: 1,
        end_millis: 9,
    };
    ReadTask { task, reads, share }
}

fn share(files: u64, bytes: u64) -> Share {
    Share { files, bytes, open_nanos: 1, read_nanos: 1, failed: 0, errors: Vec::new() }
}

/// As executors report that everything is right.
fn seen(expected: &ExpectedReads) -> Reads {
    let ids = ["1", "2"];
    let stage = |files: &[WrittenFile], hashed| {
        let reads = || files.iter().map(|file| read(file, hashed)).collect();
        ids.map(|id| task(id, reads(), None)).to_vec()
    };
    let small = [("1", share(2, 20)), ("2", share(1, 10))];
    Reads {
        pods: ids.map(|id| format!("x-exec-{id}")).into(),
        volumes: match &expected.place.mount {
            Some(_) => ids.map(|id| volume(id, "hostPath", "/var/tmp/data")).into(),
            None => BTreeMap::new(),
        },
        tasks: stage(&expected.files, true),
        measured: Looked::Seen(Measured {
            big: stage(&expected.big, false),
            small: small.map(|(id, share)| task(id, Vec::new(), Some(share))).to_vec(),
        }),
    }
}

fn volume(id: &str, kind: &str, name: &str) -> (String, VolumeSource) {
    (format!("x-exec-{id}"), VolumeSource { kind: kind.to_owned(), name: name.to_owned() })
}

fn failure(class: &str, message: &str) -> JavaFailure {
    let (class, message) = (class.to_owned(), message.to_owned());
    JavaFailure { class, message, causes: Vec::new() }
}

fn missing(read: &mut FileRead) {
    let error = failure("java.io.FileNotFoundException", "big.csv does not exist");
    *read = FileRead { error: Some(error), bytes: 0, sha256: None, ..read.clone() };
}

fn mount(read: &mut FileRead, fs_type: &str, point: &str) {
    let mount = read.mount.clone();
    let (fs_type, point) = (fs_type.to_owned(), point.to_owned());
    read.mount = mount.map(|mount| Mount { fs_type, point, ..mount });
}

/// The controls of `read.*.executors`.
pub(crate) fn controls() -> Vec<Control> {
    let expected = expected();
    let says = |name, says, change: &dyn Fn(&mut Reads)| {
        let mut seen = seen(&expected);
        change(&mut seen);
        Control::seen(name, &expected, &seen, says)
    };
    let red = |name, words, change: &dyn Fn(&mut Reads)| says(name, Says::Red(words), change);
    // One read of the second executor.
    let one = |name, words, change: &dyn Fn(&mut FileRead)| {
        red(name, words, &|seen| change(&mut seen.tasks[1].reads[1]))
    };
    let measured = |name, words, change: &dyn Fn(&mut Measured)| {
        red(name, words, &|seen| {
            if let Looked::Seen(measured) = &mut seen.measured {
                change(measured);
            }
        })
    };
    let ran_on = "2 executors expected to read, tasks ran on";
    let mut controls = vec![
        says("each read every file", Says::Green, &|_| {}),
        says("tasks in another order", Says::Green, &|seen| seen.tasks.reverse()),
        says("the class of Hive's jar", Says::Green, &|seen| {
            seen.tasks[0].reads[0].file_system = Some("x.ProxyLocalFileSystem".to_owned());
        }),
        red("one executor too few", ran_on, &|seen| drop(seen.tasks.pop())),
        red("no executor", "tasks ran on nothing", &|seen| seen.tasks.clear()),
        red("the driver among them", ran_on, &|seen| {
            "driver".clone_into(&mut seen.tasks[1].task.executor);
        }),
        red("one executor too many", ran_on, &|seen| {
            seen.pods.insert("x-exec-3".to_owned());
            seen.tasks.push(task("3", seen.tasks[0].reads.clone(), None));
        }),
        red("two tasks on one executor", ran_on, &|seen| seen.tasks[1] = seen.tasks[0].clone()),
        red("one task more", ran_on, &|seen| seen.tasks.push(seen.tasks[0].clone())),
        red("a pod that read nothing", ran_on, &|seen| {
            seen.pods.insert("x-exec-3".to_owned());
        }),
        red("a task on another pod", ran_on, &|seen| {
            "x-exec-9".clone_into(&mut seen.tasks[1].task.host);
        }),
        red(
            "no file reported",
            "executor 2 (x-exec-2) reported 0 reads of 2 files, not file:///var/tmp/data/big.csv",
            &|seen| seen.tasks[1].reads.clear(),
        ),
        red(
            "one file unreported",
            "reported 1 reads of 2 files, not file:///var/tmp/data/many.csv/part-00.csv",
            &|seen| drop(seen.tasks[1].reads.pop()),
        ),
        red("one file twice", "a read of file:///var/tmp/data/big.csv instead of", &|seen| {
            seen.tasks[1].reads[1] = seen.tasks[1].reads[0].clone();
        }),
        red("one file more", "reported 3 reads of 2 files", &|seen| {
            let more = seen.tasks[1].reads[1].clone();
            seen.tasks[1].reads.push(more);
        }),
        one(
            "one file missing",
            "1 of 2 executors read the right bytes from file:///var/tmp/data: file-missing: ",
            &missing,
        ),
        one("one file missing without the mount", "mount-gone: ", &|read| {
            missing(read);
            mount(read, "ext4", "/");
        }),
        one("one byte less", "content-differs: executor 2 (x-exec-2) read 69 bytes", &|read| {
            read.bytes -= 1;
        }),
        one("other bytes of the same length", "read 70 bytes with sha256 a1", &|read| {
            read.sha256 = Some(read.sha256.iter().map(|sha| sha.replacen("a0", "a1", 1)).collect());
        }),
        one("no digest", "read 70 bytes with sha256 none", &|read| read.sha256 = None),
        one("another class", "by RawLocalFileSystem, expected LocalFileSystem", &|read| {
            read.file_system = Some("org.apache.hadoop.fs.RawLocalFileSystem".to_owned());
        }),
        one("no class", "read-elsewhere: ", &|read| read.file_system = None),
        one("on a disk", "on ext4 at /var/tmp/data, expected fuse.s3fs", &|read| {
            mount(read, "ext4", "/var/tmp/data");
        }),
        one("on another FUSE mount", "on fuse.rclone at", &|read| {
            mount(read, "fuse.rclone", "/var/tmp/data");
        }),
        one("in the container's root", "on overlay at /, expected fuse.s3fs", &|read| {
            mount(read, "overlay", "/");
        }),
        one("on no mount", "on nothing at nowhere", &|read| read.mount = None),
        red(
            "in an emptyDir",
            "x-exec-2 read file:///var/tmp/data by a volume of the kind emptyDir",
            &|seen| {
                seen.volumes.extend([volume("2", "emptyDir", "")]);
            },
        ),
        red("in no volume", "by no volume, expected a volume of the kind hostPath", &|seen| {
            seen.volumes.remove("x-exec-2");
        }),
        red("nothing measured", "the measurement failed: the driver ended", &|seen| {
            seen.measured = Looked::Unseen("the driver ended".to_owned());
        }),
        measured("one executor not measured", ran_on, &|m| drop(m.big.pop())),
        measured("one byte not measured", "executor 2 read 699 of 700 bytes", &|m| {
            m.big[1].reads[0].bytes -= 1;
        }),
        measured("a failed measurement", "in the measurement: java.io.IOException: gone", &|m| {
            m.big[1].reads[0].error = Some(failure("java.io.IOException", "gone"));
        }),
        measured("no big file measured", "reported 0 reads of 1 files", &|m| {
            m.big[1].reads.clear();
        }),
        measured("no small file read", ran_on, &|m| m.small.clear()),
        measured("one small file unread", "read 2 of 3 small files and 20 of 30 bytes", &|m| {
            m.small[1].share = Some(share(0, 0));
        }),
        measured("no share reported", "read 2 of 3 small files", &|m| m.small[1].share = None),
        measured("small files cut", "read 3 of 3 small files and 29 of 30 bytes", &|m| {
            m.small[1].share = Some(share(1, 9));
        }),
        measured("one small file failed", "small files could not be read: file-missing", &|m| {
            let failure = failure("java.nio.file.NoSuchFileException", "small/1.csv");
            let errors = vec![ShareFailure { uri: "s3a://data/x/small/1.csv".to_owned(), failure }];
            m.small[1].share = Some(Share { failed: 1, errors, ..share(0, 0) });
        }),
        Control::unseen::<Reads>(&expected, "the driver did not answer in 300 s"),
    ];
    let claims = |name, of: VolumeUse, names: [&str; 2], says| {
        let place = Place { volume: Some(of), ..expected.place.clone() };
        let expected = ExpectedReads { place, ..expected.clone() };
        let mut seen = seen(&expected);
        let ids = ["1", "2"].into_iter().zip(names);
        seen.volumes = ids.map(|(id, name)| volume(id, "persistentVolumeClaim", name)).collect();
        Control::seen(name, &expected, &seen, says)
    };
    let (shared, own) = (VolumeUse::SharedClaim, VolumeUse::OwnClaim);
    controls.extend([
        claims("one claim for all", shared, ["data", "data"], Says::Green),
        claims("a claim for each", own, ["x-exec-1-pvc-0", "x-exec-2-pvc-0"], Says::Green),
        claims("one claim for both", own, ["data", "data"], Says::Red("2 pods have 1 claims")),
        claims("claims that differ", shared, ["data", "b"], Says::Red("2 pods have 2 claims")),
        claims(
            "a claim in place of a ConfigMap",
            VolumeUse::ConfigMap,
            ["data", "data"],
            Says::Red("of the kind persistentVolumeClaim, expected a volume of the kind configMap"),
        ),
    ]);
    let store = in_store();
    let of_store = |name, says, change: &dyn Fn(&mut ExpectedReads)| {
        let mut expected = store.clone();
        change(&mut expected);
        Control::seen(name, &expected, &seen(&store), says)
    };
    controls.extend([
        of_store("in a store", Says::Green, &|_| {}),
        of_store("nothing is declared", Says::Red("the table differs"), &|e| e.declared = None),
        of_store("another scheme is declared", Says::Red("S3AFileSystem"), &|e| {
            e.declared.iter_mut().for_each(|d| "s3n".clone_into(&mut d.on));
        }),
        of_store("another class is declared", Says::Red("the table differs"), &|e| {
            e.declared.iter_mut().for_each(|d| "S3Other".clone_into(&mut d.file_system));
        }),
        of_store("no file was asked for", Says::Red("reported 2 reads of 0 files"), &|e| {
            e.files.clear();
        }),
    ]);
    controls
}
