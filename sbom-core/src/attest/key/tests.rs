//! Facts about keys: what is read, what is refused, what verifies what.

use super::*;

const MADE: [KeyAlgorithm; 3] = [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519];

fn no_password() -> std::io::Result<Password> {
    panic!("nothing was encrypted")
}

#[test]
fn what_is_made_signs_and_is_read_again_from_either_form() {
    for algorithm in MADE {
        let key = PrivateKey::generate(algorithm).unwrap();
        assert_eq!(key.public().algorithm(), algorithm);
        let plain = PrivateKey::read(key.to_pkcs8_pem().unwrap().as_bytes(), &mut no_password).unwrap();
        let password = Password::from("secret".to_owned());
        let sealed = key.to_cosign_pem(&password).unwrap();
        let opened = PrivateKey::read(sealed.as_bytes(), &mut || Ok(password.clone())).unwrap();
        for read in [plain, opened] {
            assert_eq!(read.public(), key.public());
            let signature = read.sign(b"message").unwrap();
            key.public().verify(b"message", &signature).unwrap();
            assert_eq!(key.public().verify(b"massage", &signature), Err(BadSignature));
        }
    }
}
