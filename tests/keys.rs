//! Keys on the command line: made, imported, shown; and by cosign, where it is there.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sbom_core::attest::{
    envelope::PreAuth,
    key::{KeyAlgorithm, PrivateKey, PublicKey},
    signer::Signer,
};
use serde_json::Value;

use crate::program::{Run, command, finish};

/// A configuration of cosign's that has it ask nobody on the network.
const NO_SERVICES: &str = r#"{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json",
    "rekorTlogConfig":{"selector":"ANY"},"tsaConfig":{"selector":"ANY"}}"#;

/// The program in a folder of its own, with the password `secret` if it is to have one.
fn run(folder: &Path, password: Option<&str>, arguments: &[&str]) -> Run {
    let mut command = command(arguments);
    command.current_dir(folder).envs(password.map(|password| ("COSIGN_PASSWORD", password)));
    finish(command, &[])
}

fn ok(run: Run) -> String {
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:?}");
    run.stdout
}

fn fails(run: &Run, code: i32, word: &str) {
    assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{run:?}");
    assert!(run.stderr.contains(word), "{word:?} in {}", run.stderr);
}

fn read(path: impl AsRef<Path>) -> String {
    fs::File::open(path).and_then(io::read_to_string).unwrap()
}

fn write(path: impl AsRef<Path>, content: &[u8]) {
    fs::File::create(path).unwrap().write_all(content).unwrap();
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// OpenSSL, or a line that says which test goes without it.
fn openssl(test: &str) -> Option<PathBuf> {
    crate::interop::peer(test, "openssl")
}

#[test]
fn a_pair_is_made_encrypted_and_for_its_owner_alone() {
    for (kind, algorithm) in [("p256", "ECDSA P-256"), ("ed25519", "Ed25519"), ("p384", "ECDSA P-384")] {
        let folder = tempfile::tempdir().unwrap();
        let said = ok(run(folder.path(), Some("secret"), &["key", "generate", "--type", kind]));
        assert!(
            said.contains("sbomctl.key") && said.contains(algorithm) && said.contains("sha256:"),
            "{said}"
        );
        let key = folder.path().join("sbomctl.key");
        assert!(read(&key).starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
        assert_eq!((mode(&key), mode(folder.path().join("sbomctl.pub"))), (0o600, 0o644));
        let public = ok(run(folder.path(), Some("secret"), &["key", "public"]));
        assert_eq!(public, read(folder.path().join("sbomctl.pub")));
        assert_eq!(ok(run(folder.path(), None, &["key", "public", "sbomctl.pub"])), public);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left behind");
    }
}

#[test]
fn a_pair_that_is_there_is_replaced_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let generate = ["key", "generate", "--no-password", "--output", "a"];
    ok(run(folder.path(), None, &generate));
    let before = read(folder.path().join("a.key"));
    assert!(before.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    fails(&run(folder.path(), None, &generate), 2, "--force");
    assert_eq!(read(folder.path().join("a.key")), before);
    ok(run(folder.path(), None, &[&generate[..], &["--force"]].concat()));
    assert_ne!(read(folder.path().join("a.key")), before);
    assert_eq!(mode(folder.path().join("a.key")), 0o600);
    fs::remove_file(folder.path().join("a.key")).unwrap();
    fails(&run(folder.path(), None, &generate), 2, "a.pub");
    assert!(!folder.path().join("a.key").exists(), "a half of a pair is no pair");
    fails(
        &run(folder.path(), None, &["key", "generate", "--no-password", "--output", "none/a"]),
        4,
        "none/a.key",
    );
}

#[test]
fn without_terminal_and_variable_it_is_said_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fails(&run(folder.path(), None, &["key", "generate"]), 2, "set COSIGN_PASSWORD");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    ok(run(folder.path(), Some("secret"), &["key", "generate"]));
    fails(&run(folder.path(), None, &["key", "public"]), 2, "set COSIGN_PASSWORD");
    fails(&run(folder.path(), Some("wrong"), &["key", "public"]), 3, "the password is wrong");
    fails(&run(folder.path(), Some(""), &["key", "public"]), 3, "the password is wrong");
}

#[test]
fn an_empty_password_is_a_password() {
    let folder = tempfile::tempdir().unwrap();
    ok(run(folder.path(), Some(""), &["key", "generate"]));
    ok(run(folder.path(), Some(""), &["key", "public"]));
}

#[test]
fn a_plain_key_is_imported_and_stays_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    ok(run(folder.path(), None, &["key", "generate", "--no-password", "--output", "plain"]));
    let public = read(folder.path().join("plain.pub"));
    ok(run(folder.path(), Some("secret"), &["key", "import", "plain.key", "--output", "sealed"]));
    assert_eq!(read(folder.path().join("sealed.pub")), public);
    assert_eq!(ok(run(folder.path(), Some("secret"), &["key", "public", "sealed.key"])), public);
    fails(
        &run(folder.path(), Some("secret"), &["key", "import", "plain.pub", "--output", "x"]),
        3,
        "public key",
    );
    fails(&run(folder.path(), Some("secret"), &["key", "import", "none", "--output", "x"]), 3, "none");
}

#[test]
fn keys_lie_in_variables_too() {
    let folder = tempfile::tempdir().unwrap();
    ok(run(folder.path(), None, &["key", "generate", "--no-password"]));
    let public = read(folder.path().join("sbomctl.pub"));
    for (name, file) in [("PRIVATE", "sbomctl.key"), ("PUBLIC", "sbomctl.pub")] {
        let mut command = command(&["key", "public", &format!("env://{name}")]);
        command.env(name, read(folder.path().join(file)));
        assert_eq!(ok(finish(command, &[])), public);
    }
    fails(&run(folder.path(), None, &["key", "public", "env://NONE"]), 2, "NONE");
}

#[test]
fn files_that_are_no_keys_exit_with_3() {
    let folder = tempfile::tempdir().unwrap();
    let huge = vec![b'a'; 1 << 20];
    for (content, word) in [
        (&b""[..], "no PEM block"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no public key"),
        (b"-----BEGIN PUBLIC KEY-----\n", "no end"),
        (&huge, "key-bytes"),
    ] {
        write(folder.path().join("file"), content);
        fails(&run(folder.path(), None, &["key", "public", "file"]), 3, word);
    }
    fails(&run(folder.path(), None, &["key", "public"]), 3, "sbomctl.key");
}

#[test]
fn a_program_is_asked_for_its_public_key() {
    let folder = tempfile::tempdir().unwrap();
    ok(run(folder.path(), None, &["key", "generate", "--no-password"]));
    let public = |command: &str| run(folder.path(), None, &["key", "public", "--signer-cmd", command]);
    assert_eq!(ok(public("/bin/cat sbomctl.pub")), read(folder.path().join("sbomctl.pub")));
    fails(&public("/bin/cat none"), 4, "exit status: 1");
    fails(&public("/bin/echo no key"), 4, "cannot be used");
    fails(&public("/none"), 4, "cannot be started");
    fails(&public("'"), 2, "quotation");
    fails(&public(" "), 2, "empty");
    let slow = ["key", "public", "--signer-cmd", "/bin/sleep 60", "--signer-timeout", "1"];
    fails(&run(folder.path(), None, &slow), 4, "--signer-timeout");
}

#[test]
fn tokens_need_the_feature() {
    let folder = tempfile::tempdir().unwrap();
    let run = run(folder.path(), None, &["key", "public", "pkcs11:object=a?pin-value=1234"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("PKCS") && !run.stderr.contains("1234"), "{}", run.stderr);
}

#[test]
fn openssls_keys_are_imported() {
    let Some(openssl) = openssl("openssls_keys_are_imported") else { return };
    let folder = tempfile::tempdir().unwrap();
    let make = |arguments: &[&str]| {
        let output = Command::new(&openssl).current_dir(folder.path()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    make(&["ecparam", "-name", "prime256v1", "-genkey", "-out", "ec.pem"]);
    make(&["genrsa", "-traditional", "-out", "rsa.pem", "2048"]);
    make(&["genpkey", "-algorithm", "ED25519", "-out", "ed.pem"]);
    for name in ["ec", "rsa", "ed"] {
        let file = format!("{name}.pem");
        ok(run(folder.path(), Some("secret"), &["key", "import", &file, "--output", name]));
        let expected = make(&["pkey", "-in", &file, "-pubout"]);
        assert_eq!(read(folder.path().join(format!("{name}.pub"))).as_bytes(), expected, "{name}");
    }
}

/// cosign in `folder`, with the password `secret`.
fn cosign(program: &Path, folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .current_dir(folder)
        .args(arguments)
        .env("COSIGN_PASSWORD", "secret")
        .env("HOME", folder)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[test]
fn cosigns_keys_are_ours_and_ours_are_cosigns() {
    let name = "cosigns_keys_are_ours_and_ours_are_cosigns";
    let Some(program) = crate::interop::peer(name, "cosign") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    cosign(&program, path, &["generate-key-pair", "--output-key-prefix", "theirs"]).unwrap();
    assert_eq!(
        ok(run(path, Some("secret"), &["key", "public", "theirs.key"])),
        read(path.join("theirs.pub"))
    );
    for kind in ["p256", "ed25519", "p384"] {
        ok(run(path, Some("secret"), &["key", "generate", "--type", kind, "--output", kind]));
        let shown = cosign(&program, path, &["public-key", "--key", &format!("{kind}.key")]).unwrap();
        assert_eq!(shown, read(path.join(format!("{kind}.pub"))), "{kind}");
    }
    let rsa = include_bytes!("../sbom-core/src/attest/key/tests/rsa.pkcs1.pem");
    write(path.join("plain.pem"), rsa);
    ok(run(path, Some("secret"), &["key", "import", "plain.pem", "--output", "rsa"]));
    assert_eq!(
        cosign(&program, path, &["public-key", "--key", "rsa.key"]).unwrap(),
        read(path.join("rsa.pub"))
    );
}

/// An envelope of cosign's, which signs it with P-256. Its `attest-blob` cannot be asked to sign with keys of other kinds: what it
/// signs with P-384 and Ed25519 (SHA-384, Ed25519ph) it does not verify itself.
#[test]
fn signatures_of_each_kind_of_key_verify_in_cosign() {
    let name = "signatures_of_each_kind_of_key_verify_in_cosign";
    let Some(program) = crate::interop::peer(name, "cosign") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (file, content) in [("blob", "content"), ("predicate", "{}"), ("services", NO_SERVICES)] {
        write(path.join(file), content.as_bytes());
    }
    ok(run(path, Some("secret"), &["key", "generate", "--output", "p256"]));
    let signing =
        ["attest-blob", "--yes", "--key", "p256.key", "--signing-config", "services", "--type", "custom"];
    cosign(
        &program,
        path,
        &[&signing[..], &["--predicate", "predicate", "--bundle", "theirs", "blob"]].concat(),
    )
    .unwrap();
    let mut bundle: Value = serde_json::from_str(&read(path.join("theirs"))).unwrap();
    let payload = STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let message = PreAuth::new(bundle["dsseEnvelope"]["payloadType"].as_str().unwrap(), &payload);
    let theirs = STANDARD.decode(bundle["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap()).unwrap();
    let public = PublicKey::from_pem(read(path.join("p256.pub")).as_bytes()).unwrap();
    public.verify(message.as_bytes(), &theirs).unwrap();
    let rsa = include_bytes!("../sbom-core/src/attest/key/tests/rsa.pk8.pem");
    let keys = [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Ed25519]
        .map(|kind| PrivateKey::generate(kind).unwrap());
    let rsa = PrivateKey::read(rsa, &mut || panic!("it is plain")).unwrap();
    for key in keys.iter().chain([&rsa]) {
        let signature = Signer::sign(key, &message).unwrap();
        bundle["dsseEnvelope"]["signatures"][0]["sig"] = STANDARD.encode(signature).into();
        write(path.join("ours"), bundle.to_string().as_bytes());
        write(path.join("ours.pub"), key.public().to_pem().as_bytes());
        let verify =
            ["verify-blob-attestation", "--key", "ours.pub", "--insecure-ignore-tlog", "--type", "custom"];
        cosign(&program, path, &[&verify[..], &["--bundle", "ours", "blob"]].concat()).unwrap();
    }
}
