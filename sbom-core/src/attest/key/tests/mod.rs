//! Facts about keys: what is read, what is refused, what verifies what. The keys beside this file are OpenSSL's and cosign's,
//! made for these tests and good for nothing else.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;

const MADE: [KeyAlgorithm; 3] = [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519];
const P256_PUBLIC: &[u8] = include_bytes!("p256.pub.pem");
const P256_PRIVATE: &[u8] = include_bytes!("p256.pk8.pem");
const COSIGN: &[u8] = include_bytes!("cosign.key");
const RSA: KeyAlgorithm = KeyAlgorithm::Rsa { bits: 2048 };

fn no_password() -> std::io::Result<Password> {
    panic!("nothing was encrypted")
}

#[expect(clippy::unnecessary_wraps, reason = "it is called as those are that fail")]
fn secret() -> std::io::Result<Password> {
    Ok(Password::from("secret".to_owned()))
}

fn public(text: impl AsRef<[u8]>) -> Result<PublicKey, KeyError> {
    PublicKey::from_pem(text.as_ref())
}

fn private(text: impl AsRef<[u8]>) -> Result<PrivateKey, KeyError> {
    PrivateKey::read(text.as_ref(), &mut no_password)
}

/// The content of a PEM file's one block.
fn der(pem: &[u8]) -> Vec<u8> {
    pem::only_block(pem).unwrap().content.to_vec()
}

#[test]
fn what_is_made_signs_and_is_read_again_from_either_form() {
    for algorithm in MADE {
        let key = PrivateKey::generate(algorithm).unwrap();
        assert_eq!(key.public().algorithm(), algorithm);
        let plain = private(key.to_pkcs8_pem().unwrap().as_bytes()).unwrap();
        let sealed = key.to_cosign_pem(&secret().unwrap()).unwrap();
        let opened = PrivateKey::read(sealed.as_bytes(), &mut secret).unwrap();
        for read in [plain, opened] {
            assert_eq!(read.public(), key.public());
            let signature = read.sign(b"message").unwrap();
            key.public().verify(b"message", &signature).unwrap();
            assert_eq!(key.public().verify(b"massage", &signature), Err(BadSignature));
        }
    }
}

#[test]
fn rsa_and_p521_are_not_made() {
    for algorithm in [RSA, KeyAlgorithm::P521] {
        assert!(matches!(PrivateKey::generate(algorithm), Err(KeyError::NotMade { .. })));
    }
}

#[test]
fn openssls_keys_are_read_in_all_their_forms() {
    for (public_pem, privates, algorithm) in [
        (P256_PUBLIC, [P256_PRIVATE, include_bytes!("p256.sec1.pem")], KeyAlgorithm::P256),
        (
            include_bytes!("p384.pub.pem"),
            [include_bytes!("p384.pk8.pem"), include_bytes!("p384.sec1.pem")],
            KeyAlgorithm::P384,
        ),
        (
            include_bytes!("p521.pub.pem"),
            [include_bytes!("p521.pk8.pem"), include_bytes!("p521.sec1.pem")],
            KeyAlgorithm::P521,
        ),
        (
            include_bytes!("rsa.pub.pem"),
            [include_bytes!("rsa.pk8.pem"), include_bytes!("rsa.pkcs1.pem")],
            RSA,
        ),
        (
            include_bytes!("rsa.pkcs1.pub.pem"),
            [include_bytes!("rsa.pk8.pem"), include_bytes!("rsa.pkcs1.pem")],
            RSA,
        ),
        (include_bytes!("ed25519.pub.pem"), [include_bytes!("ed25519.pk8.pem"); 2], KeyAlgorithm::Ed25519),
    ] {
        let public = public(public_pem).unwrap();
        assert_eq!(public.algorithm(), algorithm);
        assert_eq!(PublicKey::from_spki(public.spki()).unwrap(), public);
        assert_eq!(PublicKey::from_pem(public.to_pem().as_bytes()).unwrap(), public);
        for pem in privates {
            let private = private(pem).unwrap();
            assert_eq!(private.public(), &public);
            public.verify(b"x", &private.sign(b"x").unwrap()).unwrap();
            let again =
                PrivateKey::read(private.to_pkcs8_pem().unwrap().as_bytes(), &mut no_password).unwrap();
            assert_eq!(again.public(), &public);
        }
    }
}

#[test]
fn openssls_signatures_verify_and_no_others() {
    let p256 = public(P256_PUBLIC).unwrap();
    let p384 = public(include_bytes!("p384.pub.pem")).unwrap();
    let p521 = public(include_bytes!("p521.pub.pem")).unwrap();
    let ed25519 = public(include_bytes!("ed25519.pub.pem")).unwrap();
    let rsa = public(include_bytes!("rsa.pub.pem")).unwrap();
    for (key, signature) in [
        (&p256, &include_bytes!("p256.sha256.sig")[..]),
        (&p384, include_bytes!("p384.sha256.sig")),
        (&p384, include_bytes!("p384.sha384.sig")),
        (&p521, include_bytes!("p521.sha256.sig")),
        (&p521, include_bytes!("p521.sha512.sig")),
        (&ed25519, include_bytes!("ed25519.sig")),
        (&rsa, include_bytes!("rsa.sha256.sig")),
    ] {
        key.verify(b"message", signature).unwrap();
        assert_eq!(key.verify(b"message ", signature), Err(BadSignature), "another message");
        for other in [&p256, &p384, &p521, &ed25519, &rsa].into_iter().filter(|other| *other != key) {
            assert_eq!(other.verify(b"message", signature), Err(BadSignature), "another key");
        }
        for at in 0..signature.len() {
            let mut changed = signature.to_vec();
            changed[at] ^= 0x40;
            assert_eq!(key.verify(b"message", &changed), Err(BadSignature), "{key:?} at {at}");
        }
        assert_eq!(
            key.verify(b"message", &[signature, &[0]].concat()),
            Err(BadSignature),
            "a byte behind it"
        );
        assert_eq!(key.verify(b"message", &signature[1..]), Err(BadSignature));
        assert_eq!(key.verify(b"message", b""), Err(BadSignature));
    }
    let sha384 = include_bytes!("p256.sha384.sig");
    assert_eq!(p256.verify(b"message", sha384), Err(BadSignature), "P-256 goes with SHA-256");
}

#[test]
fn pss_verifies_only_where_it_is_asked_for() {
    let rsa = public(include_bytes!("rsa.pub.pem")).unwrap();
    let (pss, pkcs1) = (include_bytes!("rsa.pss.sig"), include_bytes!("rsa.sha256.sig"));
    assert_eq!(rsa.verify(b"message", pss), Err(BadSignature));
    rsa.verify_pss(b"message", pss).unwrap();
    assert_eq!(rsa.verify_pss(b"message", pkcs1), Err(BadSignature));
    let p256 = public(P256_PUBLIC).unwrap();
    assert_eq!(p256.verify_pss(b"message", include_bytes!("p256.sha256.sig")), Err(BadSignature));
}

#[test]
fn ecdsa_signatures_have_one_encoding() {
    let key = public(P256_PUBLIC).unwrap();
    let signature = include_bytes!("p256.sha256.sig");
    let mut whole = der::Reader::new(signature);
    let mut pair = whole.value(der::SEQUENCE).unwrap();
    let (r, s) = (pair.unsigned().unwrap(), pair.unsigned().unwrap());
    let integer = |bytes: &[u8]| der::write_unsigned(bytes).unwrap();
    let padded = |bytes: &[u8]| der::write(der::INTEGER, &[&[0, 0], bytes]).unwrap();
    let sequence = |parts: &[&[u8]]| der::write(der::SEQUENCE, parts).unwrap();
    key.verify(b"message", &sequence(&[&integer(r), &integer(s)])).unwrap();
    for bad in [
        sequence(&[&padded(r), &integer(s)]),
        sequence(&[&integer(r), &integer(s), &integer(&[1])]),
        sequence(&[&integer(&[]), &integer(&[])]),
        [r, s].concat(),
        [&[0x30, 0x81][..], &signature[1..]].concat(),
    ] {
        assert_eq!(key.verify(b"message", &bad), Err(BadSignature), "{bad:02x?}");
    }
}

#[test]
fn a_fingerprint_is_that_of_the_spki() {
    let key = public(include_bytes!("cosign.pub.pem")).unwrap();
    assert_eq!(key.fingerprint(), crate::digest::Digest::of(&der(include_bytes!("cosign.pub.pem"))));
}

#[test]
fn cosigns_keys_are_opened_with_their_password() {
    let key = PrivateKey::read(COSIGN, &mut secret).unwrap();
    assert_eq!(key.public(), &public(include_bytes!("cosign.pub.pem")).unwrap());
    let old = String::from_utf8_lossy(COSIGN).replace("ENCRYPTED SIGSTORE", "ENCRYPTED COSIGN");
    assert_eq!(PrivateKey::read(old.as_bytes(), &mut secret).unwrap().public(), key.public());
    PrivateKey::read(include_bytes!("cosign-empty.key"), &mut || Ok(Password::default())).unwrap();
}

#[test]
fn a_wrong_password_is_told_from_a_password_that_is_not_to_be_had() {
    for wrong in ["", "Secret", "secret\n"] {
        let error = PrivateKey::read(COSIGN, &mut || Ok(wrong.to_owned().into())).unwrap_err();
        assert!(matches!(error, KeyError::Cosign(CosignError::Password)), "{error}");
    }
    let error = PrivateKey::read(COSIGN, &mut || Err(std::io::Error::other("no terminal"))).unwrap_err();
    assert!(matches!(error, KeyError::Password { .. }), "{error}");
}

/// cosign's key with a part of its JSON replaced.
fn cosign_with(from: &str, to: &str) -> Vec<u8> {
    let json = String::from_utf8(der(COSIGN)).unwrap();
    assert!(json.contains(from), "{from} in {json}");
    pem::write(cosign::LABEL, json.replacen(from, to, 1).as_bytes()).as_bytes().to_vec()
}

#[test]
fn what_scrypt_may_cost_is_bounded_before_anybody_is_asked() {
    for (from, to) in [
        (r#""N":65536"#, r#""N":2097152"#),
        (r#""N":65536"#, r#""N":18446744073709551615"#),
        (r#""N":65536"#, r#""N":9223372036854775808"#),
        (r#""N":65536"#, r#""N":65537"#),
        (r#""N":65536"#, r#""N":1"#),
        (r#""N":65536"#, r#""N":0"#),
        (r#""r":8"#, r#""r":1024"#),
        (r#""r":8"#, r#""r":4294967295"#),
        (r#""r":8"#, r#""r":0"#),
        (r#""p":1"#, r#""p":5"#),
        (r#""p":1"#, r#""p":0"#),
    ] {
        let error = private(cosign_with(from, to)).unwrap_err();
        assert!(matches!(error, KeyError::Cosign(CosignError::Cost { .. })), "{to}: {error}");
    }
}

#[test]
fn what_is_not_cosigns_form_is_refused_before_anybody_is_asked() {
    for (from, to) in [
        ("{", "["),
        (r#""N":65536"#, r#""N":-1"#),
        (r#""N":65536"#, r#""N":65536,"N":2"#),
        (r#","p":1"#, ""),
        (r#""salt":""#, r#""salt":"*"#),
        (r#""nonce":""#, r#""nonce":"AAAA"#),
        (r#""ciphertext":"#, r#""ciphertext":1,"x":"#),
    ] {
        let error = private(cosign_with(from, to)).unwrap_err();
        assert!(matches!(error, KeyError::Cosign(CosignError::Malformed { .. })), "{to}: {error}");
    }
    for (from, to) in [("scrypt", "argon2id"), ("nacl/secretbox", "aes-gcm")] {
        let error = private(cosign_with(from, to)).unwrap_err();
        assert!(matches!(error, KeyError::Cosign(CosignError::Scheme { .. })), "{to}: {error}");
    }
}

#[test]
fn a_changed_ciphertext_does_not_open() {
    let json: serde_json::Value = serde_json::from_slice(&der(COSIGN)).unwrap();
    let ciphertext = json["ciphertext"].as_str().unwrap();
    let bytes = STANDARD.decode(ciphertext).unwrap();
    let mut changed = bytes.clone();
    changed[20] ^= 1;
    for bad in [&changed[..], &bytes[..bytes.len() - 1], &bytes[..15], &[]] {
        let pem = cosign_with(ciphertext, &STANDARD.encode(bad));
        let error = PrivateKey::read(&pem, &mut secret).unwrap_err();
        assert!(matches!(error, KeyError::Cosign(CosignError::Password)), "{error}");
    }
}

#[test]
fn what_opens_is_read_as_strictly_as_what_is_plain() {
    let sealed = cosign::seal(b"no key", &secret().unwrap()).unwrap();
    let error = PrivateKey::read(pem::write(cosign::LABEL, &sealed).as_bytes(), &mut secret).unwrap_err();
    assert!(matches!(error, KeyError::Der { .. }), "{error}");
}

fn check(refused: Result<impl std::fmt::Debug, KeyError>, expect: &str) {
    let error = refused.unwrap_err().to_string();
    assert!(error.contains(expect), "{expect:?} in {error:?}");
}

#[test]
fn public_keys_that_are_not_used_are_refused_with_the_reason() {
    check(public(include_bytes!("refused.rsa1024.pub.pem")), "1024 bits");
    check(public(include_bytes!("refused.rsa8200.pub.pem")), "8200 bits");
    check(public(include_bytes!("refused.even-exponent.pub.pem")), "no valid RSA 2048 key");
    check(public(include_bytes!("refused.exponent-one.pub.pem")), "no valid RSA 2048 key");
    check(public(include_bytes!("refused.off-curve.pub.pem")), "no valid ECDSA P-256 key");
    check(public(include_bytes!("refused.compressed.pub.pem")), "compressed");
    check(public(include_bytes!("refused.explicit.pub.pem")), "not given by name");
    check(public(include_bytes!("refused.secp256k1.pub.pem")), "P-256, P-384 and P-521");
    check(public(include_bytes!("refused.ed448.pub.pem")), "Ed448");
    check(public(include_bytes!("refused.rsa-pss.pub.pem")), "RSASSA-PSS");
    check(public(include_bytes!("refused.certificate.pem")), "openssl x509");
    check(public(vec![b'a'; KEY_BYTES + 1]), "more than any key");
    check(public(pem::write("OPENSSH KEY", b"x").as_bytes()), "OPENSSH KEY");
    check(public(der(P256_PUBLIC)), "it is DER");
    check(public(""), "no PEM block");
}

#[test]
fn private_keys_that_are_not_used_are_refused_with_the_reason() {
    check(private(include_bytes!("refused.rsa1024.pk8.pem")), "1024 bits");
    check(private(include_bytes!("refused.explicit.sec1.pem")), "not given by name");
    check(private(include_bytes!("refused.encrypted.pk8.pem")), "openssl pkcs8");
    check(private(include_bytes!("refused.legacy.sec1.pem")), "openssl pkcs8");
    check(private(vec![b'a'; KEY_BYTES + 1]), "more than any key");
}

#[test]
fn one_half_in_the_place_of_the_other_is_called_by_its_name() {
    check(public(P256_PRIVATE), "sbomctl key public");
    check(public(COSIGN), "sbomctl key public");
    check(public(include_bytes!("rsa.pkcs1.pem")), "sbomctl key public");
    check(private(P256_PUBLIC), "it is a public key");
    check(private(include_bytes!("rsa.pkcs1.pub.pem")), "it is a public key");
}

#[test]
fn two_keys_in_a_file_are_refused() {
    check(public([P256_PUBLIC, include_bytes!("ed25519.pub.pem")].concat()), "several PEM blocks");
    check(private([P256_PRIVATE, P256_PUBLIC].concat()), "several PEM blocks");
}

#[test]
fn a_private_key_whose_halves_differ_is_refused() {
    let mut pk8 = der(P256_PRIVATE);
    // The first byte of the secret number: behind SEQUENCE, version, algorithm, and the heads of three more values.
    pk8[36] ^= 1;
    check(private(pem::write("PRIVATE KEY", &pk8).as_bytes()), "no valid private key");
}

/// Every key cut off at each byte, and with one byte changed or added: refused or still a key, but never a panic; and what is
/// said to be the whole of the DER is the whole.
#[test]
fn damaged_keys_are_refused() {
    for pem in [P256_PUBLIC, include_bytes!("ed25519.pub.pem"), include_bytes!("rsa.pub.pem")] {
        let whole = der(pem);
        for end in 0..whole.len() {
            assert!(PublicKey::from_spki(&whole[..end]).is_err(), "cut off at {end}");
        }
        let longer = PublicKey::from_spki(&[&whole[..], &[0]].concat()).unwrap_err();
        assert!(matches!(longer, KeyError::Der { source: DerError::Trailing { .. }, .. }), "{longer}");
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x21;
            if let Ok(key) = PublicKey::from_spki(&changed) {
                assert_eq!(key.spki(), changed, "what was read is what there is");
            }
        }
    }
    for (label, pem) in [
        ("PRIVATE KEY", P256_PRIVATE),
        ("PRIVATE KEY", include_bytes!("ed25519.pk8.pem")),
        ("EC PRIVATE KEY", include_bytes!("p384.sec1.pem")),
    ] {
        let whole = der(pem);
        let read = |der: &[u8]| private(pem::write(label, der).as_bytes());
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "{label} cut off at {end}");
        }
        assert!(read(&[&whole[..], &[0]].concat()).is_err(), "{label} with a byte behind it");
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 0x21;
            drop(read(&changed));
        }
    }
}

#[test]
fn secrets_are_not_shown() {
    let key = private(P256_PRIVATE).unwrap();
    let shown = format!("{key:?} {:?}", secret().unwrap());
    assert!(shown.contains("ECDSA P-256, sha256:") && !shown.contains("secret"), "{shown}");
    assert!(shown.len() < 200, "{shown}");
}
