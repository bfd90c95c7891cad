//! Peers that are slow, silent or endless, and how long they can hold anyone up.

use std::time::Instant;

use sbomctl_testkit::{FaultKind, Registry};

use super::*;
use crate::{
    digest::Digest,
    oci::{
        manifest::OCI_MANIFEST,
        reference::{Repository, Target},
    },
};

fn manifest(registry: &Registry, config: ClientConfig) -> Result<RawManifest, RegistryError> {
    let repository: Repository = format!("{}/x", registry.host()).parse().unwrap();
    Client::new(config).unwrap().manifest(&repository, &Target::Tag("1".parse().unwrap()))
}

fn registry() -> Registry {
    let registry = Registry::start();
    registry.insert_manifest("x", Some("1"), OCI_MANIFEST, b"{}");
    registry
}

#[track_caller]
fn ends_within(seconds: u64, act: impl FnOnce()) {
    let begun = Instant::now();
    act();
    assert!(begun.elapsed() < Duration::from_secs(seconds), "{:?}", begun.elapsed());
}

#[test]
fn whoever_trickles_is_given_up_when_all_of_it_takes_too_long() {
    let registry = registry();
    registry.insert_manifest("x", Some("1"), OCI_MANIFEST, &[b' '; 2000]);
    registry.fault("/manifests/", usize::MAX, FaultKind::Trickle(Duration::from_millis(10)));
    let config = ClientConfig {
        deadline: Deadline::after(Duration::from_millis(500)),
        sleep: Arc::new(NoSleep::default()),
        ..ClientConfig::default()
    };
    ends_within(5, || {
        let error = manifest(&registry, config).unwrap_err().to_string();
        assert!(error.contains("in time") || error.contains("0.5 seconds"), "{error}");
    });
    assert_eq!(registry.log().len(), 1, "no time is left for another attempt");
}

#[test]
fn a_deadline_is_not_waited_beyond() {
    let registry = registry();
    let busy = FaultKind::Status(503, "Retry-After: 60\r\n".into(), String::new());
    registry.fault("/manifests/", usize::MAX, busy);
    let config =
        ClientConfig { deadline: Deadline::after(Duration::from_secs(5)), ..ClientConfig::default() };
    ends_within(5, || {
        let error = manifest(&registry, config).unwrap_err().to_string();
        assert!(error.contains("503"), "{error}");
    });
    assert_eq!(registry.log().len(), 1);
}

#[test]
fn an_operation_has_its_own_deadline() {
    let registry = registry();
    let repository: Repository = format!("{}/x", registry.host()).parse().unwrap();
    let target = Target::Tag("1".parse().unwrap());
    let client = Client::new(ClientConfig::default()).unwrap();
    let late = client.within(Deadline::after(Duration::ZERO));
    let error = late.manifest(&repository, &target).unwrap_err();
    assert!(matches!(error.fault, Fault::Deadline { .. }), "{error}");
    assert!(late.within(Deadline::after(Duration::from_secs(60))).manifest(&repository, &target).is_err());
    assert!(client.manifest(&repository, &target).is_ok());
    assert_eq!(registry.log().len(), 1);
}

#[test]
fn a_blob_that_comes_too_slowly_is_given_up() {
    let registry = registry();
    let digest: Digest = registry.insert_blob("x", &vec![7; 100_000]).parse().unwrap();
    registry.fault("/blobs/", usize::MAX, FaultKind::Trickle(Duration::from_millis(5)));
    let mut config = ClientConfig {
        timeout: Duration::from_millis(300),
        answer: Duration::from_millis(300),
        bytes_per_second: u64::MAX,
        sleep: Arc::new(NoSleep::default()),
        ..ClientConfig::default()
    };
    config.limits.set("attempts", 2);
    let repository: Repository = format!("{}/x", registry.host()).parse().unwrap();
    let client = Client::new(config).unwrap();
    ends_within(5, || {
        let mut reader = BlobReader::open(&client, &repository, &digest, 100_000).unwrap();
        let error = std::io::copy(&mut reader, &mut std::io::sink()).unwrap_err().to_string();
        assert!(error.contains("after 2 attempts"), "{error}");
    });
}

#[test]
fn who_sends_a_byte_now_and_then_is_given_up_long_before_all_of_it_takes_too_long() {
    let registry = registry();
    registry.insert_manifest("x", Some("1"), OCI_MANIFEST, &vec![b' '; 100_000]);
    let digest: Digest = registry.insert_blob("x", &vec![7; 100_000]).parse().unwrap();
    registry.fault("/x/", usize::MAX, FaultKind::Trickle(Duration::from_millis(5)));
    let mut config = ClientConfig {
        timeout: Duration::from_millis(300),
        answer: Duration::from_secs(3600),
        bytes_per_second: 10_000,
        sleep: Arc::new(NoSleep::default()),
        ..ClientConfig::default()
    };
    config.limits.set("attempts", 2);
    let repository: Repository = format!("{}/x", registry.host()).parse().unwrap();
    let client = Client::new(config.clone()).unwrap();
    let too_little = "too little comes); --timeout sets how long to wait (after 2 attempts)";
    ends_within(5, || {
        let mut reader = BlobReader::open(&client, &repository, &digest, 100_000).unwrap();
        let error = std::io::copy(&mut reader, &mut std::io::sink()).unwrap_err().to_string();
        assert!(error.contains(too_little), "{error}");
        let ranges = BlobRanges::new(&client, &repository, &digest, 100_000);
        let error = ranges.read(0..50_000).unwrap_err().to_string();
        assert!(error.contains(too_little), "{error}");
        let error = manifest(&registry, config).unwrap_err().to_string();
        assert!(error.contains(too_little), "{error}");
    });
}

#[test]
fn who_reads_slowly_is_sent_all_of_it() {
    let registry = registry();
    let digest: Digest = registry.insert_blob("x", &vec![7; 100_000]).parse().unwrap();
    let config = ClientConfig {
        timeout: Duration::from_millis(100),
        bytes_per_second: 1_000_000,
        ..ClientConfig::default()
    };
    let repository: Repository = format!("{}/x", registry.host()).parse().unwrap();
    let client = Client::new(config).unwrap();
    let mut reader = BlobReader::open(&client, &repository, &digest, 100_000).unwrap();
    let mut read = 0;
    while let count @ 1.. = std::io::Read::read(&mut reader, &mut [0; 10_000]).unwrap() {
        read += count;
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!((read, registry.log().len()), (100_000, 1));
}

#[test]
fn an_endless_blob_ends_where_its_manifest_says() {
    let registry = registry();
    let digest: Digest = registry.insert_blob("x", &[7; 1000]).parse().unwrap();
    registry.fault("/blobs/", usize::MAX, FaultKind::Endless);
    let repository: Repository = format!("{}/x", registry.host()).parse().unwrap();
    let client = Client::new(ClientConfig::default()).unwrap();
    let mut reader = BlobReader::open(&client, &repository, &digest, 1000).unwrap();
    let mut read = Vec::new();
    let error = std::io::copy(&mut reader, &mut read).unwrap_err().to_string();
    assert!(error.contains("1000 bytes are announced"), "{error}");
    assert_eq!((read.len(), registry.log().len()), (1000, 1));
}
