//! TLS with an authority of its own, and the ways out of TLS that must not be taken.

use sbomctl_testkit::{FaultKind, Registry};

use super::*;
use crate::oci::{
    manifest::OCI_MANIFEST,
    reference::{Repository, Target},
};

fn manifest(registry: &Registry, config: &ClientConfig) -> Result<RawManifest, RegistryError> {
    let repository: Repository = format!("{}/x", registry.host()).parse().unwrap();
    Client::new(config.clone()).unwrap().manifest(&repository, &Target::Tag("1".parse().unwrap()))
}

fn tls() -> (Registry, ClientConfig) {
    let registry = Registry::start_tls();
    registry.insert_manifest("x", Some("1"), OCI_MANIFEST, b"{}");
    let config = ClientConfig {
        ca_certificates: vec![registry.authority().as_bytes().to_vec()],
        sleep: Arc::new(NoSleep::default()),
        ..ClientConfig::default()
    };
    (registry, config)
}

#[test]
fn a_registry_is_trusted_through_the_authority_that_is_given() {
    let (registry, config) = tls();
    assert_eq!(manifest(&registry, &config).unwrap().bytes, b"{}");
}

#[test]
fn an_unknown_authority_is_an_error_by_its_type_and_never_a_way_to_plain_http() {
    let (registry, mut config) = tls();
    config.ca_certificates.clear();
    let error = manifest(&registry, &config).unwrap_err();
    let untrusted = match &error.fault {
        Fault::Untrusted { source, .. } => matches!(**source, rustls::Error::InvalidCertificate(_)),
        _ => false,
    };
    assert!(untrusted && error.to_string().contains("--ca-cert"), "{error}");
    assert!(registry.log().is_empty());
    config.ca_certificates = vec![Registry::start_tls().authority().as_bytes().to_vec()];
    assert!(manifest(&registry, &config).is_err(), "another authority of the same name");
    config.security = Security::DangerUnverified;
    assert_eq!(manifest(&registry, &config).unwrap().bytes, b"{}");
}

#[test]
fn a_redirect_out_of_tls_is_refused_in_any_case() {
    let (registry, mut config) = tls();
    let plain = Registry::start();
    plain.insert_manifest("x", Some("1"), OCI_MANIFEST, b"{}");
    for security in [Security::Verified, Security::DangerUnverified] {
        config.security = security;
        let location = format!("http://{}/v2/x/manifests/1", plain.host());
        registry.fault("/manifests/", 1, FaultKind::Redirect(location));
        let error = manifest(&registry, &config).unwrap_err().to_string();
        assert!(error.contains("from TLS to plain HTTP"), "{error}");
    }
    assert!(plain.log().is_empty());
}

#[test]
fn a_redirect_into_tls_is_followed() {
    let (registry, config) = tls();
    let plain = Registry::start();
    let location = format!("https://{}/v2/x/manifests/1", registry.host());
    plain.fault("/manifests/", 1, FaultKind::Redirect(location));
    assert_eq!(manifest(&plain, &config).unwrap().bytes, b"{}");
}

#[test]
fn an_upload_out_of_tls_is_refused() {
    let (registry, config) = tls();
    let plain = Registry::start();
    let location = format!("http://{}{}", plain.host(), plain.open_upload("x"));
    registry.fault_on("POST", "/uploads/", 1, FaultKind::Header("Location", location));
    let repository: Repository = format!("{}/x", registry.host()).parse().unwrap();
    let client = Client::new(config).unwrap();
    let error = client.put_blob(&repository, &crate::digest::Digest::of(b"x"), b"x").unwrap_err().to_string();
    assert!(error.contains("from TLS to plain HTTP"), "{error}");
    assert!(plain.log().is_empty());
}

#[test]
fn a_token_service_without_tls_gets_nothing_from_a_registry_with_it() {
    let (registry, mut config) = tls();
    config.credentials = login(&registry.host(), "user", "pass");
    let plain = Registry::start();
    let challenge = format!("WWW-Authenticate: Bearer realm=\"http://{}/token\"\r\n", plain.host());
    registry.fault("/manifests/", 1, FaultKind::Status(401, challenge, String::new()));
    let error = manifest(&registry, &config).unwrap_err().to_string();
    assert!(error.contains("plain HTTP"), "{error}");
    assert!(plain.log().is_empty());
}

#[test]
fn a_registry_known_to_speak_tls_is_never_asked_without() {
    let (registry, config) = tls();
    let repository: Repository = format!("{}/x", registry.host()).parse().unwrap();
    let client = Client::new(config).unwrap();
    let target = Target::Tag("1".parse().unwrap());
    client.manifest(&repository, &target).unwrap();
    registry.fault("/manifests/", usize::MAX, FaultKind::Hangup);
    assert!(client.manifest(&repository, &target).is_err());
    assert_eq!(registry.log().len(), 6, "each attempt came over TLS");
}
