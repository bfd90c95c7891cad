//! Facts about keys in tokens, with `SoftHSM` where it is there.

use std::process::Command;

use cryptoki::types::AuthPin;

use super::*;
use crate::attest::envelope::IN_TOTO;

const MODULES: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];
const PIN: &str = "1234";
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

fn no_pin() -> std::io::Result<Password> {
    panic!("the URI says the number")
}

/// Runs the test `name` again in a process of its own, where `SoftHSM` has a folder of its own: the library takes it from the
/// environment, and a process has one environment. None in that process, and where there is no `SoftHSM`.
fn in_own_process(name: &str) -> Option<&'static Path> {
    let module = MODULES.iter().map(Path::new).find(|path| path.exists());
    let Some(module) = module else {
        eprintln!("skipped: {name}: there is no SoftHSM");
        return None;
    };
    #[expect(clippy::disallowed_methods, reason = "SoftHSM is configured by a variable")]
    if std::env::var_os("SOFTHSM2_CONF").is_some() {
        return Some(module);
    }
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("softhsm2.conf");
    std::fs::write(&config, format!("directories.tokendir = {}\n", folder.path().display())).unwrap();
    let run = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("attest::signer::pkcs11::tests::{name}"), "--nocapture"])
        .env("SOFTHSM2_CONF", &config)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
    None
}

/// A token called `label` with keys of all kinds.
fn make_token(module: &Path, label: &str) {
    let library = load(module).unwrap();
    let pin = AuthPin::new(PIN.into());
    let slot = library.get_slots_with_token().unwrap().pop().unwrap();
    library.init_token(slot, &pin, label).unwrap();
    let slots = library.get_slots_with_initialized_token().unwrap();
    let is_ours = |slot: &&Slot| library.get_token_info(**slot).unwrap().label() == label;
    let slot = *slots.iter().find(is_ours).unwrap();
    let session = library.open_rw_session(slot).unwrap();
    session.login(UserType::So, Some(&pin)).unwrap();
    session.init_pin(&pin).unwrap();
    session.logout().unwrap();
    session.login(UserType::User, Some(&pin)).unwrap();
    let ec = Mechanism::EccKeyPairGen;
    let curve = |oid: &[u8]| vec![Attribute::EcParams(oid.to_vec())];
    let rsa = vec![Attribute::ModulusBits(2048.into()), Attribute::PublicExponent(vec![1, 0, 1])];
    for (id, mechanism, name, shape) in [
        (1, &ec, "p256", curve(P256)),
        (2, &ec, "p384", curve(P384)),
        (3, &Mechanism::RsaPkcsKeyPairGen, "rsa", rsa),
        (4, &ec, "twice", curve(P256)),
        (5, &ec, "twice", curve(P256)),
    ] {
        let named = [Attribute::Token(true), Attribute::Label(name.into()), Attribute::Id(vec![id])];
        let public = [&named[..], &shape, &[Attribute::Verify(true)]].concat();
        let private = [&named[..], &[Attribute::Sign(true), Attribute::Sensitive(true)]].concat();
        session.generate_key_pair(mechanism, &public, &private).unwrap();
    }
    session.logout().unwrap();
}

#[test]
fn keys_in_a_token_sign_what_their_public_keys_verify() {
    let Some(module) = in_own_process("keys_in_a_token_sign_what_their_public_keys_verify") else { return };
    make_token(module, "ours");
    let open = |uri: &str, key| TokenSigner::open(module, &uri.parse().unwrap(), &mut no_pin, key);
    let message = PreAuth::new(IN_TOTO, b"{}");
    for (key, algorithm) in [
        ("object=p256", KeyAlgorithm::P256),
        ("id=%02", KeyAlgorithm::P384),
        ("object=rsa;id=%03", KeyAlgorithm::Rsa { bits: 2048 }),
        ("object=twice;id=%05", KeyAlgorithm::P256),
    ] {
        let signer = open(&format!("pkcs11:token=ours;{key}?pin-value={PIN}"), None).unwrap();
        assert_eq!(signer.public_key().algorithm(), algorithm);
        let signature = signer.sign(&message).unwrap();
        signer.public_key().verify(message.as_bytes(), &signature).unwrap();
        assert!(!format!("{signer:?}").contains(PIN));
    }
    let pin = format!("?pin-value={PIN}");
    for (uri, word) in [
        (format!("pkcs11:token=ours;object=none{pin}"), "0 private keys"),
        (format!("pkcs11:token=ours;object=twice{pin}"), "2 private keys"),
        (format!("pkcs11:token=theirs;object=p256{pin}"), "0 tokens"),
        ("pkcs11:token=ours;object=p256?pin-value=4321".to_owned(), "logging in"),
    ] {
        let error = open(&uri, None).unwrap_err().to_string();
        assert!(error.contains(word) && !error.contains("pin-value"), "{error}");
    }
    let mut asked = 0;
    let uri = "pkcs11:token=ours;object=p256".parse().unwrap();
    let mut ask = || {
        asked += 1;
        Ok(Password::from(PIN.to_owned()))
    };
    let other = open(&format!("pkcs11:object=p384{pin}"), None).unwrap().public_key().clone();
    let signer = TokenSigner::open(module, &uri, &mut ask, Some(other)).unwrap();
    assert!(matches!(signer.sign(&message), Err(SignError::NotOfKey { .. })), "the key given is another one");
    assert_eq!(asked, 1);
}

#[test]
fn a_library_that_is_none_is_an_error() {
    let uri = "pkcs11:object=a".parse().unwrap();
    for path in ["/none.so", "/etc/passwd"] {
        let error = TokenSigner::open(Path::new(path), &uri, &mut no_pin, None).unwrap_err();
        assert!(matches!(error, TokenError::Library { .. }), "{error}");
    }
}
