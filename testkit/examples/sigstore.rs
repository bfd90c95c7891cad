//! Runs a Sigstore on this machine for other programs to be tried with, until standard input ends.
//!
//! `cargo run -p sbomctl-testkit --example sigstore -- FOLDER` writes `trusted_root.json`, `signing_config_v1.json`,
//! `signing_config_v2.json` and `token.jwt` into FOLDER, and bundles of its own, right ones.

use std::{env, error::Error, fs, io, path::PathBuf};

use sbomctl_testkit::sigstore::{Content, Loopback, RekorApi, Signing, Subject, token};

const ISSUER: &str = "https://issuer.sigstore.test";
const SUBJECT: &str = "me@sigstore.test";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or("name a folder")?);
    fs::create_dir_all(&folder)?;
    let loopback = Loopback::start();
    fs::write(folder.join("trusted_root.json"), loopback.trusted_root())?;
    fs::write(folder.join("signing_config_v1.json"), loopback.signing_config(1))?;
    fs::write(folder.join("signing_config_v2.json"), loopback.signing_config(2))?;
    fs::write(folder.join("token.jwt"), token(ISSUER, SUBJECT))?;
    let by = Signing::by(Subject::Email(SUBJECT.to_owned()), ISSUER);
    let statement = br#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"file","digest":{"sha256":"3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80"}}],"predicateType":"https://spdx.dev/Document","predicate":{}}"#;
    fs::write(folder.join("file"), "file")?;
    for (name, log) in [("v1", RekorApi::V1), ("v1-intoto", RekorApi::V1InToto), ("v2", RekorApi::V2)] {
        let by = by.clone().logged(log);
        fs::write(
            folder.join(format!("{name}.statement.json")),
            loopback.sign(Content::Statement(statement), &by).bundle(),
        )?;
        fs::write(
            folder.join(format!("{name}.file.json")),
            loopback.sign(Content::File(b"file"), &by).bundle(),
        )?;
    }
    fs::write(folder.join("url"), loopback.url())?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}
